"""View: what a page shows, as phrases and pictures. Renderers for people lay it out, and decide nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from warehouse.report import marks, story, words
from warehouse.report.charts import Line, Point, history
from warehouse.report.data import LEVELS, Definition, Estimate, Metric, ReportData
from warehouse.report.words import FIVE

MOST_LINES = 5
MOST_ROWS = 8


@dataclass(frozen=True, slots=True)
class Card:
    """A metric on the page: its state, its values now, its chart, and the values behind the chart."""

    definition: Definition
    state: str
    moved: bool
    latest: Sequence[dict[str, str]]
    missing: str
    chart: Markup | str
    legend: str
    table: Sequence[dict[str, str]]


def covers(data: ReportData) -> str:
    """`12 weeks, 6 April to 28 June 2026`."""
    start, last = data.window.start, data.window.end - timedelta(days=1)
    begins = f"{start:%-d %B}" if start.year == last.year else f"{start:%-d %B %Y}"
    return f"{(data.window.end - start).days // words.WEEK} weeks, {begins} to {last:%-d %B %Y}"


def ranges(data: ReportData, change: story.Change) -> Markup | str:
    """Both values of a change with their intervals, where it is a share and has them."""
    definition, one = change.metric.definition, change.comparison
    found = [
        marks.Range(label, e.low, e.value, e.high)
        for label, e in (("before", one.before), ("now", one.now))
        if e and e.value is not None and e.low is not None and e.high is not None
    ]
    if definition.kind != "share" or len(found) < 2:  # noqa: PLR2004 - both have one
        return ""
    title = f"{definition.title}, before and now, {data.title}"
    return marks.ranges("range-" + definition.id, title, f"{change.facts}. {change.certainty}", found)


def chapters(data: ReportData) -> list[dict[str, object]]:
    """The chapters that have a metric, in the order of the report, each with its metrics."""
    states = {one.chapter: story.STATES[one.state] for one in data.states}
    return [
        {"title": chapter.title, "question": chapter.question, "state": states.get(chapter.name, ""), "cards": cards}
        for chapter in data.chapters
        if (cards := [_card(data, metric) for metric in data.metrics if metric.definition.chapter == chapter.name])
    ]


def _card(data: ReportData, metric: Metric) -> Card:
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
    state = story.state_of(data, metric)
    lines = [Line(one.part, points_of(one.points)) for one in metric.series[:MOST_LINES]]
    points = [point for one in metric.series for point in one.points]
    chart: Markup | str = ""
    if any(point.measurement != "not measured" for point in points):
        title = f"{definition.title}, {data.title}"
        chart = history(definition.id, title, _description(data, metric, latest), lines, words.axis(definition))
    return Card(
        definition=definition,
        state=state,
        moved=state in {*story.MOVED, "watch"},
        latest=latest or [{"part": "", "value": "Not measured", "interval": "", "why": ""}],
        missing=words.missing(metric),
        chart=chart,
        legend=_legend(points, drawn="<svg" in chart),
        table=list(_table(metric)),
    )


def _table(metric: Metric) -> Iterator[dict[str, str]]:
    """The values of windows that share no week, the latest first."""
    for one in metric.series[:MOST_LINES]:
        apart = _apart(one.points)
        for estimate in [e for e in reversed(one.points) if e.at in apart][:MOST_ROWS]:
            value = words.value(metric.definition, estimate)
            yield {
                "part": one.part,
                "until": f"{estimate.at - timedelta(days=1):%-d %B %Y}",
                "value": value,
                "interval": words.interval(metric.definition, estimate)
                if estimate.value is not None
                else words.reason(estimate),
            }


def _legend(points: Sequence[Estimate], *, drawn: bool) -> str:
    if not drawn:
        return ""
    said = []
    if any(point.step == FIVE for point in points):
        said.append("The band is the group of five.")
    elif any(point.low is not None for point in points):
        said.append("The band is the 95 % interval.")
    elif any(point.range_low is not None for point in points):
        said.append("The band is the rounding range: whatever lies in it is shown as this value.")
    if any(point.measurement == "withheld" for point in points):
        said.append("A small dot at the bottom marks a value that is not shown.")
    return " ".join([*said, "Large dots mark windows that share no week."])


def _description(data: ReportData, metric: Metric, latest: Sequence[dict[str, str]]) -> str:
    """The chart in words, for a reader who does not see it."""
    values = ", ".join(f"{one['part']} {one['value']}".strip() for one in latest)
    last = f"at the last: {values}." if latest else "none."
    return f"{metric.definition.summary} Every evaluation up to {data.window.end:%-d %B %Y}; {last}"


def levels(data: ReportData) -> list[dict[str, str]]:
    """A row for each level."""
    by_level = {one.part: one for one in data.levels.series}
    rows = []
    for level in LEVELS:
        now = by_level[level].now if level in by_level else None
        number = "not measured" if now is None else "not shown" if now.value is None else words.people(now.value)
        rows.append({"name": level, "people": number, "meaning": words.LEVEL_MEANINGS[level]})
    return rows


def bands(data: ReportData) -> Markup | str:
    """People at each level over time; empty where no number is shown."""
    by_level = {one.part: {p.at: p.value for p in one.points} for one in data.levels.series}
    moments = sorted({at for values in by_level.values() for at in values})
    if not any(value is not None for values in by_level.values() for value in values.values()):
        return ""
    numbers = ", ".join(f"{row['name']} {row['people']}" for row in levels(data))
    return marks.bands(
        "levels",
        f"People at each level over time, {data.title}",
        f"Every evaluation up to {data.window.end:%-d %B %Y}, in groups of five; now: {numbers}.",
        moments,
        [(level, [by_level.get(level, {}).get(at) for at in moments]) for level in LEVELS],
    )


def flows(data: ReportData) -> Markup | str:
    """Who moved between levels; empty where no movement is shown."""
    moves = [marks.Flow(one.from_level, one.to_level, float(one.members)) for one in data.movement]
    listed = "; ".join(f"{one.source} to {one.target}: {words.people(one.people)}" for one in moves)
    return marks.flows(
        "flow", f"Who moved, {data.title}", f"People by the level before and now: {listed}.", (*LEVELS, "dormant"), moves
    )


def corrections(data: ReportData) -> dict[str, object]:
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


def points_of(estimates: Sequence[Estimate]) -> tuple[Point, ...]:
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
