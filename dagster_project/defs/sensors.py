"""Sensors: the watchdog, which tells whether what is published is as fresh as it should be."""

from datetime import UTC, datetime

import structlog
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterInstance,
    DefaultSensorStatus,
    MetadataValue,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from dagster_project.defs.assets import FRESH, PUBLISHED
from dagster_project.refresh.status import faults, read_status
from dagster_project.settings import load

_log = structlog.get_logger()


@sensor(
    name="watchdog",
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Every minute: does the refresher live, and is everything that was understood published?",
)
def watchdog(context: SensorEvaluationContext) -> SkipReason:
    """Tell Dagster when it changed: the check `fresh` of the published file."""
    told = watch(context.instance, faults(read_status(load().home), datetime.now(UTC)), context.cursor)
    context.update_cursor(told)
    return SkipReason(told or "All is well.")


def watch(instance: DagsterInstance, found: list[str], before: str | None) -> str:
    """Say what is wrong now, to Dagster only where it differs from `before`; a log line for as long as it lasts."""
    told = " ".join(found)
    if told:
        _log.error("the watchdog barks", why=told)
    if told != before:
        instance.report_runless_asset_event(
            AssetCheckEvaluation(
                asset_key=PUBLISHED,
                check_name=FRESH,
                passed=not told,
                severity=AssetCheckSeverity.ERROR,
                metadata={"says": MetadataValue.text(told or "All is well.")},
            )
        )
    return told
