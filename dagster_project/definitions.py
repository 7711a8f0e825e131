"""Definitions: everything Dagster knows. The code server loads `dagster_project.definitions`."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from dagster_project.defs.assets import WAREHOUSE, landing_assets, publication, warehouse_assets
from dagster_project.defs.instance import dagster_home
from dagster_project.defs.lineage import stored_lineage
from dagster_project.defs.reports import report_pages, reports, reports_when_due
from dagster_project.defs.schedules import checks_every_hour, published_checks
from dagster_project.defs.sensors import refresher_sensor
from dagster_project.refresh.resource import borrowed_warehouse
from dagster_project.settings import load
from warehouse.build.catalog import catalog
from warehouse.build.model import Model


def definitions(
    models: Sequence[Model],
    home: Path,
    warehouse: dg.ResourceDefinition = borrowed_warehouse,
) -> dg.Definitions:
    """Assets, checks, schedules and sensors for a catalog of models; `warehouse` is how a run comes to the warehouse."""
    lineage = stored_lineage(models, dagster_home(home) / "lineage.json")
    return dg.Definitions(
        assets=[landing_assets(), warehouse_assets(models, lineage), publication(models), report_pages],
        jobs=[reports, published_checks],
        schedules=[reports_when_due, checks_every_hour],
        sensors=[refresher_sensor],
        resources={WAREHOUSE: warehouse},
        # One process per run: the warehouse has one owner at a time, and a process per step could not share it.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of this installation."""
    return definitions(catalog(), load().home)
