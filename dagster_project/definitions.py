"""Definitions: everything Dagster knows. `dagster-webserver -m dagster_project.definitions`, `dagster-daemon run -m …`."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from dagster_project.defs.assets import WORK, landing_assets, publication, warehouse_assets
from dagster_project.defs.instance import dagster_home
from dagster_project.defs.lineage import kept_lineage
from dagster_project.defs.reports import report_pages, reports, reports_when_due
from dagster_project.defs.schedules import checks_every_hour, published_checks
from dagster_project.defs.sensors import watchdog
from dagster_project.settings import load
from events.errors import GuildhallError
from warehouse.build.catalog import catalog
from warehouse.build.model import Model


@dg.resource(description="What the refresher gives a run; nobody else holds the warehouse.")
def no_work(_context: dg.InitResourceContext) -> object:
    """Stand where the refresher's work would be, and say whose it is."""
    raise GuildhallError(
        "This run cannot build the warehouse.",
        "One process owns both files: the refresher, which builds whatever is out of date by itself.",
        "See its log and `guildhall status`; to build everything again, stop `guildhall up` and run `guildhall build --full`.",
    )


def definitions(models: Sequence[Model], home: Path, work: dg.ResourceDefinition = no_work) -> dg.Definitions:
    """Assets, checks, schedules and sensors for a catalog of models; `work` is where the refresher says what to do."""
    lineage = kept_lineage(models, dagster_home(home) / "lineage.json")
    return dg.Definitions(
        assets=[landing_assets(), warehouse_assets(models, lineage), publication(models), report_pages],
        jobs=[reports, published_checks],
        schedules=[reports_when_due, checks_every_hour],
        sensors=[watchdog],
        resources={WORK: work},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of this installation."""
    return definitions(catalog(), load().home)
