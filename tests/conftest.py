"""Fixtures of every test: the one real Kafka of a run."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("guildhall", deadline=None)  # time is measured by benchmarks, not by tests
settings.load_profile("guildhall")

REPOSITORY = Path(__file__).resolve().parent.parent
KAFKA_OWNER = """
import os, sys, time
from pathlib import Path
from pipelines.broker.server import Broker
from pipelines.broker.admin import ensure_topics

data, run = Path(sys.argv[1]), int(sys.argv[2])
with Broker(data, quick=True) as broker:
    ensure_topics(broker.bootstrap)
    (data / "ready.part").write_text(broker.bootstrap)
    (data / "ready.part").rename(data / "ready")
    while True:  # as long as the run of pytest lives, however it ends
        try:
            os.kill(run, 0)
        except ProcessLookupError:
            break
        time.sleep(0.2)
"""


@pytest.fixture(autouse=True)
def _one_at_a_time(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests on the shared Kafka run one at a time, also across workers: each counts the records since it began."""
    if "kafka" not in request.fixturenames:
        yield
        return
    with (_shared(tmp_path_factory) / "kafka.turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run share."""
    base = tmp_path_factory.getbasetemp()
    return base if "PYTEST_XDIST_WORKER" not in os.environ else base.parent


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the run's Kafka, shared by all workers of xdist, with the topics of the contract.

    `KAFKA_BOOTSTRAP_SERVERS` names another one. The first test that needs it starts it, in a process that ends with the run.
    """
    if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return given
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    shared = _shared(tmp_path_factory)
    data = shared / "kafka"
    with (shared / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (data / "ready").exists():
            _start(data, os.getpid() if alone else os.getppid())
    return (data / "ready").read_text()


def _start(data: Path, run: int) -> None:
    data.mkdir()
    with (data / "kafka.log").open("wb") as log:
        owner = subprocess.Popen(
            [sys.executable, "-c", KAFKA_OWNER, str(data), str(run)],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    until = time.monotonic() + 120  # the first start of a machine fetches Kafka
    while not (data / "ready").exists():
        if owner.poll() is not None or time.monotonic() > until:
            pytest.fail("Kafka does not start: " + (data / "kafka.log").read_text()[-2000:])
        time.sleep(0.05)
