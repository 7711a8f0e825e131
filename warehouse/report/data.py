"""Report data: everything that one report shows, as one frozen value. Renderers read this value and nothing else.

A value that may not be shown is absent from it, so no renderer can show it by mistake. `report.v1.json` is its JSON Schema.
"""

from typing import Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from warehouse.report.period import Period

SCHEMA_VERSION: Final = 1
LEVELS = ("core", "active", "occasional", "peripheral", "transactional")
"""Levels that a report shows, in its order."""
Measurement = Literal["shown", "withheld", "not measured"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Window(_Frozen):
    """The evaluation that a report rests on: what happened from `start` until `end`, exclusive."""

    start: AwareDatetime
    end: AwareDatetime
    beat_days: int = Field(description="length of the community's beat, its usual cadence, in days")


class Build(_Frozen):
    """The published file that a report was computed from."""

    number: int
    published_at: AwareDatetime
    as_of: AwareDatetime | None = Field(default=None, description="what happened before this moment is counted")
    version: str = Field(description="version of Guildhall")
    models: str = Field(description="fingerprint of the definitions of all tables")


class Coverage(_Frozen):
    """What the sources delivered, as of the build."""

    as_of: AwareDatetime
    sources: int = Field(description="sources that the community expects records from")
    sources_seen: int = Field(description="of them, those last seen within their allowed gap")
    coverage_share: float | None = Field(default=None, description="sources_seen ÷ sources")
    late_share: float | None = Field(
        default=None, description="share of the last 28 days' interactions that landed more than a day late"
    )
    first_at: AwareDatetime | None = Field(default=None, description="day of the oldest interaction")
    last_at: AwareDatetime | None = Field(default=None, description="day of the newest interaction")


class Need(_Frozen):
    """Data that a metric needs, and which sources provide it."""

    data: str
    sources: str
    connected: bool = Field(default=False, description="whether such data had been seen by the report's evaluation")


class Chapter(_Frozen):
    """A group of metrics that answer one question; a report lists also the chapters that have no metric yet."""

    name: str
    title: str
    question: str


class Sentences(_Frozen):
    """What the report writes about a metric that moved."""

    up: str
    down: str
    phrase: str = Field(description="the value in a sentence; `{value}` stands for it")
    ask: str = Field(description="a question that opens a conversation with the facilitator")
    absent: str | None = Field(default=None, description="why there is no value although its data are there")


class Definition(_Frozen):
    """What a metric means: the header of its model, as of the build."""

    id: str
    title: str
    version: int
    table: str = Field(description="layer and name of the table in the published file")
    chapter: str = Field(description="name of one of the report's chapters")
    summary: str
    reading: str = Field(description="how a sponsor reads it")
    unit: str
    direction: str
    kind: str = Field(description="kind of measure: share, people, hours, ...")
    counts: str = Field(description="what the denominator counts")
    needs: tuple[Need, ...]
    minimum: str | None = Field(default=None, description="smallest amount of data from which a value is shown")
    reference: str
    sentences: Sentences
    caveats: tuple[str, ...]


class Estimate(_Frozen):
    """One value at one evaluation, as it may be shown."""

    at: AwareDatetime = Field(description="the evaluation: end of its window, exclusive")
    measurement: Measurement
    value: float | None = Field(
        default=None, description="a number of people, threads or pairs: the lower end of its group of five"
    )
    range_low: float | None = Field(default=None, description="rounding range of a share: the lowest value that is shown so")
    range_high: float | None = Field(default=None, description="the highest value that is shown so")
    low: float | None = Field(default=None, description="lower end of the 95 % interval")
    high: float | None = Field(default=None, description="upper end of the 95 % interval")
    denominator: int | None = Field(default=None, description="people, threads and pairs: the lower end of their group of five")
    bound: Literal["under", "over"] | None = Field(default=None, description="the value is known only to be under or over this")
    step: float | None = Field(default=None, description="distance between two values that can be shown")
    rounding: str | None = Field(default=None, description="the same as a phrase")
    inferred: float | None = Field(
        default=None, description="about which share of the threads behind it is inferred from silence, in steps of 10 %"
    )
    weeks: int | None = Field(default=None, description="weeks before the evaluation that the value covers")
    word: str | None = Field(default=None, description="a word that stands for the value, also where the value is withheld")
    reason: str | None = Field(default=None, description="why the value is withheld")

    @model_validator(mode="after")
    def _absent(self) -> Self:
        numbers = (
            self.inferred,
            self.value,
            self.range_low,
            self.range_high,
            self.low,
            self.high,
            self.denominator,
            self.bound,
            self.step,
        )
        if self.measurement == "shown" and self.value is None:
            raise ValueError("a shown estimate has no value")
        if self.measurement != "shown" and any(number is not None for number in numbers):
            raise ValueError("an estimate that is not shown carries a number")
        return self


class Series(_Frozen):
    """The values of a metric, or of one part of it, over time."""

    part: str = Field(description="level, or `Series 1` and so on: names that people gave are left out; empty: one part only")
    now: Estimate | None = Field(default=None, description="the value at the report's evaluation; absent: no row")
    before: tuple[Estimate, ...] = Field(default=(), description="the evaluations of two years before, oldest first")

    @property
    def points(self) -> tuple[Estimate, ...]:
        """All values, oldest first."""
        return (*self.before, self.now) if self.now else self.before


class Metric(_Frozen):
    """A metric: its definition, whether this report has a value, and the values."""

    definition: Definition
    measurement: Measurement = Field(description="of the report's evaluation: shown where at least one part is shown")
    series: tuple[Series, ...] = ()


State = Literal["better", "worse", "changed", "watch", "steady", "can't tell", "not shown", "not measured"]


class Comparison(_Frozen):
    """A value against the community's own past: earlier windows that share no week with it or with one another."""

    metric: str = Field(description="id of the metric")
    part: str = ""
    state: State = Field(description="watch: it moved in this window only; can't tell: the data decide neither way")
    move: Literal["up", "down"] | None = None
    toward: Literal["better", "worse", "changed"] | None = Field(default=None, description="what the move is, by the direction")
    sure: Literal["sure", "likely"] | None = Field(
        default=None, description="sure: the 95 % intervals of both values do not touch; likely: a move all the same"
    )
    size: float | None = Field(default=None, description="the difference in units of the minimum meaningful change")
    windows: int = Field(default=0, description="earlier windows that it was compared with, at most eight")
    back: bool = Field(default=False, description="the window before had moved, and this one is where it was before")
    before: Estimate | None = Field(default=None, description="the last window before the move, or the one before this")
    now: Estimate | None = None


class ChapterState(_Frozen):
    """What the metrics of a chapter show together. A good number does not make up for a bad one; there is no total."""

    chapter: str
    state: Literal["better", "worse", "mixed", "changed", "watch", "steady", "can't tell", "not shown", "not measured"]


class Move(_Frozen):
    """People who moved from one level to another since the window before."""

    from_level: str
    to_level: str
    members: int = Field(description="the lower end of their group of five")


class Correction(_Frozen):
    """A value that differs from what the revision before this one showed; absent: there was none, or there is none now."""

    subject: str = Field(description="id of a metric, or `movement`")
    part: str
    before: Estimate | None = None
    now: Estimate | None = None


class ReportData(_Frozen):
    """One report on one community and period."""

    schema_version: Literal[1] = SCHEMA_VERSION
    community: str
    title: str
    time_zone: str
    period: Period
    revision: int = Field(
        default=0, ge=0, description="0: a draft, not issued; 1; or more after corrections of an issued report"
    )
    corrections: tuple[Correction, ...] = Field(default=(), description="what differs from the revision before")
    window: Window
    build: Build
    coverage: Coverage | None = None
    chapters: tuple[Chapter, ...] = Field(description="all chapters, in the order of a report")
    levels: Metric = Field(description="people at each level; a part is a level, in the order of a report")
    movement: tuple[Move, ...] = Field(description="groups of five or more only")
    metrics: tuple[Metric, ...] = Field(description="all others, by id")
    comparisons: tuple[Comparison, ...] = Field(default=(), description="every metric's value against the community's own past")
    states: tuple[ChapterState, ...] = Field(default=(), description="chapters that have a metric, in the order of a report")


def measurement_of(estimates: tuple[Estimate, ...]) -> Measurement:
    """The state of a metric from those of its parts: the best one."""
    states = {estimate.measurement for estimate in estimates}
    return "shown" if "shown" in states else "withheld" if "withheld" in states else "not measured"
