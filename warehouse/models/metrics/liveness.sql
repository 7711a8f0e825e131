/*
id: R1
title: Liveness
chapter: rhythm
version: 1
summary: Share of the window's beats in which at least three people contributed or attended.
grain: [community, window_end]
unit: share of beats
direction: higher is better
needs: [contributions or attendance]
minimum: none
reads: [core.windows]
reference: Own proposal; the beat is the community's own clock.
reading: Whether people meet, at their own pace. A beat that lengthens is the plainest sign of fading.
measure: {value: liveness_share, kind: share, numerator: alive_beats, denominator: counted_beats, low: liveness_low, high: liveness_high, counts: beats, always: true}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  beat_days: length of the community's beat
  alive_beats: beats of the window with at least three people
  counted_beats: beats of the window, those within an announced break left out
  liveness_share: alive_beats ÷ counted_beats; not measured where all were breaks
  liveness_low: lower end of Wilson's 95 % interval
  liveness_high: upper end of Wilson's 95 % interval
caveats:
  - Announced breaks must be in the settings, or they look like silence.
  - What happens where nothing listens is not seen.
*/
select
    community,
    window_end,
    beat_days,
    alive_beats,
    counted_beats,
    alive_beats / nullif(counted_beats, 0) as liveness_share,
    wilson_low(alive_beats, counted_beats) as liveness_low,
    wilson_high(alive_beats, counted_beats) as liveness_high
from core.windows
