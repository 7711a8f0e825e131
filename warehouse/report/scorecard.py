"""Scorecard: what each value says against the community's own past, and the values of a chapter together. Never a total.

Everything here follows from values as they are published, rounded and with small groups withheld, so that a state reveals
nothing that the values do not. The rules, with windows that share no week:

1. A value has moved where it differs from the window before by at least the minimum meaningful change (5 percentage points for
   shares, a quarter for counts and waits) and the 95 % interval of the difference leaves out 0. With six earlier windows or
   more, it must also leave the band of their median ± 2 standard deviations (by the median absolute deviation).
2. A value without an interval needs six earlier windows and the second half of rule 1, in the direction of rule 1.
3. Moved in one window: `watch`. Moved in two windows, the same way: `better` or `worse`, or `changed` where neither is meant.
4. Not moved: `steady`, or `can't tell` where the interval reaches too far to one side for that (15 percentage points, or a
   factor of 2). Not moved although the window before had moved: `steady`, and back where it was.
"""

from collections.abc import Sequence
from math import hypot, log
from statistics import median
from typing import Final, Literal

from warehouse.build.vocabulary import KINDS
from warehouse.report.data import ChapterState, Comparison, Definition, Estimate, Metric, Series, State

MEANINGFUL: Final = {"absolute": 0.05, "relative": log(1.25)}
"""The minimum meaningful change: of shares as a difference, of everything else as the logarithm of a ratio."""
WIDE: Final = {"absolute": 0.15, "relative": log(2)}
"""An interval that reaches further than this to one side says too little for `steady`."""
MOST_WINDOWS: Final = 8
ENOUGH_WINDOWS: Final = 6
DEVIATIONS: Final = 2 * 1.4826
"""Times the median absolute deviation: two standard deviations of a normal distribution."""
FIVE: Final = 5
TINY: Final = 1e-9

Way = Literal["up", "down"]
Edges = tuple[float, float, float]
"""Low, value, high, on the scale on which they are compared."""


def comparisons(metrics: Sequence[Metric]) -> tuple[Comparison, ...]:
    """Every value of this evaluation against its past, in the order of the metrics."""
    return tuple(
        compared(metric.definition, series) for metric in metrics for series in metric.series if series.now is not None
    ) + tuple(Comparison(metric=m.definition.id, state="not measured") for m in metrics if not any(s.now for s in m.series))


def compared(definition: Definition, series: Series) -> Comparison:
    """One value against its past."""
    now = series.now
    if now is None or now.value is None:
        state: State = "not measured" if now is None or now.measurement == "not measured" else "not shown"
        return Comparison(metric=definition.id, part=series.part, state=state, now=now)
    earlier = apart(series.points)
    ruler = _Ruler(definition)
    base, way, first = _judge(ruler, now, earlier)
    before = base[0] if base else None
    decided = before is not None and ruler.decides(now, before, len(base))
    state, toward = _state(definition, way, confirmed=way is not None and way == first, decided=decided)
    return Comparison(
        metric=definition.id,
        part=series.part,
        state=state,
        move=way,
        toward=toward,
        sure=ruler.sure(now, before) if way and before else None,
        size=ruler.size(now, before) if way and before else None,
        windows=len(base),
        back=first is not None and state == "steady",
        before=before,
        now=now,
    )


def apart(points: Sequence[Estimate]) -> list[Estimate]:
    """The earlier values, latest first, that share no week with the last one or with one another and cover as many weeks."""
    now, found = points[-1], list[Estimate]()
    edge = now
    for one in reversed(points[:-1]):
        if one.value is not None and one.weeks == now.weeks and _begins(edge) >= one.at.timestamp():
            found.append(one)
            edge = one
    return found[:MOST_WINDOWS]


def chapter_states(chapters: Sequence[str], metrics: Sequence[Metric], found: Sequence[Comparison]) -> tuple[ChapterState, ...]:
    """A word for each chapter that has a metric."""
    chapter_of = {metric.definition.id: metric.definition.chapter for metric in metrics}
    states = {name: [one.state for one in found if chapter_of[one.metric] == name] for name in chapters}
    return tuple(ChapterState(chapter=name, state=together(of_it)) for name, of_it in states.items() if of_it)


def together(
    states: Sequence[State],
) -> Literal["better", "worse", "mixed", "changed", "watch", "steady", "can't tell", "not shown", "not measured"]:
    """What several states say together: what moved counts first, and a good one does not make up for a bad one."""
    if "better" in states and "worse" in states:
        return "mixed"
    for moved in ("worse", "better", "watch", "changed"):
        if moved in states:
            return moved
    steady, unknown = states.count("steady"), states.count("can't tell")
    if steady or unknown:
        return "steady" if steady > unknown else "can't tell"
    return "not shown" if "not shown" in states else "not measured"


def _judge(ruler: "_Ruler", now: Estimate, earlier: Sequence[Estimate]) -> tuple[Sequence[Estimate], Way | None, Way | None]:
    """The windows that this one is compared with, how it moved, and how the window before had moved."""
    if len(earlier) > 1:
        previous, *older = earlier
        if first := ruler.moved(previous, older[0], earlier):
            return older, ruler.moved(now, older[0], earlier), first
    return earlier, ruler.moved(now, earlier[0], earlier) if earlier else None, None


def _state(
    definition: Definition, way: Way | None, *, confirmed: bool, decided: bool
) -> tuple[State, Literal["better", "worse", "changed"] | None]:
    if way:
        good = {"higher is better": "up", "lower is better": "down"}.get(definition.direction)
        toward: Literal["better", "worse", "changed"] = "changed" if good is None else "better" if way == good else "worse"
        return (toward if confirmed else "watch"), toward
    return ("steady" if decided else "can't tell"), None


def _begins(estimate: Estimate) -> float:
    return estimate.at.timestamp() - (estimate.weeks or 1) * 7 * 86_400


class _Ruler:
    """How values of one metric are compared: as differences or as ratios."""

    def __init__(self, definition: Definition) -> None:
        self.scale: Literal["absolute", "relative"] = (
            "absolute" if KINDS[definition.kind].written in {"percent", "points"} else "relative"
        )

    def moved(self, now: Estimate, before: Estimate, usual: Sequence[Estimate]) -> Way | None:
        """How a value moved from the one before; `usual`: the windows that show how much it usually varies, if they suffice."""
        banded = len(usual) >= ENOUGH_WINDOWS
        if self._interval(now) and self._interval(before):
            way = self._by_interval(now, before)
        elif banded:
            way = "up" if self._rounded(now)[1] > self._rounded(before)[1] else "down"
        else:
            way = None
        return way if not banded or way == self._by_history(now, usual) else None

    def sure(self, now: Estimate, before: Estimate) -> Literal["sure", "likely"]:
        mine, theirs = self._interval(now), self._interval(before)
        return "sure" if mine and theirs and (mine[0] > theirs[2] or mine[2] < theirs[0]) else "likely"

    def size(self, now: Estimate, before: Estimate) -> float:
        return round(abs(self._rounded(now)[1] - self._rounded(before)[1]) / MEANINGFUL[self.scale], 2)

    def decides(self, now: Estimate, before: Estimate, windows: int) -> bool:
        """Whether a move would have been seen."""
        known = [edges for edges in (self._interval(now), self._interval(before)) if edges]
        if len(known) < 2:  # noqa: PLR2004 - both have one
            return windows >= ENOUGH_WINDOWS
        return all(max(high - value, value - low) <= WIDE[self.scale] + TINY for low, value, high in known)

    def _by_interval(self, now: Estimate, before: Estimate) -> Way | None:
        """The interval of a difference from those of its two values (Newcombe 1998, method 10)."""
        mine, theirs = self._interval(now), self._interval(before)
        if mine is None or theirs is None:
            return None
        step = mine[1] - theirs[1]
        if step >= MEANINGFUL[self.scale] - TINY and step > hypot(mine[1] - mine[0], theirs[2] - theirs[1]):
            return "up"
        if -step >= MEANINGFUL[self.scale] - TINY and -step > hypot(mine[2] - mine[1], theirs[1] - theirs[0]):
            return "down"
        return None

    def _by_history(self, now: Estimate, earlier: Sequence[Estimate]) -> Way | None:
        """Whether the whole rounding range is outside the usual band of the earlier values."""
        ranges = [self._rounded(one) for one in earlier]
        usual = median(value for _, value, _ in ranges)
        limit = max(DEVIATIONS * median(abs(value - usual) for _, value, _ in ranges), MEANINGFUL[self.scale])
        low, _, high = self._rounded(now)
        if low - median(top for _, _, top in ranges) > limit:
            return "up"
        if median(bottom for bottom, _, _ in ranges) - high > limit:
            return "down"
        return None

    def _interval(self, one: Estimate) -> Edges | None:
        """The 95 % interval on the scale, or None."""
        if one.value is None or one.low is None or one.high is None:
            return None
        return self._on_scale((min(one.low, one.value), one.value, max(one.high, one.value)))

    def _rounded(self, one: Estimate) -> Edges:
        """All exact values that are shown as this one."""
        value = one.value or 0.0
        if one.range_low is not None and one.range_high is not None:
            return self._on_scale((one.range_low, value, one.range_high))
        if one.step == FIVE:
            return self._on_scale((value, value + 2, value + FIVE - 1))
        half = (one.step or 0.0) / 2
        return self._on_scale((value - half, value, value + half))

    def _on_scale(self, edges: Edges) -> Edges:
        if self.scale == "absolute":
            return edges
        low, value, high = (log(max(edge, TINY)) for edge in edges)
        return low, value, high
