/*
summary: Each evaluation with a number, its live beats, and the bars that it applies.
grain: [evaluation]
materialized: temporary
reads: [core.beats, core.parameters, core.windows]
columns:
  evaluation: number of the evaluation, different in each build, so that the large joins of levels compare integers
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  turn: number of the evaluation within its community, from 1
  week: number of the evaluation's Monday
  week_before: number of the Monday of the evaluation before
  window_weeks: weeks in the window
  memory_weeks: weeks for which a sign of a member is remembered
  memory_weeks_before: the same at the evaluation before
  n_beats: beats in the window
  beats_alive: live beats of the window
  live_beats: the live beats as bits, see beat_bit
  ties_seen: as in core.windows; where ties are not visible, no level asks for them
  help_seen: the same of help
  held: whether an announced break holds every level, because it lasts, or because it takes more than its share of the window
  newcomer_from: whoever began after this moment is a newcomer
  bar_core_beats: beats in which core asks to take part
  bar_core_people: mutual ties, and people helped, that core asks for
  bar_core_hosted: beats hosted that count as much as the people helped
  bar_active_beats: beats in which active asks to take part
  bar_active_ties: mutual ties that active asks for
  bar_stay_core_beats: beats that keep a core member in core
  bar_stay_core_people: mutual ties, and people helped, that keep a core member in core
  bar_stay_active_beats: beats that keep an active member active
  bar_stay_active_ties: mutual ties that keep an active member active
  bar_met: evaluations in a row at the bars that raise somebody to active or core
  bar_missed: evaluations in a row below the bars to stay that lower somebody from active or core
*/
with beats as (
    select
        beats.*,
        parameters.break_share,
        -- A beat that does not count lies in a break, or before the archive begins.
        not counted and from_week >= windows.week - windows.archive_weeks as in_break
    from core.beats
    join core.windows using (community, window_end)
    join core.parameters using (community)
), counted as (
    select
        community,
        window_end,
        cast(count(*) filter (alive) as integer) as beats_alive,
        bit_or(if(alive, beat_bit(beat), 0)) as live_beats,
        bool_or(in_break and beat = 0) or count(*) filter (in_break) > any_value(break_share) * count(*) as held
    from beats
    group by all
), evaluations as (
    select
        windows.*,
        parameters.* exclude (community),
        counted.* exclude (community, window_end),
        greatest(year_weeks, memory_windows * window_weeks) as memory_weeks,
        windows.beat_days >= long_beat_days as has_long_beat
    from core.windows
    join core.parameters using (community)
    join counted using (community, window_end)
)
select
    cast(row_number() over (order by community, window_end) as integer) as evaluation,
    community,
    window_end,
    cast(row_number() over story as integer) as turn,
    week,
    lag(week) over story as week_before,
    window_weeks,
    memory_weeks,
    lag(memory_weeks) over story as memory_weeks_before,
    n_beats,
    beats_alive,
    live_beats,
    ties_seen,
    help_seen,
    held,
    window_end - to_days(greatest(7 * window_weeks, newcomer_days)) as newcomer_from,
    at_least(core_beats_share, beats_alive) as bar_core_beats,
    cast(least(core_people_most, greatest(core_people_least, round(core_people_share * participants))) as integer) as bar_core_people,
    greatest(1, at_least(core_hosted_share, beats_alive)) as bar_core_hosted,
    at_least(active_beats_share, beats_alive) as bar_active_beats,
    cast(greatest(0, least(active_ties, participants - 1)) as integer) as bar_active_ties,
    at_least(core_stay_beats_share, beats_alive) as bar_stay_core_beats,
    at_least(core_stay_people_share, bar_core_people) as bar_stay_core_people,
    at_least(active_stay_beats_share, beats_alive) as bar_stay_active_beats,
    active_stay_ties as bar_stay_active_ties,
    if(has_long_beat, met_long_beat, met) as bar_met,
    if(has_long_beat, missed_long_beat, missed) as bar_missed
from evaluations
window story as (partition by community order by window_end)
