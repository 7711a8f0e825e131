"""Broker: one Apache Kafka node for this machine, whose data, port and log are in one folder."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from events.files import write_atomic
from events.limits import MAX_RECORD_BYTES
from pipelines.broker import startup_cache
from pipelines.broker.admin import ensure_topics, wait_ready
from pipelines.broker.runtime import BrokerError, cannot_write, jars, java

HOST = "127.0.0.1"
STOP_SECONDS = 30.0
CACHE_SECONDS = 180.0
"""How long Java may take to write the startup cache."""
LEAST_FREE_BYTES = 1 << 20

_JAVA_OPTIONS = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC")
_QUICK_JAVA_OPTIONS = ("-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Broker:
    """One Kafka node. A context manager: it starts the node on entry and stops it on exit."""

    def __init__(self, data: Path, *, port: int | None = None, quick: bool = False, write_cache: Path | None = None) -> None:
        """`data` is created when missing. Without `port`, a free one is chosen once. `quick`: start sooner, run slower.

        With `write_cache`, the run writes the startup cache to this file when it is stopped.
        """
        self.data = data.absolute()
        self._port, self._quick, self._write_cache = port, quick, write_cache
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT`, the same after every start."""
        return f"{HOST}:{self._ports()[0]}"

    @property
    def log(self) -> Path:
        """The output of Kafka, where `start` started it."""
        return self.data / "broker.log"

    @property
    def pid(self) -> int | None:
        """The id of the process that `start` started, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def prepare(self) -> list[str]:
        """Fetch missing jars, format the storage once, write the configuration, and return the command. Raises BrokerError."""
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            broker_port, _ = self._ports()
            _check_free(broker_port, self.data / "ports.json")
            command = self._java()
            config = self.data / "server.properties"
            config.write_text(self._config(), encoding="utf-8")
            if not (self._logs / "meta.properties").exists():
                self._format(command, config)
        except OSError as error:
            raise cannot_write(self.data, error) from error
        if self._write_cache:
            command += startup_cache.training_options(self._write_cache)
        return [*command, "kafka.Kafka", str(config)]

    def _java(self) -> list[str]:
        """The command of Java with its options and the class path, without the class to run."""
        path, found = java(), jars()
        cache = [] if self._write_cache else startup_cache.options(path, found, _write_startup_cache)
        options = _QUICK_JAVA_OPTIONS if self._quick else _JAVA_OPTIONS
        return [path, *options, *_LOGGING, *cache, "-cp", os.pathsep.join(map(str, found))]

    def start(self, seconds: float = 60) -> str:
        """Start Kafka, wait until it answers, and return `bootstrap`. Raises BrokerError, and then nothing runs."""
        command = self.prepare()
        with self.log.open("ab") as out:
            before = out.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, *command],
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only this process, which stops its children in order
            )
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise self._died(before)
            if wait_ready(self.bootstrap, 0.5):
                return self.bootstrap
        self.kill()
        raise BrokerError(
            "Kafka does not answer.",
            f"It started {seconds:.0f} seconds ago and accepts no connection on {self.bootstrap}.",
            f"Look at the end of {self.log}, and try again when the machine is less busy.",
        )

    def stop(self) -> None:
        """Stop Kafka in order: it writes its data first."""
        self._end(signal.SIGTERM, CACHE_SECONDS if self._write_cache else STOP_SECONDS)

    def kill(self) -> None:
        """Kill Kafka, as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals, seconds: float = STOP_SECONDS) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    @property
    def _logs(self) -> Path:
        return self.data / "logs"

    def _ports(self) -> tuple[int, int]:
        path = self.data / "ports.json"
        with contextlib.suppress(OSError, ValueError):
            broker, controller = json.loads(path.read_text(encoding="utf-8"))
            if self._port in {None, broker}:
                return broker, controller
        self.data.mkdir(parents=True, exist_ok=True)
        with _free_port() as first, _free_port() as second:
            ports = self._port or first, second
        write_atomic(path, json.dumps(ports))
        return ports

    def _config(self) -> str:
        broker, controller = self._ports()
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "listeners": f"PLAINTEXT://{HOST}:{broker},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{broker}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self._logs,
            # After kill -9 a node waits until its old registration expires: 3.7 s with this, 11.7 s without.
            "broker.session.timeout.ms": 1500,
            "broker.heartbeat.interval.ms": 300,
            "auto.create.topics.enable": "false",
            "default.replication.factor": 1,
            "min.insync.replicas": 1,
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 2,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "message.max.bytes": MAX_RECORD_BYTES,
            "replica.fetch.max.bytes": MAX_RECORD_BYTES,
            "log.flush.interval.ms": 1000,  # one node has no replica: a power cut may lose one second
            "log.cleaner.dedupe.buffer.size": 16 << 20,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        return "".join(f"{name}={_property(value)}\n" for name, value in settings.items())

    def _format(self, command: list[str], config: Path) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)
        tool = [*command, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config)]
        done = subprocess.run(tool, cwd=self.data, capture_output=True, check=False, timeout=120)
        if done.returncode:
            shutil.rmtree(self._logs, ignore_errors=True)  # a half-formatted folder must not look formatted
            raise explained(self.data, (done.stdout + done.stderr).decode(errors="replace"))

    def _died(self, before: int) -> BrokerError:
        self._process = None
        with self.log.open("rb") as log:
            log.seek(before)
            return explained(self.data, log.read().decode(errors="replace"))


def _write_startup_cache(file: Path) -> None:
    """Run a Kafka of its own once, so that Java writes the startup cache."""
    with TemporaryDirectory(prefix="guildhall-kafka-") as data:
        broker = Broker(Path(data), write_cache=file)
        try:
            ensure_topics(broker.start(CACHE_SECONDS))
        finally:
            broker.stop()


# When the parent is killed it cannot stop its child; the kernel then sends the child SIGTERM. Linux only.
_DIE_WITH_PARENT = """
import ctypes, os, sys
getattr(ctypes.CDLL(None), "prctl", lambda *_: None)(1, 15)
os.execv(sys.argv[1], sys.argv[1:])
"""
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss",
    "-Djava.net.preferIPv4Stack=true",
)


@contextlib.contextmanager
def _free_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as taken:
        yield taken.getsockname()[1]


def _check_free(port: int, ports: Path) -> None:
    try:
        socket.create_server((HOST, port)).close()  # it sets SO_REUSEADDR: a closed connection does not count
    except OSError as error:
        raise BrokerError(
            "Kafka's port is taken.",
            f"Something else listens on {HOST}:{port}, perhaps this Kafka from an earlier start.",
            f"Stop it, or delete {ports} so that another port is chosen.",
        ) from error


def _property(value: object) -> str:
    return str(value).replace("\\", "\\\\")


def explained(data: Path, output: str) -> BrokerError:
    """Return the error for what Kafka wrote before it ended."""
    if shutil.disk_usage(data).free < LEAST_FREE_BYTES:
        output += "No space left on device"  # a full disk has no room for Kafka's own message
    for sign, why, todo in (
        (
            "No space left on device",
            "The disk is full.",
            f"Free space on the disk of {data}, then start again; nothing is lost.",
        ),
        ("Address already in use", "Another program took one of its ports.", f"Delete {data / 'ports.json'} and start again."),
        (
            "Failed to acquire lock",
            "Another Kafka uses the same folder.",
            "Stop the other one, or give this one its own folder.",
        ),
        ("OutOfMemoryError", "There is not enough memory for it.", "Close something, then start again."),
    ):
        if sign in output:
            return BrokerError("Kafka does not start.", why, todo)
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "nothing")[:300]
    return BrokerError("Kafka does not start.", f"Its last message is: {last}.", f"Look at {data / 'broker.log'}.")
