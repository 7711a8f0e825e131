"""Tempo: a community's beat is kept, and changes only when four evaluations in a row agree on the same other one."""

import pyarrow as pa

AGREEING = 4
"""Evaluations in a row that must agree."""
SLOW_DAYS = 28
"""From this beat on a community is evaluated once a beat, not every week."""


def keep_beat(rows: pa.Table) -> pa.Table:
    """Add `beat_days`, `agreeing` and `evaluated` to one row for each community and Monday, in any order.

    Reads `community`, `week`, `first_beat_days` (from the charter), `candidate_days` (the shortest beat that fits the last
    year, or nothing) and `candidate_lives` (whether the candidate's latest beat was alive). A candidate longer than the beat
    whose latest beat is dead is no reason to change: else a silent community would get a longer beat from its own death.
    """
    ordered = rows.sort_by([("community", "ascending"), ("week", "ascending")])
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
