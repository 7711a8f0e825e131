"""A published file made by hand, for tests of what is issued from it; and a process that dies while it issues."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from dagster_project.delivery.due import due_reports
from dagster_project.delivery.issue import make_report
from dagster_project.settings import Settings
from tests.warehouse.report_world import SLUG, world
from tests.warehouse.test_withholding import MONDAY
from warehouse.build.build import make, open_scratch
from warehouse.build.catalog import catalog
from warehouse.db import open_memory
from warehouse.failpoint import VARIABLE

TABLES = (
    "core.communities",
    "core.evidence",
    "core.windows",
    "reports.estimates",
    "reports.flow",
    "reports.confidence",
    "meta.builds",
)
MONTHS = ("2023-12", "2024-01", "2024-02", "2024-03")
PUBLISHED_AT = datetime(2024, 4, 10, tzinfo=UTC)
"""The last evaluation is on 25 March 2024: March is closed from 1 April on, and a month later nothing newer is known."""


def publish_world(folder: Path) -> None:
    """Publish half a year of one community as build 7: four months have an evaluation, and are closed."""
    con = open_memory()
    open_scratch(con, [], MONDAY, None)
    for model in catalog():
        make(con, model)
    world(con)
    for table in ("core.windows", "reports.estimates", "reports.flow"):
        con.execute(f"delete from scratch.{table} where window_end < '2023-12-04'")
    _write(con, folder, 7)
    con.close()


def publish_change(folder: Path, number: int, change: str) -> None:
    """Publish the current file once more, after a change in SQL."""
    path = folder / f"guildhall-{number:06d}.duckdb"
    shutil.copyfile((folder / "current").resolve(), path)
    with duckdb.connect(str(path)) as con:
        con.execute(change)
        con.execute("update meta.builds set build = ?", [number])
    _point(folder, path)


def _write(con, folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"guildhall-{number:06d}.duckdb"
    con.execute(f"attach '{path}' as target")
    for table in TABLES:
        con.execute(f"create schema if not exists target.{table.split('.')[0]}")
        con.execute(f"create table target.{table} as from scratch.{table}")
    con.execute("detach target")
    _point(folder, path)


def _point(folder: Path, path: Path) -> None:
    os.utime(path, (PUBLISHED_AT.timestamp(), PUBLISHED_AT.timestamp()))
    pointer = folder / "current"
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(path.name)


def settings_of(home: Path) -> Settings:
    return Settings.model_validate({"home": home, "community": {SLUG: {"title": "Gardeners of the valley"}}})


def issue_and_die(home: Path, place: str, days: int) -> None:
    """Issue everything that is due, and die at a failpoint."""
    os.environ[VARIABLE] = place
    now = PUBLISHED_AT + timedelta(days=days)
    for due in due_reports(settings_of(home), now):
        make_report(settings_of(home), due.community, due.period, now)
