"""
summary: Each community's beat on every Monday. A beat starts as the charter says, or else with 7 days, and changes only when four evaluations in a row agree on the same other beat.
grain: [community, week]
reads: [core.beat_candidates]
columns:
  community: the community
  week: number of the Monday
  first_week: the week of the community's first sign
  first_beat_days: the beat to start with
  candidate_days: the shortest beat of which 80 % were alive in the last year, or in the time since the archive began; absent where there is none
  candidate_lives: whether the candidate's latest beat was alive, or lies in an announced break
  beat_days: the community's beat, in days
  agreeing: evaluations in a row, up to this one, that agree on another beat
  evaluated: whether there is an evaluation on this Monday; with a beat of 28 days or more only on the Monday that ends a beat
caveats:
  - A beat becomes longer only while the longer beat is alive, so that silence does not look like a slow rhythm.
  - A beat of 28 days or more ends on the Mondays whose number its length divides, whatever the moment of the build.
"""

import pyarrow as pa

AGREEING = 4
"""Evaluations in a row that must agree."""
SLOW_DAYS = 28
"""From this beat on a community is evaluated once a beat, not every week."""


def tempo(beat_candidates: pa.Table) -> pa.Table:
    """Add `beat_days`, `agreeing` and `evaluated` to the rows of core.beat_candidates.

    A candidate that is longer than the beat counts only while its latest beat is alive: otherwise a silent community would
    get a longer beat from its own silence.
    """
    ordered = beat_candidates.sort_by([("community", "ascending"), ("week", "ascending")])
    columns = [
        ordered[name].to_pylist() for name in ("community", "week", "first_beat_days", "candidate_days", "candidate_lives")
    ]
    beats: list[int] = []
    agreeing: list[int] = []
    evaluated: list[bool] = []
    of, beat, other, times = None, 0, None, 0
    for community, week, first, candidate, lives in zip(*columns, strict=True):
        if community != of:
            of, beat, other, times = community, first, None, 0
        if _is_evaluation(week, beat):
            if candidate is None or candidate == beat or (candidate > beat and not lives):
                other, times = None, 0
            else:
                other, times = candidate, times + 1 if candidate == other else 1
            if times == AGREEING:
                beat, other, times = candidate, None, 0
        beats.append(beat)
        agreeing.append(times)
        evaluated.append(_is_evaluation(week, beat))
    return (
        ordered.append_column("beat_days", pa.array(beats, pa.int32()))
        .append_column("agreeing", pa.array(agreeing, pa.int32()))
        .append_column("evaluated", pa.array(evaluated, pa.bool_()))
    )


def _is_evaluation(week: int, beat_days: int) -> bool:
    return beat_days < SLOW_DAYS or week * 7 % beat_days == 0
