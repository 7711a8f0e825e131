"""Due: which reports the rules of the settings ask for, and which of them the ledger does not have."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from dagster_project.delivery.ledger import FOLDER, RECIPIENT, Ledger
from dagster_project.settings import Settings
from events.errors import GuildhallError
from warehouse import publish
from warehouse.report.period import Period, period_of

CATCH_UP = 12
"""Periods back from now whose reports are made up for where they are missing."""
FORMATS = ("html",)
"""The formats in which a due report is issued."""
GRACE = timedelta(days=7)
"""How long after an evaluation late events may still come: a report waits for it, because an issued report does not change."""


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A report that should have been issued and has not been."""

    community: str
    period: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation of a community: the end of its window (naive UTC), and the beat in days."""

    window_end: datetime
    beat_days: int


@contextmanager
def published(settings: Settings, now: datetime) -> Iterator[tuple[Any, datetime]]:
    """The current published file, open to read, and until when it can know anything: its own time, at most `now` (aware).

    Raises GuildhallError where nothing is published.
    """
    path = publish.current(settings.paths.published)
    con = publish.open_published(path)
    try:
        yield con, min(now, datetime.fromtimestamp(path.stat().st_mtime, UTC))
    finally:
        con.close()


def due_reports(settings: Settings, now: datetime, formats: Sequence[str] = FORMATS) -> list[Due]:
    """The reports that a rule asks for and the ledger does not have in all formats; oldest first by community.

    Nothing is due before a file is published that was built after the period ended and the grace of its evaluations was over.
    """
    try:
        with published(settings, now) as (con, moment):
            evaluations = evaluations_of(con)
    except GuildhallError:
        return []
    rules = {slug: community.report.every for slug, community in settings.community.items()}
    wanted = wanted_reports(rules, evaluations, moment)
    if not wanted:
        return []
    with Ledger(settings.paths.ledger) as ledger:
        there = {(row.community, row.period, row.format) for row in ledger.issued() if row[3:5] == (FOLDER, RECIPIENT)}
    return [due for due in wanted if any((due.community, due.period, form) not in there for form in formats)]


def evaluations_of(con: Any) -> dict[str, list[Evaluation]]:
    """Every evaluation in a published file, by community."""
    found: dict[str, list[Evaluation]] = {}
    for community, window_end, beat_days in con.execute("select community, window_end, beat_days from core.windows").fetchall():
        found.setdefault(community, []).append(Evaluation(window_end, beat_days))
    return found


def wanted_reports(rules: Mapping[str, str], seen: Mapping[str, Sequence[Evaluation]], now: datetime) -> list[Due]:
    """The reports of ended periods that have a closed evaluation, at most `CATCH_UP` per community, oldest first."""
    return [
        Due(community, period.name)
        for community, every in sorted(rules.items())
        for period in sorted(ended_periods(every, now.astimezone(UTC).date()), key=lambda period: period.first)
        if is_final(seen.get(community, ()), period, now)
    ]


def is_final(evaluations: Sequence[Evaluation], period: Period, now: datetime) -> bool:
    """Whether the report on a period can be issued: the period is over, has an evaluation, and no late event is expected."""
    over = period.after <= now.astimezone(UTC).date()
    return over and evaluated(evaluations, period) and closed(evaluations, period, now)


def ended_periods(every: str, today: date) -> Iterator[Period]:
    """The last `CATCH_UP` months or quarters that ended before or on this day's beginning, newest first."""
    first = today.replace(day=1)
    if every == "quarter":
        first = first.replace(month=(first.month - 1) // 3 * 3 + 1)
    for _ in range(CATCH_UP):
        last = first - timedelta(days=1)
        name = f"{last.year:04d}-Q{(last.month + 2) // 3}" if every == "quarter" else f"{last.year:04d}-{last.month:02d}"
        period = period_of(name)
        yield period
        first = period.first


def evaluated(evaluations: Iterable[Evaluation], period: Period) -> bool:
    """Whether there is something to report on a period; the same rule as in `report_data`."""
    first, after = (datetime.combine(day, time.min) for day in (period.first, period.after))
    ends = [one for one in evaluations if one.window_end <= after]
    if not ends:
        return False
    last = max(ends, key=lambda one: one.window_end)
    return last.window_end + timedelta(days=last.beat_days) > first


def closed(evaluations: Iterable[Evaluation], period: Period, now: datetime) -> bool:
    """Whether the grace of every evaluation that a report on a period may rest on is over; `now` is aware."""
    after, moment = datetime.combine(period.after, time.min), now.astimezone(UTC).replace(tzinfo=None)
    return all(one.window_end + GRACE <= moment for one in evaluations if one.window_end <= after)
