"""Health: `status` says how things stand, `doctor` what is wrong with this installation and how to mend it."""

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from dagster_project.cli.common import REFUSED, AsJson, out, show_json, state
from dagster_project.errors import explain
from dagster_project.processes.temporary import open_current, run_state_of
from dagster_project.settings import Settings
from events.errors import GuildhallError
from events.topics import RAW
from pipelines.broker import admin
from pipelines.broker.server import Broker
from warehouse import publish

LEAST_FREE_BYTES = 2 << 30
STALE_HOURS = 24


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(status)
    app.command()(doctor)


def status(as_json: AsJson = False) -> None:
    """What runs, how far behind it is, how fresh what is published is, how much room is left.

    Example: `guildhall status --json`
    """
    settings = state.settings()
    said = _status(settings, datetime.now(UTC))
    if as_json:
        show_json(said)
        return
    for name, value in said.items():
        out.print(f"  {name:11} {_words(value)}")


def _words(value: object) -> str:
    if isinstance(value, dict):
        return " · ".join(f"{key} {_words(inner)}" for key, inner in value.items()) or "none"
    return "–" if value is None else str(value)


def _status(settings: Settings, now: datetime) -> dict[str, Any]:
    run_state = run_state_of(settings)
    said: dict[str, Any] = {
        "home": str(settings.home),
        "running": {name: pid for name, pid in run_state.children.items() if run_state.runs(name)} if run_state else "nothing",
    }
    bootstrap = settings.kafka.bootstrap_servers or (run_state.bootstrap if run_state else None)
    if bootstrap and admin.wait_ready(bootstrap, 3.0):
        raw = admin.progress(bootstrap, admin.GROUP, RAW.name)
        said["kafka"] = {"at": bootstrap, "raw records": sum(raw.ends.values()), "not understood yet": raw.lag}
    else:
        said["kafka"] = "not running"
    said["published"] = _published(settings, now)
    refresher = settings.paths.status
    said["refresher"] = _read(refresher) or "has not run yet"
    usage = shutil.disk_usage(settings.home if settings.home.exists() else settings.home.parent)
    said["disk"] = {"free": f"{usage.free / 2**30:.1f} GiB", "used by var": f"{_size(settings.home) / 2**20:.0f} MiB"}
    return said


def _published(settings: Settings, now: datetime) -> dict[str, Any] | str:
    try:
        with open_current(settings) as tables:
            rows = tables.rows(
                """
                select
                    (select count(*) from core.interactions) as interactions,
                    (select count(*) from core.communities) as communities,
                    (select max(published_at) from meta.builds) as built_at
                """
            )
            built_at = rows[0]["built_at"]
            age = now.replace(tzinfo=None) - built_at if built_at else None
            return {
                "file": tables.path.name,
                "communities": rows[0]["communities"],
                "interactions": rows[0]["interactions"],
                "minutes old": round(age.total_seconds() / 60) if age else None,
            }
    except GuildhallError as error:
        return error.what


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _size(folder: Path) -> int:
    # Blocks, not lengths: Kafka's indexes are long and mostly empty.
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    why: str = ""
    todo: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Look at everything this installation rests on; say what is wrong and how to mend it. Exit 1 if anything is.

    Example: `guildhall doctor`
    """
    findings = list(_examine())
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            out.print(f"  {'[green]ok  [/]' if finding.ok else '[bold red]fail[/]'}  {finding.what}")
            if not finding.ok:
                out.print(f"        why    {finding.why}\n        to do  {finding.todo}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(REFUSED)


def _examine() -> Iterator[Finding]:
    try:
        settings = state.settings()
    except GuildhallError as error:
        yield Finding(error.what, ok=False, why=error.why, todo=error.todo)
        return
    yield Finding(f"settings: {settings.config or 'none, defaults'}", ok=True)
    looks: tuple[Callable[[Settings], Finding], ...] = (_communities, _secrets, _key, _disk, _java, _kafka, _current)
    for look in looks:
        try:
            yield look(settings)
        except (GuildhallError, OSError) as error:
            found = explain(error)
            yield Finding(found.what, ok=False, why=found.why, todo=found.todo)


def _communities(settings: Settings) -> Finding:
    ok = bool(settings.community)
    return Finding(
        f"communities: {len(settings.community)}",
        ok,
        "Without a community every event is kept apart as unmapped.",
        "Add [community.NAME] with its spaces to guildhall.toml; `guildhall init` writes an example.",
    )


def _secrets(settings: Settings) -> Finding:
    without = [name for name, each in settings.source.items() if each.kind == "webhook" and not settings.secrets_of(name)]
    return Finding(
        f"sources: {len(settings.source)}",
        not without,
        f"No secret is set for: {', '.join(without)}; everything sent there is refused.",
        "Set the variable or write the file that guildhall.toml names for them.",
    )


def _key(settings: Settings) -> Finding:
    path = settings.paths.secret_key
    settings.key()
    mode = stat.S_IMODE(path.stat().st_mode)
    return Finding("secret key", mode & 0o077 == 0, f"{path} can be read by others (mode {mode:o}).", f"chmod 600 {path}")


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.home).free
    writable = os.access(settings.home, os.W_OK)
    return Finding(
        f"disk: {free / 2**30:.1f} GiB free under {settings.home}",
        writable and free > LEAST_FREE_BYTES,
        "Nobody may write there." if not writable else "Kafka, the spool and published files need room.",
        "Free some room, or set GUILDHALL_HOME to another disk.",
    )


def _java(settings: Settings) -> Finding:
    if settings.kafka.bootstrap_servers:
        return Finding("Apache Kafka: your own cluster", ok=True)
    Broker(settings.paths.kafka).prepare()
    return Finding("Apache Kafka and its Java: installed", ok=True)


def _kafka(settings: Settings) -> Finding:
    run_state = run_state_of(settings)
    address = settings.kafka.bootstrap_servers or (run_state.bootstrap if run_state else None)
    if address is None:
        return Finding("Kafka: not running; commands start it when they need it", ok=True)
    return Finding(
        f"Kafka at {address}",
        admin.wait_ready(address, 10.0),
        "It does not answer within ten seconds.",
        "See var/log/kafka.log, or look at the cluster that KAFKA_BOOTSTRAP_SERVERS names.",
    )


def _current(settings: Settings) -> Finding:
    folder = settings.paths.published
    if not folder.exists():
        return Finding("published: nothing yet", ok=True)
    path = publish.current(folder)
    publish.open_published(path).close()
    return Finding(f"published: {path.name} opens", ok=True)
