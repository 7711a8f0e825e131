"""Read: report data from `reports.*`, the registry and the build of a published file, and from nothing else."""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import duckdb

from events.errors import GuildhallError
from warehouse import db
from warehouse.build.catalog import catalog, metrics
from warehouse.build.model import Model
from warehouse.build.vocabulary import CHAPTERS, NEEDS
from warehouse.report.data import (
    LEVELS,
    Build,
    Chapter,
    Coverage,
    Definition,
    Estimate,
    Metric,
    Move,
    Need,
    ReportData,
    Sentences,
    Series,
    Window,
    measurement_of,
)
from warehouse.report.period import Period
from warehouse.report.scorecard import chapter_states, comparisons

HISTORY = timedelta(weeks=104)
LEVELS_TABLE = "metrics.level_distribution"
NOT_MEASURED = "not measured"
"""What `reports.estimates.withheld` holds where there is no value to withhold."""
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
JOINERS = "\u200c\u200d"

_WINDOW = """
    select window_start, window_end, beat_days from core.windows
    where community = ? and window_end <= ? order by window_end desc limit 1
"""
_ESTIMATES = """
    select window_end, metric, part, value, range_low, range_high, low, high, denominator, bound, word, inferred,
        weeks, withheld, step, rounding
    from reports.estimates where community = ? and window_end <= ? and window_end > ? order by metric, part, window_end
"""
_EVIDENCE = "select needs from core.evidence where community = ? and window_end = ?"
_COVERAGE = """
    select as_of, sources, sources_seen, coverage_share, late_share, first_at, last_at
    from reports.confidence where community = ?
"""
_MOVEMENT = """
    select from_level, to_level, members from reports.flow where community = ? and window_end = ? order by 1, 2
"""
_BUILD = """
    select build as number, published_at, as_of, version, models from meta.builds order by build desc limit 1
"""


def report_data(con: duckdb.DuckDBPyConnection, community: str, period: Period) -> ReportData:
    """Read a report. Raises GuildhallError where the community is unknown or nothing was evaluated in the period."""
    about = _rows(con, "select title, time_zone from core.communities where community = ?", [community])
    if not about:
        known = ", ".join(row["community"] for row in _rows(con, "select community from core.communities order by 1", []))
        raise GuildhallError(
            f"There is no community `{community}`.", f"The published file has: {known or 'none'}.", "Name one of them."
        )
    window = _window(con, community, period)
    end = window.end.replace(tzinfo=None)
    values: dict[str, dict[str, list[Estimate]]] = defaultdict(lambda: defaultdict(list))
    for row in _rows(con, _ESTIMATES, [community, end, end - HISTORY]):
        values[row["metric"]][row["part"]].append(_estimate(row))
    coverage = _rows(con, _COVERAGE, [community])
    seen = frozenset(need for row in _rows(con, _EVIDENCE, [community, end]) for need in row["needs"])
    shown = [model for model in metrics(catalog()) if "window_end" in model.header.grain]
    measured = tuple(_metric(m, values[str(m.header.id)], window, seen) for m in shown if m.table != LEVELS_TABLE)
    compared = comparisons(measured)
    return ReportData(
        community=community,
        title=plain(about[0]["title"]) or plain(community),
        time_zone=about[0]["time_zone"],
        period=period,
        window=window,
        build=Build(**_rows(con, _BUILD, [])[0]),
        coverage=Coverage(**coverage[0]) if coverage else None,
        chapters=tuple(Chapter(name=name, title=c.title, question=c.question) for name, c in CHAPTERS.items()),
        levels=next(_levels(m, values[str(m.header.id)], window, seen) for m in shown if m.table == LEVELS_TABLE),
        movement=tuple(Move(**row) for row in _rows(con, _MOVEMENT, [community, end])),
        metrics=measured,
        comparisons=compared,
        states=chapter_states(tuple(CHAPTERS), measured, compared),
    )


def plain(text: str | None) -> str:
    """A text without control characters, and without those that turn the direction of what follows."""
    visible = (c if c in JOINERS or unicodedata.category(c) not in INVISIBLE else " " for c in text or "")
    return " ".join("".join(visible).split())


def definition_of(model: Model, seen: Collection[str] = ()) -> Definition:
    """A metric's definition from its model; `seen`: kinds of data that had been seen. Raises ValueError for no metric."""
    header = model.header
    if header.measure is None:
        raise ValueError(f"{model.table} is no metric")
    texts = ("id", "title", "version", "chapter", "summary", "reading", "unit", "direction", "minimum", "reference", "caveats")
    return Definition(
        table=model.table,
        kind=header.measure.kind,
        counts=header.measure.counts,
        sentences=Sentences.model_validate(header.sentences, from_attributes=True),
        needs=tuple(Need(data=need, sources=NEEDS[need], connected=need in seen) for need in header.needs),
        **{name: getattr(header, name) for name in texts},
    )


def _window(con: duckdb.DuckDBPyConnection, community: str, period: Period) -> Window:
    """The last evaluation at or before the period's end. Raises GuildhallError where none of its beats touches the period."""
    found = _rows(con, _WINDOW, [community, datetime.combine(period.after, time.min)])
    first = datetime.combine(period.first, time.min, UTC)
    if not found or found[0]["window_end"] + timedelta(days=found[0]["beat_days"]) <= first:
        raise GuildhallError(
            f"There is nothing to report on {period.title}.",
            f"`{community}` has no evaluation in it.",
            "Name a period within its history (`guildhall levels` shows the last evaluation).",
        )
    return Window(start=found[0]["window_start"], end=found[0]["window_end"], beat_days=found[0]["beat_days"])


def _metric(model: Model, parts: Mapping[str, Sequence[Estimate]], window: Window, seen: Collection[str] = ()) -> Metric:
    """A metric; parts are numbered, because their names are what people called a meeting or a channel.

    A part without a value in all the report's history, such as a meeting series that ended years ago, is left out.
    """
    living = {part: found for part, found in parts.items() if any(e.measurement != NOT_MEASURED for e in found)}
    parts = living or dict(list(parts.items())[:1])
    numbered = len(parts) > 1
    names = {f"Series {number}" if numbered else "": part for number, part in enumerate(sorted(parts), 1)}
    return _with_series(model, tuple(_series(name, parts[part], window) for name, part in names.items()), seen)


def _levels(model: Model, parts: Mapping[str, Sequence[Estimate]], window: Window, seen: Collection[str]) -> Metric:
    return _with_series(model, tuple(_series(level, parts[level], window) for level in LEVELS if level in parts), seen)


def _with_series(model: Model, series: tuple[Series, ...], seen: Collection[str]) -> Metric:
    state = measurement_of(tuple(one.now for one in series if one.now))
    return Metric(definition=definition_of(model, seen), measurement=state, series=series)


def _series(part: str, estimates: Sequence[Estimate], window: Window) -> Series:
    last = estimates[-1] if estimates and estimates[-1].at == window.end else None
    return Series(part=part, now=last, before=tuple(estimates[:-1] if last else estimates))


def _estimate(row: Mapping[str, Any]) -> Estimate:
    reason = row["withheld"]
    numbers = (
        "value",
        "range_low",
        "range_high",
        "low",
        "high",
        "denominator",
        "bound",
        "step",
        "rounding",
        "word",
        "inferred",
        "weeks",
    )
    return Estimate(
        at=row["window_end"],
        measurement="shown" if reason is None else "not measured" if reason == NOT_MEASURED else "withheld",
        reason=None if reason == NOT_MEASURED else reason,
        **{name: row[name] for name in numbers},
    )


def _rows(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object]) -> list[dict[str, Any]]:
    """Rows by name of column, with aware timestamps: DuckDB's are naive UTC."""
    return [{name: _aware(value) for name, value in row.items()} for row in db.rows(con, query, values)]


def _aware(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
