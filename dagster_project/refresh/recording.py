"""Recording: Dagster's page shows every table as it is in the warehouse, whoever built it.

A command, a restored backup or a shell builds tables without a run of the refresher. Whenever the refresher takes the
warehouse, it compares what Dagster last recorded with what is there, and records what differs, without a run.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dagster import AssetCheckEvaluation, AssetKey, AssetMaterialization, DagsterInstance, MetadataValue

from dagster_project.defs.assets import PUBLISHED
from dagster_project.defs.lineage import Columns
from dagster_project.defs.results import BATCH, BUILT_AT, FILE, file_metadata, landing_metadata, severity_of, table_metadata
from dagster_project.defs.specs import LANDING, key_of
from events.errors import GuildhallError
from warehouse.build.state import landing_states, table_states
from warehouse.publish import current
from warehouse.warehouse import Warehouse

WHY = "Built outside of Dagster's runs, by a command for example."


def record_missing(instance: DagsterInstance, warehouse: Warehouse, lineage: Mapping[str, Columns]) -> int:
    """Record every table, landing table and publication that Dagster does not know in its present state; their number."""
    tables = {table: state for table, state in table_states(warehouse.con).items() if table in lineage}
    known = _recorded(instance, [*map(key_of, tables), *(key_of(f"landing.{name}") for name in LANDING), PUBLISHED])
    recorded = 0
    for table, state in tables.items():
        if known.get(key_of(table), {}).get(BUILT_AT) == state.built_at.isoformat():
            continue
        _materialised(instance, key_of(table), table_metadata(state, lineage[table]))
        for found in state.checks:
            instance.report_runless_asset_event(
                AssetCheckEvaluation(
                    asset_key=key_of(found.table),
                    check_name=found.name,
                    passed=found.failures == 0,
                    severity=severity_of(found),
                    metadata={"failing_rows": MetadataValue.int(found.failures)},
                )
            )
        recorded += 1
    return recorded + _record_landing(instance, warehouse, known) + _record_file(instance, warehouse.published, known)


def _record_landing(instance: DagsterInstance, warehouse: Warehouse, known: Mapping[AssetKey, Mapping[str, object]]) -> int:
    before = {name: int(str(known.get(key_of(f"landing.{name}"), {}).get(BATCH, 0))) for name in LANDING}
    recorded = 0
    for name, state in landing_states(warehouse.con, before).items():
        if state.batch > before[name]:
            _materialised(instance, key_of(f"landing.{name}"), landing_metadata(state))
            recorded += 1
    return recorded


def _record_file(instance: DagsterInstance, published: Path, known: Mapping[AssetKey, Mapping[str, object]]) -> int:
    try:
        path = current(published)
    except GuildhallError:
        return 0  # nothing was ever published
    if known.get(PUBLISHED, {}).get(FILE) == path.name or not path.exists():
        return 0
    _materialised(instance, PUBLISHED, file_metadata(path))
    return 1


def _materialised(instance: DagsterInstance, key: AssetKey, metadata: dict[str, Any]) -> None:
    instance.report_runless_asset_event(AssetMaterialization(key, description=WHY, metadata=metadata))


def _recorded(instance: DagsterInstance, keys: list[AssetKey]) -> dict[AssetKey, dict[str, object]]:
    """Asset -> the values of its last materialisation's metadata."""
    return dict(_values(instance, keys))


def _values(instance: DagsterInstance, keys: list[AssetKey]) -> Iterator[tuple[AssetKey, dict[str, object]]]:
    for key, event in instance.get_latest_materialization_events(keys).items():
        if event is not None and event.asset_materialization is not None:
            yield key, {name: value.value for name, value in event.asset_materialization.metadata.items()}
