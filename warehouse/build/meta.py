"""Meta: fills the schema `meta` of a published file: meanings of columns, builds, checks, accounting, manifest.

It has counts and places only: no actor, no name, no content.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from warehouse.build.build import Built, checks_of
from warehouse.build.catalog import metrics
from warehouse.build.meta_tables import META
from warehouse.build.model import Model
from warehouse.build.weeks import is_week
from warehouse.db import first, identifier, integer, quoted, transaction
from warehouse.landing.reconciliation import Accounting

KEPT_BUILDS = 1_000


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of `meta`. A table whose columns changed is created again and is empty until the next `describe`."""
    con.execute("create schema if not exists warehouse.meta")
    for name, table in META.items():
        wanted = [(column, kind) for column, (kind, _) in table.columns.items()]
        found = con.execute(
            "select column_name, lower(data_type) from duckdb_columns() where database_name = 'warehouse' "
            "and schema_name = 'meta' and table_name = ? order by column_index",
            [name],
        ).fetchall()
        if found == wanted:
            continue
        columns = ", ".join(f"{identifier(column)} {kind}" for column, kind in wanted)
        con.execute(f"create or replace table warehouse.meta.{name} ({columns})")


def note_checks(con: duckdb.DuckDBPyConnection, models: Sequence[Model], built: Built, now: datetime) -> None:
    """Store what the checks of a build found, until those tables of these communities are built again."""
    rules = {(model.table, check.name): check.rule for model in models for check in checks_of(model)}
    slugs = list(built.communities)
    rows = [(c.table, c.name, rules.get((c.table, c.name), ""), c.severity, c.failures, now, slugs) for c in built.checks]
    tables, known = sorted({row[0] for row in rows}), [model.table for model in models]
    with transaction(con):
        # A check that failed for one community stays failed when another community is built.
        con.execute(
            "update warehouse.meta.checks set communities = list_filter(communities, slug -> not list_contains(?, slug)) "
            'where list_contains(?, "table")',
            [slugs, tables],
        )
        con.execute(
            'delete from warehouse.meta.checks where not list_contains(?, "table") '
            'or (list_contains(?, "table") and (failures = 0 or len(communities) = 0))',
            [known, tables],
        )
        _insert(con, "checks", rows)


def failed_checks(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int]]:
    """Return the checks of severity error that failed for communities that still exist: (table, name, rows)."""
    rows: list[tuple[str, str, int]] = con.execute(
        """
        select "table", name, failures from warehouse.meta.checks
        where severity = 'error' and failures > 0
            and list_has_any(communities, (select list(community) from warehouse.meta.built))
        order by all
        """
    ).fetchall()
    return rows


@dataclass(frozen=True, slots=True)
class Edition:
    """What one published file records of itself; `models` is the fingerprint of all tables."""

    number: int
    published_at: datetime
    version: str
    models: str
    detail: str = "full"


def describe(con: duckdb.DuckDBPyConnection, models: Sequence[Model], edition: Edition, sums: Accounting | None) -> None:
    """Write `meta` for an edition in one transaction, and every comment that differs from the headers."""
    write_comments(con, models)
    with transaction(con):
        _replace(con, "dictionary", _dictionary(con, models))
        _replace(con, "metrics", [_metric(model) for model in metrics(models)])
        con.execute(_BUILD, [edition.number, edition.published_at, edition.version, edition.models, edition.detail])
        con.execute("delete from warehouse.meta.builds where build <= ?", [edition.number - KEPT_BUILDS])
        for name, query in _FROM_LANDING.items():
            con.execute(f"delete from warehouse.meta.{name}")
            con.execute(f"insert into warehouse.meta.{name} {query}")
        _replace(con, "accounting", [] if sums is None else [_sum(line) for line in (*sums.partitions, *sums.sources)])
        _replace(con, "manifest", manifest(con, "warehouse"))


_SUMS = "select count(*), coalesce(sum(hash(rows_)), 0)::varchar from {table} rows_"
"""The sum of hashes does not depend on the order of the rows."""


def last_build(con: duckdb.DuckDBPyConnection) -> int:
    """Return the number of the newest build in the warehouse, 0 before the first."""
    return integer(con, "select coalesce(max(build), 0) from warehouse.meta.builds")


def row_counts(con: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, int]:
    """Return the number of rows of every table of a catalog, except `meta.manifest`."""
    return {table: integer(con, f"select count(*) from {place}") for table, place in _tables(con, catalog)}


def manifest(con: duckdb.DuckDBPyConnection, catalog: str) -> list[tuple[str, int, str]]:
    """Read every table of a catalog, except `meta.manifest`: its name, its number of rows and the checksum of its rows.

    DuckDB compares the checksum of each block that it reads from the disk, so damage raises duckdb.Error.
    """
    return [(table, *first(con, _SUMS.format(place=place))) for table, place in _tables(con, catalog)]


def _tables(con: duckdb.DuckDBPyConnection, catalog: str) -> list[tuple[str, str]]:
    names = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? and (schema_name, table_name) <> "
        "('meta', 'manifest') order by all",
        [catalog],
    ).fetchall()
    return [(f"{schema}.{table}", f"{identifier(catalog)}.{identifier(schema)}.{identifier(table)}") for schema, table in names]


_SUMS = "select count(*), coalesce(sum(hash(rows_)), 0)::varchar from {place} rows_"
"""The sum of hashes does not depend on the order of the rows."""


def replace_manifest(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Write the manifest of a catalog whose rows differ from the warehouse's."""
    listed = manifest(con, catalog)
    con.execute(f"delete from {identifier(catalog)}.meta.manifest")
    con.executemany(f"insert into {identifier(catalog)}.meta.manifest values (?, ?, ?)", listed)


def write_comments(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> None:
    """Set the comments that are absent or differ from the headers, on every table and every column."""
    wanted: dict[tuple[str, str, str | None], str] = {}
    for model in models:
        wanted[model.layer, model.name, None] = model.header.summary
        wanted |= {(model.layer, model.name, column): meaning for column, meaning in model.header.columns.items()}
    for name, table in META.items():
        wanted["meta", name, None] = table.summary
        wanted |= {("meta", name, column): meaning for column, (_, meaning) in table.columns.items()}
    for schema, table_name, column, found in con.execute(_COMMENTS).fetchall():
        comment = wanted.get((schema, table_name, column))
        if comment is not None and comment != found:
            table_path = f"warehouse.{identifier(schema)}.{identifier(table_name)}"
            target = f"table {table_path}" if column is None else f"column {table_path}.{identifier(column)}"
            con.execute(f"comment on {target} is {quoted(comment)}")


def _dictionary(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> list[tuple[object, ...]]:
    by_table = {(model.layer, model.name): model.header for model in models}
    rows: list[tuple[object, ...]] = []
    for schema, table, column, position, kind in con.execute(_COLUMNS).fetchall():
        header = by_table.get((schema, table))
        if header is not None:
            value = header.measure and header.measure.value
            unit = header.unit if column == value else _unit(column)
            meaning: tuple[object, ...] = (header.columns.get(column), unit, column in header.grain, header.summary)
        elif schema == "meta" and table in META:
            meaning = (META[table].columns.get(column, (None, None))[1], _unit(column), False, META[table].summary)
        else:
            meaning = (None, None, False, None)
        rows.append((schema, table, column, position, kind, *meaning))
    return rows


_UNITS = {
    "_share": "share, 0 to 1",
    "_at": "moment, UTC",
    "_hours": "hours",
    "_days": "days",
    "_minutes": "minutes",
    "_weeks": "weeks",
}


def _unit(column: str) -> str | None:
    if is_week(column):
        return "date of the Monday"
    return next((unit for suffix, unit in _UNITS.items() if column.endswith(suffix)), None)


def _metric(model: Model) -> tuple[object, ...]:
    h = model.header
    texts = (h.summary, h.unit, h.direction, h.minimum, h.reference, h.reading)
    return (h.id, h.title, h.version, model.table, *texts, list(h.needs), list(h.caveats))


def _sum(line: object) -> tuple[object, ...]:
    return tuple(getattr(line, column) for column in META["accounting"].columns)


def _replace(con: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Sequence[object]]) -> None:
    con.execute(f"delete from warehouse.meta.{table}")
    _insert(con, table, list(rows))


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert the rows in one statement: one by one each costs a third of a millisecond, and the dictionary has thousands."""
    if not rows:
        return
    columns = META[table].columns
    given = [dict(zip(columns, row, strict=True)) for row in rows]
    kinds = json.dumps([{name: kind for name, (kind, _) in columns.items()}])
    con.execute(
        f"insert into warehouse.meta.{table} by name select unnest(from_json(?, '{kinds}'), recursive := true)",
        [json.dumps(given, default=str)],
    )


_COMMENTS = """
select schema_name, table_name, null as column_name, comment from duckdb_tables() where database_name = 'warehouse'
union all
select schema_name, table_name, column_name, comment from duckdb_columns() where database_name = 'warehouse'
"""
_COLUMNS = """
select schema_name, table_name, column_name, column_index, data_type
from duckdb_columns() where database_name = 'warehouse'
order by schema_name, table_name, column_index
"""
_BUILD = """
insert into warehouse.meta.builds
select ? as build, ? as published_at, max(as_of), ? as version, ? as models, count(*),
    (select count(*) from landing.main.interactions), ? as detail
from warehouse.meta.built
"""
_FROM_LANDING = {
    "offsets": "select topic, partition, next_offset from landing.main.offsets order by all",
    "outcomes": """
        select platform, source, verdict, reason, count(*), cast(sum(interactions) as bigint)
        from landing.main.outcomes group by all order by all
    """,
    "unmapped": """
        select platform, tenant, space, count(*)
        from landing.main.outcomes where reason = 'unmapped_space' group by all order by all
    """,
    "replayable": """
        select raw_partition, raw_offset, verdict, reason, detail, platform, source, landed_at
        from landing.main.outcomes where verdict = 'rejected' or reason = 'unmapped_space'
        order by all
    """,
}
