"""Status: everything that is known about a running installation, and the few lines of it that a person needs."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dagster_project.cli.common import counted
from dagster_project.processes.entry_points import BEATING
from dagster_project.processes.heartbeat import SILENT_SECONDS, STOPPED, silent_seconds, state_of
from dagster_project.processes.supervisor import RunState, alive
from dagster_project.processes.temporary import run_state_of
from dagster_project.published import open_current
from dagster_project.refresh.status import faults, read_status
from dagster_project.settings import Settings
from events.errors import GuildhallError
from events.topics import RAW
from pipelines.broker import admin

ANSWER_SECONDS = 3.0
LEAST_FREE_BYTES = 2 << 30
MOST_CHECKS = 5
_PUBLISHED = """
    select
        (select count(*) from core.interactions) as interactions,
        (select count(*) from core.communities) as communities,
        (select max(published_at) from meta.builds) as published_at
"""


def read_all(settings: Settings, now: datetime) -> dict[str, Any]:
    """Everything that is known, by topic; `wrong` holds one sentence per problem. `now` is aware."""
    run_state = run_state_of(settings)
    refresher = read_status(settings.home)
    usage = shutil.disk_usage(settings.home if settings.home.exists() else settings.home.parent)
    found: dict[str, Any] = {
        "home": str(settings.home),
        "running": {name: pid for name, pid in run_state.children.items() if run_state.runs(name)} if run_state else {},
        "kafka": _kafka(settings, run_state),
        "published": _published(settings, now),
        "refresher": refresher,
        "disk": {"free_bytes": usage.free, "used_bytes": _size(settings.home)},
    }
    found["wrong"] = list(_problems(settings, found, run_state, now))
    return found


def _kafka(settings: Settings, run_state: RunState | None) -> dict[str, Any] | None:
    bootstrap = settings.kafka.bootstrap_servers or (run_state.bootstrap if run_state else None)
    if not bootstrap or not admin.wait_ready(bootstrap, ANSWER_SECONDS):
        return None
    raw = admin.progress(bootstrap, admin.GROUP, RAW.name)
    return {"address": bootstrap, "raw_records": sum(raw.ends.values()), "not_understood": raw.lag}


def _published(settings: Settings, now: datetime) -> dict[str, Any] | None:
    try:
        with open_current(settings.paths.published) as tables:
            row = tables.rows(_PUBLISHED)[0]
            at = row["published_at"]
            age = (now.astimezone(UTC).replace(tzinfo=None) - at).total_seconds() if at else None
            return {"file": tables.path.name, **row, "age_seconds": age}
    except GuildhallError:
        return None


def _size(folder: Path) -> int:
    # Blocks, not lengths: Kafka's indexes are long and mostly empty. Files come and go while we count.
    total = 0
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except OSError:
            continue
        total += found.st_blocks * 512
    return total


def _stands_still(settings: Settings, name: str, pid: int, now: datetime) -> bool:
    silent = silent_seconds(settings.paths.heartbeat(name), now.timestamp()) if name in BEATING else 0.0
    return state_of(pid) in STOPPED or (alive(pid) and silent >= SILENT_SECONDS)


def _problems(settings: Settings, found: Mapping[str, Any], run_state: RunState | None, now: datetime) -> Iterator[str]:
    if run_state:
        ended = sorted(name for name in run_state.children if not run_state.runs(name))
        if ended:
            yield f"Not running: {', '.join(ended)}. They are started again; their logs are in {found['home']}/log."
        still = sorted(name for name, pid in run_state.children.items() if _stands_still(settings, name, pid, now))
        if still:
            yield f"Standing still: {', '.join(still)}. `guildhall up` kills and restarts them within about a minute."
        if found["kafka"] is None:
            yield "Kafka does not answer. See `guildhall doctor`."
        yield from faults(found["refresher"], now)
    for check in (found["refresher"] or {}).get("failed_checks", [])[:MOST_CHECKS]:
        yield f"A check fails: {check}"
    if found["disk"]["free_bytes"] < LEAST_FREE_BYTES:
        yield "Less than 2 GiB of disk space is free."


def lines(found: Mapping[str, Any], now: datetime) -> list[tuple[str, str]]:
    """The lines for a person: (name, sentence)."""
    kafka, published, running = found["kafka"], found["published"], found["running"]
    disk = found["disk"]
    wrong = found["wrong"] or ["nothing"]
    return [
        ("running", ", ".join(running) if running else "nothing; `guildhall up` starts everything"),
        (
            "events",
            f"{kafka['raw_records']:,} in Kafka, {kafka['not_understood']:,} of them not understood yet"
            if kafka
            else "unknown, Kafka is not running",
        ),
        ("refresher", _refresher(found["refresher"], now)),
        (
            "published",
            f"{counted(published['interactions'], 'interactions')} of {counted(published['communities'], 'communities')}, "
            f"{_age(published['age_seconds'])} ({published['file']})"
            if published
            else "nothing yet; `guildhall refresh` builds and publishes",
        ),
        (
            "disk",
            f"{disk['free_bytes'] / 2**30:.1f} GiB free, {disk['used_bytes'] / 2**20:,.0f} MiB used in {found['home']}",
        ),
        *((("wrong" if number == 0 else ""), sentence) for number, sentence in enumerate(wrong)),
    ]


def _refresher(status: Mapping[str, Any] | None, now: datetime) -> str:
    if status is None:
        return "has not run yet"
    seen = (now - datetime.fromisoformat(str(status["at"]))).total_seconds()
    run = status.get("last_run") or {}
    last = f"; last run built {run['tables']} tables in {run['seconds']} s" if run.get("tables") else ""
    return f"{status.get('state', 'unknown')}, seen {_age(seen)}{last}"


def _age(seconds: float | None) -> str:
    """`12 seconds ago`, `3 hours ago`."""
    if seconds is None:
        return "at an unknown time"
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = round(seconds / length)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return f"{timedelta(seconds=max(0, round(seconds))).seconds} seconds ago"
