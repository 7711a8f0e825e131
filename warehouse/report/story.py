"""Story: what the first screen of a report says, as phrases. Every renderer for people writes these; none makes its own.

At most three changes, the largest first, one per chapter: those that lasted two windows, and those of one window whose
intervals do not touch or that are large. Everything else is a line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from warehouse.build.vocabulary import COUNTS
from warehouse.report import words
from warehouse.report.data import LEVELS, Comparison, Definition, Estimate, Metric, ReportData
from warehouse.report.scorecard import ENOUGH_WINDOWS

MOST_CHANGES = 3
LARGE = 4
"""Times the minimum meaningful change, which is 20 percentage points of a share."""
DATA = "data"
"""The chapter about the data themselves: what changes there is no news of the community."""
PEOPLE = "participation"
"""The chapter to which the levels belong."""
MOVED = ("better", "worse", "changed")
NEVER_SEEN = "Private messages, reading and listening, unless a platform reports them. Silence is not absence."
RECENT = timedelta(weeks=4)
STEADY = "Steady on all that could be measured."
PARTLY_STEADY = "Nothing moved beyond its usual range. What could not be judged is marked below."
WATCHED = "Nothing moved for sure; what to watch is marked below."
TOO_SHORT = "Nothing can be said yet about change: there is too little past to compare with."
TOO_FEW = "Nothing can be said about change: the community is too small for its numbers to be shown."
SURE = "Sure: the two intervals do not touch."
LIKELY = "Likely: more than the usual variation."
BACK = "The window between had moved; this one is within the usual range again."
HOLDS = "It holds in two windows that share no week."
ONE_WINDOW = "One window so far: the next one shows whether it lasts."
STATES = {
    "better": "better",
    "worse": "worse",
    "mixed": "better and worse",
    "changed": "changed",
    "watch": "watch",
    "steady": "steady",
    "can't tell": "can’t tell",
    "not shown": "not shown",
    "not measured": "not measured",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change: a headline, what was before and what is now, how sure that is, and what to ask."""

    metric: Metric
    comparison: Comparison
    headline: str
    sentence: str
    facts: str
    certainty: str
    ask: str


@dataclass(frozen=True, slots=True)
class Row:
    """A chapter in one line."""

    chapter: str
    title: str
    state: str
    sentence: str
    before: str
    now: str
    why: str
    values: tuple[float | None, ...]


def changes(data: ReportData) -> list[Change]:
    """What the first screen reports as changed, the largest change first."""
    by_id = {metric.definition.id: metric for metric in data.metrics}
    found: dict[str, Comparison] = {}
    for one in sorted(data.comparisons, key=lambda one: (-(one.size or 0), one.metric, one.part)):
        chapter = by_id[one.metric].definition.chapter
        clear = one.sure == "sure" or (one.size or 0) >= LARGE
        news = one.state in MOVED or one.back or (one.state == "watch" and clear)
        if news and chapter != DATA:
            found.setdefault(chapter, one)
    return [_change(by_id[one.metric], one) for one in list(found.values())[:MOST_CHANGES]]


def nothing_changed(data: ReportData) -> str:
    """The sentence where there is no change."""
    states = {one.state for one in data.states if one.chapter != DATA}
    if "watch" in states:
        return WATCHED
    if "steady" not in states:
        return TOO_SHORT if "can't tell" in states else TOO_FEW
    return STEADY if states == {"steady"} else PARTLY_STEADY


def rows(data: ReportData) -> list[Row]:
    """One line for each chapter that has a metric, in the order of a report."""
    titles = {chapter.name: chapter.title for chapter in data.chapters}
    return [_row(data, one.chapter, titles[one.chapter], one.state) for one in data.states if one.chapter != DATA]


_METHODS = (
    """Read first what changed and how sure that is, then what was not seen, and then ask people about it. A smaller
    community is not a worse one; a large periphery is normal; so is a dip in summer. A number that becomes a target
    stops being a measure.""",
    """Every number is compared with the community's own past, in windows that share no week, and never with another
    community. There is no total: a good number does not make up for a bad one. Moved means: by at least 5
    percentage points (a quarter, for counts and waits), and by more than chance explains at 95 %; with six earlier
    windows or more, also outside the range in which these usually vary. Watch is a move in one window; better,
    worse and changed hold in two. Steady means that a move would have been seen; can’t tell, that it would not.""",
    """Groups of fewer than five people are never shown, nor shares of fewer than twenty; people, threads, pairs and
    interactions are counted in groups of five, and shares are rounded so that no smaller group can be derived from
    them. Nobody can be named from this report: its numbers come from tables that contain no person.""",
)
METHODS = tuple(" ".join(text.split()) for text in _METHODS)
"""How to read the report: paragraphs, the first of which always stands open."""


def build(data: ReportData) -> str:
    """Which build and which definitions the report rests on."""
    as_of = f", as of {data.build.as_of:%-d %B %Y}" if data.build.as_of else ""
    return f"Build {data.build.number}{as_of}, Guildhall {data.build.version}, definitions {data.build.models}."


@dataclass(frozen=True, slots=True)
class Unseen:
    """What the report could not see; `careful`: a source was silent about this window."""

    careful: bool
    sentences: tuple[str, ...]


def unseen(data: ReportData) -> Unseen:
    """What was not seen. What is known of the sources is as of the build, so it is of interest only soon after the window."""
    found = [NEVER_SEEN]
    coverage = data.coverage
    careful = coverage is None
    if coverage is None:
        found.append("It is not known which sources sent records.")
    else:
        recent = coverage.as_of - data.window.end <= RECENT
        silent = coverage.sources > 0 and (coverage.coverage_share is None or coverage.coverage_share < 1)
        careful = recent and silent
        as_of = f"As of {coverage.as_of:%-d %B %Y}"
        if coverage.sources == 0:
            found.append("No source is configured to send records; all numbers come from imported histories.")
        elif careful:
            found.append(
                f"{as_of}, {coverage.sources_seen} of {coverage.sources} sources sent records in time. "
                "Records of the other sources are missing from every number."
            )
        found += _ends(data)
        if recent and coverage.sources and coverage.late_share:
            late = words.percent(coverage.late_share)
            found.append(f"{as_of}, {late} of the last four weeks' interactions had arrived more than a day late.")
    absent = [one.title for one in data.chapters if not any(m.definition.chapter == one.name for m in data.metrics)]
    if absent:
        found.append(f"{', '.join(absent)}: no metric measures these yet. Their absence does not describe the community.")
    return Unseen(careful, tuple(found))


def _ends(data: ReportData) -> list[str]:
    """Where the history begins, and where it ends if that is before the window does."""
    coverage = data.coverage
    if coverage is None or coverage.first_at is None:
        return []
    begins = f"What happened before {coverage.first_at:%-d %B %Y}, where the history begins"
    if coverage.last_at is None or coverage.last_at >= data.window.end - timedelta(weeks=1):
        return [begins + "."]
    return [f"{begins}, and after {coverage.last_at:%-d %B %Y}, where it ends."]


def state_of(data: ReportData, metric: Metric) -> str:
    """The word for a metric; of one with several parts, the one that moved, or the first."""
    found = _comparison(data, metric)
    return STATES[found.state] if found else STATES["not measured"]


def window_of(estimate: Estimate) -> str:
    """`the 13 weeks to 28 June 2026`."""
    return (
        f"the {estimate.weeks} weeks to {_last_day(estimate.at)}" if estimate.weeks else f"the time to {_last_day(estimate.at)}"
    )


def phrase(definition: Definition, estimate: Estimate) -> str:
    """A value in the metric's own words: `9 in 10 questions were answered`."""
    return definition.sentences.phrase.format(value=words.frequency(definition, estimate))


def levels_sentence(data: ReportData) -> str:
    """`A core of 20 to 24 people, 30 to 34 active`, as far as these are shown."""
    now = {one.part: one.now.value for one in data.levels.series if one.now and one.now.value is not None}
    parts = [f"a core of {words.people(now['core'])} people"] if "core" in now else []
    parts += [f"{words.people(now[level])} {level}" for level in LEVELS if level in now and level != "core"]
    return capital(", ".join(parts))


def capital(text: str) -> str:
    """The text with a capital letter."""
    return text[:1].upper() + text[1:]


def _change(metric: Metric, one: Comparison) -> Change:
    definition, before, now = metric.definition, one.before, one.now
    if before is None or now is None:
        raise ValueError(f"{one.metric}: a change has two values")
    values = f"{words.short_value(definition, before)} → {words.short_value(definition, now)}"
    then = f"In {window_of(before)}, {phrase(definition, before)}"
    return Change(
        metric=metric,
        comparison=one,
        headline=_headline(definition, one),
        sentence=f"{then}; in {window_of(now)}, {words.frequency(definition, now)}.",
        facts=", ".join(part for part in (values, _rests_on(definition, now)) if part),
        certainty=_certainty(one),
        ask=definition.sentences.ask,
    )


def _headline(definition: Definition, one: Comparison) -> str:
    if one.back:
        return f"{definition.title}: back where it was"
    return definition.sentences.up if one.move == "up" else definition.sentences.down


def _certainty(one: Comparison) -> str:
    if one.back:
        return BACK
    return f"{SURE if one.sure == 'sure' else LIKELY} {HOLDS if one.state in MOVED else ONE_WINDOW}"


def _rests_on(definition: Definition, now: Estimate) -> str:
    if now.denominator is None:
        return ""
    number = words.people(now.denominator) if COUNTS[definition.counts].grouped else f"{now.denominator:,}"
    return f"from {number} {words.counted(definition)}"


def _row(data: ReportData, chapter: str, title: str, state: str) -> Row:
    found = [(metric, _comparison(data, metric)) for metric in data.metrics if metric.definition.chapter == chapter]
    shown = [(metric, one, one.now) for metric, one in found if one and one.now and one.now.value is not None]
    if not shown:
        return Row(chapter, title, STATES[state], "", "", "", _why_nothing(found), ())
    metric, one, now = min(shown, key=lambda found: _rank(found[0], found[1]))
    definition = metric.definition
    people = levels_sentence(data) if chapter == PEOPLE else ""
    series = next(series for series in metric.series if series.part == one.part)
    return Row(
        chapter=chapter,
        title=title,
        state=STATES[state],
        sentence=capital(phrase(definition, now)) + "." + (f" {people}." if people else ""),
        before=words.short_value(definition, one.before) if one.before else "–",
        now=words.short_value(definition, now),
        why=_why_unknown(one) if state == "can't tell" else "",
        values=tuple(point.value for point in series.points),
    )


def _rank(metric: Metric, one: Comparison) -> tuple[bool, bool, str]:
    """What moved comes first, then shares, which say more than counts."""
    moved = one.state in (*MOVED, "watch")
    return not moved, metric.definition.kind != "share", metric.definition.id


def _comparison(data: ReportData, metric: Metric) -> Comparison | None:
    found = [one for one in data.comparisons if one.metric == metric.definition.id]
    return min(found, key=lambda one: (one.state not in (*MOVED, "watch"), one.part), default=None)


def _why_unknown(one: Comparison) -> str:
    if one.windows < ENOUGH_WINDOWS and (one.now is None or one.now.low is None):
        return "too little of its own past yet"
    return "too few to be sure" if one.before else "nothing before to compare with"


def _why_nothing(found: Sequence[tuple[Metric, Comparison | None]]) -> str:
    reasons = [one.now.reason for _, one in found if one and one.now and one.now.reason]
    if reasons:
        return f"Not shown: {reasons[0]}."
    return next((text for metric, _ in found if (text := words.missing(metric))), "Not measured.")


def _last_day(end: datetime) -> str:
    return f"{end - timedelta(days=1):%-d %B %Y}"
