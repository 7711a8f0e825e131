"""Reporting: the page of a community and a period, from what is published; and which pages are due."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from dagster_project.settings import Settings
from events.errors import GuildhallError
from events.files import write_atomic
from warehouse import publish
from warehouse.report.period import Period, period_of
from warehouse.report.read import report_data
from warehouse.report.renderers.html import render

CATCH_UP = 12
"""Periods back from now that are made up for where they are missing."""
PAGE = "index.html"
GRACE = timedelta(days=7)
"""How long after an evaluation late events may still come: a report on it waits, for what was issued stays as it is."""


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A report that should be there and is not."""

    community: str
    period: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation of a community: when it was (naive UTC), and its beat."""

    window_end: datetime
    beat_days: int


def report_path(settings: Settings, community: str, period: str) -> Path:
    """Where a report lies: var/reports/<community>/<period>/index.html."""
    return settings.paths.reports / community / period / PAGE


def make_report(settings: Settings, community: str, period: str, now: datetime) -> Path:
    """Write the page of a community and a period (`2026-10`, `2026-Q3`) from the published file, whole or not at all.

    The same published rows give the same bytes. Raises GuildhallError where the community or the period is unknown or has not
    begun, where nothing was evaluated in it, or where nothing was published yet.
    """
    span = period_of(period)
    if span.first > now.astimezone(UTC).date():
        raise GuildhallError(f"{span.title} has not begun.", "A report covers what happened.", "Name a period that has begun.")
    con = publish.open_published(publish.current(settings.paths.published))
    try:
        page = render(report_data(con, community, span))
    finally:
        con.close()
    path = report_path(settings, community, period)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, page)
    return path


def due_reports(settings: Settings, now: datetime) -> list[Due]:
    """Every report that its rule asks for, that something was evaluated for, and that is not there; oldest first.

    What is there is the memory: a report that exists is never made a second time, one that a killed run left out is made by the
    next. Nothing is due before something is published that was built after the period ended and its last evaluation's grace.
    """
    try:
        path = publish.current(settings.paths.published)
        con = publish.open_published(path)
    except GuildhallError:
        return []
    try:
        rows = con.execute("select community, window_end, beat_days from core.windows").fetchall()
    finally:
        con.close()
    seen: dict[str, list[Evaluation]] = {}
    for community, window_end, beat_days in rows:
        seen.setdefault(community, []).append(Evaluation(window_end, beat_days))
    published_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    rules = {slug: community.report.every for slug, community in settings.community.items()}
    wanted = wanted_reports(rules, seen, min(now, published_at))
    return [due for due in wanted if not report_path(settings, due.community, due.period).exists()]


def wanted_reports(rules: Mapping[str, str], seen: Mapping[str, Sequence[Evaluation]], now: datetime) -> list[Due]:
    """The reports of ended periods, at most `CATCH_UP` each, in which something was evaluated and closed; oldest first."""
    return [
        Due(community, period.name)
        for community, every in sorted(rules.items())
        for period in sorted(ended_periods(every, now.astimezone(UTC).date()), key=lambda period: period.first)
        if evaluated(seen.get(community, ()), period) and closed(seen.get(community, ()), period, now)
    ]


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
    """Whether there is something to report on a period: as `report_data` decides it."""
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
