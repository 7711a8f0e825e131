/*
id: R3
title: Meeting rhythm
chapter: rhythm
version: 2
summary: Median days between the last seven meetings of a series that is still held, how even they are, and who comes.
grain: [community, window_end, series]
unit: days
direction: neither
needs: [meeting]
minimum: 3 meetings for the rhythm, 7 for the regulars
reads: [core.attendance, core.meetings, core.windows, landing.breaks]
reference: CHAOSS, metric Meeting Attendee Count.
reading: Whether there is a rhythm to rely on. More people in a meeting is not necessarily better.
sentences:
  up: Meetings are further apart
  down: Meetings are closer together
  phrase: "meetings were {value} apart"
  ask: "Does the rhythm still suit those who come?"
  absent: "No series of meetings was held often enough, and lately enough, to have a rhythm."
measure: {value: meeting_cadence_days, kind: days, numerator: meetings, counts: meetings, always: true}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  series: the meeting series
  meetings: meetings of the series in the window
  days_since: days since the last meeting, or since the end of an announced break after it
  ended: whether that is longer than 91 days and than three times the usual gap; an ended series has no rhythm
  meeting_cadence_days: median of the last six gaps between meetings before the evaluation, the current gap among them once it is longer than the median of the others; not measured with fewer than three meetings, or where the series has ended; gaps across an announced break are left out
  cadence_variation: standard deviation of the gaps between meetings ÷ their mean; the current gap, which is not over, is not in it
  median_attendance: median of the people present at the last seven meetings; not measured where the series has ended
  regulars_share: of the people seen at the last seven meetings, those who came to at least five; not measured with fewer than seven, or where the series has ended
caveats:
  - Meetings held where nothing listens are not seen, so a series that moved there looks ended.
  - Series are never mixed; a series under a new number is a new series.
*/
with params as (
    select 7 as last_meetings, 6 as last_gaps, 5 as regular_from, 91 as ended_days, 3 as ended_gaps
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
        list(gap_days) filter (gap_days is not null) over (partition by community, series order by place rows 5 preceding) as gaps,
        quantile_cont(attendees, 0.5) over (partition by community, series order by place rows 6 preceding) as median_attendance
    from held
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
), latest as (
    select
        windows.community,
        windows.window_end,
        rolling.series,
        arg_max(struct_pack(started_at, place, gaps, median_attendance), rolling.place) as last,
        count(*) filter (rolling.started_at >= windows.window_start) as meetings
    from core.windows
    join rolling on rolling.community = windows.community and rolling.started_at < windows.window_end
    group by all
), pauses as (
    select latest.community, latest.window_end, latest.series, max(breaks.ends_at) as ends_at
    from latest
    join landing.breaks
        on breaks.community = latest.community
        and breaks.starts_at < latest.window_end
        and breaks.ends_at > last.started_at
    group by all
), waited as (
    -- During an announced break nobody waits.
    select
        latest.*,
        list_median(last.gaps) as usual_gap,
        if(pauses.ends_at is null, last.started_at, greatest(last.started_at, least(pauses.ends_at, window_end))) as waits_from,
        date_diff('minute', waits_from, window_end) / 1440 as days_since
    from latest
    left join pauses using (community, window_end, series)
), rhythms as (
    select
        waited.*,
        days_since > greatest(ended_days, ended_gaps * coalesce(usual_gap, 0)) as ended,
        if(days_since > usual_gap, list_append(last.gaps, days_since), last.gaps)[-last_gaps:] as gaps,
        len(last.gaps) >= 2 and not ended as has_rhythm
    from waited
    cross join params
)
select
    rhythms.community,
    rhythms.window_end,
    rhythms.series,
    rhythms.meetings,
    rhythms.days_since,
    rhythms.ended,
    if(has_rhythm, list_median(gaps), null) as meeting_cadence_days,
    if(has_rhythm, list_stddev_pop(last.gaps) / nullif(list_avg(last.gaps), 0), null) as cadence_variation,
    if(ended, null, last.median_attendance) as median_attendance,
    if(ended, null, regulars.regulars_share) as regulars_share
from rhythms
left join regulars
    on regulars.community = rhythms.community and regulars.series = rhythms.series and regulars.place = rhythms.last.place
