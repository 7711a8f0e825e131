"""Models as assets: every SQL file one asset, all made by one step, because one process and one transaction make them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    TableColumn,
    TableColumnDep,
    TableColumnLineage,
    TableSchema,
    multi_asset,
)

from dagster_project.defs.instance import POOL
from dagster_project.defs.lineage import Columns, landing_columns
from dagster_project.refresh.work import Work, by_table
from warehouse.build.build import CheckResult, build, checks_of
from warehouse.build.model import Check, Model
from warehouse.db import open_memory

WORK = "work"
"""The resource that a run needs."""
LANDING = {
    "interactions": "Who did what, when, in which community; an interaction once, as the stream worker understood it.",
    "outcomes": "What became of every raw record: understood, ignored or rejected, with the reason.",
    "people": "Which account is which member, as published pseudonyms; without names.",
}
ACCOUNTING = "accounting"
PUBLISHED = AssetKey(["published"])
FRESH = "fresh"


def key_of(table: str) -> AssetKey:
    """`core.threads` → core/threads."""
    return AssetKey(table.split("."))


def table_of(key: AssetKey) -> str:
    """core/threads → `core.threads`."""
    return ".".join(key.path)


def warehouse_assets(models: Sequence[Model], lineage: Mapping[str, Columns]) -> AssetsDefinition:
    """One step that makes any subset of the models; `lineage` is of their columns."""
    types = column_types(models)

    @multi_asset(
        name="warehouse",
        specs=[model_spec(model, lineage[model.table], types.get(model.table, {})) for model in models],
        check_specs=[check_spec(model, check) for model in models for check in checks_of(model)],
        can_subset=True,
        pool=POOL,
        required_resource_keys={WORK},
    )
    def warehouse(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
        work: Work = context.resources.work
        wanted = {table_of(key) for key in context.selected_asset_keys}
        # Told only after the transaction: an asset is materialised when readers can have it.
        made = by_table(work.build(wanted))
        for model in models:
            result = made.get(model.table)
            if model.table not in wanted or result is None:
                continue
            yield MaterializeResult(
                asset_key=key_of(model.table),
                metadata={
                    "dagster/row_count": result.rows,
                    "seconds": round(result.seconds, 4),
                    # The page draws the lineage of columns from the last materialisation.
                    "dagster/column_lineage": _lineage(lineage[model.table]),
                },
                check_results=[check_result(found) for found in result.checks.values()],
            )

    return warehouse


def landing_assets() -> AssetsDefinition:
    """What is built from; the refresher lands before it knows what is stale, so this tells what it landed."""

    @multi_asset(
        name="landing",
        specs=[
            AssetSpec(
                key_of(f"landing.{table}"),
                description=says,
                group_name="landing",
                kinds={"kafka", "duckdb"},
                metadata={"dagster/column_schema": _schema(landing_columns(table), {})},
            )
            for table, says in LANDING.items()
        ],
        check_specs=[
            AssetCheckSpec(
                ACCOUNTING,
                asset=key_of("landing.outcomes"),
                description="Every raw record that the stream worker is done with has exactly one outcome, in every partition.",
            )
        ],
        can_subset=True,
        required_resource_keys={WORK},
    )
    def landing(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
        work: Work = context.resources.work
        for key in sorted(context.selected_asset_keys):
            table = key.path[-1]
            metadata = {"new_rows": work.landed.get(table, 0)}
            yield MaterializeResult(
                asset_key=key, metadata=metadata, check_results=[_accounting(work)] if table == "outcomes" else []
            )

    return landing


def publication(models: Sequence[Model]) -> AssetsDefinition:
    """The read-only file that analysts open."""
    read = {source for model in models for source in model.header.reads}

    @multi_asset(
        name="publication",
        specs=[
            AssetSpec(
                PUBLISHED,
                description="The read-only DuckDB file that analysts, reports and checks open: a new one a refresh.",
                deps=[key_of(model.table) for model in models if model.table not in read],
                group_name="published",
                kinds={"duckdb", "file"},
            )
        ],
        check_specs=[
            AssetCheckSpec(
                FRESH, asset=PUBLISHED, description="The refresher lives, and what was understood is published within minutes."
            )
        ],
        required_resource_keys={WORK},
    )
    def publication_(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
        work: Work = context.resources.work
        path = work.publish()
        metadata: dict[str, Any] = {"path": MetadataValue.path(str(path)), "bytes": path.stat().st_size if path.exists() else 0}
        # It was fresh at this moment; the watchdog says when it no longer is.
        fresh = AssetCheckResult(asset_key=PUBLISHED, check_name=FRESH, passed=True)
        yield MaterializeResult(asset_key=PUBLISHED, metadata=metadata, check_results=[fresh])

    return publication_


def model_spec(model: Model, columns: Columns, types: Mapping[str, str]) -> AssetSpec:
    """A model as an asset: its header, its columns, where each comes from."""
    header = model.header
    metadata: dict[str, Any] = {
        "dagster/table_name": model.table,
        "dagster/column_schema": _schema({name: types.get(name, "") for name in header.columns}, header.columns),
        "dagster/column_lineage": _lineage(columns),
        "grain": ", ".join(header.grain),
        model.language: MetadataValue.md(f"```{model.language}\n{model.code}\n```"),
    }
    told = ("title", "unit", "direction", "minimum", "reference", "reading")
    metadata |= {name: getattr(header, name) for name in told if getattr(header, name)}
    if header.caveats:
        metadata["caveats"] = MetadataValue.md("\n".join(f"* {caveat}" for caveat in header.caveats))
    return AssetSpec(
        key_of(model.table),
        description=header.summary,
        deps=[key_of(source) for source in sorted(header.reads) if _is_asset(source)],
        group_name=model.layer,
        kinds={"duckdb", model.language},
        tags={"refresh": header.refresh, **({"metric": header.id} if header.id else {})},
        code_version=str(header.version),
        metadata=metadata,
    )


def check_spec(model: Model, check: Check) -> AssetCheckSpec:
    """A check of a model, with its sentence."""
    return AssetCheckSpec(
        check.name, asset=key_of(model.table), description=check.says, metadata={"sql": check.sql, "severity": check.severity}
    )


def check_result(found: CheckResult) -> AssetCheckResult:
    """What a check found, for Dagster."""
    return AssetCheckResult(
        asset_key=key_of(found.table),
        check_name=found.name,
        passed=found.failures == 0,
        severity=AssetCheckSeverity.WARN if found.severity == "warn" else AssetCheckSeverity.ERROR,
        metadata={"failing_rows": found.failures},
    )


def column_types(models: Sequence[Model]) -> dict[str, dict[str, str]]:
    """The types of every table's columns, from a build of nothing: DuckDB says what each SELECT gives."""
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


def _accounting(work: Work) -> AssetCheckResult:
    wrong = list(work.accounting())
    return AssetCheckResult(
        asset_key=key_of("landing.outcomes"),
        check_name=ACCOUNTING,
        passed=not wrong,
        severity=AssetCheckSeverity.ERROR,
        metadata={"partitions": MetadataValue.md("\n".join(f"* {line}" for line in wrong) or "all add up")},
    )


def _is_asset(source: str) -> bool:
    layer, _, name = source.partition(".")
    return layer != "landing" or name in LANDING


def _schema(types: Mapping[str, str], says: Mapping[str, str]) -> TableSchema:
    return TableSchema([TableColumn(name, kind or "string", description=says.get(name)) for name, kind in types.items()])


def _lineage(columns: Columns) -> TableColumnLineage:
    return TableColumnLineage(
        {
            column: [TableColumnDep(asset_key=key_of(table), column_name=source) for table, source in sources]
            for column, sources in columns.items()
            if sources
        }
    )
