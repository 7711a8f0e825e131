"""Sensors: the refresher in Dagster's page, with the runs that it started and whether it keeps up."""

from datetime import UTC, datetime

import structlog
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetSelection,
    DagsterInstance,
    DefaultSensorStatus,
    MetadataValue,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from dagster_project.defs.assets import FRESH, PUBLISHED
from dagster_project.defs.reports import PAGES
from dagster_project.refresh.status import faults, read_status
from dagster_project.settings import load

_log = structlog.get_logger()
ALL_WELL = "The refresher runs, and everything that was understood is published."


@sensor(
    name="refresher",
    target=AssetSelection.all() - AssetSelection.assets(PAGES),
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="The refresher is a process of its own: whenever these tables are out of date, it starts a run. Every minute "
    "this sensor reports whether it keeps up, as the check `fresh` of `published`. Stopping the sensor stops the report only.",
)
def refresher_sensor(context: SensorEvaluationContext) -> SkipReason:
    """Report the refresher's state."""
    report = watch(context.instance, faults(read_status(load().home), datetime.now(UTC)), context.cursor)
    context.update_cursor(report)
    return SkipReason(report or ALL_WELL)


def watch(instance: DagsterInstance, found: list[str], before: str | None) -> str:
    """Report the faults as one text, to Dagster only where it differs from `before`, to the log as long as they last."""
    report = " ".join(found)
    if report:
        _log.error("the refresher does not keep up", why=report)
    if report != before:
        instance.report_runless_asset_event(
            AssetCheckEvaluation(
                asset_key=PUBLISHED,
                check_name=FRESH,
                passed=not report,
                severity=AssetCheckSeverity.ERROR,
                metadata={"report": MetadataValue.text(report or ALL_WELL)},
            )
        )
    return report
