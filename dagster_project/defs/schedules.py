"""Schedules: the hourly check of what is published."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterInstance,
    DefaultScheduleStatus,
    MetadataValue,
    OpExecutionContext,
    RunRequest,
    RunsFilter,
    ScheduleEvaluationContext,
    SkipReason,
    job,
    op,
    schedule,
)

from dagster_project.defs.instance import UNDER_WAY
from dagster_project.defs.specs import key_of
from dagster_project.refresh.run_launcher import EXECUTED_IN, OWN_PROCESS
from dagster_project.settings import load
from events.errors import GuildhallError
from warehouse import publish
from warehouse.build.build import CheckResult, check_published
from warehouse.build.catalog import catalog


@op
def check_everything(context: OpExecutionContext) -> None:
    """Run every check of every table again on the published file, and record what each found."""
    path = publish.current(load().paths.published)
    con = publish.open_published(path)
    try:
        found = check_published(con, catalog())
    finally:
        con.close()
    failed = report_checks(context.instance, found, path.name, datetime.now(UTC))
    context.log.info("%d checks on %s, %d failed", len(found), path.name, len(failed))
    errors = [result for result in failed if result.severity == "error"]
    if errors:
        named = ", ".join(f"{result.table} {result.name}" for result in errors[:5])
        raise GuildhallError(
            f"{len(errors)} checks fail on what is published.",
            f"Among them: {named}.",
            "Look at the checks of these assets; `guildhall build --full` builds everything again.",
        )


@job(description="Every check of every table, again, on the published file.", tags={EXECUTED_IN: OWN_PROCESS})
def published_checks() -> None:
    """One step."""
    check_everything()


@schedule(
    job=published_checks,
    cron_schedule="37 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every hour: all checks on what is published.",
)
def checks_every_hour(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    """Request a run, unless one is under way or nothing is published."""
    if context.instance.get_runs(RunsFilter(job_name=published_checks.name, statuses=list(UNDER_WAY)), limit=1):
        return SkipReason("The last check is still under way.")
    try:
        publish.current(load().paths.published)
    except GuildhallError as error:
        return SkipReason(error.what)
    return RunRequest()


def report_checks(instance: DagsterInstance, found: Iterable[CheckResult], file: str, now: datetime) -> list[CheckResult]:
    """Record every result as of this file in Dagster; the results that failed."""
    return list(_reported(instance, found, file, now))


def _reported(instance: DagsterInstance, found: Iterable[CheckResult], file: str, now: datetime) -> Iterator[CheckResult]:
    for result in found:
        instance.report_runless_asset_event(
            AssetCheckEvaluation(
                asset_key=key_of(result.table),
                check_name=result.name,
                passed=result.failures == 0,
                severity=AssetCheckSeverity.WARN if result.severity == "warn" else AssetCheckSeverity.ERROR,
                metadata={
                    "failing_rows": MetadataValue.int(result.failures),
                    "file": MetadataValue.text(file),
                    "at": MetadataValue.text(f"{now:%Y-%m-%d %H:%M} UTC"),
                },
            )
        )
        if result.failures:
            yield result
