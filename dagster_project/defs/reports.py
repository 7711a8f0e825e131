"""Reports: made when their period has ended, each once; what was missed is made up for."""

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
from dagster_project.delivery.issue import Due, due_reports, make_report
from dagster_project.settings import Settings, load
from events.errors import GuildhallError

PAGES = AssetKey(["report_pages"])
STEP = "report_pages"


class ReportsConfig(Config):
    """Which reports to make; nothing named means: those that are due."""

    reports: list[str] = Field(default_factory=list, description="`community 2026-10`, one each")


@multi_asset(
    name=STEP,
    specs=[
        AssetSpec(
            PAGES,
            description="The page a sponsor reads, for each community and period: var/reports/<community>/<period>/index.html.",
            deps=[PUBLISHED],
            group_name="published",
            kinds={"html"},
        )
    ],
)
def report_pages(context: AssetExecutionContext, config: ReportsConfig) -> Iterator[MaterializeResult[Any]]:
    """Make the pages; one that cannot be made does not keep the others from being made, and fails the run at the end."""
    settings, now = load(), datetime.now(UTC)
    due = [Due(*line.split()) for line in config.reports] or due_reports(settings, now)
    made, failed = [], []
    for one in due:
        try:
            made.append(str(make_report(settings, one.community, one.period, now)))
        except GuildhallError as error:
            context.log.error("%s %s: %s", one.community, one.period, error)  # noqa: TRY400 - the three sentences say it all
            failed.append(one)
    if failed:
        raise GuildhallError(
            f"{len(failed)} of {len(due)} reports were not made.",
            "The log above says why, one by one.",
            "Mend it; the next hour tries again.",
        )
    yield MaterializeResult(
        asset_key=PAGES, metadata={"pages": len(made), "paths": MetadataValue.md("\n".join(f"* `{p}`" for p in made) or "none")}
    )


reports = define_asset_job("reports", selection=[PAGES], description="Make the reports that are due.")


@schedule(
    job=reports,
    cron_schedule="7 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every hour: the reports of ended periods that are not there yet.",
)
def reports_when_due(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    """Ask for what is due, unless it is being made."""
    return decide(load(), datetime.now(UTC), context.instance)


def decide(settings: Settings, now: datetime, instance: DagsterInstance) -> RunRequest | SkipReason:
    """A run for everything that is due, or why there is none.

    No run key: Dagster remembers keys for ever, and a run that failed must be able to come again. What is there is the memory.
    """
    if instance.get_runs(RunsFilter(job_name=reports.name, statuses=list(UNDER_WAY)), limit=1):
        return SkipReason("Reports are being made.")
    due = due_reports(settings, now)
    if not due:
        return SkipReason("Every report that is due is there.")
    config = ReportsConfig(reports=[f"{one.community} {one.period}" for one in due])
    return RunRequest(run_config=RunConfig(ops={STEP: config}), tags={"reports": str(len(due))})
