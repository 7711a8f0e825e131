"""
summary: Each community's beat on every Monday. A beat starts as the charter states, or else with 7 days, and changes only when enough evaluations in a row agree on the same other beat (core.parameters.beat_agreeing).
grain: [community, week]
reads: [core.beat_candidates, core.parameters]
columns:
  community: the community
  week: Monday of the week
  first_week: Monday of the week of the community's first sign
  charter_beat_days: the beat that the charter promises; absent where it names none
  first_beat_days: the beat to start with
  candidate_days: the shortest beat of which enough were live in the last year (core.parameters.beat_alive_share), or since the archive began; absent where there is none
  candidate_lives: whether the candidate's latest beat was alive, or lies in an announced break
  candidate_alive_beats: live beats of the candidate in the last year
  beat_days: the community's beat, in days
  promised_beat_days: the beat that liveness is measured against, the charter's, or else the first that fitted for core.parameters.promise_weeks weeks in all; absent before
  agreeing: evaluations in a row, up to this one, that agree on another beat
  evaluated: whether there is an evaluation on this Monday; where the beat is long only on the Monday that ends a beat
caveats:
  - A beat becomes longer only while the longer beat is alive and after three live ones (core.parameters.lengthen_beats), so that neither silence nor one meeting looks like a slow rhythm.
  - The promised beat never changes again; a community that slows down is measured against the beat that it began with.
  - A long beat (core.parameters.long_beat_days) ends on the Mondays whose number its length divides, whatever the moment of the build.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa

Row = Mapping[str, Any]


def tempo(beat_candidates: pa.Table, parameters: pa.Table) -> pa.Table:
    """Add the beat, the promised beat and the evaluations to the rows of core.beat_candidates."""
    ordered = beat_candidates.sort_by([("community", "ascending"), ("week", "ascending")])
    rules = {row["community"]: row for row in parameters.to_pylist()}
    found: list[tuple[int, int | None, int, bool]] = []
    for community, weeks in groupby(ordered.to_pylist(), key=itemgetter("community")):
        found += _beats(list(weeks), rules[community])
    beats, promised, agreeing, evaluated = zip(*found, strict=True) if found else ((), (), (), ())
    return (
        ordered.append_column("beat_days", pa.array(beats, pa.int32()))
        .append_column("promised_beat_days", pa.array(promised, pa.int32()))
        .append_column("agreeing", pa.array(agreeing, pa.int32()))
        .append_column("evaluated", pa.array(evaluated, pa.bool_()))
    )


def _beats(weeks: Sequence[Row], rules: Row) -> Iterator[tuple[int, int | None, int, bool]]:
    """For each Monday of one community: beat, promised beat, evaluations that agree on another beat, whether it is evaluated."""
    beat, promised = weeks[0]["first_beat_days"], weeks[0]["charter_beat_days"]
    other, times = None, 0
    fitted: Counter[int] = Counter()
    for row in weeks:
        candidate, lasts = row["candidate_days"], _lasts(row, rules)
        if candidate is not None and lasts:
            fitted[candidate] += 1
            if promised is None and fitted[candidate] == rules["promise_weeks"]:
                promised = candidate
        if _is_evaluation(row["week"], beat, rules["long_beat_days"]):
            if candidate is None or candidate == beat or (candidate > beat and not lasts):
                other, times = None, 0
            else:
                other, times = candidate, times + 1 if candidate == other else 1
            if times == rules["beat_agreeing"]:
                beat, other, times = candidate, None, 0
        yield beat, promised, times, _is_evaluation(row["week"], beat, rules["long_beat_days"])


def _lasts(row: Row, rules: Row) -> bool:
    """Whether the candidate is alive now and was alive often enough to be more than one meeting.

    Without it a silent community would get a longer beat from its own silence, and a new one from its second meeting.
    """
    return bool(row["candidate_lives"]) and row["candidate_alive_beats"] >= rules["lengthen_beats"]


def _is_evaluation(week: int, beat_days: int, long_beat_days: int) -> bool:
    """Every week is an evaluation; where the beat is long, only a week that ends a beat."""
    return beat_days < long_beat_days or week * 7 % beat_days == 0
