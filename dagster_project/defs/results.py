"""Results: what Dagster shows of a table after it was built, from the state of the warehouse."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import AssetCheckResult, AssetCheckSeverity, Failure, MetadataValue

from dagster_project.defs.lineage import Columns
from dagster_project.defs.specs import key_of, lineage_of
from dagster_project.errors import explain
from dagster_project.refresh.warehouse_run import WarehouseRun
from warehouse.build.build import CheckResult
from warehouse.build.state import LandingState, TableState

BUILT_AT, BATCH, FILE = "built_at", "batch", "file"
"""Metadata that identifies a build, a landing and a publication: where it differs, the page is behind the warehouse."""


def table_metadata(state: TableState, columns: Columns) -> dict[str, Any]:
    """Metadata of a table's materialisation."""
    return {
        "dagster/row_count": state.rows,
        BUILT_AT: state.built_at.isoformat(),
        # The page draws the lineage of columns from the last materialisation.
        "dagster/column_lineage": lineage_of(columns),
    }


def landing_metadata(state: LandingState) -> dict[str, Any]:
    """Metadata of a landing table's materialisation."""
    return {"dagster/row_count": state.rows, "new_rows": state.new_rows, BATCH: state.batch}


def file_metadata(path: Path) -> dict[str, Any]:
    """Metadata of the published file's materialisation."""
    return {FILE: path.name, "path": MetadataValue.path(str(path)), "bytes": path.stat().st_size}


def check_result(found: CheckResult) -> AssetCheckResult:
    """What a check found, for Dagster."""
    return AssetCheckResult(
        asset_key=key_of(found.table),
        check_name=found.name,
        passed=found.failures == 0,
        severity=severity_of(found),
        metadata={"failing_rows": found.failures},
    )


def severity_of(found: CheckResult) -> AssetCheckSeverity:
    """Dagster's severity of a check."""
    return AssetCheckSeverity.WARN if found.severity == "warn" else AssetCheckSeverity.ERROR


@contextmanager
def failing_in_three_parts(run: WarehouseRun) -> Iterator[None]:
    """Let a failure that the software knows fail the step with its three sentences, others with their trace."""
    try:
        yield
    except Exception as error:
        run.error = error
        found = explain(error)
        if not found.foreseen:
            raise
        parts = {"what": found.what, "why": found.why, "to do": found.todo}
        raise Failure(" ".join(parts.values()), metadata=parts, allow_retries=False) from error
