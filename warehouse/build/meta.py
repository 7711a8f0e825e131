"""Dictionary: what a reader of the published file needs to know of it, in the schema `meta`: meanings, builds, checks, sums.

Counts only: no actor, no name, no content.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from warehouse.build.build import Built, checks_of
from warehouse.build.catalog import metrics
from warehouse.build.model import Model
from warehouse.db import identifier, integer, quoted, transaction
from warehouse.landing.reconciliation import Accounting

KEPT_BUILDS = 1_000


@dataclass(frozen=True, slots=True)
class MetaTable:
    """A table of `meta`: what it is, and for each column its type and meaning."""

    summary: str
    columns: Mapping[str, tuple[str, str]]


META: dict[str, MetaTable] = {
    "dictionary": MetaTable(
        "One row a column of every table in this file: what it means, in which unit.",
        {
            "layer": ("varchar", "schema of the table"),
            "table": ("varchar", "name of the table within its layer"),
            "column": ("varchar", "name of the column"),
            "position": ("integer", "place of the column in its table, from 1"),
            "type": ("varchar", "DuckDB's type"),
            "meaning": ("varchar", "what the column says"),
            "unit": ("varchar", "unit of the value, where it has one"),
            "grain": ("boolean", "whether the column is part of what one row stands for"),
            "table_meaning": ("varchar", "what the table says"),
        },
    ),
    "metrics": MetaTable(
        "One row a metric: its definition as its SQL file gives it.",
        {
            "metric": ("varchar", "id of the metric in the catalogue"),
            "title": ("varchar", "name for people"),
            "version": ("integer", "version of the definition"),
            "table": ("varchar", "table with its values"),
            "summary": ("varchar", "what it counts"),
            "unit": ("varchar", "unit of the value"),
            "direction": ("varchar", "whether more is better"),
            "minimum": ("varchar", "from how much data on it is shown"),
            "reference": ("varchar", "where the definition comes from"),
            "reading": ("varchar", "how it is read"),
            "needs": ("varchar[]", "which data it needs"),
            "caveats": ("varchar[]", "what it does not say"),
        },
    ),
    "builds": MetaTable(
        "One row a published file: when, by which version, from how much; the newest is this file.",
        {
            "build": ("bigint", "number of the published file"),
            "published_at": ("timestamp", "when it was published, UTC"),
            "as_of": ("timestamp", "what happened before this moment is seen, UTC"),
            "version": ("varchar", "version of Guildhall"),
            "models": ("varchar", "fingerprint of all tables' definitions"),
            "communities": ("integer", "communities built"),
            "interactions": ("bigint", "interactions landed"),
        },
    ),
    "offsets": MetaTable(
        "Where reading of Kafka stood when this file was published: everything before was landed.",
        {
            "topic": ("varchar", "topic"),
            "partition": ("integer", "partition"),
            "next_offset": ("bigint", "the first offset that was not landed"),
        },
    ),
    "checks": MetaTable(
        "One row a check of a table: rows that failed when last built, and one more for communities not built since.",
        {
            "table": ("varchar", "layer and table"),
            "name": ("varchar", "name of the check"),
            "says": ("varchar", "what holds where no row fails"),
            "severity": ("varchar", "error or warn"),
            "failures": ("bigint", "rows that failed"),
            "checked_at": ("timestamp", "when, UTC"),
            "communities": ("varchar[]", "whose rows were checked, and not built since"),
        },
    ),
    "accounting": MetaTable(
        "Every raw record has one outcome: raw = understood + ignored + rejected, by partition of the raw topic and by source.",
        {
            "kind": ("varchar", "partition or source"),
            "name": ("varchar", "number of the partition, or name of the source"),
            "raw": ("bigint", "raw records"),
            "understood": ("bigint", "of them understood"),
            "ignored": ("bigint", "of them no participation of a configured space"),
            "rejected": ("bigint", "of them not understood"),
            "waiting": ("bigint", "of them not looked at yet"),
            "missing": ("bigint", "of them without an outcome, although later ones have one"),
            "holds": ("boolean", "whether the sum is right"),
        },
    ),
    "outcomes": MetaTable(
        "What became of raw records: counts only.",
        {
            "platform": ("varchar", "platform; absent where it is not known"),
            "source": ("varchar", "source it came through"),
            "verdict": ("varchar", "understood, ignored or rejected"),
            "reason": ("varchar", "why it was ignored or rejected"),
            "records": ("bigint", "raw records"),
            "interactions": ("bigint", "interactions understood from them"),
        },
    ),
    "unmapped": MetaTable(
        "Spaces that events come from and that no community has: you are not listening to these.",
        {
            "platform": ("varchar", "platform"),
            "tenant": ("varchar", "workspace, site or account"),
            "space": ("varchar", "channel, namespace or meeting series"),
            "records": ("bigint", "raw records from there"),
        },
    ),
    "replayable": MetaTable(
        "Where the raw records lie that were not understood, or came from a space that no community had: no content.",
        {
            "raw_partition": ("integer", "partition of the raw topic"),
            "raw_offset": ("bigint", "offset in it; the topic keeps records for 28 days"),
            "verdict": ("varchar", "rejected, or ignored for an unmapped space"),
            "reason": ("varchar", "why"),
            "detail": ("varchar", "names of fields and kinds of error, never values"),
            "platform": ("varchar", "platform; absent where it is not known"),
            "source": ("varchar", "source it came through"),
            "landed_at": ("timestamp", "when its outcome landed, UTC"),
        },
    ),
    "manifest": MetaTable(
        "Rows of every table when the file was published: the file is whole when they are still these.",
        {"table": ("varchar", "layer and table"), "rows": ("bigint", "rows")},
    ),
    "built": MetaTable(
        "What each community was built from.",
        {
            "community": ("varchar", "the community"),
            "batch": ("bigint", "number of the last batch landed before it"),
            "since": ("timestamp", "Monday 00:00 UTC of the open week"),
            "as_of": ("timestamp", "what happened before this moment is seen, UTC"),
            "fingerprint": ("varchar", "of the tables' definitions and of the community's settings"),
        },
    ),
}


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of `meta`; one whose columns changed is made anew."""
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
    """Keep what the checks of a build found, until those tables of these communities are built again."""
    says = {(model.table, check.name): check.says for model in models for check in checks_of(model)}
    slugs = list(built.communities)
    rows = [(c.table, c.name, says.get((c.table, c.name), ""), c.severity, c.failures, now, slugs) for c in built.checks]
    tables, known = sorted({row[0] for row in rows}), [model.table for model in models]
    with transaction(con):
        # What failed for one community is not mended by building another.
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
    """Checks of severity error that failed, for communities that are still there: (table, name, rows)."""
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
    """What one published file says of itself."""

    number: int
    published_at: datetime
    version: str
    models: str


def describe(con: duckdb.DuckDBPyConnection, models: Sequence[Model], edition: Edition, sums: Accounting | None) -> None:
    """Write `meta` for an edition in one transaction, and every comment that is not as the headers say."""
    comment(con, models)
    with transaction(con):
        _replace(con, "dictionary", _dictionary(con, models))
        _replace(con, "metrics", [_metric(model) for model in metrics(models)])
        con.execute(_BUILD, [edition.number, edition.published_at, edition.version, edition.models])
        con.execute("delete from warehouse.meta.builds where build <= ?", [edition.number - KEPT_BUILDS])
        for name, query in _FROM_LANDING.items():
            con.execute(f"delete from warehouse.meta.{name}")
            con.execute(f"insert into warehouse.meta.{name} {query}")
        _replace(con, "accounting", [] if sums is None else [_sum(line) for line in (*sums.partitions, *sums.sources)])
        _replace(con, "manifest", manifest(con, "warehouse"))


def last_build(con: duckdb.DuckDBPyConnection) -> int:
    """The number of the newest build that the warehouse knows of, 0 before the first."""
    return integer(con, "select coalesce(max(build), 0) from warehouse.meta.builds")


def manifest(con: duckdb.DuckDBPyConnection, catalog: str) -> list[tuple[str, int]]:
    """Rows of every table of a catalog, `meta.manifest` left out."""
    names = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? and (schema_name, table_name) <> "
        "('meta', 'manifest') order by all",
        [catalog],
    ).fetchall()
    return [
        (f"{schema}.{table}", integer(con, f"select count(*) from {catalog}.{identifier(schema)}.{identifier(table)}"))
        for schema, table in names
    ]


def comment(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> None:
    """Set the comments that are absent or not what the headers say: on every table and every column."""
    wanted: dict[tuple[str, str, str | None], str] = {}
    for model in models:
        wanted[model.layer, model.name, None] = model.header.summary
        wanted |= {(model.layer, model.name, column): meaning for column, meaning in model.header.columns.items()}
    for name, table in META.items():
        wanted["meta", name, None] = table.summary
        wanted |= {("meta", name, column): meaning for column, (_, meaning) in table.columns.items()}
    for schema, table_name, column, found in con.execute(_COMMENTS).fetchall():
        says = wanted.get((schema, table_name, column))
        if says is not None and says != found:
            table_path = f"warehouse.{identifier(schema)}.{identifier(table_name)}"
            target = f"table {table_path}" if column is None else f"column {table_path}.{identifier(column)}"
            con.execute(f"comment on {target} is {quoted(says)}")


def _dictionary(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> list[tuple[object, ...]]:
    by_table = {(model.layer, model.name): model.header for model in models}
    rows: list[tuple[object, ...]] = []
    for schema, table, column, position, kind in con.execute(_COLUMNS).fetchall():
        header = by_table.get((schema, table))
        if header is not None:
            value = header.measure and header.measure.value
            unit = header.unit if column == value else _unit(column)
            said: tuple[object, ...] = (header.columns.get(column), unit, column in header.grain, header.summary)
        elif schema == "meta" and table in META:
            said = (META[table].columns.get(column, (None, None))[1], _unit(column), False, META[table].summary)
        else:
            said = (None, None, False, None)
        rows.append((schema, table, column, position, kind, *said))
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
    if column == "week":
        return "weeks since Monday 1969-12-29"
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
    """In one statement: a row each costs a third of a millisecond, and the dictionary has thousands."""
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
    (select count(*) from landing.main.interactions)
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
