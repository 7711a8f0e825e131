/*
id: R3
title: Meeting rhythm
chapter: rhythm
version: 1
summary: Median days between the last seven meetings of a series, how even they are, and who comes.
grain: [community, window_end, series]
unit: days
direction: neither
needs: [meeting]
minimum: 3 meetings for the rhythm, 7 for the regulars
reads: [core.attendance, core.meetings, core.windows, landing.breaks]
reference: CHAOSS, metric Meeting Attendee Count.
reading: Whether there is a rhythm to rely on. More people in a meeting is not necessarily better.
measure: {value: meeting_cadence_days, kind: days, numerator: meetings, counts: meetings, always: true}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  series: the meeting series
  meetings: meetings of the series in the window
  meeting_cadence_days: median days between the last seven meetings before the evaluation; not measured with fewer than three; gaps across an announced break are left out
  cadence_variation: standard deviation of these gaps ÷ their mean
  median_attendance: median of the people present at the last seven meetings
  regulars_share: of the people seen at the last seven meetings, those who came to at least five; not measured with fewer than seven
caveats:
  - Meetings held where nothing listens are not seen.
  - Series are never mixed; a series under a new number is a new series.
*/
with params as (
    select 7 as last_meetings, 5 as regular_from
), in_order as (
    select
        community,
        series,
        occurrence,
        started_at,
        attendees,
        row_number() over so_far as place,
        lag(started_at) over so_far as previous_at
    from core.meetings
    window so_far as (partition by community, series order by started_at, occurrence)
), across_breaks as (
    select distinct in_order.community, in_order.occurrence
    from in_order
    join landing.breaks
        on breaks.community = in_order.community
        and breaks.starts_at < in_order.started_at
        and breaks.ends_at > in_order.previous_at
), held as (
    select
        in_order.* exclude (previous_at),
        if(across_breaks.occurrence is null, date_diff('minute', previous_at, started_at) / 1440, null) as gap_days
    from in_order
    left join across_breaks using (community, occurrence)
), rolling as (
    select
        community,
        series,
        started_at,
        place,
        count(gap_days) over last_six as gaps,
        quantile_cont(gap_days, 0.5) over last_six as median_gap,
        stddev_pop(gap_days) over last_six / nullif(avg(gap_days) over last_six, 0) as variation,
        quantile_cont(attendees, 0.5) over last_seven as median_attendance
    from held
    window
        last_six as (partition by community, series order by place rows 5 preceding),
        last_seven as (partition by community, series order by place rows 6 preceding)
), came as (
    select ends.community, ends.series, ends.place, attendance.member, count(*) as times
    from held as ends
    cross join params
    join held as recent
        on recent.community = ends.community
        and recent.series = ends.series
        and recent.place > ends.place - last_meetings
        and recent.place <= ends.place
    join core.attendance
        on attendance.community = recent.community and attendance.occurrence = recent.occurrence
    where ends.place >= last_meetings
    group by all
), regulars as (
    select community, series, place, count(*) filter (times >= regular_from) / count(*) as regulars_share
    from came
    cross join params
    group by all
), spine as (
    select windows.community, windows.window_end, windows.window_start, firsts.series
    from core.windows
    join (select community, series, min(started_at) as first_held from core.meetings group by all) as firsts
        on firsts.community = windows.community and firsts.first_held < windows.window_end
), held_in_window as (
    select spine.community, spine.window_end, spine.series, count(*) as meetings
    from spine
    join core.meetings
        on meetings.community = spine.community
        and meetings.series = spine.series
        and meetings.started_at >= spine.window_start
        and meetings.started_at < spine.window_end
    group by all
), latest as (
    select spine.community, spine.window_end, spine.series, max(rolling.place) as place
    from spine
    join rolling
        on rolling.community = spine.community
        and rolling.series = spine.series
        and rolling.started_at < spine.window_end
    group by all
)
select
    latest.community,
    latest.window_end,
    latest.series,
    coalesce(held_in_window.meetings, 0) as meetings,
    if(rolling.gaps >= 2, rolling.median_gap, null) as meeting_cadence_days,
    if(rolling.gaps >= 2, rolling.variation, null) as cadence_variation,
    rolling.median_attendance,
    regulars.regulars_share
from latest
join rolling using (community, series, place)
left join regulars using (community, series, place)
left join held_in_window using (community, window_end, series)
