/*
id: M3
title: Bots
chapter: data
version: 2
summary: Share of the window's interactions that bots or the platform itself made.
grain: [community, window_end]
unit: share of interactions
direction: neither
needs: [any interaction]
minimum: none
reads: [core.interactions, core.quarters]
reference: CHAOSS, metric Bot Activity.
reading: How much of what was seen no person did. Bots are left out of every other number.
sentences:
  up: Programs make more of what is seen
  down: Programs make less of what is seen
  phrase: "programs made {value} interactions"
  ask: "Was a program connected or removed?"
measure: {value: bot_share, kind: share, numerator: bot_interactions, denominator: interactions, weeks: window_weeks, counts: events}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_weeks: weeks in the window, 13 at every evaluation
  interactions: everything seen in the window
  bot_interactions: what accounts marked as bot or system did
  bot_share: bot_interactions ÷ interactions; not measured where nothing was seen
caveats:
  - Bots are marked by the platform's flag or by the settings' list, never by their names; an unmarked bot counts as a person.
*/
with weekly as (
    select community, week, count(*) as interactions, count(*) filter (actor_kind in ('bot', 'system')) as bot_interactions
    from core.interactions
    group by all
), counted as (
    select
        quarters.community,
        quarters.window_end,
        cast(sum(weekly.interactions) as bigint) as interactions,
        cast(sum(weekly.bot_interactions) as bigint) as bot_interactions
    from core.quarters
    join weekly
        on weekly.community = quarters.community
        and weekly.week >= quarters.week - quarters.window_weeks
        and weekly.week < quarters.week
    group by all
)
select
    quarters.community,
    quarters.window_end,
    quarters.window_weeks,
    coalesce(interactions, 0) as interactions,
    coalesce(bot_interactions, 0) as bot_interactions,
    bot_interactions / interactions as bot_share
from core.quarters
left join counted using (community, window_end)
