"""Charts: a community's own history as one SVG, titled and described, the same bytes for the same points."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 26
TICKS = 4
LABEL_ROOM = 92
DASHES = ("none", "7 3", "2 3", "9 3 2 3", "4 2")
NICE_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Point:
    """One evaluation: a value or none, with its interval where there is one."""

    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One series; a gap where a value is withheld or not measured."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    seconds: float
    bottom: float
    top: float
    right: float

    def x(self, at: datetime) -> str:
        return _short(LEFT + (self.right - LEFT) * ((at - self.start).total_seconds() / self.seconds))

    def y(self, value: float) -> str:
        inside = min(max(value, self.bottom), self.top)
        return _short(TOP + (HEIGHT - TOP - BOTTOM) * (1 - (inside - self.bottom) / (self.top - self.bottom)))


def history(title: str, description: str, lines: Sequence[Line], *, share: bool = False) -> Markup:
    """The history of one or several series as SVG; a sentence instead where there is nothing to draw.

    `share`: values between 0 and 1, shown as percentages.
    """
    seen = [p for line in lines for p in line.points if p.value is not None]
    moments = [p.at for line in lines for p in line.points]
    if len(seen) < 2:  # noqa: PLR2004 - one point is no history
        return Markup('<p class="none">No history to draw yet.</p>')
    several = len(lines) > 1
    bottom, top, step = _range(seen, share=share)
    right = WIDTH - (LABEL_ROOM if several else RIGHT)
    scale = _Scale(min(moments), (max(moments) - min(moments)).total_seconds(), bottom, top, right)
    parts = [*_grid(scale, step, share=share), *_years(scale, max(moments))]
    for number, line in enumerate(lines):
        parts += [*_bands(scale, line), *_strokes(scale, line, number)]
    if several:
        parts += _labels(scale, lines)
    slug = "c" + format(abs(_stable(title)), "x")
    return Markup(  # noqa: S704 - the body is ours: numbers, and labels that were escaped; format() escapes the rest
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{s}-t {s}-d">'
        '<title id="{s}-t">{t}</title><desc id="{s}-d">{d}</desc>{body}</svg>'
    ).format(w=WIDTH, h=HEIGHT, s=slug, t=title, d=description, body=Markup("".join(parts)))  # noqa: S704


def _range(seen: Sequence[Point], *, share: bool) -> tuple[float, float, float]:
    if share:
        return 0.0, 1.0, 0.25
    values = [v for p in seen for v in (p.value, p.low, p.high) if v is not None]
    bottom, top = min(0.0, *values), max(*values, 0.0)
    spread = (top - bottom) or 1.0
    size = 10 ** math.floor(math.log10(spread / TICKS))
    step = next(size * nice for nice in NICE_STEPS if size * nice * TICKS >= spread * 0.999)
    return math.floor(bottom / step) * step, math.ceil(top / step) * step or step, step


def _grid(scale: _Scale, step: float, *, share: bool) -> Iterator[str]:
    for number in range(round((scale.top - scale.bottom) / step) + 1):
        value = scale.bottom + number * step
        y = scale.y(value)
        words = f"{value:.0%}" if share else f"{value:g}"
        yield f'<line class="grid" x1="{LEFT}" x2="{_short(scale.right)}" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick" x="{LEFT - 6}" y="{y}" dy="4" text-anchor="end">{words}</text>'


def _years(scale: _Scale, end: datetime) -> Iterator[str]:
    quarters = 12 if scale.seconds > 900 * 86_400 else 3
    year, month = scale.start.year, 1
    while (moment := scale.start.replace(year=year, month=month, day=1)) <= end:
        if moment >= scale.start:
            x = scale.x(moment)
            words = str(year) if month == 1 else moment.strftime("%b")
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>'
            yield f'<text class="tick" x="{x}" y="{HEIGHT - 8}" text-anchor="middle">{words}</text>'
        month += quarters
        if month > 12:  # noqa: PLR2004 - months of a year
            year, month = year + 1, 1


def _runs(points: Sequence[Point], *, banded: bool) -> Iterator[list[Point]]:
    def known(p: Point) -> bool:
        return p.value is not None and (not banded or (p.low is not None and p.high is not None))

    return (list(run) for has, run in groupby(points, known) if has)


def _bands(scale: _Scale, line: Line) -> Iterator[str]:
    for run in _runs(line.points, banded=True):
        upper = [f"{scale.x(p.at)},{scale.y(p.high)}" for p in run if p.high is not None]
        lower = [f"{scale.x(p.at)},{scale.y(p.low)}" for p in reversed(run) if p.low is not None]
        yield f'<polygon class="band" points="{" ".join(upper + lower)}"/>'


def _strokes(scale: _Scale, line: Line, number: int) -> Iterator[str]:
    look = f'class="line l{number}" stroke-dasharray="{DASHES[number % len(DASHES)]}"'
    for run in _runs(line.points, banded=False):
        if len(run) == 1:
            yield f'<circle class="dot l{number}" cx="{scale.x(run[0].at)}" cy="{scale.y(run[0].value or 0.0)}" r="2.5"/>'
            continue
        yield f'<polyline {look} points="{" ".join(f"{scale.x(p.at)},{scale.y(p.value or 0.0)}" for p in run)}"/>'


def _labels(scale: _Scale, lines: Sequence[Line]) -> Iterator[str]:
    last = [(next((p.value for p in reversed(ln.points) if p.value is not None), None), n, ln) for n, ln in enumerate(lines)]
    floor = math.inf
    for value, number, line in sorted(
        ((v, n, ln) for v, n, ln in last if v is not None), key=lambda entry: (entry[0], entry[1])
    ):
        y = min(float(scale.y(value)) + 4, floor - 13)  # labels keep a line's distance, lowest first
        floor = y
        yield f'<text class="name l{number}" x="{_short(scale.right + 6)}" y="{_short(y)}">{escape(line.label)}</text>'


def _short(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")


def _stable(text: str) -> int:
    value = 7
    for character in text:
        value = (value * 31 + ord(character)) % 1_000_003
    return value
