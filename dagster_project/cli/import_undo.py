"""Undo of an import: `guildhall import … --undo` for an export that went to the wrong community."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dagster_project.cli.common import note, show, show_json
from events.errors import GuildhallError

if TYPE_CHECKING:
    from pathlib import Path

    from dagster_project.settings import Settings


def undo_import(
    source: str, path: Path, community: str, settings: Settings, *, dry_run: bool, refresh: bool, as_json: bool
) -> None:
    """Undo every import of this export into this community. Raises GuildhallError where there was none."""
    from dagster_project.assembly import warehouse_of
    from dagster_project.cli.build import refresh_once, refuse_while_up, show_step
    from dagster_project.processes.temporary import services
    from pipelines.imports.import_log import ImportLog
    from pipelines.imports.importer import import_id_of

    if dry_run:
        raise GuildhallError(
            "--undo has no dry run.", "It undoes at once.", "Leave --dry-run out. To take it back, import again."
        )
    refuse_while_up(settings)
    import_id = import_id_of(source, path, community)
    with services(settings, ("kafka",), note) as bootstrap, warehouse_of(settings, bootstrap) as warehouse:
        done = warehouse.undo_import(import_id, datetime.now(UTC))
        with ImportLog(settings.paths.imports, settings.key()) as log:
            log.forget(import_id)
        if not done.records:
            raise GuildhallError(
                f"There is nothing of {path.name} in `{community}` to undo.",
                "No import of exactly this export into this community is known, or it was undone already.",
                "Name the export as it was when it was imported, its kind and the community that it went to.",
            )
        if as_json:
            show_json({"records": done.records, "left": done.left, "stayed": done.stayed})
        else:
            others = f"; {done.stayed:,} stay, because another source or import has them too" if done.stayed else ""
            show(f"  undone     {done.records:,} records of {path.name}: {done.left:,} interactions leave {community}{others}")
        steps = refresh_once(settings, warehouse) if refresh else {}
    if not as_json:
        for step, result in steps.items():
            show_step(step, result)
        show(f"  next       {f'guildhall levels {community}' if refresh else 'guildhall refresh'}")
