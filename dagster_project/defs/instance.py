"""Dagster's instance: its folder under `var/`, its settings, and runs that nobody will ever end."""

import contextlib
import shutil
import sqlite3
import tempfile
from hashlib import sha256
from pathlib import Path

import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from sqlalchemy import event
from sqlalchemy.engine import Engine

from dagster_project.paths import Paths
from dagster_project.refresh.run_launcher import BY, EXECUTED_IN, OWN_PROCESS, REFRESHER
from events.files import write_atomic

KIND = "guildhall/kind"
"""The tag that says how much a run built: `closed` (whole communities) or `now` (what the open week changes)."""
LOCATION = "guildhall"
"""The name of the code location in Dagster's page."""
LONGEST_SOCKET = 100
"""Characters of a Unix socket's path that every system takes."""
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
    "nux": {"enabled": False},  # no dialog that asks for an address for a newsletter
    "run_launcher": {"module": "dagster_project.refresh.run_launcher", "class": "RefresherRunLauncher"},
    "run_coordinator": {
        "module": "dagster._core.run_coordinator.queued_run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 2},
    },
    # Three under way: one of the refresher's own, one that waits for it, one in a process of its own. More wait in the queue.
    "concurrency": {"runs": {"max_concurrent_runs": 3}},
    # Standard output of a step: ours print nothing, and catching it costs two processes per step.
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"},
    "run_monitoring": {
        "enabled": True,
        "poll_interval_seconds": 10,
        "start_timeout_seconds": 0,  # a run waits for the refresher for as long as that is down
        "cancel_timeout_seconds": 180,
        "max_runtime_seconds": LONGEST_RUN_SECONDS,
    },
    "retention": {
        "schedule": {"purge_after_days": {"skipped": TICKS_DAYS, "failure": 30, "success": 30}},
        "sensor": {"purge_after_days": {"skipped": 1, "failure": 30, "success": 30}},
    },
}


def dagster_home(home: Path) -> Path:
    """The folder of Dagster, absolute, with `dagster.yaml` and `workspace.yaml` as this version wants them."""
    folder = Paths(home).dagster.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "dagster.yaml", SETTINGS)
    server = {"socket": str(code_socket(home)), "location_name": LOCATION}
    _write(folder / "workspace.yaml", {"load_from": [{"grpc_server": server}]})
    return folder


def code_socket(home: Path) -> Path:
    """The socket of the code server: in Dagster's folder, or in the system's temporary folder when that path is too long."""
    socket = Paths(home).dagster.absolute() / "code.sock"
    if len(str(socket)) <= LONGEST_SOCKET:
        return socket
    folder = Path(tempfile.gettempdir()) / f"guildhall-{sha256(str(socket).encode()).hexdigest()[:16]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "code.sock"


def code_location(home: Path) -> GrpcServerCodeLocationOrigin:
    """The code location as Dagster's page knows it: a run that names it is linked with its job and assets."""
    return GrpcServerCodeLocationOrigin(host="localhost", socket=str(code_socket(home)), location_name=LOCATION)


def open_instance(home: Path) -> DagsterInstance:
    """Dagster's instance of this home. The caller disposes of it."""
    return DagsterInstance.from_config(str(dagster_home(home)))


@event.listens_for(Engine, "connect")
def _sync_at_checkpoints_only(connection: object, _record: object) -> None:
    """Let SQLite's log wait for the disk at checkpoints, not at each of a run's hundreds of commits.

    The databases stay whole after a power cut; the last moments of the page's history may be lost. Tables are in DuckDB.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = normal")


def under_way(instance: DagsterInstance, **tags: str) -> list[DagsterRun]:
    """Runs that are waiting or running, with these tags."""
    return list(instance.get_runs(RunsFilter(statuses=list(UNDER_WAY), tags=tags)))


def end_stale_runs(instance: DagsterInstance, *, by_refresher: bool) -> list[str]:
    """End runs that a killed process left behind; their ids.

    The refresher calls it for the runs that it began, the daemon's process for those in processes of their own, each before
    it starts anything: so whatever is under way then has nobody. Runs that wait are left alone, and so are those of a shell.
    """
    tags = {BY: REFRESHER} if by_refresher else {EXECUTED_IN: OWN_PROCESS}
    stale = [run for run in under_way(instance, **tags) if run.status is not DagsterRunStatus.QUEUED]
    for run in stale:
        if run.status is DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "Canceled; the process that executed it was killed meanwhile.")
        else:
            instance.report_run_failed(run, "The process that executed this run was killed. Nothing was changed by halves.")
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
    """Give the space of deleted runs back to the disk. Slow: once per day. A database in use is left for the next day."""
    for path in (folder / "history" / "runs.db", folder / "history" / "runs" / "index.db"):
        if path.exists():
            with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=5)) as con:
                con.execute("vacuum")


def _write(path: Path, settings: object) -> None:
    """Write a settings file where it differs, whole or not at all."""
    wanted = "# Written by Guildhall at every start.\n" + yaml.safe_dump(settings, sort_keys=False)
    if not path.exists() or path.read_text(encoding="utf-8") != wanted:
        write_atomic(path, wanted)
