"""Dagster's instance: its folder under `var/`, its settings, and runs that nobody will ever end."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from dagster_project.paths import Paths
from events.files import write_atomic

POOL = "warehouse"
BY = "guildhall/by"
"""The tag that says which process made a run."""
REFRESHER = "refresher"
KIND = "guildhall/kind"
"""The tag that says how much a run built: `closed` (whole communities) or `now` (what the open week changes)."""
UNDER_WAY = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
LONGEST_RUN_SECONDS = 3_600
TICKS_DAYS = 7
KEEP = {"now": 120, "closed": 60, "other": 500}
"""Runs kept, by kind: those of the open week are alike, and there is one every few seconds."""

SETTINGS = {
    "telemetry": {"enabled": False},
    "concurrency": {
        # A pool without a limit does nothing, and two writers of one DuckDB file fail.
        "pools": {"default_limit": 1, "granularity": "op"},
        "runs": {"max_concurrent_runs": 1},
    },
    "run_monitoring": {
        "enabled": True,
        "poll_interval_seconds": 10,
        "free_slots_after_run_end_seconds": 10,
        "max_runtime_seconds": LONGEST_RUN_SECONDS,
    },
    "retention": {
        "schedule": {"purge_after_days": {"skipped": TICKS_DAYS, "failure": 30, "success": 30}},
        "sensor": {"purge_after_days": {"skipped": 1, "failure": 30, "success": 30}},
    },
}


def dagster_home(home: Path) -> Path:
    """The folder of Dagster, absolute, with `dagster.yaml` as this version wants it."""
    folder = Paths(home).dagster.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "dagster.yaml"
    wanted = "# Written by Guildhall at every start.\n" + yaml.safe_dump(SETTINGS, sort_keys=False)
    if not path.exists() or path.read_text(encoding="utf-8") != wanted:
        write_atomic(path, wanted)
    return folder


def open_instance(home: Path) -> DagsterInstance:
    """Dagster's instance of this home. The caller disposes of it."""
    return DagsterInstance.from_config(str(dagster_home(home)))


def under_way(instance: DagsterInstance, **tags: str) -> list[DagsterRun]:
    """Runs that are waiting or running, with these tags."""
    return list(instance.get_runs(RunsFilter(statuses=list(UNDER_WAY), tags=tags)))


def fail_stale_runs(instance: DagsterInstance, *, by_refresher: bool) -> list[str]:
    """Fail runs that a killed process left behind, and free their slots; their ids.

    The refresher calls it for its own runs, the daemon's process for all others, each before it starts anything itself: so
    whatever is under way then has nobody. Runs that only wait in the queue are left to the daemon.
    """
    stale = [
        run
        for run in under_way(instance)
        if (run.tags.get(BY) == REFRESHER) == by_refresher and (by_refresher or run.status is not DagsterRunStatus.QUEUED)
    ]
    for run in stale:
        instance.report_run_failed(run, "The process that ran it was killed.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in stale]


def prune_runs(instance: DagsterInstance, folder: Path, *, most: int = 20) -> int:
    """Delete the oldest finished runs beyond what is kept, at most so many at once; their number.

    `folder` is Dagster's home: the log of a run is a file of its own there, which Dagster leaves behind.
    """
    deleted = 0
    seen: dict[str, int] = {}
    for run in instance.get_runs():  # newest first
        if run.status in UNDER_WAY:
            continue
        kind = run.tags.get(KIND, "other")
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= KEEP.get(kind, KEEP["other"]):
            continue
        instance.delete_run(run.run_id)
        for suffix in (".db", ".db-wal", ".db-shm"):
            (folder / "history" / "runs" / f"{run.run_id}{suffix}").unlink(missing_ok=True)
        shutil.rmtree(folder / "storage" / run.run_id, ignore_errors=True)
        deleted += 1
        if deleted >= most:
            break
    return deleted


def compact(folder: Path) -> None:
    """Give the space of deleted runs back to the disk. Slow: once a day. A database in use is left for the next day."""
    for path in (folder / "history" / "runs.db", folder / "history" / "runs" / "index.db"):
        if path.exists():
            with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=5)) as con:
                con.execute("vacuum")
