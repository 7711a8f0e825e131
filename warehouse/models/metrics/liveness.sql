/*
id: R1
title: Liveness
chapter: rhythm
version: 2
summary: Share of the expected beats in which at least three people contributed or attended.
grain: [community, window_end]
unit: share of beats
direction: higher is better
needs: [contributions or attendance]
minimum: none
reads: [core.tempo, core.weeks, core.windows]
reference: Own proposal; the beat is the community's own clock.
reading: Whether people meet as often as they promised, by their charter or by the first beat that lasted. A community that slows down shows it here, also where its levels follow the slower beat.
sentences:
  up: The community meets more regularly
  down: The community misses its own beat
  phrase: "{value} beats were alive"
  ask: "Is it a holiday, a move to another platform, or fatigue?"
measure: {value: liveness_share, kind: share, numerator: alive_beats, denominator: counted_beats, weeks: window_weeks, counts: beats, always: true}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  beat_days: length of the expected beat, the charter's, or else the first that lasted half a year, or before that the community's beat
  promised: whether that beat is fixed, by the charter or because it lasted
  window_weeks: weeks in the expected beats
  alive_beats: beats of the window with at least three people
  counted_beats: beats of the window, those within an announced break and those before the archive begins left out
  liveness_share: alive_beats ÷ counted_beats; not measured where all were breaks
caveats:
  - Announced breaks must be in the settings, or they look like silence.
  - What happens where nothing listens is not seen.
  - There is no interval, because these are all the beats there were.
  - A community without a charter is measured against its own beat of the moment until one has lasted half a year.
*/
with expected as (
    select
        windows.community,
        windows.window_end,
        windows.week,
        coalesce(tempo.promised_beat_days, tempo.beat_days) as beat_days,
        tempo.promised_beat_days is not null as promised
    from core.windows
    join core.tempo using (community, week)
), beats as (
    select
        expected.*,
        beat_lengths.beat_weeks,
        beat_lengths.window_weeks,
        unnest(generate_series(0, beat_lengths.n_beats - 1)) as beat
    from expected
    join beat_lengths using (beat_days)
)
select
    beats.community,
    beats.window_end,
    beats.beat_days,
    beats.promised,
    beats.window_weeks,
    count(*) filter (weeks.alive) as alive_beats,
    count(*) filter (weeks.counted) as counted_beats,
    count(*) filter (weeks.alive) / nullif(count(*) filter (weeks.counted), 0) as liveness_share
from beats
left join core.weeks
    on weeks.community = beats.community
    and weeks.beat_weeks = beats.beat_weeks
    and weeks.week = beats.week - beats.beat * beats.beat_weeks
group by all
