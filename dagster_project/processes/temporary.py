"""Services: what a single command needs running, Kafka and the stream worker: used where it stands, else started briefly."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from filelock import FileLock, Timeout

from dagster_project.processes.supervisor import RunState, read_run_state
from dagster_project.settings import Settings
from events.errors import GuildhallError
from pipelines.broker import admin
from pipelines.broker.server import Broker
from pipelines.platforms import PLATFORMS
from pipelines.understand.understand import Context

STOP_SECONDS = 30.0


def run_state_of(settings: Settings) -> RunState | None:
    """What `guildhall up` runs now for this home folder."""
    return read_run_state(settings.paths.run_state)


def context_of(settings: Settings) -> Context:
    """What understanding may know, from the settings."""
    return Context(settings.key(), settings.communities(), PLATFORMS, settings.tenants())


@contextmanager
def services(settings: Settings, needed: Sequence[str], report: Callable[[str], None]) -> Iterator[str]:
    """Give the address of a Kafka with its topics; `kafka` and `worker` are started for a while where nothing runs them."""
    run_state = run_state_of(settings)
    address = settings.kafka.bootstrap_servers or (run_state.bootstrap if run_state else None)
    broker: Broker | None = None
    worker: subprocess.Popen[bytes] | None = None
    lock: FileLock | None = None
    try:
        if address is None:
            lock = _take_kafka(settings)
            report("Starting Kafka for this command …")
            broker = Broker(settings.paths.kafka, quick=True)
            address = broker.start()
        elif not admin.wait_ready(address, 10.0):
            raise GuildhallError(
                f"Kafka at {address} does not answer.",
                "Nothing listens there, or it is not up yet.",
                "Start it, correct KAFKA_BOOTSTRAP_SERVERS, or unset it and Guildhall starts its own.",
            )
        admin.ensure_topics(address)
        if "worker" in needed and not (run_state and run_state.runs("worker")):
            worker = start_process(settings, "worker", address)
        yield address
    finally:
        if worker is not None:
            stop_process(worker)
        if broker is not None:
            broker.stop()
        if lock is not None:
            lock.release()


def _take_kafka(settings: Settings) -> FileLock:
    """The right to start the embedded Kafka, which two commands cannot have at once."""
    settings.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.paths.kafka_lock, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise GuildhallError(
            "Another command runs Kafka for itself.",
            f"It works in {settings.home} too, and stops its Kafka when it is done.",
            "Wait until it is done; or run `guildhall up`, whose Kafka all commands share.",
        ) from error
    return lock


def start_process(settings: Settings, name: str, bootstrap: str) -> subprocess.Popen[bytes]:
    """Start one of `dagster_project.processes` for this home folder; its output goes to var/log."""
    log = settings.paths.log(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "GUILDHALL_HOME": str(settings.home), "KAFKA_BOOTSTRAP_SERVERS": bootstrap}
    if settings.config is not None:
        env["GUILDHALL_CONFIG"] = str(settings.config)
    with log.open("ab") as written:
        return subprocess.Popen(
            [sys.executable, "-m", "dagster_project.processes", name],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """End a process: asked first, killed when it does not listen."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
