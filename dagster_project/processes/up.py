"""Up: everything, live, as one process tree with one Ctrl-C. After a change of the settings, what reads them starts again."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from filelock import FileLock, Timeout

from dagster_project.kafka import bootstrap_of
from dagster_project.polling import is_polled
from dagster_project.processes.entry_points import BEATING, PROCESSES
from dagster_project.processes.reload import SettingsWatch
from dagster_project.processes.supervisor import Child, RunState, Supervisor, write_run_state
from dagster_project.settings import Settings, load
from events.errors import GuildhallError


def up(settings: Settings, only: Sequence[str] | None = None, report: Callable[[str], None] = print) -> None:
    """Keep these processes (all of them by default) running until SIGINT or SIGTERM; then end them all. Blocks.

    Raises GuildhallError for a name that is none, and when the same home is up already.
    """
    bootstrap = bootstrap_of(settings)
    wanted = children(settings, bootstrap, only)
    with _alone(settings):
        supervisor = Supervisor(wanted, settings.paths.logs, report, time.monotonic)

        def stop(_signal: int, _frame: FrameType | None) -> None:
            report("Stopping …")
            supervisor.stop()

        before = {sign: signal.signal(sign, stop) for sign in (signal.SIGINT, signal.SIGTERM)}
        for line in addresses(settings, bootstrap, [child.name for child in wanted]):
            report(line)
        path = settings.paths.run_state
        names = [child.name for child in wanted]
        watch = SettingsWatch(settings, names, lambda: load(settings.config, settings.home), time.monotonic)

        def reload() -> None:
            if change := watch.look():
                for line in change.lines:
                    report(line)
                supervisor.restart(change.restart)

        try:
            supervisor.run(lambda pids: write_run_state(path, RunState(os.getpid(), bootstrap, pids)), reload)
        finally:
            path.unlink(missing_ok=True)
            for sign, handler in before.items():
                signal.signal(sign, handler)


def children(settings: Settings, bootstrap: str, only: Sequence[str] | None = None) -> list[Child]:
    """The processes to keep, in the order of their start; without Kafka where a cluster was named. Raises GuildhallError."""
    strange = sorted(set(only or ()) - set(PROCESSES))
    if strange:
        raise GuildhallError(
            f"`{strange[0]}` is no process of Guildhall.", f"There are {', '.join(PROCESSES)}.", "Name some of these."
        )
    env = {"GUILDHALL_HOME": str(settings.home)}
    if settings.config is not None:
        env["GUILDHALL_CONFIG"] = str(settings.config)
    return [
        Child(
            name,
            [sys.executable, "-m", "dagster_project.processes", name],
            # Every process but Kafka itself gets the address, so that none chooses one.
            env if name == "kafka" else {**env, "KAFKA_BOOTSTRAP_SERVERS": bootstrap},
            heartbeat=settings.paths.heartbeat(name) if name in BEATING else None,
            last=name == "kafka",
        )
        for name in PROCESSES
        if (_is_needed(settings, name) if only is None else name in only)
        and not (name == "kafka" and settings.kafka.bootstrap_servers)
    ]


def _is_needed(settings: Settings, name: str) -> bool:
    return name != "poller" or is_polled(settings)


def addresses(settings: Settings, bootstrap: str, names: Sequence[str]) -> Iterator[str]:
    """What a person may want to open, a line each."""
    yield f"Guildhall · up · {settings.home}"
    yield f"  kafka      {bootstrap}{'' if 'kafka' in names else ' (not ours)'}"
    if "gateway" in names:
        yield f"  gateway    http://{settings.gateway.host}:{settings.gateway.port}   events in; the reports at / *"
    if "webserver" in names:
        yield f"  dagster    http://{settings.dagster.host}:{settings.dagster.port}   assets, checks, schedules, runs *"
    yield f"  *          user guildhall, password in {settings.paths.pages_token}"
    yield f"  logs       {settings.paths.logs}   one a process"
    yield "  settings   are read again when guildhall.toml changes; a variable takes effect after Ctrl-C and `guildhall up`"


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(settings.paths.up_lock).acquire(blocking=False)
    except Timeout as error:
        raise GuildhallError(
            f"{settings.home} is up already.",
            "Another `guildhall up` runs for this home folder.",
            "Stop it with Ctrl-C first, or name another folder by GUILDHALL_HOME.",
        ) from error
    with lock:
        yield
