"""Report data: what a page is made of, read from `reports.*` and the registry of a published file, and from nothing else."""

import calendar
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from events.errors import GuildhallError
from warehouse.build.catalog import catalog, metrics
from warehouse.build.model import Model

LEVELS = ("core", "active", "occasional", "peripheral", "transactional")
HISTORY = timedelta(weeks=104)
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class Period:
    """A month or a quarter: `2026-10` or `2026-Q3`."""

    name: str
    first: date
    after: date

    @property
    def words(self) -> str:
        """October 2026."""
        if "Q" in self.name:
            return f"{self.name[5:]} {self.name[:4]}"
        return f"{calendar.month_name[self.first.month]} {self.first.year}"


def period_of(name: str) -> Period:
    """Read a period's name. Raises GuildhallError."""
    try:
        year, rest = int(name[:4]), name[5:]
        month, length = (3 * int(rest[1:]) - 2, 3) if rest.startswith("Q") else (int(rest), 1)
        first = date(year, month, 1)
        after = date(year + (month + length > 12), (month + length - 1) % 12 + 1, 1)  # noqa: PLR2004 - months of a year
        return Period(name, first, after)
    except ValueError as error:
        raise GuildhallError(
            f"`{name}` is no period.", "A period is a month or a quarter.", "Write 2026-10 or 2026-Q3."
        ) from error


def last_month(today: date) -> str:
    """The name of the last whole month before a day."""
    end = today.replace(day=1) - timedelta(days=1)
    return f"{end.year:04d}-{end.month:02d}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One value as it may be shown."""

    at: datetime
    part: str
    value: float | None
    low: float | None
    high: float | None
    denominator: int | None
    bound: str | None
    word: str | None
    withheld: str | None
    step: float | None
    rounding: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A metric with its latest values (one a part) and its history."""

    model: Model
    latest: tuple[Estimate, ...]
    history: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """People who moved from one level to another."""

    from_level: str
    to_level: str
    members: int


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything on a page."""

    community: str
    title: str
    time_zone: str
    period: Period
    evaluation: datetime
    window_start: datetime
    beat_days: int
    confidence: Mapping[str, Any]
    metrics: tuple[Shown, ...]
    moves: tuple[Move, ...]


def report_data(con: duckdb.DuckDBPyConnection, community: str, period: Period) -> ReportData:
    """Read a report's rows. Raises GuildhallError where the community is unknown or nothing was evaluated in the period."""
    about = _rows(con, "select title, time_zone from core.communities where community = ?", [community])
    if not about:
        known = ", ".join(row["community"] for row in _rows(con, "select community from core.communities order by 1", []))
        raise GuildhallError(f"There is no community `{community}`.", f"Published are: {known or 'none'}.", "Name one of them.")
    after = datetime.combine(period.after, datetime.min.time())
    windows = _rows(
        con,
        """
        select window_end, window_start, beat_days from core.windows
        where community = ? and window_end <= ? order by window_end desc limit 1
        """,
        [community, after],
    )
    first = datetime.combine(period.first, datetime.min.time())
    if not windows or windows[0]["window_end"] + timedelta(days=windows[0]["beat_days"]) <= first:
        raise GuildhallError(
            f"There is nothing to report on {period.words}.",
            f"`{community}` has no evaluation in it.",
            "Name a period within its history (`guildhall levels` shows the last evaluation).",
        )
    evaluation: datetime = windows[0]["window_end"]
    rows = _rows(
        con,
        """
        select window_end, metric, part, value, low, high, denominator, bound, word, withheld, step, rounding
        from reports.estimates where community = ? and window_end <= ? and window_end > ? order by metric, window_end, part
        """,
        [community, evaluation, evaluation - HISTORY],
    )
    confidence = _rows(con, "from reports.confidence where community = ?", [community])
    moves = _rows(
        con,
        "select from_level, to_level, members from reports.flow where community = ? and window_end = ? order by 1, 2",
        [community, evaluation],
    )
    return ReportData(
        community=community,
        title=plain(about[0]["title"]) or plain(community),
        time_zone=about[0]["time_zone"],
        period=period,
        evaluation=evaluation,
        window_start=windows[0]["window_start"],
        beat_days=windows[0]["beat_days"],
        confidence=confidence[0] if confidence else {},
        metrics=tuple(_shown(model, rows, evaluation) for model in metrics(catalog()) if "window_end" in model.header.grain),
        moves=tuple(Move(**m) for m in moves),
    )


def plain(text: str | None) -> str:
    """A text without control characters, and without those that turn the direction of what follows."""
    return " ".join("".join(c if c in JOINERS or unicodedata.category(c) not in UNSEEN else " " for c in text or "").split())


def _shown(model: Model, rows: Sequence[Mapping[str, Any]], evaluation: datetime) -> Shown:
    history = tuple(
        Estimate(
            row["window_end"],
            row["part"],
            row["value"],
            row["low"],
            row["high"],
            row["denominator"],
            row["bound"],
            row["word"],
            row["withheld"],
            row["step"],
            row["rounding"],
        )
        for row in rows
        if row["metric"] == model.header.id
    )
    return Shown(model, tuple(e for e in history if e.at == evaluation), history)


def _rows(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object]) -> list[dict[str, Any]]:
    result = con.execute(query, values)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
