/*
summary: The fixed window of every evaluation, 91 days whatever the beat, with how many people contributed in it. Metrics that are compared over time stand on it.
grain: [community, window_end]
reads: [core.member_weeks, core.parameters, core.weeks, core.windows]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_start: begin of the fixed window, a Monday 00:00 UTC, inclusive
  week: Monday of the evaluation; the window is the weeks from week − window_weeks up to it, exclusive
  window_weeks: weeks in the window, the same at every evaluation (core.parameters.fixed_weeks)
  beat_days: length of the community's beat at the evaluation
  contributors: distinct people with contributions that stand in the window
  previous_contributors: the same for the fixed window before
  archive_weeks: weeks between the community's first sign and the evaluation
  has_history: whether the window begins a year or more after the community's first sign
  in_break: whether more than half of its days lie in announced breaks
*/
-- A window of levels follows the beat, so a number on it moves when the beat does. This one does not.
with shows as (
    select
        community,
        week,
        lead(week) over (partition by community, member order by week) as next_week
    from core.member_weeks
    where contributions > 0
), steps as (
    -- As in core.weeks: the intervals of one person do not overlap, so the running sum counts people.
    select community, week + 1 as week, 1 as change
    from shows
    union all
    select community, least(coalesce(next_week, week + fixed_weeks), week + fixed_weeks) + 1, -1
    from shows
    join core.parameters using (community)
), changes as (
    select community, week, sum(change) as change
    from steps
    group by all
), counted as (
    select community, week, cast(sum(change) over so_far as bigint) as contributors
    from changes
    window so_far as (partition by community order by week)
)
select
    windows.community,
    windows.window_end,
    monday(windows.week - fixed_weeks) as window_start,
    windows.week,
    fixed_weeks as window_weeks,
    windows.beat_days,
    coalesce(counted.contributors, 0) as contributors,
    coalesce(previous.contributors, 0) as previous_contributors,
    windows.archive_weeks,
    windows.archive_weeks - fixed_weeks >= year_weeks as has_history,
    weeks.in_break
from core.windows
join core.parameters using (community)
join core.weeks
    on weeks.community = windows.community and weeks.week = windows.week and weeks.beat_weeks = fixed_weeks
asof left join counted
    on counted.community = windows.community and counted.week <= windows.week
asof left join counted as previous
    on previous.community = windows.community and previous.week <= windows.week - fixed_weeks
