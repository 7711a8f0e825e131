/*
id: P5
title: Contributor absence factor
chapter: participation
version: 1
summary: Smallest number of people who made half of the window's contributions.
grain: [community, window_end]
unit: people
direction: higher is better
needs: [contributions]
minimum: 15 contributors
reads: [core.windows, levels.evaluations]
reference: CHAOSS, metric Contributor Absence Factor.
reading: How few people could leave before half of what happens would stop. One or two in a community of fifteen or more is fragile.
sentences:
  up: The work rests on more people
  down: The work rests on fewer people
  phrase: "half of all contributions came from {value} people"
  ask: "Who could do what these people do?"
measure: {value: contributor_absence_factor, kind: people, denominator: contributors, counts: people, smallest: 15}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  contributor_absence_factor: smallest number of people who made at least half of the contributions; not measured where nobody contributed
  contributors: people who contributed in the window
caveats:
  - One automated habit, such as a daily note, counts as much as an answer.
  - It counts contributions, not how hard they would be to replace.
*/
with ordered as (
    select
        community,
        window_end,
        contributions,
        sum(contributions) over busiest_first as so_far,
        sum(contributions) over (partition by community, window_end) as total
    from levels.evaluations
    where contributions > 0
    window busiest_first as (partition by community, window_end order by contributions desc, member rows unbounded preceding)
), counted as (
    select
        community,
        window_end,
        count(*) filter (2 * (so_far - contributions) < total) as contributor_absence_factor,
        count(*) as contributors
    from ordered
    group by all
)
select
    windows.community,
    windows.window_end,
    contributor_absence_factor,
    coalesce(counted.contributors, 0) as contributors
from core.windows
left join counted using (community, window_end)
