"""Processes: what each one of `guildhall up` is. `python -m dagster_project.processes NAME` runs one until SIGTERM.

Settings come from GUILDHALL_CONFIG and GUILDHALL_HOME and are read once. After a change of the settings, `guildhall up`
starts the processes again that keep them in memory (`reload.py`).
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from dagster_project.errors import explain
from dagster_project.kafka import await_topics, bootstrap_of
from dagster_project.processes.heartbeat import beat_for_ever
from dagster_project.processes.supervisor import die_with_parent, wait_for
from dagster_project.settings import Settings, load
from events.errors import GuildhallError

_log = structlog.get_logger()
FAILED = 70
CODE_SERVER_SECONDS = 120.0
NICENESS = 5
"""Of the daemon and the page: on a small machine events and tables go first."""
DEFINITIONS = "dagster_project.definitions"


def kafka(settings: Settings) -> None:
    """Apache Kafka itself takes this process over; nothing to do where a cluster was named."""
    from pipelines.broker.server import Broker  # noqa: PLC0415 - each process imports what it runs, no more

    if settings.kafka.bootstrap_servers:
        raise GuildhallError(
            "There is no Kafka to start.",
            f"The settings name a cluster: {settings.kafka.bootstrap_servers}.",
            "Leave `kafka` out, or unset bootstrap_servers and KAFKA_BOOTSTRAP_SERVERS.",
        )
    broker = Broker(settings.paths.kafka)
    argv = broker.prepare()
    os.chdir(broker.data)
    os.execv(argv[0], argv)  # noqa: S606 - one process, not two: the supervisor's signals reach Java itself


def gateway(settings: Settings) -> None:
    """Webhooks and CloudEvents in. Starts and accepts while Kafka is down."""
    from pipelines.broker.clients import live_producer  # noqa: PLC0415
    from pipelines.ingest.gateway import ConfiguredSource, make_app  # noqa: PLC0415
    from pipelines.ingest.http_server import serve  # noqa: PLC0415
    from pipelines.ingest.publisher import RawPublisher  # noqa: PLC0415
    from pipelines.ingest.spool import Spool  # noqa: PLC0415
    from pipelines.platforms import PLATFORMS  # noqa: PLC0415

    bootstrap = bootstrap_of(settings)
    threading.Thread(target=await_topics, args=(bootstrap,), daemon=True).start()
    app = make_app(
        [
            ConfiguredSource(source=settings.source_of(name), secrets=settings.secrets_of(name), tenant=source.tenant)
            for name, source in settings.source.items()
        ],
        PLATFORMS,
        RawPublisher(partial(live_producer, bootstrap), Spool(settings.paths.spool)),
        lambda: datetime.now(UTC),
        state=settings.paths.sources,
        tokens=settings.events_tokens(),
        pages_tokens=(settings.pages_token(),),
        reports=settings.paths.reports,
    )
    serve(app, settings.gateway.host, settings.gateway.port)


def poller(settings: Settings) -> None:
    """Reads the polled sources, each at its interval."""
    from dagster_project.polling import is_polled, open_poller, polled_sources  # noqa: PLC0415

    stop = threading.Event()
    if not is_polled(settings):  # in compose, every process is a service
        _log.info("no source is polled")
        stop.wait()
    bootstrap, sources = bootstrap_of(settings), polled_sources(settings)
    await_topics(bootstrap)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    with open_poller(settings, bootstrap) as polling:
        polling.run(sources, stop)


def worker(settings: Settings) -> None:
    """The stream worker: raw events in, interactions, accounts and outcomes out."""
    from pipelines.platforms import PLATFORMS  # noqa: PLC0415
    from pipelines.understand.understand import Context  # noqa: PLC0415
    from pipelines.worker.faust_worker import run_worker  # noqa: PLC0415

    bootstrap = bootstrap_of(settings)
    await_topics(bootstrap)
    context = Context(settings.key(), settings.communities(), PLATFORMS, settings.tenants())
    run_worker(bootstrap, context, data=settings.paths.worker)


def refresher(settings: Settings) -> None:
    """The owner of the warehouse: land, build what is stale, publish."""
    from dagster_project.refresh.refresher import run_refresher  # noqa: PLC0415

    run_refresher(settings, bootstrap_of(settings))


def code_server(settings: Settings) -> None:
    """Dagster's code server: holds the definitions for the daemon and the page, and starts the runs that read only."""
    from dagster_project.defs.instance import LOCATION, code_socket, dagster_home  # noqa: PLC0415

    at = ("--socket", str(code_socket(settings.home)), "--location-name", LOCATION)
    _dagster(dagster_home(settings.home), "dagster", "api", "grpc", *at, "-m", DEFINITIONS)


def daemon(settings: Settings) -> None:
    """Dagster's daemon: schedules, sensors and the queue of runs."""
    from dagster_project.defs.instance import dagster_home, end_stale_runs, open_instance  # noqa: PLC0415

    instance = open_instance(settings.home)
    for run_id in end_stale_runs(instance, by_refresher=False):
        _log.warning("a run that a killed process left behind was ended", run=run_id)
    instance.dispose()
    home = dagster_home(settings.home)
    _await_code_server(settings)
    _dagster(home, "dagster._daemon", "run", "-w", str(home / "workspace.yaml"))


def webserver(settings: Settings) -> None:
    """Dagster's page, behind its password."""
    from dagster_project.defs.instance import dagster_home  # noqa: PLC0415

    home = dagster_home(settings.home)
    at = ("-h", settings.dagster.host, "-p", str(settings.dagster.port))
    _await_code_server(settings)
    _dagster(home, "dagster_project.processes.page", *at, "-w", str(home / "workspace.yaml"))


PROCESSES: Mapping[str, Callable[[Settings], None]] = {
    "kafka": kafka,
    "gateway": gateway,
    "poller": poller,
    "worker": worker,
    "refresher": refresher,
    "code-server": code_server,
    "daemon": daemon,
    "webserver": webserver,
}
"""In the order in which they are started."""
BEATING = frozenset({"gateway", "poller", "worker", "refresher"})
"""Those that show heartbeats; the others are other programs, which these functions become."""


def _await_code_server(settings: Settings) -> None:
    """Wait until the code server listens, within reason: whoever starts before it shows an error until it is reloaded."""
    from dagster_project.defs.instance import code_socket  # noqa: PLC0415

    def listens() -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(code_socket(settings.home))) == 0

    if not wait_for(listens, CODE_SERVER_SECONDS, every=0.5):
        _log.warning("the code server does not listen yet", waited_seconds=CODE_SERVER_SECONDS)


def _dagster(home: Path, module: str, *arguments: str) -> None:
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    os.nice(NICENESS)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - as for Kafka


def plain_logs() -> None:
    """Log lines without colours, traces without the values of variables: those may be content, names or keys."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


def main(name: str) -> int:
    """Run one process; the exit code."""
    plain_logs()
    die_with_parent()
    try:
        settings = load()
        if name in BEATING:
            beat_for_ever(settings.paths.heartbeat(name))
        PROCESSES[name](settings)
    except Exception as error:  # noqa: BLE001 - whatever ends a process is logged in three parts
        found = explain(error)
        _log.error(found.what, why=found.why, todo=found.todo, exc_info=not found.foreseen)
        return FAILED
    return 0
