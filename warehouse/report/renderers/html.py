"""Page: one self-contained HTML document from a report's data. Fetches nothing, runs nothing; screen, phone and paper."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from warehouse.report import words
from warehouse.report.charts import Axis, Line, Point, history
from warehouse.report.data import LEVELS, Estimate, Metric, ReportData
from warehouse.report.words import FIVE

TEMPLATE = (Path(__file__).parent / "page.html.jinja").read_text(encoding="utf-8")
MOST_LINES = 5
AXIS_STEPS = (5, 10, 20, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
STEPS_OF_AN_AXIS = 4


def render(data: ReportData) -> bytes:
    """The page in UTF-8. The same data give the same bytes."""
    page = _template().render(
        data=data,
        beat=words.beat(data.window.beat_days),
        levels=_levels(data),
        chapters=_chapters(data),
        absent=[c.title for c in data.chapters if not any(m.definition.chapter == c.name for m in data.metrics)],
        corrections=_corrections(data),
    )
    return page.encode("utf-8", "replace")


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": words.percent, "day": lambda moment: f"{moment:%-d %B %Y}"}
    return environment.from_string(TEMPLATE)


def _chapters(data: ReportData) -> list[dict[str, object]]:
    """The chapters that have a metric, in the order of the report, each with its cards."""
    return [
        {"title": chapter.title, "question": chapter.question, "cards": cards}
        for chapter in data.chapters
        if (cards := [_card(data, metric) for metric in data.metrics if metric.definition.chapter == chapter.name])
    ]


def _card(data: ReportData, metric: Metric) -> dict[str, object]:
    definition = metric.definition
    latest = [
        {
            "part": one.part,
            "value": words.value(definition, one.now),
            "interval": words.interval(definition, one.now),
            "why": words.reason(one.now),
        }
        for one in metric.series
        if one.now
    ]
    lines = [Line(one.part, _points(one.points)) for one in metric.series[:MOST_LINES]]
    points = [point for one in metric.series for point in one.points]
    chart: Markup | str = ""
    if any(point.measurement != "not measured" for point in points):
        title = f"{definition.title}, {data.title}"
        chart = history(definition.id, title, _description(data, metric, latest), lines, words.axis(definition))
    return {
        "definition": definition,
        "latest": latest or [{"part": "", "value": "Not measured", "interval": "", "why": ""}],
        "missing": words.missing(metric),
        "chart": chart,
        "ranged": all(p.low is None and p.high is None for p in points) and any(p.range_low is not None for p in points),
        "banded": any(p.low is not None for line in lines for p in line.points),
        "grouped": any(point.step == FIVE for point in points),
        "dotted": any(p.hidden for line in lines for p in line.points) and "<svg" in chart,
    }


def _description(data: ReportData, metric: Metric, latest: Sequence[dict[str, str]]) -> str:
    """The chart in words, for a reader who does not see it."""
    values = ", ".join(f"{one['part']} {one['value']}".strip() for one in latest)
    last = f"at the last: {values}." if latest else "none."
    return f"{metric.definition.summary} Every evaluation up to {data.window.end:%-d %B %Y}; {last}"


def _levels(data: ReportData) -> list[dict[str, str]]:
    """A row and a small chart for each level, all charts with the same upright axis."""
    by_level = {one.part: one for one in data.levels.series}
    values = [p.value for one in data.levels.series for p in one.points if p.value is not None]
    top = max((value + FIVE for value in values), default=float(FIVE))
    step = next((s for s in AXIS_STEPS if s * STEPS_OF_AN_AXIS >= top), top)
    axis = Axis("people", top=-(-top // step) * step, step=step)
    rows = []
    for level in LEVELS:
        one = by_level.get(level)
        now = one.now if one else None
        number = "not measured" if now is None else "not shown" if now.value is None else words.people(now.value)
        chart = history(
            level,
            f"People at level {level}, {data.title}",
            f"Every evaluation up to {data.window.end:%-d %B %Y}, in groups of five; now: {number}.",
            [Line(level, _points(one.points if one else ()))],
            axis,
        )
        rows.append({"name": level, "people": number, "meaning": words.LEVEL_MEANINGS[level], "chart": chart})
    return rows


def _corrections(data: ReportData) -> dict[str, object]:
    """What differs from the revision before: the values of this evaluation one by one, earlier ones counted."""
    by_id = {metric.definition.id: metric.definition for metric in (data.levels, *data.metrics)}
    rows, earlier = [], 0
    for one in data.corrections:
        if max(e.at for e in (one.before, one.now) if e) < data.window.end:
            earlier += 1
            continue
        definition = by_id.get(one.subject)
        title = definition.title if definition else one.subject.capitalize()
        values = {name: words.corrected(definition, e) for name, e in (("before", one.before), ("now", one.now))}
        rows.append({"title": f"{title}, {one.part}" if one.part else title, **values})
    return {"rows": rows, "earlier": earlier}


def _points(estimates: Sequence[Estimate]) -> tuple[Point, ...]:
    """Points as they may be shown; a number of people as the band of its group of five."""
    apart = _apart(estimates)
    points = []
    for e in estimates:
        low, high = (e.range_low, e.range_high) if e.low is None and e.high is None else (e.low, e.high)
        if e.step == FIVE and e.value is not None:
            low, high = e.value, e.value + FIVE - 1
        points.append(Point(e.at, e.value, low, high, hidden=e.measurement == "withheld", weeks=e.weeks, apart=e.at in apart))
    return tuple(points)


def _apart(estimates: Sequence[Estimate]) -> set[datetime]:
    """The evaluations, from the last one back, of which no two cover the same week."""
    found: set[datetime] = set()
    before: datetime | None = None
    for one in reversed(estimates):
        if before is None or one.at <= before:
            found.add(one.at)
            before = one.at - timedelta(weeks=one.weeks or 0)
    return found
