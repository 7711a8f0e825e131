/*
id: C1
title: Retention
chapter: staying
version: 1
summary: Of the people who contributed in the window before, the share who contributed in this one.
grain: [community, window_end]
unit: share of people
direction: higher is better
needs: [contributions]
minimum: two whole windows, and half of this one outside announced breaks
reads: [core.member_weeks, core.windows]
reference: Rowe & Alani and Karnstedt et al. on churn in online communities; LFX Insights for how low open communities run.
reading: Most occasional members vanish for a quarter, and many come back; compare it with the community's own past only.
measure: {value: retention_share, kind: share, numerator: retained, denominator: previous_contributors, low: retention_low, high: retention_high, counts: people}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  previous_contributors: people who contributed in the window before this one, which is as long
  retained: those of them who contributed in this window too
  retention_share: retained ÷ previous_contributors; not measured where nobody contributed before, before two whole windows have passed, or where announced breaks take more than half of this one
  retention_low: lower end of Wilson's 95 % interval
  retention_high: upper end of Wilson's 95 % interval
checks:
  - name: retained
    says: Nobody is retained who was not there before.
    sql: select community from {table} where retained > previous_contributors
caveats:
  - Not coming back within a window is not the same as having left.
  - One person with two unlinked accounts can look lost.
*/
-- Not from levels.evaluations: where the beat has changed or is slow, none need end where this window begins, or see as far.
with lengths as (
    select distinct community, window_weeks
    from core.windows
), people as materialized (
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
        lengths.window_weeks,
        shows.person,
        unnest(range(shows.week + 1, least(shows.next_week, shows.week + lengths.window_weeks) + 1)) as week
    from shows
    join lengths using (community)
), kept as (
    select present.community, present.window_weeks, present.week, count(*) as retained
    from contributed as present
    join contributed as past
        on past.person = present.person
        and past.window_weeks = present.window_weeks
        and past.week = present.week - present.window_weeks
    group by all
), spine as (
    select
        community,
        window_end,
        previous_contributors,
        coalesce(kept.retained, 0) as retained,
        archive_weeks >= 2 * window_weeks and 2 * counted_beats >= n_beats as measured
    from core.windows
    left join kept using (community, window_weeks, week)
)
select
    community,
    window_end,
    previous_contributors,
    retained,
    if(measured, retained / nullif(previous_contributors, 0), null) as retention_share,
    if(measured, wilson_low(retained, previous_contributors), null) as retention_low,
    if(measured, wilson_high(retained, previous_contributors), null) as retention_high
from spine
