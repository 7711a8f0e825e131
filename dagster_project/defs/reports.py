"""Reports: each is issued once, when its period is closed; missed ones are made up for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    Config,
    DagsterInstance,
    DefaultScheduleStatus,
    MaterializeResult,
    MetadataValue,
    RunConfig,
    RunRequest,
    RunsFilter,
    ScheduleEvaluationContext,
    SkipReason,
    define_asset_job,
    multi_asset,
    schedule,
)
from pydantic import Field

from dagster_project.defs.assets import PUBLISHED
from dagster_project.defs.instance import UNDER_WAY
from dagster_project.delivery.due import Due, due_reports
from dagster_project.delivery.issue import make_report
from dagster_project.refresh.run_launcher import EXECUTED_IN, OWN_PROCESS
from dagster_project.settings import Settings, load
from events.errors import GuildhallError

PAGES = AssetKey(["report_pages"])
STEP = "report_pages"


class ReportsConfig(Config):
    """Which reports to issue; an empty list means those that are due."""

    reports: list[str] = Field(default_factory=list, description="`community 2026-10`, one string per report")


@multi_asset(
    name=STEP,
    specs=[
        AssetSpec(
            PAGES,
            description="The report of each community and period: var/reports/<community>/<period>/index.html.",
            deps=[PUBLISHED],
            group_name="published",
            kinds={"html"},
        )
    ],
)
def report_pages(context: AssetExecutionContext, config: ReportsConfig) -> Iterator[MaterializeResult[Any]]:
    """Issue the reports; where one cannot be issued, the others are, and the run fails at the end."""
    settings, now = load(), datetime.now(UTC)
    due = [Due(*line.split()) for line in config.reports] or due_reports(settings, now)
    made: list[str] = []
    failed: list[Due] = []
    for one in due:
        try:
            made += map(str, make_report(settings, one.community, one.period, now).files.values())
        except GuildhallError as error:
            context.log.error("%s %s: %s", one.community, one.period, error)  # noqa: TRY400 - its three parts are enough
            failed.append(one)
    if failed:
        raise GuildhallError(
            f"{len(failed)} of {len(due)} reports were not issued.",
            "The log above has the reason of each.",
            "Fix it; the next hour tries again.",
        )
    yield MaterializeResult(
        asset_key=PAGES, metadata={"pages": len(made), "paths": MetadataValue.md("\n".join(f"* `{p}`" for p in made) or "none")}
    )


reports = define_asset_job(
    "reports", selection=[PAGES], description="Issue the reports that are due.", tags={EXECUTED_IN: OWN_PROCESS}
)


@schedule(
    job=reports,
    cron_schedule="7 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every hour: the reports of closed periods that are not issued yet.",
)
def reports_when_due(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    """Request what is due, unless a run issues it now."""
    return decide(load(), datetime.now(UTC), context.instance)


def decide(settings: Settings, now: datetime, instance: DagsterInstance) -> RunRequest | SkipReason:
    """A run for everything that is due, or why there is none.

    No run key: Dagster never runs a key twice, also after a failure. The ledger prevents that a report is issued twice.
    """
    if instance.get_runs(RunsFilter(job_name=reports.name, statuses=list(UNDER_WAY)), limit=1):
        return SkipReason("A run issues reports now.")
    due = due_reports(settings, now)
    if not due:
        return SkipReason("Every report that is due is issued.")
    config = ReportsConfig(reports=[f"{one.community} {one.period}" for one in due])
    return RunRequest(run_config=RunConfig(ops={STEP: config}), tags={"reports": str(len(due))})
