"""The resource `warehouse`: how a run comes to the warehouse, in the refresher and in any other process."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from dagster import Field, InitResourceContext, Noneable, ResourceDefinition, resource

from dagster_project.assembly import sources_of, warehouse_of
from dagster_project.kafka import bootstrap_of
from dagster_project.refresh.execution import Checkpoint
from dagster_project.refresh.loan import borrowed
from dagster_project.refresh.warehouse_run import RunConfig, WarehouseRun
from dagster_project.settings import load

CONFIG = {
    "community": Field(
        Noneable(str), default_value=None, is_required=False, description="Build this community only; all of them by default."
    ),
    "only_stale": Field(
        bool,
        default_value=False,
        is_required=False,
        description="Build only what is out of date, from what has landed. The refresher's own runs set this.",
    ),
}
"""Config of a run: `resources: {warehouse: {config: {community: auditors}}}`."""


@resource(config_schema=CONFIG, description="The warehouse, borrowed from the refresher for this run where one is running.")
def borrowed_warehouse(context: InitResourceContext) -> Iterator[WarehouseRun]:
    """The warehouse for a run that is executed outside of the refresher: `dagster asset materialize` in a shell."""
    assert context.log is not None
    assert context.instance is not None
    assert context.run is not None
    settings = load()
    if context.instance.is_ephemeral:
        context.log.warning("DAGSTER_HOME is not set, so that Dagster's page will not show this run.")
    bootstrap = bootstrap_of(settings)
    checkpoint = Checkpoint(context.instance, context.run.run_id)
    with borrowed(settings.home, lambda: warehouse_of(settings, bootstrap), context.log.info) as warehouse:
        yield WarehouseRun(warehouse, lambda: sources_of(settings), lambda: datetime.now(UTC), checkpoint, config_of(context))


def owned_warehouse(begun: Callable[[str, RunConfig], WarehouseRun]) -> ResourceDefinition:
    """The warehouse for the runs of its owner; `begun` makes what one run uses, from the run's id and config."""

    def give(context: InitResourceContext) -> WarehouseRun:
        assert context.run is not None
        return begun(context.run.run_id, config_of(context))

    return ResourceDefinition(give, config_schema=CONFIG)


def config_of(context: InitResourceContext) -> RunConfig:
    """The run's config as a value."""
    given = context.resource_config
    return RunConfig(community=given["community"], only_stale=given["only_stale"])
