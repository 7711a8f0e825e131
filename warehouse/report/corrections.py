"""Corrections: what a report shows that its revision before did not."""

from collections.abc import Iterator
from datetime import datetime

from warehouse.report.data import Correction, Estimate, Metric, Move, ReportData
from warehouse.report.words import FIVE

MOVEMENT = "movement"
_PROVENANCE = {"build", "coverage", "revision", "corrections"}
"""What may differ between two builds although the report is the same."""

_Key = tuple[str, str, datetime]


def figures(data: ReportData) -> int:
    """How many values the report shows, in its text and its charts."""
    return sum(estimate.value is not None for _, estimate in _values(data))


def differs(before: ReportData, now: ReportData) -> bool:
    """Whether a reader sees something else: a value, a text or a definition."""
    return before.model_dump(exclude=_PROVENANCE) != now.model_dump(exclude=_PROVENANCE)


def corrections(before: ReportData, now: ReportData) -> tuple[Correction, ...]:
    """Every value that differs, of this evaluation and of earlier ones; by subject, part and evaluation."""
    old, new = dict(_values(before)), dict(_values(now))
    # The history moves on with the evaluation: what is too old for one of the two is no correction.
    oldest = max(min((at for _, _, at in values), default=now.window.end) for values in (old, new))
    return tuple(
        Correction(subject=key[0], part=key[1], before=old.get(key), now=new.get(key))
        for key in sorted(old.keys() | new.keys())
        if key[2] >= oldest and old.get(key) != new.get(key)
    )


def revised(before: ReportData, now: ReportData) -> ReportData:
    """The report as the revision that follows `before`, with what differs from it."""
    return now.model_copy(update={"revision": before.revision + 1, "corrections": corrections(before, now)})


def _values(data: ReportData) -> Iterator[tuple[_Key, Estimate]]:
    for metric in (data.levels, *data.metrics):
        yield from _of_metric(metric)
    for move in data.movement:
        yield (MOVEMENT, f"{move.from_level} → {move.to_level}", data.window.end), _of_move(move, data.window.end)


def _of_metric(metric: Metric) -> Iterator[tuple[_Key, Estimate]]:
    for series in metric.series:
        for point in series.points:
            yield (metric.definition.id, series.part, point.at), point


def _of_move(move: Move, at: datetime) -> Estimate:
    return Estimate(at=at, measurement="shown", value=move.members, step=FIVE, rounding="down to fives")
