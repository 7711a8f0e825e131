"""
summary: Each community's beat on every Monday. A beat starts as the charter says, or else with 7 days, and changes only when enough evaluations in a row agree on the same other beat (core.parameters.beat_agreeing).
grain: [community, week]
reads: [core.beat_candidates, core.parameters]
columns:
  community: the community
  week: Monday of the week
  first_week: Monday of the week of the community's first sign
  first_beat_days: the beat to start with
  candidate_days: the shortest beat of which enough were live in the last year (core.parameters.beat_alive_share), or since the archive began; absent where there is none
  candidate_lives: whether the candidate's latest beat was alive, or lies in an announced break
  beat_days: the community's beat, in days
  agreeing: evaluations in a row, up to this one, that agree on another beat
  evaluated: whether there is an evaluation on this Monday; where the beat is long only on the Monday that ends a beat
caveats:
  - A beat becomes longer only while the longer beat is alive, so that silence does not look like a slow rhythm.
  - A long beat (core.parameters.long_beat_days) ends on the Mondays whose number its length divides, whatever the moment of the build.
"""

import pyarrow as pa


def tempo(beat_candidates: pa.Table, parameters: pa.Table) -> pa.Table:
    """Add `beat_days`, `agreeing` and `evaluated` to the rows of core.beat_candidates.

    A candidate that is longer than the beat counts only while its latest beat is alive: otherwise a silent community would
    get a longer beat from its own silence.
    """
    ordered = beat_candidates.sort_by([("community", "ascending"), ("week", "ascending")])
    rules = {row["community"]: row for row in parameters.to_pylist()}
    columns = [
        ordered[name].to_pylist() for name in ("community", "week", "first_beat_days", "candidate_days", "candidate_lives")
    ]
    beats: list[int] = []
    agreeing: list[int] = []
    evaluated: list[bool] = []
    of, beat, other, times, enough, long_beat = None, 0, None, 0, 0, 0
    for community, week, first, candidate, lives in zip(*columns, strict=True):
        if community != of:
            of, beat, other, times = community, first, None, 0
            enough, long_beat = rules[community]["beat_agreeing"], rules[community]["long_beat_days"]
        if _is_evaluation(week, beat, long_beat):
            if candidate is None or candidate == beat or (candidate > beat and not lives):
                other, times = None, 0
            else:
                other, times = candidate, times + 1 if candidate == other else 1
            if times == enough:
                beat, other, times = candidate, None, 0
        beats.append(beat)
        agreeing.append(times)
        evaluated.append(_is_evaluation(week, beat, long_beat))
    return (
        ordered.append_column("beat_days", pa.array(beats, pa.int32()))
        .append_column("agreeing", pa.array(agreeing, pa.int32()))
        .append_column("evaluated", pa.array(evaluated, pa.bool_()))
    )


def _is_evaluation(week: int, beat_days: int, long_beat_days: int) -> bool:
    """Every week is an evaluation; where the beat is long, only a week that ends a beat."""
    return beat_days < long_beat_days or week * 7 % beat_days == 0
