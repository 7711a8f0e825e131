/*
summary: The window in which each evaluation looks at the threads of newcomers. The fixed window, or the year before the evaluation where that window holds too few of them and the year holds enough.
grain: [community, window_end]
reads: [core.newcomer_threads, core.parameters, core.quarters, landing.breaks]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_start: begin of the window, a Monday 00:00 UTC, inclusive
  window_weeks: weeks in the window, those of core.quarters or 52
  beat_days: length of the community's beat, in days
  patience_hours: hours that an answer may take, 72, or those of 7 days where the beat is long
*/
with params as (
    select 72 as soon_hours
), windows as (
    select
        quarters.community,
        quarters.window_end,
        quarters.week,
        quarters.window_weeks,
        parameters.year_weeks,
        parameters.newcomers_least,
        parameters.openers_least,
        quarters.beat_days,
        if(quarters.beat_days >= parameters.long_beat_days, 24 * parameters.answer_days, soon_hours) as patience_hours,
        to_hours(patience_hours) as patience
    from core.quarters
    join core.parameters using (community)
    cross join params
), counted as (
    select
        windows.community,
        windows.window_end,
        count(*) filter (threads.opened_at >= monday(windows.week - windows.window_weeks)) as threads,
        count(distinct threads.starter) filter (threads.opened_at >= monday(windows.week - windows.window_weeks)) as people,
        count(*) as year_threads,
        count(distinct threads.starter) as year_people
    from windows
    join core.newcomer_threads as threads
        on threads.community = windows.community
        and threads.opened_at >= monday(windows.week - windows.year_weeks)
        and threads.opened_at < windows.window_end - windows.patience
    anti join landing.breaks
        on breaks.community = threads.community
        and threads.opened_at < breaks.ends_at
        and threads.opened_at + patience > breaks.starts_at
    group by all
), chosen as (
    select
        windows.*,
        (threads < newcomers_least or people < openers_least)
        and (year_threads >= newcomers_least and year_people >= openers_least) as needs_year
    from windows
    left join counted using (community, window_end)
)
select
    community,
    window_end,
    monday(week - if(needs_year, year_weeks, window_weeks)) as window_start,
    if(needs_year, year_weeks, window_weeks) as window_weeks,
    beat_days,
    patience_hours
from chosen
