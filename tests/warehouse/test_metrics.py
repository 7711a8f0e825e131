"""Metrics: every metric's sentences, from the YAML beside this file; a metric without them is a red test that says what to do."""

import math
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
import yaml

from warehouse.build.build import make, open_scratch
from warehouse.build.catalog import catalog, metrics
from warehouse.build.model import Model
from warehouse.db import open_memory

SENTENCES = Path(__file__).parent / "metrics"
METRICS = {model.name: model for model in metrics(catalog())}


def cases() -> Iterator[pytest.param]:
    for path in sorted(SENTENCES.glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for case in content["cases"]:
            yield pytest.param(path.stem, content.get("defaults", {}), case, id=f"{path.stem}: {case['it']}")


@pytest.fixture(scope="module")
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every table of the catalog, empty, with its real columns."""
    con = open_memory()
    open_scratch(con, [], datetime(2024, 3, 25), None)  # noqa: DTZ001 - the warehouse speaks naive UTC
    for model in catalog():
        make(con, model)
    yield con
    con.close()


def test_every_metric_has_its_sentences():
    lacking = sorted(set(METRICS) - {path.stem for path in SENTENCES.glob("*.yaml")})
    assert not lacking, f"write tests/warehouse/metrics/<name>.yaml, sentences with rows in and rows out, for: {lacking}"


def test_every_file_of_sentences_has_its_metric():
    strange = sorted({path.stem for path in SENTENCES.glob("*.yaml")} - set(METRICS))
    assert not strange, f"no warehouse/models/metrics/<name>.sql or .py with an id for: {strange}"


@pytest.mark.parametrize(("name", "defaults", "case"), list(cases()))
def test_a_metric_holds_its_sentence(tables, name, defaults, case):
    model = METRICS[name]
    above = ancestors(model)
    given = set(case["given"])
    between = [m for m in catalog() if m.table in above - given and ancestors(m) & given]
    communities = {
        c for t, rows in case["given"].items() for row in rows if (c := (defaults.get(t, {}) | row).get("community"))
    }
    fill_parameters(tables, communities)
    try:
        for table, rows in case["given"].items():
            assert table in above or table == "building", f"{name} is not made of {table}, but of {sorted(above)}"
            for row in rows:
                insert(tables, table, {**defaults.get(table, {}), **row})
        for made in between:
            remake(tables, made)
        got = rows_of(tables, model)
    finally:
        for table in case["given"]:  # not a rollback: one transaction writes to one file, and these are two
            tables.execute(f"delete from {place(table)}")
        for made in between:
            if made.header.materialized != "view":
                tables.execute(f"delete from {place(made.table)}")
    expected = case["expect"]
    assert len(got) == len(expected), f"{len(got)} rows, {len(expected)} expected: {got}"
    for want in expected:
        assert any(agrees(row, want) for row in got), f"no row agrees with {want} among {got}"


def fill_parameters(con: duckdb.DuckDBPyConnection, communities: set[str]) -> None:
    """Give these communities the thresholds that every community has."""
    model = next(model for model in catalog() if model.table == "core.parameters")
    con.execute("delete from scratch.core.parameters")
    building = f"with building as (select unnest({sorted(communities)}::varchar[]) as community)"
    con.execute(f"insert into scratch.core.parameters {building} {model.code}")


def ancestors(model: Model) -> set[str]:
    """Every table that the model is made of, directly or through others."""
    by_table = {m.table: m for m in catalog()}
    above = set(model.header.reads)
    return above.union(*(ancestors(by_table[table]) for table in above if table in by_table))


def remake(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Make a table of what its sources hold now."""
    con.execute(f"drop {'view' if model.header.materialized == 'view' else 'table'} scratch.{model.table}")
    make(con, model)


def insert(con: duckdb.DuckDBPyConnection, table: str, row: dict) -> None:
    """Insert a row by name; `repeat: n` inserts it n times."""
    times = row.pop("repeat", 1)
    columns = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" for _ in row)
    for _ in range(times):
        con.execute(f"insert into {place(table)} ({columns}) values ({marks})", list(row.values()))


def place(table: str) -> str:
    """Where a table lies: what has landed, what is being built, or a table made of these."""
    if table.startswith("landing."):
        return table.replace("landing.", "landing.main.")
    return f"scratch.main.{table}" if table == "building" else f"scratch.{table}"


def rows_of(con: duckdb.DuckDBPyConnection, model: Model) -> list[dict]:
    remake(con, model)
    result = con.execute(f"from {model.table}")
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def agrees(row: dict, want: dict) -> bool:
    return all(same(row[name], value) for name, value in want.items())


def same(seen: object, wanted: object) -> bool:
    if isinstance(wanted, datetime) or (isinstance(wanted, date) and isinstance(seen, datetime)):
        return str(seen)[:19] == str(wanted if isinstance(wanted, datetime) else f"{wanted} 00:00:00")[:19]
    if isinstance(wanted, float) and isinstance(seen, (int, float)):
        return math.isclose(seen, wanted, abs_tol=5e-4)
    return seen == wanted
