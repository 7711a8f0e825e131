"""Folder: the home folder of a demo. An earlier demo is cleared away; anything else is left alone."""

import json
import shutil
from pathlib import Path

from dagster_project.assembly import warehouse_of
from dagster_project.demo.lines import DemoError
from dagster_project.paths import Paths
from dagster_project.processes.temporary import run_state_of
from dagster_project.settings import Settings, load
from pipelines.simulator.population import SPECS

OTHER_FOLDER = "Name another folder: `guildhall --home /tmp/guildhall demo`."


def prepare(home: Path, parameters: dict[str, int]) -> None:
    """Clear an earlier demo away and mark the folder as a demo's. Raises DemoError where the folder may hold anything else."""
    paths = Paths(home)
    key = {paths.secret_key.name, paths.key_fingerprint.name}
    found = {path.name for path in home.iterdir()} if home.exists() else set()
    if found - key:
        if not paths.demo_marker.exists():
            raise DemoError(
                f"{home} cannot be used for a demo.", "It holds an installation; a demo needs an empty folder.", OTHER_FOLDER
            )
        config = paths.demo / "guildhall.toml"
        _refuse_foreign_data(load(config if config.exists() else None, home))
        for name in sorted(found - key - {paths.demo_marker.name}):
            path = home / name
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    home.mkdir(parents=True, exist_ok=True)
    paths.demo_marker.write_text(json.dumps(parameters) + "\n", encoding="utf-8")


def _refuse_foreign_data(settings: Settings) -> None:
    """Refuse while `guildhall up` runs here, or when another community has landed beside the demo's."""
    if run_state_of(settings):
        raise DemoError(
            f"{settings.home} is in use.", "`guildhall up` runs on it.", "Stop that first, or name another folder with --home."
        )
    if not settings.paths.landing.exists():
        return
    with warehouse_of(settings) as warehouse:
        rows = warehouse.con.execute("select distinct community from landing.main.interactions").fetchall()
    others = {row[0] for row in rows} - {spec.slug for spec in SPECS}
    if others:
        raise DemoError(
            f"{settings.home} does not hold a demo alone.", f"It also holds your community {min(others)}.", OTHER_FOLDER
        )
