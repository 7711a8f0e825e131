"""Build: the three steps of a refresh, `land`, `build`, `publish`, each alone; `refresh` runs all three."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.common import RED, AsJson, counted, note, progress, show, show_json, state
from events.errors import GuildhallError

if TYPE_CHECKING:
    from dagster_project.settings import Settings
    from warehouse.build.build import Built
    from warehouse.landing.batch import Landed
    from warehouse.warehouse import Warehouse

GROUP = "Build and publish"
SLOW_SECONDS = 1.0
"""A table that takes longer is named while building."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (refresh, land, build, publish):
        app.command(rich_help_panel=GROUP)(command)


def refresh(
    full: Annotated[bool, typer.Option("--full", help="Build all tables of all communities, not only what changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Land, build and publish once.

    Use it after an import. While `guildhall up` runs you do not need it: the refresher does the same continuously.

    Example: `guildhall refresh`
    """
    settings = state.settings()
    with _warehouse_with_kafka(settings) as warehouse:
        results = refresh_once(settings, warehouse, full=full)
    if as_json:
        show_json({**results, "published": results["published"]["file"]})
        return
    for step, result in results.items():
        show_step(step, result)


def refresh_once(settings: Settings, warehouse: Warehouse, *, full: bool = False) -> dict[str, dict[str, object]]:
    """Land, build, publish; the result of each step by its name."""
    from dagster_project.assembly import sources_of
    from warehouse.warehouse import Progress

    with progress("Landing") as show_done:
        hooks = Progress(
            landing=_counted(show_done), table=_slow_table, built=lambda built: _note_failed_checks(warehouse, built)
        )
        done = warehouse.refresh(
            sources_of(settings), lambda: datetime.now(UTC), full=full, publish_unchanged=True, progress=hooks
        )
    return {"landed": _landed(done.landed), "built": _built(done.built), "published": {"file": str(done.published)}}


def land(
    accept_gap: Annotated[
        bool,
        typer.Option("--accept-gap", help="Continue although Kafka has deleted records that were never landed; they are lost."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy new interactions from Kafka to landing.duckdb.

    Each interaction lands once: rows and Kafka offsets are committed together.

    Example: `guildhall land`
    """
    from warehouse.landing.land import accept_gap as accept

    with _warehouse_with_kafka(state.settings()) as warehouse:
        if accept_gap:
            accept(warehouse.con, str(warehouse.bootstrap))
        result = _land(warehouse)
    show_step("landed", result, as_json=as_json)


def build(
    full: Annotated[bool, typer.Option("--full", help="Build all tables of all communities, not only what changed.")] = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Build as if it were the start of this day (UTC).", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the tables that are out of date from what has landed.

    Example: `guildhall build --full`
    """
    from dagster_project.assembly import warehouse_of

    now = datetime.now(UTC)
    moment = datetime.combine(as_of.date(), time(), UTC) if as_of else now
    if moment > now:
        raise GuildhallError(
            f"{moment:%Y-%m-%d} is in the future.", "Tables cover what has happened.", "Name a day up to today."
        )
    settings = state.settings()
    with warehouse_of(settings) as warehouse:
        result = _build(settings, warehouse, moment, full=full)
    show_step("built", result, as_json=as_json)


def publish(as_json: AsJson = False) -> None:
    """Publish a read-only copy of the tables.

    Analysts query the published file, and reports are made from it. Whoever reads an older file is not disturbed.

    Example: `guildhall publish`
    """
    from dagster_project.assembly import warehouse_of

    with warehouse_of(state.settings()) as warehouse:
        path = warehouse.publish(datetime.now(UTC))
    show_step("published", {"file": str(path)}, as_json=as_json)


@contextmanager
def _warehouse_with_kafka(settings: Settings) -> Iterator[Warehouse]:
    from dagster_project.assembly import warehouse_of
    from dagster_project.processes.temporary import services

    refuse_while_up(settings)
    with services(settings, ("kafka",), note) as bootstrap, warehouse_of(settings, bootstrap) as warehouse:
        yield warehouse


def refuse_while_up(settings: Settings) -> None:
    """Refuse a refresh while the refresher of `guildhall up` has the files. Raises GuildhallError."""
    from dagster_project.processes.temporary import run_state_of

    run_state = run_state_of(settings)
    if run_state and run_state.runs("refresher"):
        raise GuildhallError(
            "`guildhall up` has the warehouse open.",
            "Its refresher lands, builds and publishes new events by itself, within a minute.",
            "Wait for it: `guildhall status` shows how far it is. To build by hand, stop `guildhall up` first.",
        )


def _land(warehouse: Warehouse) -> dict[str, object]:
    with progress("Landing") as show_done:
        return _landed(warehouse.land(datetime.now(UTC), progress=_counted(show_done)))


def _counted(show_done: Callable[[int], None]) -> Callable[[str, int], None]:
    """Add up the records landed by topic, and show their number."""
    records = Counter[str]()

    def landed_so_far(topic: str, count: int) -> None:
        records[topic] = count
        show_done(records.total())

    return landed_so_far


def _landed(landed: Landed) -> dict[str, object]:
    return {
        "rows": landed.rows,
        "duplicates": landed.duplicates,
        "outcomes": sum(landed.outcomes.values()),
        "seconds": round(landed.seconds, 1),
    }


def _build(settings: Settings, warehouse: Warehouse, moment: datetime, *, full: bool) -> dict[str, object]:
    from dagster_project.assembly import sources_of

    warehouse.sync_settings(sources_of(settings), datetime.now(UTC))
    built = warehouse.build(moment, full=full, progress=_slow_table)
    _note_failed_checks(warehouse, built)
    return _built(built)


def _note_failed_checks(warehouse: Warehouse, built: Sequence[Built]) -> None:
    from warehouse.build.failures import failures

    for check, sentences in failures(built, warehouse.models):
        note(f"  check      {sentences}", RED if check.severity == "error" else "")


def _built(built: Sequence[Built]) -> dict[str, object]:
    checks = [check for one in built for check in one.checks]
    failed = [check for check in checks if check.failures]
    return {
        "communities": len({slug for one in built for slug in one.communities}),
        "tables": len({table for one in built for table in one.rows}),
        "checks_passed": len(checks) - len(failed),
        "checks_failed": len(failed),
        "seconds": round(sum(sum(one.seconds.values()) for one in built), 1),
    }


def _slow_table(table: str, seconds: float) -> None:
    if seconds > SLOW_SECONDS:
        note(f"  {table}  {seconds:.2f} s")


def show_step(step: str, result: dict[str, object], *, as_json: bool = False) -> None:
    """Print the result of a step as one line, or as JSON."""
    if as_json:
        show_json(result)
        return
    parts = []
    for name, value in result.items():
        noun, _, what = name.partition("_")  # `checks_failed` is shown as `3 checks failed`
        if isinstance(value, int):
            parts.append(f"{counted(value, noun)} {what}".rstrip())
        else:
            parts.append(f"{value} s" if name == "seconds" else str(value))
    show(f"  {step:10} {', '.join(parts)}")
