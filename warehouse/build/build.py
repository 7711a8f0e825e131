"""Building: computes every table from the landing file, for some communities or all. The same input gives the same tables.

Two catalogs are attached, `landing` and `warehouse`; a third, `scratch`, is in memory. A build runs every model over the given
communities into `scratch`, in the order of the catalog. Then it replaces these communities' rows in `warehouse`, in one short
transaction. So a model is plain SQL about `core.threads` and sees only the communities that are built; a model that reads
`landing` narrows it with `semi join building using (community)`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING

import duckdb

from events.errors import GuildhallError
from warehouse.build.macros import BEAT_LENGTHS, MACROS
from warehouse.build.model import LAYERS, Check, Model
from warehouse.build.weeks import as_dates, as_numbers
from warehouse.db import first, identifier, integer, quoted, transaction

if TYPE_CHECKING:  # as in model.py
    import pyarrow as pa

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found: the number of rows that fail, and the communities they belong to, where the rows show it."""

    table: str
    name: str
    severity: str
    failures: int
    communities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: seconds by table, rows by table, checks."""

    communities: tuple[str, ...]
    seconds: dict[str, float]
    rows: dict[str, int]
    checks: tuple[CheckResult, ...]


def build(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[Model],
    communities: Iterable[str],
    as_of: datetime | Mapping[str, datetime],
    *,
    since: datetime | None = None,
    tables: Collection[str] | None = None,
    progress: Progress = lambda _table, _seconds: None,
) -> Built:
    """Build these communities whole; with `since` (a Monday 00:00, naive UTC) only what the open week changes.

    Whole: every model, rows of these communities replaced. Open week: only models with `refresh: now`; those that have a column
    `occurred_at` in their grain's table are replaced from `since` on, others whole. `as_of` is naive UTC, one moment or one
    per community: nothing that happened at or after it is seen. `tables` (`layer.name`) narrows the build to these tables:
    they read every other table as it is in the warehouse, where it has to exist.
    """
    slugs = tuple(sorted(set(communities)))
    chosen = [
        model
        for model in models
        if (since is None or model.header.refresh == "now") and (tables is None or model.table in tables)
    ]
    open_scratch(con, slugs, as_of, since)
    seconds: dict[str, float] = {}
    rows: dict[str, int] = {}
    results: list[CheckResult] = []
    try:
        if tables is not None:
            _show_built(con, chosen)
        for model in chosen:
            began = perf_counter()
            make(con, model)
            if model.header.materialized != "view":  # counting a view would compute it
                rows[model.table] = integer(con, f"select count(*) from scratch.{model.table}")
            results.extend(run_checks(con, model))
            seconds[model.table] = perf_counter() - began
            progress(model.table, seconds[model.table])
            for table in done_with(model, chosen):
                con.execute(f"drop table scratch.{table}")
        _replace(con, [model for model in chosen if model.header.published], since)
    finally:
        con.execute("use memory")
        con.execute("detach scratch")
    return Built(slugs, seconds, rows, tuple(results))


def read_but_not_built(models: Sequence[Model]) -> list[str]:
    """The tables that these models read and that none of them is, sorted; landing tables are left out."""
    read = {source for model in models for source in model.header.reads if not source.startswith("landing.")}
    return sorted(read - {model.table for model in models})


def _show_built(con: duckdb.DuckDBPyConnection, chosen: Sequence[Model]) -> None:
    """Make what the chosen models read, and what is not built now, visible in `scratch` with the rows of the warehouse."""
    columns = _columns_of_tables(con, "warehouse")
    for table in read_but_not_built(chosen):
        built = as_numbers(f"warehouse.{table}", columns[table])
        con.execute(f"create view scratch.{table} as {built} semi join scratch.main.building using (community)")


def done_with(model: Model, models: Sequence[Model]) -> tuple[str, ...]:
    """The temporary tables that this model is the last to read; dropping them frees their memory.

    A view reads its tables when another model reads the view.
    """
    if model.header.materialized == "view":
        return ()
    by_table = {m.table: m for m in models}
    read = {m.table: _read_through_views(m, by_table) for m in models if m.header.materialized != "view"}
    later = {table for m in models[models.index(model) + 1 :] for table in read.get(m.table, ())}
    return tuple(
        table
        for table in sorted(read[model.table] - later)
        if table in by_table and by_table[table].header.materialized == "temporary"
    )


def _read_through_views(model: Model, by_table: Mapping[str, Model]) -> set[str]:
    """The tables that a model reads, and those that the views read which it reads."""
    views = [by_table[t] for t in model.header.reads if t in by_table and by_table[t].header.materialized == "view"]
    return set(model.header.reads).union(*(_read_through_views(view, by_table) for view in views))


def open_scratch(
    con: duckdb.DuckDBPyConnection,
    communities: Sequence[str],
    as_of: datetime | Mapping[str, datetime],
    since: datetime | None,
) -> None:
    """Attach `scratch` and make it the place where unqualified names live: `building`, `beat_lengths` and the macros."""
    con.execute("attach ':memory:' as scratch (read_write)")  # also where the connection is to a read-only file
    con.execute("use scratch")
    con.execute("create table building (community varchar, as_of timestamp, since timestamp)")
    if communities:
        moments = as_of if isinstance(as_of, Mapping) else dict.fromkeys(communities, as_of)
        con.executemany("insert into building values (?, ?, ?)", [(slug, moments[slug], since) for slug in communities])
    con.execute(f"create table beat_lengths as {BEAT_LENGTHS}")
    con.execute(MACROS)
    for layer in LAYERS:
        con.execute(f"create schema scratch.{layer}")


def use_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Create the macros for this connection only: a published file has none and cannot be written to."""
    con.execute(MACROS.replace("create macro", "create or replace temp macro"))


def make(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Compute one model into `scratch`."""
    if model.function is None:
        kind = "view" if model.header.materialized == "view" else "table"
        con.execute(f"create {kind} scratch.{model.table} as {model.code}")
        return
    made = model.function(**{table.partition(".")[2]: _input(con, table) for table in model.header.reads})
    con.register("made", made)
    con.execute(f"create table scratch.{model.table} as from made")
    con.unregister("made")


def _input(con: duckdb.DuckDBPyConnection, table: str) -> "pa.Table":
    """A table's rows of the communities that are built, as Arrow."""
    narrowed = " semi join building using (community)" if table.startswith("landing.") else ""
    return con.execute(f"from {table}{narrowed}").to_arrow_table()


def checks_of(model: Model) -> tuple[Check, ...]:
    """The checks that every published table has (grain, keys, shares), and the header's own."""
    if not model.header.published:
        return model.header.checks
    grain = ", ".join(model.header.grain)
    missing = " or ".join(f"{name} is null" for name in model.header.grain)
    return (
        Check(
            name="grain",
            rule=f"One row per ({grain}).",
            sql=f"select {grain} from {{table}} group by all having count(*) > 1",
        ),
        Check(name="keys", rule="No part of the grain is missing.", sql=f"select {grain} from {{table}} where {missing}"),
        *(
            Check(
                name=f"{column}_range",
                rule=f"{column} is between 0 and 1.",
                sql=f"select {column} from {{table}} where {column} not between 0 and 1",
            )
            for column in model.header.columns
            if column.endswith("_share")
        ),
        *model.header.checks,
    )


def check_published(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> list[CheckResult]:
    """Run every check of every table on a published file; `con` is of `warehouse.publish.open_published`."""
    name = first(con, "select current_database()")[0]
    file, tables = identifier(name), _columns_of_tables(con, name)
    moments = dict(con.execute("select community, as_of from meta.built").fetchall())
    open_scratch(con, sorted(moments), moments, None)
    try:
        for table, columns in tables.items():
            con.execute(f"create view {table} as {as_numbers(f'{file}.{table}', columns)}")
        return [result for model in models if model.header.published for result in run_checks(con, model)]
    finally:
        con.execute(f"use {file}")
        con.execute("detach scratch")


def _columns_of_tables(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    """`layer.name` -> its columns, of every table that a model made."""
    return dict(
        con.execute(
            """
            select schema_name || '.' || table_name, list(column_name) from duckdb_columns()
            where database_name = ? and list_contains(?, schema_name)
            group by all
            """,
            [database, list(LAYERS)],
        ).fetchall()
    )


def run_checks(con: duckdb.DuckDBPyConnection, model: Model) -> list[CheckResult]:
    """Run a model's checks over its table in `scratch`."""
    return [_run_check(con, model, check) for check in checks_of(model)]


def _run_check(con: duckdb.DuckDBPyConnection, model: Model, check: Check) -> CheckResult:
    query = f"({check.sql.format(table=f'scratch.{model.table}')}) as failures"
    failures = integer(con, f"select count(*) from {query}")
    slugs: list[str] = []
    if failures and "community" in {column for column, *_ in con.execute(f"describe from {query}").fetchall()}:
        slugs = [slug for (slug,) in con.execute(f"select distinct community from {query} order by all").fetchall()]
    return CheckResult(model.table, check.name, check.severity, failures, tuple(slugs))


def _replace(con: duckdb.DuckDBPyConnection, models: Sequence[Model], since: datetime | None) -> None:
    for model in models:
        _migrate(con, model)
    with transaction(con):
        for model in models:
            appended = since is not None and "occurred_at" in model.header.columns
            con.execute(
                f"delete from warehouse.{model.table} where community in (select community from scratch.main.building)"
                + (" and occurred_at >= ?" if appended else ""),
                [since] if appended else [],
            )
            con.execute(f"insert into warehouse.{model.table} by name {_dated(model)}")


def _migrate(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Create the table, or create it again when its columns changed: the caller then builds it for all communities."""
    old, new = (
        _columns(con, model),
        con.execute(f"select column_name, column_type from (describe {_dated(model)}) order by 1").fetchall(),
    )
    if new == old:
        return
    if old and _has_others(con, model):
        raise GuildhallError(
            f"{model.table} cannot be built for some communities only.",
            "Its columns changed, and the rows of the other communities have the old ones.",
            "Build it for all communities: materialize it without naming one, or run `guildhall build --full`.",
        )
    con.execute(f"create or replace table warehouse.{model.table} as {_dated(model)} limit 0")
    con.execute(f"comment on table warehouse.{model.table} is {quoted(model.header.summary)}")
    for column, meaning in model.header.columns.items():
        con.execute(f"comment on column warehouse.{model.table}.{column} is {quoted(meaning)}")


def _has_others(con: duckdb.DuckDBPyConnection, model: Model) -> bool:
    """Whether the warehouse has rows of communities that are not being built."""
    query = f"select count(*) from (from warehouse.{model.table} anti join scratch.main.building using (community) limit 1)"
    return integer(con, query) > 0


def _dated(model: Model) -> str:
    return as_dates(f"scratch.{model.table}", model.header.columns)


def _columns(con: duckdb.DuckDBPyConnection, model: Model) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = con.execute(
        """
        select column_name, data_type from duckdb_columns()
        where database_name = 'warehouse' and schema_name = ? and table_name = ? order by column_name
        """,
        [model.layer, model.name],
    ).fetchall()
    return rows
