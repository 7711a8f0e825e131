/*
summary: The beats of every evaluation's window, newest first, and whether the community met in them.
grain: [community, window_end, beat]
reads: [core.tempo, core.weeks]
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  beat: 0 for the latest beat before the evaluation, 1 for the one before, and so on
  evaluated_week: the evaluation's Monday
  from_week: Monday of the beat's first week
  to_week: Monday of the week after its last
  people: distinct people who contributed or attended in it
  alive: whether it counts and three people or more did
  counted: whether it counts; beats before the archive begins and beats mostly inside an announced break do not
*/
with named as (
    select tempo.community, tempo.week, beat_lengths.beat_weeks, unnest(generate_series(0, beat_lengths.n_beats - 1)) as beat
    from core.tempo
    join beat_lengths using (beat_days)
    where tempo.evaluated
)
select
    named.community,
    monday(named.week) as window_end,
    cast(named.beat as integer) as beat,
    named.week as evaluated_week,
    cast(named.week - (named.beat + 1) * named.beat_weeks as integer) as from_week,
    cast(named.week - named.beat * named.beat_weeks as integer) as to_week,
    coalesce(weeks.people, 0) as people,
    coalesce(weeks.alive, false) as alive,
    coalesce(weeks.counted, false) as counted
from named
left join core.weeks
    on weeks.community = named.community
    and weeks.beat_weeks = named.beat_weeks
    and weeks.week = named.week - named.beat * named.beat_weeks
