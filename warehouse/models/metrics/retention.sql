/*
id: C1
title: Retention
chapter: staying
version: 3
summary: Of the people who contributed in the 91 days before, the share who contributed in these 91 days.
grain: [community, window_end]
unit: share of people
direction: higher is better
needs: [contributions]
minimum: 26 weeks of history, and half of the 91 days outside announced breaks
reads: [core.member_weeks, core.parameters, core.quarters, core.weeks]
reference: Rowe & Alani and Karnstedt et al. on churn in online communities; LFX Insights for how low open communities run.
reading: Most occasional members vanish for a quarter, and many come back; compare it with the community's own past only.
sentences:
  up: More contributors come back
  down: Fewer contributors come back
  phrase: "{value} contributors of the time before contributed again"
  ask: "What do those who left say?"
  absent: "Nobody contributed in the 91 days before, so nobody could come back."
measure: {value: retention_share, kind: share, numerator: year_retained, denominator: year_previous, low: retention_low, high: retention_high, counts: people, weeks: year_weeks}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_weeks: weeks in the window, 13 at every evaluation
  previous_contributors: people who contributed in the 91 days before this window
  retained: those of them who contributed in this window too
  year_weeks: weeks whose returns the share covers, 13, or 52 where fewer than 50 people contributed in the usual window of the last year, and five windows have passed
  year_previous: previous_contributors, or over a year their sum over the last four windows that do not overlap, those mostly in announced breaks left out; a person counts once per window
  year_retained: retained, or over a year the sum in the same windows
  retention_share: year_retained ÷ year_previous; not measured where nobody contributed before, before 26 weeks have passed, or where announced breaks take more than half of this window
  retention_low: lower end of Wilson's 95 % interval
  retention_high: upper end of Wilson's 95 % interval
checks:
  - name: retained
    rule: Nobody is retained who was not there before.
    sql: select community from {table} where retained > previous_contributors
caveats:
  - Below 50 people one window would only be shown in steps of 20 %, so the last year's four windows are taken together.
  - Not coming back within 91 days is not the same as having left.
  - One person with two unlinked accounts can look lost.
*/
with params as (
    select 4 as windows, 50 as few
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
), came as (
    select community, week, count(*) as contributors
    from contributed
    group by all
), spine as (
    select
        quarters.community,
        quarters.window_end,
        quarters.week,
        quarters.window_weeks,
        quarters.previous_contributors,
        coalesce(kept.retained, 0) as retained,
        quarters.archive_weeks >= 2 * quarters.window_weeks and not quarters.in_break as measured,
        quarters.archive_weeks >= (params.windows + 1) * quarters.window_weeks as has_a_year
    from core.quarters
    cross join params
    left join kept using (community, week)
), turns as (
    -- The last four windows that do not overlap, whether or not there is an evaluation at the end of each.
    select community, window_end, week, window_weeks, unnest(range(params.windows)) as turn
    from spine
    cross join params
    where has_a_year
), years as (
    select
        turns.community,
        turns.window_end,
        count(*) as counted,
        cast(sum(coalesce(came.contributors, 0)) as bigint) as previous,
        cast(sum(coalesce(kept.retained, 0)) as bigint) as retained
    from turns
    left join core.weeks
        on weeks.community = turns.community
        and weeks.beat_weeks = turns.window_weeks
        and weeks.week = turns.week - turns.turn * turns.window_weeks
    left join kept on kept.community = turns.community and kept.week = turns.week - turns.turn * turns.window_weeks
    left join came on came.community = turns.community and came.week = turns.week - (turns.turn + 1) * turns.window_weeks
    where not coalesce(weeks.in_break, false)
    group by all
), taken as (
    select
        spine.*,
        coalesce(years.previous < params.few * years.counted, false) as over_a_year,
        if(over_a_year, params.windows * spine.window_weeks, spine.window_weeks) as year_weeks,
        if(over_a_year, years.previous, spine.previous_contributors) as year_previous,
        if(over_a_year, years.retained, spine.retained) as year_retained
    from spine
    cross join params
    left join years using (community, window_end)
)
select
    community,
    window_end,
    window_weeks,
    previous_contributors,
    retained,
    year_weeks,
    year_previous,
    year_retained,
    if(measured, year_retained / nullif(year_previous, 0), null) as retention_share,
    if(measured, wilson_low(year_retained, year_previous), null) as retention_low,
    if(measured, wilson_high(year_retained, year_previous), null) as retention_high
from taken
