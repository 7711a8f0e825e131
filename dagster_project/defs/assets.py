"""Assets: landing, every model, and the published file. One step makes any set of models, because one transaction makes them.

The steps use the resource `warehouse`, a WarehouseRun. In the refresher it is the open warehouse; in a shell it borrows it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    DagsterInstance,
    MaterializeResult,
    MetadataValue,
    multi_asset,
)

from dagster_project.defs.lineage import Columns, landing_columns
from dagster_project.defs.results import (
    BATCH,
    check_result,
    failing_in_three_parts,
    file_metadata,
    landing_metadata,
    table_metadata,
)
from dagster_project.defs.specs import (
    LANDING,
    check_spec,
    column_types,
    key_of,
    model_spec,
    published_reads,
    schema_of,
    table_of,
)
from dagster_project.refresh.warehouse_run import WarehouseRun
from warehouse.build.build import checks_of
from warehouse.build.model import Model

WAREHOUSE = "warehouse"
"""The resource that a run of these assets needs."""
ACCOUNTING = "accounting"
PUBLISHED = AssetKey(["published"])
FRESH = "fresh"
MANY = 5
"""Communities that a log line names."""


def warehouse_assets(models: Sequence[Model], lineage: Mapping[str, Columns]) -> AssetsDefinition:
    """One step that makes any subset of the published tables; `lineage` is of their columns."""
    types, by_table = column_types(models), {model.table: model for model in models}
    published = [model for model in models if model.header.published]

    @multi_asset(
        name="warehouse",
        specs=[model_spec(model, by_table, lineage[model.table], types.get(model.table, {})) for model in published],
        check_specs=[check_spec(model, check) for model in published for check in checks_of(model)],
        can_subset=True,
        required_resource_keys={WAREHOUSE},
    )
    def warehouse(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
        run: WarehouseRun = context.resources.warehouse
        wanted = {table_of(key) for key in context.selected_asset_keys}
        with failing_in_three_parts(run):
            if wanted:
                _build(context, run, wanted)
            states = run.states()
            # Checks that were asked for without their table.
            alone = {(table_of(key.asset_key), key.name) for key in context.selected_asset_check_keys}
            alone = {(table, name) for table, name in alone if table not in wanted}
            checked = run.check_published([model for model in published if model.table in {table for table, _ in alone}])
        seconds: dict[str, float] = {}
        for built in run.built:
            for table, spent in built.seconds.items():
                seconds[table] = seconds.get(table, 0.0) + spent
        # Reported only now: an asset counts as materialised when readers can have it.
        for table in [model.table for model in published if model.table in wanted and model.table in seconds]:
            yield MaterializeResult(
                asset_key=key_of(table),
                metadata={**table_metadata(states[table], lineage[table]), "seconds": round(seconds[table], 4)},
                check_results=[check_result(found) for found in states[table].checks],
            )
        yield from (check_result(found) for found in checked if (found.table, found.name) in alone)

    return warehouse


def _build(context: AssetExecutionContext, run: WarehouseRun, wanted: set[str]) -> None:
    built = run.build(wanted)
    slugs = sorted({slug for one in built for slug in one.communities})
    context.log.info("Built %d tables for %d communities.", len(wanted), len(slugs))
    if stale := run.stale_communities():
        named = ", ".join(stale[:MANY]) + (" and more" if len(stale) > MANY else "")
        context.log.warning(
            "%d communities are out of date: %s. These tables show the same moment as their other tables; "
            "the next refresh builds all of them.",
            len(stale),
            named,
        )
    if built:
        refusal = run.try_publish()
        if refusal:
            context.log.error(refusal)


def landing_assets() -> AssetsDefinition:
    """What everything is built from. A run of the refresher has landed before; any other run lands what Kafka has."""

    @multi_asset(
        name="landing",
        specs=[
            AssetSpec(
                key_of(f"landing.{table}"),
                description=summary,
                group_name="landing",
                kinds={"kafka", "duckdb"},
                metadata={"dagster/column_schema": schema_of(landing_columns(table), {})},
            )
            for table, summary in LANDING.items()
        ],
        check_specs=[
            AssetCheckSpec(
                ACCOUNTING,
                asset=key_of("landing.outcomes"),
                description="Every raw record that the stream worker is done with has exactly one outcome, in every partition.",
            )
        ],
        can_subset=True,
        required_resource_keys={WAREHOUSE},
    )
    def landing(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
        run: WarehouseRun = context.resources.warehouse
        tables = {key.path[-1]: key for key in sorted(context.selected_asset_keys)}
        with failing_in_three_parts(run):
            if tables:
                run.land()
            states = run.landed({table: recorded_batch(context.instance, key) for table, key in tables.items()})
            unaccounted = run.unaccounted() if context.selected_asset_check_keys else []
        for table, key in tables.items():
            yield MaterializeResult(asset_key=key, metadata=landing_metadata(states[table]))
        if context.selected_asset_check_keys:
            yield accounting_result(unaccounted)

    return landing


def publication(models: Sequence[Model]) -> AssetsDefinition:
    """The read-only file that analysts open."""
    by_table = {model.table: model for model in models}
    published = [model for model in models if model.header.published]
    read = {source for model in published for source in published_reads(model, by_table)}

    @multi_asset(
        name="publication",
        specs=[
            AssetSpec(
                PUBLISHED,
                description="The read-only DuckDB file that analysts, reports and checks open: a new one per refresh.",
                deps=[key_of(model.table) for model in published if model.table not in read],
                group_name="published",
                kinds={"duckdb", "file"},
            )
        ],
        check_specs=[
            AssetCheckSpec(
                FRESH, asset=PUBLISHED, description="The refresher lives, and what was understood is published within minutes."
            )
        ],
        required_resource_keys={WAREHOUSE},
    )
    def publication_(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
        run: WarehouseRun = context.resources.warehouse
        with failing_in_three_parts(run):
            path = run.publish()
        # It is fresh at this moment; the sensor reports when it no longer is.
        fresh = AssetCheckResult(asset_key=PUBLISHED, check_name=FRESH, passed=True)
        yield MaterializeResult(asset_key=PUBLISHED, metadata=file_metadata(path), check_results=[fresh])

    return publication_


def recorded_batch(instance: DagsterInstance, key: AssetKey) -> int:
    """The newest batch that Dagster knows of a landing table; 0 when it knows none."""
    event = instance.get_latest_materialization_event(key)
    metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
    batch = metadata.get(BATCH)
    return int(str(batch.value)) if batch else 0


def accounting_result(unaccounted: Sequence[str]) -> AssetCheckResult:
    """The check of the accounting, from a sentence per line in which something is missing."""
    return AssetCheckResult(
        asset_key=key_of("landing.outcomes"),
        check_name=ACCOUNTING,
        passed=not unaccounted,
        severity=AssetCheckSeverity.ERROR,
        metadata={"partitions": MetadataValue.md("\n".join(f"* {line}" for line in unaccounted) or "all add up")},
    )
