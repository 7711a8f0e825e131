"""Marks: the small pictures of a report beside its charts, as SVG. The same values give the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from warehouse.report.charts import short

SPARK_WIDTH, SPARK_HEIGHT = 132, 30
EDGE = 3
RANGE_WIDTH, RANGE_HEIGHT = 560, 92
RANGE_LEFT, RANGE_RIGHT = 70, 40
BAND_WIDTH, BAND_HEIGHT, BAND_RIGHT, BAND_TOP, BAND_BOTTOM = 620, 300, 210, 12, 36
HIDDEN_PEOPLE = 2
"""The height that a level has in the picture where its number is not shown."""
LINE_HEIGHT = 22
FLOW_WIDTH, FLOW_ROW, FLOW_TOP, FLOW_MIDDLE = 620, 46, 30, 150
FLOW_THICKEST = 34


@dataclass(frozen=True, slots=True)
class Range:
    """A share with its 95 % interval, 0 to 1, and the words beside it."""

    label: str
    low: float
    value: float
    high: float


@dataclass(frozen=True, slots=True)
class Flow:
    """People who moved from one level to another, at least."""

    source: str
    target: str
    people: float


def spark(values: Sequence[float | None]) -> Markup:
    """A line without axes, with a dot at the last value; empty with fewer than two values. Its values stand beside it."""
    known = [value for value in values if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - one value is no line
        return Markup("")
    low, high = min(known), max(known)
    height, width = SPARK_HEIGHT - 2 * EDGE, SPARK_WIDTH - 2 * EDGE

    def place(index: int, value: float) -> str:
        up = 0.5 if high == low else (value - low) / (high - low)
        return f"{short(EDGE + width * index / max(len(values) - 1, 1))},{short(EDGE + height * (1 - up))}"

    runs: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(place(index, value))
    lines = "".join(f'<polyline class="line" points="{" ".join(run)}"/>' for run in runs if len(run) > 1)
    last = next(run[-1] for run in reversed(runs) if run)
    x, y = last.split(",")
    return _svg("spark", SPARK_WIDTH, SPARK_HEIGHT, f'{lines}<circle class="dot" cx="{x}" cy="{y}" r="2.5"/>')


def ranges(key: str, title: str, description: str, found: Sequence[Range]) -> Markup:
    """Shares under one another on one axis from 0 to 100 %, each with its interval."""
    wide = RANGE_WIDTH - RANGE_LEFT - RANGE_RIGHT

    def x(share: float) -> str:
        return short(RANGE_LEFT + wide * min(max(share, 0.0), 1.0))

    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<line class="grid" x1="{x(share)}" x2="{x(share)}" y1="8" y2="64"/>')
        parts.append(
            f'<text class="tick" x="{x(share)}" y="84" text-anchor="middle">{share * 100:g}{" %" * (share == 1)}</text>'
        )
    for number, one in enumerate(found):
        y = 22 + 30 * number
        parts.append(f'<text class="tick" x="0" y="{y + 5}">{escape(one.label)}</text>')
        parts.append(f'<line class="interval r{number}" x1="{x(one.low)}" x2="{x(one.high)}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="point r{number}" cx="{x(one.value)}" cy="{y}" r="6"/>')
    return _svg("chart", RANGE_WIDTH, RANGE_HEIGHT, "".join(parts), (key, title, description))


def bands(
    key: str, title: str, description: str, moments: Sequence[datetime], levels: Sequence[tuple[str, Sequence[float | None]]]
) -> Markup:
    """People at each level on top of one another over time, the first level lowest; what is not shown is a thin grey band."""
    if len(moments) < 2:  # noqa: PLR2004 - one moment is no history
        return Markup("")
    heights = [[HIDDEN_PEOPLE if value is None else value for value in values] for _, values in levels]
    top = max(map(sum, zip(*heights, strict=True))) or 1.0
    seconds = (moments[-1] - moments[0]).total_seconds()
    right = BAND_WIDTH - BAND_RIGHT

    def x(at: datetime) -> str:
        return short(right * (at - moments[0]).total_seconds() / seconds)

    def y(people: float) -> str:
        return short(BAND_TOP + (BAND_HEIGHT - BAND_TOP - BAND_BOTTOM) * (1 - people / top))

    parts, below, labels = [], [0.0] * len(moments), []
    for number, (name, values) in enumerate(levels):
        above = [bottom + height for bottom, height in zip(below, heights[number], strict=True)]
        for begin, end in _stretches(values):
            # A stretch reaches to the first moment of the next one, so that neighbours touch.
            last = min(end, len(moments) - 1)
            kind = f"level{number}" if values[begin] is not None else "hides"
            upper = [
                f"{x(moments[i])},{y(above[i] if i < end else below[i] + heights[number][end - 1])}"
                for i in range(begin, last + 1)
            ]
            lower = [f"{x(moments[i])},{y(below[i])}" for i in range(last, begin - 1, -1)]
            parts.append(f'<polygon class="{kind}" points="{" ".join(upper + lower)}"/>')
        now = values[-1]
        number_of = "not shown" if now is None else f"{now:g} to {now + 4:g}"
        labels.append((float(y((above[-1] + below[-1]) / 2)), number, f"{name}: {number_of}"))
        below = above
    parts += [_label(right + 8, at, number, text) for at, number, text in _spread(labels)]
    parts += _dates(moments[0], moments[-1], right)
    return _svg("chart", BAND_WIDTH, BAND_HEIGHT, "".join(parts), (key, title, description))


def flows(key: str, title: str, description: str, levels: Sequence[str], moves: Sequence[Flow]) -> Markup:
    """Who moved between levels: one ribbon per move, as thick as its people, from the left column to the right."""
    used = [level for level in levels if any(level in (move.source, move.target) for move in moves)]
    if not used:
        return Markup("")
    height = FLOW_TOP + FLOW_ROW * len(used) + 6
    most = max(move.people for move in moves)
    row = {level: FLOW_TOP + FLOW_ROW * (number + 0.5) for number, level in enumerate(used)}
    left, right = FLOW_MIDDLE, FLOW_WIDTH - FLOW_MIDDLE
    parts = [
        f'<text class="tick" x="{left - 12}" y="18" text-anchor="end">before</text>',
        f'<text class="tick" x="{right + 12}" y="18">now</text>',
    ]
    for move in sorted(moves, key=lambda one: (-one.people, one.source, one.target)):
        thick = short(max(3.0, FLOW_THICKEST * move.people / most))
        a, b, bend = short(row[move.source]), short(row[move.target]), short((left + right) / 2)
        up = "in" if used.index(move.target) < used.index(move.source) else "out"
        parts.append(f'<path class="flow {up}" d="M{left},{a}C{bend},{a} {bend},{b} {right},{b}" stroke-width="{thick}"/>')
    for level, y in row.items():
        parts.append(f'<text class="name" x="{left - 12}" y="{short(y + 5)}" text-anchor="end">{escape(level)}</text>')
        parts.append(f'<text class="name" x="{right + 12}" y="{short(y + 5)}">{escape(level)}</text>')
    return _svg("chart", FLOW_WIDTH, height, "".join(parts), (key, title, description))


def _svg(kind: str, width: int, height: float, body: str, named: tuple[str, str, str] | None = None) -> Markup:
    # The body holds numbers and labels that are escaped already; format() escapes the other values.
    inside = Markup(body)  # noqa: S704
    if named is None:
        return Markup('<svg class="{c}" viewBox="0 0 {w} {h}" aria-hidden="true">{b}</svg>').format(
            c=kind, w=width, h=short(height), b=inside
        )
    key, title, description = named
    return Markup(
        '<svg class="{c}" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{k}-t {k}-d">'
        '<title id="{k}-t">{t}</title><desc id="{k}-d">{d}</desc>{b}</svg>'
    ).format(c=kind, w=width, h=short(height), k="mark-" + key, t=title, d=description, b=inside)


def _stretches(values: Sequence[float | None]) -> list[tuple[int, int]]:
    """Begin and end, exclusive, of neighbours that are all shown or all hidden."""
    cuts = [i for i in range(1, len(values)) if (values[i] is None) != (values[i - 1] is None)]
    return list(zip([0, *cuts], [*cuts, len(values)], strict=True))


def _spread(labels: Sequence[tuple[float, int, str]]) -> list[tuple[float, int, str]]:
    """The labels from the lowest to the highest, moved up where they would touch."""
    placed: list[tuple[float, int, str]] = []
    floor = float(BAND_HEIGHT - BAND_BOTTOM + LINE_HEIGHT)
    for at, number, text in sorted(labels, reverse=True):
        floor = min(at, floor - LINE_HEIGHT)
        placed.append((floor, number, text))
    return placed


def _label(x: float, y: float, number: int, text: str) -> str:
    return f'<text class="name level{number}" x="{short(x)}" y="{short(y + 5)}">{escape(text)}</text>'


def _dates(first: datetime, last: datetime, right: float) -> list[str]:
    y = BAND_HEIGHT - 12
    return [
        f'<text class="tick" x="0" y="{y}">{first:%b %Y}</text>',
        f'<text class="tick" x="{short(right)}" y="{y}" text-anchor="end">{last:%b %Y}</text>',
    ]
