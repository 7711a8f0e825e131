"""Page: one self-contained HTML document from a report's data. Fetches nothing, runs nothing; screen, phone and paper."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from warehouse.build.model import Header, Measure
from warehouse.report.charts import Axis, Line, Point, history
from warehouse.report.data import LEVELS, Estimate, ReportData, Shown

TEMPLATE = (Path(__file__).parent / "page.html.jinja").read_text(encoding="utf-8")
LEVEL_SENTENCES = {
    "core": "here in most weeks, in touch with several people in both directions, and helping several.",
    "active": "here regularly, and in touch with others.",
    "occasional": "contributes now and then.",
    "peripheral": "present, reading or listening; the usual way in.",
    "transactional": "came once, for something.",
}
CHAPTERS = {
    "R": ("Aliveness and rhythm", "Does it still meet, at its own pace?"),
    "P": ("Participation", "Is there a core, and can people move?"),
    "N": ("Newcomers", "What happens to somebody who turns up?"),
    "H": ("Mutual help", "Do people get help?"),
    "K": ("Shared practice", "Does something remain, and get used?"),
    "S": ("Relationships", "Are there ties, in both directions?"),
    "C": ("Staying", "Who comes back?"),
    "D": ("Domain", "Is it about something?"),
    "B": ("Boundaries", "Is it open to others?"),
    "M": ("What the numbers are made of", "How much of it did people do?"),
}
"""First letter of a metric's id -> its chapter, in the order of the page. A metric with another letter comes last."""
OTHER = ("More", "")
FED_BY = {
    "any interaction": "any source",
    "contributions": "a chat, wiki or meeting source",
    "contributions or attendance": "a chat, wiki or meeting source",
    "chat or wiki talk": "a chat source (such as Slack) or a wiki source with talk pages (such as MediaWiki)",
    "replies or mentions": "a chat source (such as Slack) or a wiki source with talk pages (such as MediaWiki)",
    "meeting": "a meeting source (such as Zoom)",
}
"""What a metric needs -> the sources that would feed it, with one example: the table in README.md has all platforms."""
COUNTED = {
    "people": "people",
    "threads": "threads",
    "pairs": "pairs",
    "events": "interactions",
    "beats": "beats",
    "meetings": "meetings",
}
NOT_MEASURED = "not measured"
GROUPED = ("people", "threads", "pairs")
FIVE = 5
COARSE = 0.1
WEEK = 7
MINUTES = 60
MOST_LINES = 5


def render(data: ReportData) -> str:
    """The page as HTML. The same data give the same bytes."""
    distribution = next((shown for shown in data.metrics if shown.model.header.id == "P2"), None)
    page = _template().render(
        data=data,
        beat=beat(data.beat_days),
        levels=_levels(data, distribution),
        chapters=_chapters(data),
        absent=[
            title for letter, (title, _) in CHAPTERS.items() if not any(_letter(shown) == letter for shown in data.metrics)
        ],
    )
    return page.encode("utf-8", "replace").decode("utf-8")


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "day": lambda moment: f"{moment:%-d %B %Y}"}
    return environment.from_string(TEMPLATE)


def beat(days: int) -> str:
    """7 → one week, 28 → 4 weeks."""
    return "one week" if days == WEEK else f"{days // WEEK} weeks"


def percent(share: float | None) -> str:
    """0.853 → 85 %."""
    return "–" if share is None else f"{round(share * 100, 1):.0f}\u00a0%"


def words(measure: Measure, estimate: Estimate) -> str:
    """A value in words, as large as it is said on the page."""
    if estimate.value is None:
        hidden = "Not measured" if estimate.withheld == NOT_MEASURED else "Not shown"
        return estimate.word.capitalize() if estimate.word else hidden
    said = _value(measure, estimate)
    return f"{estimate.word.capitalize()}, {said}" if estimate.word else said


def interval(measure: Measure, estimate: Estimate) -> str:
    """The interval and what the value rests on; or why there is no value."""
    if estimate.value is None:
        return f"No number is shown: {estimate.withheld}." if estimate.withheld != NOT_MEASURED else ""
    parts = []
    if estimate.low is not None and estimate.high is not None:
        parts.append(f"95 % interval {_number(measure, estimate.low)} to {_number(measure, estimate.high)}")
    elif estimate.low is not None:
        parts.append(f"at least {_number(measure, estimate.low)}")
    if estimate.denominator is not None:
        grouped = measure.counts in GROUPED
        many = f"{estimate.denominator} to {estimate.denominator + FIVE - 1}" if grouped else f"{estimate.denominator:,}"
        parts.append(f"from {many} {COUNTED.get(measure.counts, measure.counts)}")
    if estimate.step is not None and COARSE <= estimate.step < 1:
        parts.append(f"in steps of {percent(estimate.step)}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""


def people(value: float) -> str:
    """15 → 15 to 19: a number of people is shown as its group of five."""
    return f"{value:g} to {value + FIVE - 1:g}"


def _value(measure: Measure, estimate: Estimate) -> str:
    value = estimate.value or 0.0
    if estimate.step == FIVE:
        return f"{people(value)} {COUNTED.get(measure.counts, measure.counts)}"
    if estimate.bound:
        return f"{estimate.bound} {percent(value)}"
    if estimate.step is not None and estimate.step >= COARSE and measure.kind == "share":
        if value + estimate.step / 2 > 1:
            return f"{percent(1 - estimate.step / 2)} or more"
        if value - estimate.step / 2 < 0:
            return f"{percent(estimate.step / 2)} or less"
        return f"about {percent(value)}"
    return _number(measure, value)


def _number(measure: Measure, value: float) -> str:
    match measure.kind:
        case "share":
            return percent(value)
        case "index":
            return f"{value * 100:+.0f} points".replace("-", "−") if value else "0 points"
        case "hours":
            return f"{value * MINUTES:.0f} minutes" if value < 1 else f"{value:g} hours"
        case "days":
            return f"{value:g} days"
        case _:
            return f"{value:g}"


def _axis(measure: Measure) -> Axis:
    match measure.kind:
        case "share":
            return Axis(f"% of {COUNTED.get(measure.counts, measure.counts)}", lambda v: f"{v * 100:.0f}", top=1.0, step=0.25)
        case "index":
            return Axis("points", lambda v: f"{v * 100:+.0f}".replace("-", "−") if abs(v) > 1e-9 else "0")  # noqa: PLR2004 - as good as nothing
        case "hours":
            return Axis("hours")
        case "days":
            return Axis("days")
        case "people" | "distribution":
            return Axis("people", fives=True)
        case "count":
            return Axis(COUNTED.get(measure.counts, ""), fives=measure.counts in GROUPED)
        case _:
            return Axis(COUNTED.get(measure.counts, ""))


def _letter(shown: Shown) -> str:
    return (shown.model.header.id or "")[:1]


def _chapters(data: ReportData) -> list[dict[str, object]]:
    """The metrics but the distribution, by chapter; chapters without any are left out."""
    rest = [shown for shown in data.metrics if shown.model.header.id != "P2"]
    letters = [*CHAPTERS, *sorted({_letter(shown) for shown in rest} - set(CHAPTERS))]
    return [
        {"title": CHAPTERS.get(letter, OTHER)[0], "question": CHAPTERS.get(letter, OTHER)[1], "cards": cards}
        for letter in letters
        if (cards := [_card(data, shown) for shown in rest if _letter(shown) == letter])
    ]


def _card(data: ReportData, shown: Shown) -> dict[str, object]:
    header, measure = shown.model.header, _measure(shown)
    parts = sorted({e.part for e in shown.history})
    names = {part: f"Series {number}" if len(parts) > 1 else "" for number, part in enumerate(parts, 1)}
    latest = [
        {"part": names[e.part], "value": words(measure, e), "interval": interval(measure, e), "why": _why(e)}
        for e in shown.latest
    ]
    lines = [Line(names[part], _points(e for e in shown.history if e.part == part)) for part in parts[:MOST_LINES]]
    chart = history(
        str(header.id),
        f"{header.title}, {data.title}",
        f"{header.summary} Every evaluation up to {data.evaluation:%-d %B %Y}; {_latest_words(latest)}",
        lines,
        _axis(measure),
    )
    return {
        "header": header,
        "latest": latest or [{"part": "", "value": "Not measured", "interval": "", "why": ""}],
        "missing": _missing(header, shown),
        "chart": chart if any(e.value is not None or e.withheld != NOT_MEASURED for e in shown.history) else "",
        "banded": any(p.low is not None for line in lines for p in line.points),
        "grouped": any(e.step == FIVE for e in shown.history),
        "dotted": any(p.hidden for line in lines for p in line.points) and "<svg" in chart,
    }


def _why(estimate: Estimate) -> str:
    return estimate.withheld if estimate.withheld and estimate.withheld != NOT_MEASURED and not estimate.word else ""


def _latest_words(latest: Sequence[dict[str, str]]) -> str:
    return "at the last: " + ", ".join(f"{one['part']} {one['value']}".strip() for one in latest) + "." if latest else "none."


def _missing(header: Header, shown: Shown) -> str:
    """Where nothing is measured: what is needed, and which source would feed it."""
    if any(e.value is not None or e.withheld != NOT_MEASURED for e in shown.latest):
        return ""
    needs = "; ".join(f"{need}, from {FED_BY[need]}" if need in FED_BY else need for need in header.needs) or "more to see"
    least = f" At least: {header.minimum}." if header.minimum and header.minimum != "none" else ""
    return f"It needs {needs}.{least}"


def _levels(data: ReportData, distribution: Shown | None) -> list[dict[str, str]]:
    """A row and a small chart for each level, all charts with the same upright axis."""
    given = distribution.history if distribution else ()
    top = max((e.value + FIVE for e in given if e.value is not None), default=float(FIVE))
    step = next(s for s in (5, 10, 20, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, top) if s * 4 >= top)
    axis = Axis("people", top=-(-top // step) * step, step=step)
    rows = []
    for level in LEVELS:
        now = next((e for e in (distribution.latest if distribution else ()) if e.part == level), None)
        said = "not measured" if now is None else "not shown" if now.value is None else people(now.value)
        chart = history(
            level,
            f"People at level {level}, {data.title}",
            f"Every evaluation up to {data.evaluation:%-d %B %Y}, in groups of five; now: {said}.",
            [Line(level, _points(e for e in given if e.part == level))],
            axis,
        )
        rows.append({"name": level, "people": said, "meaning": LEVEL_SENTENCES[level], "chart": chart})
    return rows


def _points(estimates: Iterable[Estimate]) -> tuple[Point, ...]:
    """Points as they may be shown; a number of people as the band of its group of five."""
    return tuple(
        Point(e.at, e.value, e.value, e.value + FIVE - 1)
        if e.step == FIVE and e.value is not None
        else Point(e.at, e.value, e.low, e.high, hidden=e.value is None and e.withheld != NOT_MEASURED)
        for e in estimates
    )


def _measure(shown: Shown) -> Measure:
    measure = shown.model.header.measure
    if measure is None:
        raise ValueError(f"{shown.model.table} is no metric")
    return measure
