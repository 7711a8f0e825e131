"""Page: one self-contained HTML document from a report's data. Fetches nothing, runs nothing; screen, phone and paper."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from warehouse.model import Measure
from warehouse.report.chart import Line, Point, history
from warehouse.report.data import LEVELS, Estimate, ReportData, Shown

TEMPLATE = (Path(__file__).parent / "page.html.jinja").read_text(encoding="utf-8")
LEVEL_SENTENCES = {
    "core": "here in most weeks, in touch with several people in both directions, and helping several.",
    "active": "here regularly, and in touch with others.",
    "occasional": "contributes now and then.",
    "peripheral": "present, reading or listening; the usual way in.",
    "transactional": "came once, for something.",
}
COUNTED = {
    "people": "people",
    "threads": "threads",
    "pairs": "pairs",
    "events": "interactions",
    "beats": "beats",
    "meetings": "meetings",
}
FEW_BEATS = 7


def render(data: ReportData) -> str:
    """The page as HTML. The same data give the same bytes."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "day": lambda moment: f"{moment:%-d %B %Y}"}
    by_id = {shown.model.header.id: shown for shown in data.metrics}
    distribution = by_id.get("P2")
    return environment.from_string(TEMPLATE).render(
        data=data,
        beat="week" if data.beat_days == FEW_BEATS else f"{data.beat_days} days",
        level_sentences=LEVEL_SENTENCES,
        levels=_levels(distribution),
        levels_chart=_levels_chart(data, distribution),
        cards=[_card(data, shown) for shown in data.metrics if shown.model.header.id != "P2"],
        distribution=distribution,
    )


def percent(share: float | None) -> str:
    """0.853 → 85 %."""
    return "–" if share is None else f"{share * 100:.0f} %"


def words(measure: Measure, estimate: Estimate) -> str:
    """A value in words, as large as it is said on the page."""
    if estimate.value is None:
        return estimate.word.capitalize() if estimate.word else f"Not shown: {estimate.withheld}"
    return _number(measure, estimate.value)


def interval(measure: Measure, estimate: Estimate) -> str:
    """The interval and what the value rests on."""
    parts = []
    if estimate.low is not None and estimate.high is not None:
        parts.append(f"95 % interval {_number(measure, estimate.low)} to {_number(measure, estimate.high)}")
    elif estimate.low is not None:
        parts.append(f"at least {_number(measure, estimate.low)}")
    if estimate.denominator is not None:
        about = "about " if measure.counts == "people" else ""
        parts.append(f"from {about}{estimate.denominator} {COUNTED.get(measure.counts, measure.counts)}")
    if estimate.rounding:
        parts.append(f"rounded {estimate.rounding}")
    return "; ".join(parts)


def _number(measure: Measure, value: float) -> str:
    match measure.kind:
        case "share":
            return percent(value)
        case "index":
            return f"{value * 100:+.0f} points"
        case "hours":
            return f"{value * 60:.0f} minutes" if value < 1 else f"{value:.1f} hours"
        case "days":
            return f"{value:.1f} days"
        case _:
            return f"{value:g}"


def _card(data: ReportData, shown: Shown) -> dict[str, object]:
    header, measure = shown.model.header, _measure(shown)
    latest = [{"part": e.part, "value": words(measure, e), "interval": interval(measure, e)} for e in shown.latest]
    parts = sorted({e.part for e in shown.history})
    chart = history(
        f"{header.title}, {data.title}",
        f"{header.summary} Every evaluation up to {data.evaluation:%-d %B %Y}; gaps where nothing is shown.",
        [Line(part or str(header.title), _points(e for e in shown.history if e.part == part)) for part in parts[:5]],
        share=measure.kind == "share",
    )
    return {"header": header, "latest": latest or [{"part": "", "value": "Not measured", "interval": ""}], "chart": chart}


def _levels(distribution: Shown | None) -> list[dict[str, object]]:
    if distribution is None:
        return []
    by_level = {e.part: e for e in distribution.latest}
    return [{"name": level, "estimate": by_level.get(level)} for level in LEVELS]


def _levels_chart(data: ReportData, distribution: Shown | None) -> Markup:
    lines: Sequence[Line] = [
        Line(level, _points(e for e in (distribution.history if distribution else ()) if e.part == level)) for level in LEVELS
    ]
    title = f"People at each level, {data.title}"
    return history(title, "Every evaluation, rounded to five people; gaps where fewer than five.", lines)


def _points(estimates: Iterable[Estimate]) -> tuple[Point, ...]:
    return tuple(Point(e.at, e.value, e.low, e.high) for e in estimates)


def _measure(shown: Shown) -> Measure:
    measure = shown.model.header.measure
    if measure is None:
        raise ValueError(f"{shown.model.table} is no metric")
    return measure
