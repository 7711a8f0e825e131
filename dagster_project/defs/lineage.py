"""Lineage: which columns a column is made of, read from the SQL itself."""

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

from events.files import write_atomic
from warehouse.build.model import Header, Model
from warehouse.landing.tables import LANDING_TABLES

Columns = Mapping[str, tuple[tuple[str, str], ...]]
"""Column -> the (`layer.table`, column) pairs that it is made of, sorted."""
DIALECT = "duckdb"


def column_lineage(models: Sequence[Model]) -> dict[str, Columns]:
    """For each table of the models its columns' sources. A table whose SQL sqlglot cannot follow has no columns."""
    schema = _schema(models)
    headers = {model.table: model.header for model in models}
    return {model.table: _of_python(model, headers) if model.language == "python" else _of(model, schema) for model in models}


def stored_lineage(models: Sequence[Model], path: Path) -> dict[str, Columns]:
    """The same of the published tables, by published and landing tables, from a file as long as no model changes.

    Following the SQL takes seconds, and several processes need the lineage whenever they start.
    """
    described = repr([(model.table, sorted(model.header.columns), model.code) for model in models])
    fingerprint = hashlib.sha256(f"{sqlglot.__version__}\n{LANDING_TABLES}\n{described}".encode()).hexdigest()
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["fingerprint"] == fingerprint:
            return {
                table: {column: tuple((t, c) for t, c in sources) for column, sources in columns.items()}
                for table, columns in stored["lineage"].items()
            }
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found = through_intermediate(column_lineage(models), models)
    with contextlib.suppress(OSError):
        write_atomic(path, json.dumps({"fingerprint": fingerprint, "lineage": found}), durable=False)
    return found


def through_intermediate(lineage: Mapping[str, Columns], models: Sequence[Model]) -> dict[str, Columns]:
    """The lineage of the published tables, in which a column of a table that is not published stands for its own sources."""
    published = {model.table for model in models if model.header.published}

    def sources(table: str, column: str) -> set[tuple[str, str]]:
        if table in published or table not in lineage:
            return {(table, column)}
        return {source for t, c in lineage[table].get(column, ()) for source in sources(t, c)}

    return {
        table: {
            column: tuple(sorted({source for t, c in read for source in sources(t, c)})) for column, read in columns.items()
        }
        for table, columns in lineage.items()
        if table in published
    }


def landing_columns(table: str) -> dict[str, str]:
    """Column -> type, of a table of the landing file."""
    definition = sqlglot.parse_one(f"create table t ({LANDING_TABLES[table]})", dialect=DIALECT)
    return {column.name: column.args["kind"].sql(DIALECT) for column in definition.find_all(exp.ColumnDef) if _is_top(column)}


def _is_top(column: exp.ColumnDef) -> bool:
    return isinstance(column.parent, exp.Schema)


def _schema(models: Sequence[Model]) -> MappingSchema:
    layers: dict[str, dict[str, dict[str, str]]] = {}
    for model in models:
        layers.setdefault(model.layer, {})[model.name] = dict.fromkeys(model.header.columns, "varchar")
    layers["landing"] = {table: dict.fromkeys(landing_columns(table), "varchar") for table in LANDING_TABLES}
    return MappingSchema(layers, dialect=DIALECT)


def _of(model: Model, schema: MappingSchema) -> Columns:
    try:
        query = qualify(
            sqlglot.parse_one(model.code, dialect=DIALECT), dialect=DIALECT, schema=schema, validate_qualify_columns=False
        )
        scope = build_scope(query)
    except SqlglotError:
        return {}
    return {column: _sources(column, query, schema, scope) for column in model.header.columns}


def _of_python(model: Model, headers: Mapping[str, Header]) -> Columns:
    """The columns that a function passes on, by their names: what it computes from others is in its code."""
    read = [table for table in sorted(model.header.reads) if table in headers]
    return {
        column: tuple((table, column) for table in read if column in headers[table].columns) for column in model.header.columns
    }


def _sources(column: str, query: exp.Expression, schema: MappingSchema, scope: Scope | None) -> tuple[tuple[str, str], ...]:
    try:
        node: Node = lineage(column, query, schema=schema, scope=scope, dialect=DIALECT, copy=False)
    except (SqlglotError, ValueError):
        return ()
    found = {
        (f"{leaf.source.db}.{leaf.source.name}", leaf.name.rpartition(".")[2].strip(chr(34)))
        for leaf in node.walk()
        # `building` and other helpers of a build are not assets: they have no layer.
        if isinstance(leaf.source, exp.Table) and leaf.source.db
    }
    return tuple(sorted(pair for pair in found if pair[1] != "*"))
