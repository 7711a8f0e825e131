/*
id: C1
title: Retention
chapter: staying
version: 2
summary: Of the people who contributed in the 91 days before, the share who contributed in these 91 days.
grain: [community, window_end]
unit: share of people
direction: higher is better
needs: [contributions]
minimum: 26 weeks of history, and half of the 91 days outside announced breaks
reads: [core.member_weeks, core.parameters, core.quarters]
reference: Rowe & Alani and Karnstedt et al. on churn in online communities; LFX Insights for how low open communities run.
reading: Most occasional members vanish for a quarter, and many come back; compare it with the community's own past only.
measure: {value: retention_share, kind: share, numerator: retained, denominator: previous_contributors, low: retention_low, high: retention_high, counts: people, weeks: window_weeks}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_weeks: weeks in the window, 13 at every evaluation
  previous_contributors: people who contributed in the 91 days before this window
  retained: those of them who contributed in this window too
  retention_share: retained ÷ previous_contributors; not measured where nobody contributed before, before 26 weeks have passed, or where announced breaks take more than half of this one
  retention_low: lower end of Wilson's 95 % interval
  retention_high: upper end of Wilson's 95 % interval
checks:
  - name: retained
    rule: Nobody is retained who was not there before.
    sql: select community from {table} where retained > previous_contributors
caveats:
  - Not coming back within 91 days is not the same as having left.
  - One person with two unlinked accounts can look lost.
*/
with people as materialized (
    select community, member, row_number() over () as person
    from (select distinct community, member from core.member_weeks where contributions > 0)
), shows as (
    select person, community, week, lead(week) over (partition by person order by week) as next_week
    from core.member_weeks
    join people using (community, member)
    where contributions > 0
), contributed as materialized (
    -- The Mondays whose window sees somebody contribute, each once: up to the next week in which they did.
    select
        shows.community,
        shows.person,
        unnest(range(shows.week + 1, least(shows.next_week, shows.week + parameters.fixed_weeks) + 1)) as week
    from shows
    join core.parameters using (community)
), kept as (
    select present.community, present.week, count(*) as retained
    from contributed as present
    join core.parameters using (community)
    join contributed as past
        on past.person = present.person
        and past.week = present.week - parameters.fixed_weeks
    group by all
), spine as (
    select
        quarters.community,
        quarters.window_end,
        quarters.window_weeks,
        quarters.previous_contributors,
        coalesce(kept.retained, 0) as retained,
        quarters.archive_weeks >= 2 * quarters.window_weeks and not quarters.in_break as measured
    from core.quarters
    left join kept using (community, week)
)
select
    community,
    window_end,
    window_weeks,
    previous_contributors,
    retained,
    if(measured, retained / nullif(previous_contributors, 0), null) as retention_share,
    if(measured, wilson_low(retained, previous_contributors), null) as retention_low,
    if(measured, wilson_high(retained, previous_contributors), null) as retention_high
from spine
