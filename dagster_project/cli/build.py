"""Refreshing: `land`, `build`, `publish`, each alone; `refresh`, all three; `report`, a report from what is published."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from typing import Annotated

import typer

from dagster_project.assembly import sources_of, warehouse_of
from dagster_project.cli.common import AsJson, err, out, progress, show_json, state
from dagster_project.delivery.issue import make_report
from dagster_project.processes.temporary import services
from dagster_project.settings import Settings
from events.errors import GuildhallError
from warehouse.landing.land import accept_gap as accept
from warehouse.report.period import last_month
from warehouse.warehouse import Warehouse


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (land, build, publish, refresh, report):
        app.command()(command)


def land(
    accept_gap: Annotated[
        bool, typer.Option("--accept-gap", help="Go on behind records that Kafka no longer has, after you read why.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring what the stream worker wrote into landing.duckdb: each interaction once, rows and offsets together.

    Example: `guildhall land`
    """
    with _warehouse_with_kafka() as warehouse:
        if accept_gap:
            accept(warehouse.con, str(warehouse.bootstrap))
        said = _land(warehouse)
    _tell("landed", said, as_json=as_json)


def build(
    full: Annotated[bool, typer.Option("--full", help="Every community whole, whatever changed.")] = False,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As if it were the beginning of this day.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make every table that is out of date from what has landed.

    Example: `guildhall build --full`
    """
    now = datetime.now(UTC)
    moment = datetime.combine(as_of.date(), time(), UTC) if as_of else now
    if moment > now:
        raise GuildhallError(f"{moment:%Y-%m-%d} is yet to come.", "Tables tell what was.", "Name a day up to today.")
    settings = state.settings()
    with warehouse_of(settings) as warehouse:
        said = _build(settings, warehouse, moment, full=full)
    _tell("built", said, as_json=as_json)


def publish(as_json: AsJson = False) -> None:
    """Make a read-only copy that analysts query and reports are made from; readers of older ones are not disturbed.

    Example: `guildhall publish`
    """
    with warehouse_of(state.settings()) as warehouse:
        path = warehouse.publish(datetime.now(UTC))
    _tell("published", {"path": str(path)}, as_json=as_json)


def refresh(
    full: Annotated[bool, typer.Option("--full", help="Build every community whole.")] = False,
    as_json: AsJson = False,
) -> None:
    """Land, build and publish: one pass of what the refresher of `guildhall up` does all the time.

    Example: `guildhall refresh`
    """
    with _warehouse_with_kafka() as warehouse:
        landed = _land(warehouse)
        built = _build(state.settings(), warehouse, datetime.now(UTC), full=full)
        path = warehouse.publish(datetime.now(UTC))
    if as_json:
        show_json({"landed": landed, "built": built, "published": str(path)})
        return
    _tell("landed", landed)
    _tell("built", built)
    _tell("published", {"path": str(path)})


def report(
    community: Annotated[str, typer.Argument(help="The community, as in guildhall.toml.")],
    period: Annotated[
        str | None, typer.Option(help="2026-10 or 2026-Q3; else the last whole month.", show_default=False)
    ] = None,
    formats: Annotated[str, typer.Option("--format", help="html, json, or both: html,json.")] = "html",
    revise: Annotated[
        bool, typer.Option("--revise", help="Issue another revision where the published tables differ from the last one.")
    ] = False,
) -> None:
    """Issue the report of a community and a period, and print its files. An issued report does not change.

    Until seven days after the last evaluation of the period, the files are a draft.

    Example: `guildhall report auditors --period 2026-10`
    """
    now = datetime.now(UTC)
    name = period or last_month(now.date())
    chosen = tuple(dict.fromkeys(one.strip() for one in formats.split(",")))
    made = make_report(state.settings(), community, name, now, chosen, revise=revise)
    for path in made.files.values():
        out.print(str(path))
    if made.revision == 0:
        err.print("  A draft: late events may still come. It is issued when the period and its grace of seven days are over.")
    elif made.outdated:
        err.print(
            f"  This is revision {made.revision}; the published tables differ from it. `--revise` issues another revision."
        )


@contextmanager
def _warehouse_with_kafka() -> Iterator[Warehouse]:
    settings = state.settings()
    with services(settings, ("kafka",), err.print) as bootstrap, warehouse_of(settings, bootstrap) as warehouse:
        yield warehouse


def _land(warehouse: Warehouse) -> dict[str, object]:
    with progress("Landing") as told:
        records = Counter[str]()

        def landed_so_far(topic: str, count: int) -> None:
            records[topic] = count
            told(records.total())

        landed = warehouse.land(datetime.now(UTC), progress=landed_so_far)
    return {
        "rows": landed.rows,
        "duplicates": landed.duplicates,
        "outcomes": sum(landed.outcomes.values()),
        "seconds": round(landed.seconds, 1),
    }


def _build(settings: Settings, warehouse: Warehouse, moment: datetime, *, full: bool) -> dict[str, object]:
    warehouse.sync_settings(sources_of(settings), datetime.now(UTC))
    built = warehouse.build(moment, full=full, progress=_progress())
    checks = [check for one in built for check in one.checks]
    failed = [check for check in checks if check.failures]
    for check in failed:
        err.print(f"  check      {check.table} {check.name}: {check.failures} rows ({check.severity})")
    return {
        "communities": len({slug for one in built for slug in one.communities}),
        "tables": len({table for one in built for table in one.rows}),
        "checks_passed": len(checks) - len(failed),
        "checks_failed": len(failed),
        "seconds": round(sum(sum(one.seconds.values()) for one in built), 1),
    }


def _progress() -> Callable[[str, float], None]:
    return lambda table, seconds: err.print(f"  [dim]{table}  {seconds:.2f} s[/]") if seconds > 1.0 else None


def _tell(what: str, said: dict[str, object], *, as_json: bool = False) -> None:
    if as_json:
        show_json(said)
        return
    words = ", ".join(f"{value:,} {key}" if isinstance(value, int) else f"{key} {value}" for key, value in said.items())
    out.print(f"  {what:10} {words}")
