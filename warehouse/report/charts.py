"""Charts: the history of one or several series as SVG with a title and a description. The same points give the same bytes."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from markupsafe import Markup, escape

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 48, 36
TICKS = 4
LETTER = 12.0
"""Width of one letter of a label, in units of the view box, where labels are largest: small charts, phones and paper."""
LABEL_ROOM = 100
DASHES = ("none", "7 3", "2 3", "9 3 2 3", "4 2")
NICE_STEPS = (1, 2, 2.5, 5, 10)
DAY = 86_400
FIVE = 5
DECEMBER = 12
HALF_A_YEAR = 183 * DAY
TWO_YEARS_AND_A_HALF = 900 * DAY


@dataclass(frozen=True, slots=True)
class Point:
    """One evaluation: a value or None, with its interval if it has one.

    `hidden`: a value exists and is withheld. `weeks`: what the value covers; where that changes, the line breaks and the chart
    names the change. `apart`: its weeks are in no other value that is drawn so; the others are drawn lighter.
    """

    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None
    hidden: bool = False
    weeks: int | None = None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One series; it has a gap where a value is withheld or not measured."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """The vertical axis.

    `unit` is its title, `label` formats the value of a tick, `top` and `step` fix its upper end and the distance between ticks
    (both or neither), `fives` makes the distance a multiple of five.
    """

    unit: str
    label: Callable[[float], str] = "{:g}".format
    top: float | None = None
    step: float | None = None
    fives: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    seconds: float
    bottom: float
    top: float
    right: float

    def x(self, at: datetime) -> str:
        return short(LEFT + (self.right - LEFT) * ((at - self.start).total_seconds() / self.seconds))

    def y(self, value: float) -> str:
        inside = min(max(value, self.bottom), self.top)
        return short(TOP + (HEIGHT - TOP - BOTTOM) * (1 - (inside - self.bottom) / (self.top - self.bottom)))


def history(key: str, title: str, description: str, lines: Sequence[Line], axis: Axis) -> Markup:
    """The history of one or several series as SVG; a sentence instead where there is nothing to draw.

    `key`, letters and digits, makes the ids of this chart unique on the page.
    """
    known = [p for line in lines for p in line.points if p.value is not None]
    moments = [p.at for line in lines for p in line.points]
    if len({p.at for p in known}) < 2:  # noqa: PLR2004 - one point is no history
        hidden = any(p.hidden for line in lines for p in line.points)
        why = "too few to show at nearly every evaluation" if hidden else "no two evaluations with a value yet"
        return Markup('<p class="none">No history to draw: {why}.</p>').format(why=why)
    several = len(lines) > 1
    bottom, top, step = _range(known, axis)
    right = WIDTH - (LABEL_ROOM if several else RIGHT)
    scale = _Scale(min(moments), (max(moments) - min(moments)).total_seconds(), bottom, top, right)
    parts = [*_grid(scale, step, axis), *_years(scale, max(moments))]
    for number, line in enumerate(lines):
        parts += [*_bands(scale, line), *_hidden(scale, line), *_strokes(scale, line, number)]
    parts += _changes(scale, lines)
    if several:
        parts += _labels(scale, lines)
    # The body holds numbers and labels that are escaped already; format() escapes the other values.
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{k}-t {k}-d">'
        '<title id="{k}-t">{t}</title><desc id="{k}-d">{d}</desc>{body}</svg>'
    ).format(w=WIDTH, h=HEIGHT, k="chart-" + key, t=title, d=description, body=Markup("".join(parts)))  # noqa: S704


def _range(known: Sequence[Point], axis: Axis) -> tuple[float, float, float]:
    if axis.top is not None and axis.step is not None:
        return 0.0, axis.top, axis.step
    values = [v for p in known for v in (p.value, p.low, p.high) if v is not None]
    bottom, top = min(0.0, *values), max(*values, 0.0)
    spread = (top - bottom) or 1.0
    size = 10 ** math.floor(math.log10(spread / TICKS))
    step = next(size * nice for nice in NICE_STEPS if size * nice * TICKS >= spread * 0.999)
    if axis.fives:
        step = FIVE * math.ceil(step / FIVE)
    return math.floor(bottom / step) * step, math.ceil(top / step) * step or step, step


def _grid(scale: _Scale, step: float, axis: Axis) -> Iterator[str]:
    yield f'<text class="tick" x="4" y="16">{escape(axis.unit)}</text>'
    for number in range(round((scale.top - scale.bottom) / step) + 1):
        value = scale.bottom + number * step
        y = scale.y(value)
        style = "grid zero" if abs(value) < step / 2 else "grid"
        yield f'<line class="{style}" x1="{LEFT}" x2="{short(scale.right)}" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{y}" dy="5" text-anchor="end">{escape(axis.label(value))}</text>'


def _years(scale: _Scale, end: datetime) -> Iterator[str]:
    months = 12 if scale.seconds > TWO_YEARS_AND_A_HALF else 6 if scale.seconds > HALF_A_YEAR else 1
    year, month = scale.start.year, 1
    free = 0.0  # the first x to the right of the last label
    while (moment := scale.start.replace(year=year, month=month, day=1)) <= end:
        if moment >= scale.start:
            x = scale.x(moment)
            label = str(year) if months == DECEMBER else f"{moment:%b} {year}"
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>'
            edge = "start" if float(x) < LEFT + 34 else "end" if float(x) > scale.right - 34 else "middle"
            width = LETTER * len(label)
            begins = float(x) - {"start": 0.0, "middle": width / 2, "end": width}[edge]
            if begins >= free:
                yield f'<text class="tick" x="{x}" y="{HEIGHT - 10}" text-anchor="{edge}">{label}</text>'
                free = begins + width + LETTER
        month += months
        year, month = year + (month > DECEMBER), (month - 1) % DECEMBER + 1


def _runs(points: Sequence[Point], *, banded: bool) -> Iterator[list[Point]]:
    """Neighbouring points that have a value, and an interval if `banded`, over the same number of weeks."""

    def known(p: Point) -> tuple[bool, int | None]:
        return p.value is not None and (not banded or (p.low is not None and p.high is not None)), p.weeks

    return (list(run) for (has, _), run in groupby(points, known) if has)


def _bands(scale: _Scale, line: Line) -> Iterator[str]:
    for run in _runs(line.points, banded=True):
        upper = [f"{scale.x(p.at)},{scale.y(p.high)}" for p in run if p.high is not None]
        lower = [f"{scale.x(p.at)},{scale.y(p.low)}" for p in reversed(run) if p.low is not None]
        yield f'<polygon class="band" points="{" ".join(upper + lower)}"/>'


def _hidden(scale: _Scale, line: Line) -> Iterator[str]:
    for p in line.points:
        if p.hidden:
            yield f'<circle class="hidden" cx="{scale.x(p.at)}" cy="{HEIGHT - BOTTOM - 5}" r="1.6"/>'


def _strokes(scale: _Scale, line: Line, number: int) -> Iterator[str]:
    style = f'class="line l{number}" stroke-dasharray="{DASHES[number % len(DASHES)]}"'
    for run in _runs(line.points, banded=False):
        if len(run) == 1:
            yield f'<circle class="dot l{number}" cx="{scale.x(run[0].at)}" cy="{scale.y(run[0].value or 0.0)}" r="2.5"/>'
            continue
        yield f'<polyline {style} points="{" ".join(f"{scale.x(p.at)},{scale.y(p.value or 0.0)}" for p in run)}"/>'
        for p in run:
            if p.apart:
                yield f'<circle class="dot l{number}" cx="{scale.x(p.at)}" cy="{scale.y(p.value or 0.0)}" r="3.5"/>'


def _changes(scale: _Scale, lines: Sequence[Line]) -> Iterator[str]:
    """A mark where the values of a line begin to cover another number of weeks, with that number."""
    named = {
        after.at: after.weeks
        for line in lines
        for before, after in pairwise(p for p in line.points if p.value is not None)
        if before.weeks != after.weeks
    }
    for at, weeks in sorted(named.items()):
        x = scale.x(at)
        anchor = "end" if float(x) > scale.right - LABEL_ROOM else "start"
        yield f'<line class="cut" x1="{x}" x2="{x}" y1="{TOP - 6}" y2="{HEIGHT - BOTTOM}"/>'
        yield f'<text class="tick" x="{x}" y="{TOP - 12}" text-anchor="{anchor}">from here {weeks} weeks</text>'


def _labels(scale: _Scale, lines: Sequence[Line]) -> Iterator[str]:
    last = [(next((p.value for p in reversed(ln.points) if p.value is not None), None), n, ln) for n, ln in enumerate(lines)]
    floor = math.inf
    for value, number, line in sorted(
        ((v, n, ln) for v, n, ln in last if v is not None), key=lambda entry: (entry[0], entry[1])
    ):
        y = min(float(scale.y(value)) + 4, floor - 13)  # lowest first, each one line above the last
        floor = y
        yield f'<text class="name l{number}" x="{short(scale.right + 6)}" y="{short(y)}">{escape(line.label)}</text>'


def short(number: float) -> str:
    """A coordinate with one decimal at most: 12.0 → 12."""
    return f"{number:.1f}".rstrip("0").rstrip(".")
