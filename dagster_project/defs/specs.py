"""Specifications: what Dagster shows of a model before it is built: its header, columns, lineage and checks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dagster import (
    AssetCheckSpec,
    AssetKey,
    AssetSpec,
    MetadataValue,
    TableColumn,
    TableColumnDep,
    TableColumnLineage,
    TableSchema,
)

from dagster_project.defs.lineage import Columns
from warehouse.build.build import build
from warehouse.build.model import Check, Model
from warehouse.db import open_memory

LANDING = {
    "interactions": "Who did what, when, in which community; an interaction once, as the stream worker understood it.",
    "outcomes": "What became of every raw record: understood, ignored or rejected, with the reason.",
    "people": "Which account is which member, as published pseudonyms; without names.",
}


def key_of(table: str) -> AssetKey:
    """`core.threads` → core/threads."""
    return AssetKey(table.split("."))


def table_of(key: AssetKey) -> str:
    """core/threads → `core.threads`."""
    return ".".join(key.path)


def published_reads(model: Model, models: Mapping[str, Model]) -> set[str]:
    """The published and landing tables that a model reads, also through tables that exist only during a build."""
    found: set[str] = set()
    for table in model.header.reads:
        read = models.get(table)
        found |= {table} if read is None or read.header.published else published_reads(read, models)
    return found


def model_spec(model: Model, models: Mapping[str, Model], columns: Columns, types: Mapping[str, str]) -> AssetSpec:
    """A model as an asset: its header, its columns, where each comes from; `models` are all of them by table."""
    header = model.header
    metadata: dict[str, Any] = {
        "dagster/table_name": model.table,
        "dagster/column_schema": schema_of({name: types.get(name, "") for name in header.columns}, header.columns),
        "dagster/column_lineage": lineage_of(columns),
        "grain": ", ".join(header.grain),
        model.language: MetadataValue.md(f"```{model.language}\n{model.code}\n```"),
    }
    shown = ("title", "unit", "direction", "minimum", "reference", "reading")
    metadata |= {name: getattr(header, name) for name in shown if getattr(header, name)}
    if header.caveats:
        metadata["caveats"] = MetadataValue.md("\n".join(f"* {caveat}" for caveat in header.caveats))
    return AssetSpec(
        key_of(model.table),
        skippable=True,  # a run of what is stale finds perhaps nothing
        description=header.summary,
        deps=[key_of(source) for source in sorted(published_reads(model, models)) if _is_asset(source)],
        group_name=model.layer,
        kinds={"duckdb", model.language},
        tags={"refresh": header.refresh, **({"metric": header.id} if header.id else {})},
        code_version=str(header.version),
        metadata=metadata,
    )


def check_spec(model: Model, check: Check) -> AssetCheckSpec:
    """A check of a model, with its sentence."""
    return AssetCheckSpec(
        check.name, asset=key_of(model.table), description=check.rule, metadata={"sql": check.sql, "severity": check.severity}
    )


def column_types(models: Sequence[Model]) -> dict[str, dict[str, str]]:
    """The types of every table's columns, from a build of nothing: DuckDB knows what each SELECT returns."""
    con = open_memory()
    try:
        build(con, models, (), datetime(2025, 1, 6))  # noqa: DTZ001 - naive UTC, as all moments of the warehouse
        rows = con.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() where database_name = 'warehouse'"
        ).fetchall()
    finally:
        con.close()
    types: dict[str, dict[str, str]] = {}
    for schema, table, column, kind in rows:
        types.setdefault(f"{schema}.{table}", {})[column] = kind.lower()
    return types


def _is_asset(source: str) -> bool:
    layer, _, name = source.partition(".")
    return layer != "landing" or name in LANDING


def schema_of(types: Mapping[str, str], meanings: Mapping[str, str]) -> TableSchema:
    """Columns with DuckDB's types and their meanings, for Dagster."""
    return TableSchema([TableColumn(name, kind or "string", description=meanings.get(name)) for name, kind in types.items()])


def lineage_of(columns: Columns) -> TableColumnLineage:
    """Which columns each column is made of, for Dagster."""
    return TableColumnLineage(
        {
            column: [TableColumnDep(asset_key=key_of(table), column_name=source) for table, source in sources]
            for column, sources in columns.items()
            if sources
        }
    )
