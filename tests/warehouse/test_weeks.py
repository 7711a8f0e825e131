"""Weeks: numbers inside a build, dates in every published table, and numbers again for a model that reads a published table."""

from dataclasses import replace
from datetime import date

import pytest

from tests.warehouse.landing_rows import act, build_tables, land, models_of, moment, rows
from warehouse.build import meta
from warehouse.build.build import build, check_published
from warehouse.build.catalog import catalog
from warehouse.build.model import Check
from warehouse.build.weeks import is_week
from warehouse.db import open_memory
from warehouse.publish import open_published


@pytest.fixture
def con():
    con = open_memory()
    land(con, *(act(actor, f"2024-01-0{day} 09:00", "post") for actor in ("ana", "ben", "cleo") for day in (3, 9)))
    yield con
    con.close()


@pytest.mark.parametrize(
    ("column", "holds_weeks"), [("week", True), ("from_week", True), ("window_weeks", False), ("answered_week_threads", False)]
)
def test_a_columns_name_says_whether_it_holds_weeks(column, holds_weeks):
    assert is_week(column) is holds_weeks


def test_every_week_is_a_monday_in_every_table(con):
    layers = ("core", "levels")
    build_tables(con, "2024-02-01", layers=layers)
    found = con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() where database_name = 'warehouse'"
    ).fetchall()
    weeks = [(table, column) for table, column, _ in found if is_week(column)]
    assert len(weeks) >= 15
    assert {kind for _, column, kind in found if is_week(column)} == {"DATE"}
    for table, column in weeks:
        other_days = con.execute(f"select count(*) from warehouse.{table} where isodow({column}) <> 1").fetchone()
        assert other_days == (0,), f"{table}.{column}"
    described = {(m.table, column): text for m in catalog() for column, text in m.header.columns.items() if m.header.published}
    assert [where for where in weeks if "number of" in described[where]] == []


def test_the_week_of_an_event_is_the_monday_before_it(con):
    build_tables(con, "2024-02-01")
    assert {row["week"] for row in rows(con, "core.interactions")} == {date(2024, 1, 1), date(2024, 1, 8)}


def test_a_table_built_from_published_ones_is_the_same_as_in_a_whole_build(con):
    models = models_of("core")
    build_tables(con, "2024-02-01")
    table = "core.windows"  # reads core.weeks and core.member_weeks, which have weeks, and subtracts them
    before = rows(con, table)
    con.execute(f"delete from warehouse.{table}")
    build(con, models, ("c",), {"c": moment("2024-02-01")}, tables=[table])
    assert rows(con, table) == before != []


def test_a_check_counts_weeks_by_number_in_a_build_and_in_a_published_file(con, tmp_path):
    says_number = Check(
        name="weeks_in_a_row", rule="Numbers.", sql="select week // 1 from {table} join core.tempo using (week)"
    )
    models = [
        m if m.name != "windows" else replace(m, header=m.header.model_copy(update={"checks": (says_number,)}))
        for m in models_of("core")
    ]
    meta.prepare(con)
    built = build(con, models, ("c",), moment("2024-02-01"))
    con.execute("insert into warehouse.meta.built values ('c', 0, '2024-01-29', '2024-02-01', '')")
    con.execute(f"attach '{tmp_path / 'published.duckdb'}' as published")
    con.execute("copy from database warehouse to published")
    con.execute("detach published")
    published = open_published(tmp_path / "published.duckdb")
    [in_build], [in_file] = (
        [check.failures for check in checks if check.name == "weeks_in_a_row"]
        for checks in (built.checks, check_published(published, models))
    )
    assert in_build == in_file > 0
    assert published.execute("select typeof(week) from core.windows limit 1").fetchone() == ("DATE",)
