"""Words: values, intervals and reasons of a report as English phrases, shared by all renderers for people."""

import math

from warehouse.build.vocabulary import COUNTS, KINDS
from warehouse.report.charts import Axis
from warehouse.report.data import Definition, Estimate, Metric

LEVEL_MEANINGS = {
    "core": "here in most weeks, in touch with several people in both directions, and helping several.",
    "active": "here regularly, and in touch with others.",
    "occasional": "contributes now and then.",
    "peripheral": "present, reading or listening; the usual way in.",
    "transactional": "came once, for something.",
}
FIVE = 5
TEN = 10
QUARTERS = {0.25: "1 in 4", 0.75: "3 in 4"}
COARSE = 0.1
"""From this step on, a share is rounded so coarsely that the page names the step."""
TINY = 1e-9
WEEK = 7
MINUTES = 60


def beat(days: int) -> str:
    """7 → one week, 28 → 4 weeks."""
    return "one week" if days == WEEK else f"{days // WEEK} weeks"


def percent(share: float | None) -> str:
    """0.853 → 85 %."""
    return "–" if share is None else f"{round(share * 100, 1):.0f}\u00a0%"


def people(value: float) -> str:
    """15 → 15 to 19: a number of people is shown as its group of five."""
    return f"{value:g} to {value + FIVE - 1:g}"


def counted(definition: Definition) -> str:
    """What a metric's denominator counts: people, threads, interactions."""
    return COUNTS[definition.counts].title


def value(definition: Definition, estimate: Estimate) -> str:
    """A value as a phrase, or that it is not measured or not shown."""
    if estimate.value is None:
        absent = "Not measured" if estimate.measurement == "not measured" else "Not shown"
        return estimate.word.capitalize() if estimate.word else absent
    number = _value(definition, estimate, estimate.value)
    return f"{estimate.word.capitalize()}, {number}" if estimate.word else number


def interval(definition: Definition, estimate: Estimate) -> str:
    """The interval and what the value rests on; or why there is no value. Empty where neither is known."""
    if estimate.value is None:
        return f"No number is shown: {estimate.reason}." if estimate.reason else ""
    parts = []
    if estimate.weeks is not None:
        parts.append(f"over {estimate.weeks} weeks")
    if estimate.range_low is not None and estimate.range_high is not None and not estimate.bound:
        parts.append(f"rounding range {_edge(estimate.range_low)} to {_edge(estimate.range_high)}")
    if estimate.low is not None and estimate.high is not None:
        parts.append(f"95\u00a0% interval {_number(definition, estimate.low)} to {_number(definition, estimate.high)}")
    elif estimate.low is not None:
        parts.append(f"at least {_number(definition, estimate.low)}")
    if estimate.denominator is not None:
        grouped = COUNTS[definition.counts].grouped
        number = people(estimate.denominator) if grouped else f"{estimate.denominator:,}"
        parts.append(f"from {number} {counted(definition)}")
    if estimate.range_low is None and estimate.step is not None and COARSE <= estimate.step < 1:
        parts.append(f"in steps of {percent(estimate.step)}")
    if estimate.inferred:
        share = "all" if estimate.inferred == 1 else f"about {percent(estimate.inferred)} of them"
        parts.append(f"{share} inferred from silence, because the platform has no threads")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""


def frequency(definition: Definition, estimate: Estimate) -> str:
    """A value as it is spoken: a share as `9 in 10`, everything else as it is written. The value must be there."""
    number = estimate.value or 0.0
    if KINDS[definition.kind].written != "percent":
        return short_value(definition, estimate)
    tenths = round(number * TEN, 6)
    if estimate.bound == "over":
        return f"more than {math.floor(tenths)} in 10"
    if estimate.bound == "under":
        return f"fewer than {math.ceil(tenths)} in 10"
    if number in (0.0, 1.0):
        return "all" if number else "no"
    if number in QUARTERS:
        return QUARTERS[number]
    nearest = math.floor(tenths + 0.5)
    if not 1 <= nearest < TEN:
        return "almost all" if nearest else "almost no"
    return f"{nearest} in 10"


def short_value(definition: Definition, estimate: Estimate) -> str:
    """A value in a cell of a table."""
    if estimate.value is None:
        return estimate.word.capitalize() if estimate.word else "–"
    if estimate.step == FIVE:
        return people(estimate.value)
    if estimate.bound:
        return f"{estimate.bound} {_edge(estimate.value)}"
    return _number(definition, estimate.value)


def reason(estimate: Estimate) -> str:
    """Why a value is withheld, in a few words; empty where a value or a word is shown."""
    return estimate.reason if estimate.reason and not estimate.word else ""


def corrected(definition: Definition | None, estimate: Estimate | None) -> str:
    """A value of one of two revisions; `definition` is absent for movement, which counts people."""
    if estimate is None:
        return "–"
    if definition is None:
        return f"{people(estimate.value or 0.0)} people"
    return f"{value(definition, estimate)}. {interval(definition, estimate)}".rstrip()


def missing(metric: Metric) -> str:
    """Why a metric is not measured: which data it needs that nothing shows yet, and from which source; empty for all others."""
    if metric.measurement != "not measured":
        return ""
    definition = metric.definition
    needs = "; ".join(f"{need.data}, from {need.sources}" for need in definition.needs if not need.connected)
    least = f"At least: {definition.minimum}." if definition.minimum not in (None, "none") else ""
    if needs:
        return f"It needs {needs}. {least}".rstrip()
    return (
        definition.sentences.absent or f"Its data are there; in this window there was too little to measure. {least}".rstrip()
    )


def axis(definition: Definition) -> Axis:
    """The upright axis of a metric's chart."""
    match KINDS[definition.kind].axis:
        case "share":
            return Axis(f"% of {counted(definition)}", lambda v: f"{v * 100:.0f}", top=1.0, step=0.25)
        case "points":
            return Axis("points", lambda v: _signed(v) if abs(v) > TINY else "0")
        case "hours":
            return Axis("hours")
        case "days":
            return Axis("days")
        case "people":
            return Axis("people", fives=True)
        case "counted":
            return Axis(counted(definition), fives=COUNTS[definition.counts].grouped)


def _value(definition: Definition, estimate: Estimate, value: float) -> str:
    if estimate.step == FIVE:
        return f"{people(value)} {counted(definition)}"
    if estimate.bound:
        return f"{estimate.bound} {_edge(value)}"
    if estimate.step is not None and estimate.step >= COARSE and definition.kind == "share":
        return f"about {percent(value)}"
    return _number(definition, value)


def _number(definition: Definition, value: float) -> str:
    match KINDS[definition.kind].written:
        case "percent":
            return percent(value)
        case "points":
            return f"{_signed(value)} points" if value else "0 points"
        case "hours":
            return f"{value * MINUTES:.0f} minutes" if value < 1 else f"{value:g} hours"
        case "days":
            return f"{value:g} days"
        case "number":
            return f"{value:g}"


def _edge(share: float) -> str:
    """An end of a rounding range, which may lie between two per cents."""
    return f"{share * 100:g}\u00a0%"


def _signed(share: float) -> str:
    return f"{share * 100:+.0f}".replace("-", "−")
