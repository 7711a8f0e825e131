"""Run: the order of a demo. Simulate, send, understand, land, build, publish, report; each step is checked and printed.

Every printed line is computed, and every number in it is compared with one that was counted another way. A number that does not
add up ends the demo with an error in three parts.
"""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from dagster_project.assembly import sources_of, warehouse_of
from dagster_project.cli.common import progress
from dagster_project.delivery.issue import make_report
from dagster_project.demo.checks import check_built, check_equal, check_landed, check_planted, check_sent, check_story
from dagster_project.demo.folder import prepare
from dagster_project.demo.lines import DemoError, line, next_steps, short
from dagster_project.paths import Paths
from dagster_project.processes.temporary import start_process, stop_process
from dagster_project.settings import Settings, load
from events.source import Source, SourceKind
from events.topics import OUTCOMES, RAW
from pipelines.broker import admin
from pipelines.broker.runtime import VERSION
from pipelines.broker.server import Broker
from pipelines.connector import ImportOptions
from pipelines.imports.await_outcomes import await_outcomes
from pipelines.imports.importer import import_export
from pipelines.platforms import PLATFORMS
from pipelines.simulator.calendar import Calendar
from pipelines.simulator.delivery import Ledger, deliver, deliveries, read_ledger
from pipelines.simulator.expected import Expected
from pipelines.simulator.exports import Export, write_exports
from pipelines.simulator.formats.world import World
from pipelines.simulator.ground_truth import truth_of, write_settings, write_truth
from pipelines.simulator.population import SPECS
from pipelines.simulator.scenario import Scenario
from warehouse.build.build import Built
from warehouse.landing.batch import Landed
from warehouse.report.period import last_month
from warehouse.warehouse import Progress

LIVE_WEEKS = 20
"""Weeks that come through the live sources; the older ones are in exports."""
READY_SECONDS = 60.0
RETRY_SECONDS = 0.05


def demo(home: Path | None, *, seed: int = 1, weeks: int = 104, members: int = 360, keep: bool = False) -> int:
    """Run a demo and print a line for each step. Returns 0, or raises an error in three parts.

    `home` (else GUILDHALL_HOME, else var) must be empty or an earlier demo's. Every process that the demo started is stopped,
    whatever happens. `keep` leaves the exports and the ledger of acknowledged events.
    """
    now = datetime.now(UTC)
    monday = now.date() - timedelta(days=now.weekday())
    folder = load(None, home).home
    script = Scenario(seed, Calendar(monday, weeks, min(weeks, LIVE_WEEKS)), members)
    prepare(folder, {"seed": seed, "weeks": weeks, "members": members})
    with _sigterm_interrupts(), ExitStack() as stack:
        _Demo(script, World(seed), Paths(folder).demo).run(stack, folder, now, keep=keep)
    return 0


@dataclass(slots=True)
class _Demo:
    script: Scenario
    world: World
    folder: Path
    expected: Expected = field(default_factory=Expected)
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Acknowledged events by (platform, source)."""
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def ledger(self) -> Path:
        """The file of acknowledged live events."""
        return self.folder / "ledger.jsonl"

    @property
    def exports(self) -> Path:
        """The folder of the simulated exports."""
        return self.folder / "exports"

    def run(self, stack: ExitStack, home: Path, now: datetime, *, keep: bool) -> None:
        """All steps, in order."""
        sys.stdout.write("Guildhall · demo\n")
        settings = load(write_settings(self.folder, self.script, self.world, port=_free_port()), home)
        bootstrap = self._start(stack, settings)
        outcomes, before = admin.ends(bootstrap, OUTCOMES.name), admin.ends(bootstrap, RAW.name)
        self._send(settings, bootstrap)
        understood_in = self._await_outcomes(settings, bootstrap, outcomes, before)
        published, members = self._refresh(settings, bootstrap, understood_in)
        truth = truth_of(self.script)
        write_truth(self.folder / "truth.json", truth, self.expected)
        check_planted(settings, self.script, self.world, truth, members)
        line("published", short(published))
        reports = [make_report(settings, spec.slug, last_month(now.date()), now).files["html"] for spec in SPECS]
        line("report", " · ".join(part for part in (short(reports[0]), check_story(settings, truth)) if part))
        # The demo used a free port; the settings that stay name the usual one, for `guildhall up`.
        config = write_settings(self.folder, self.script, self.world)
        if not keep:
            shutil.rmtree(self.exports, ignore_errors=True)
            self.ledger.unlink()
        next_steps(config)

    def _start(self, stack: ExitStack, settings: Settings) -> str:
        """Start Kafka, the stream worker and the gateway; the address of Kafka."""
        began = time.perf_counter()
        broker = Broker(settings.paths.kafka)
        stack.callback(broker.stop)
        bootstrap = broker.start()
        admin.ensure_topics(bootstrap)
        line("kafka", f"Apache Kafka {VERSION} on {bootstrap}", time.perf_counter() - began)
        for name in ("worker", "gateway"):
            self.children[name] = start_process(settings, name, bootstrap)
            stack.callback(stop_process, self.children[name])
        _wait_ready(settings, self.children)
        return bootstrap

    def _send(self, settings: Settings, bootstrap: str) -> None:
        """Import the older weeks from exports, and send the newer ones to the gateway."""
        with progress("writing exports"):
            exports = write_exports(self.script, self.world, self.exports, self.expected)
        began = time.perf_counter()
        with progress("importing", self.expected.total()) as show_done:
            for export in exports:
                self._import(export, bootstrap, show_done)
        with progress("emitting") as show_done, Ledger(self.ledger) as ledger:
            events = deliveries(self.script, self.world, self.expected)
            token = settings.events_tokens()[0]
            live = deliver(_gateway(settings), events, self.world, ledger, time.time, token=token, progress=show_done)
        self.sent += live.acknowledged
        check_sent(self.sent, self.expected, time.perf_counter() - began)

    def _import(self, export: Export, bootstrap: str, show_done: Callable[[int], None]) -> None:
        before = self.sent.total()
        done = import_export(
            PLATFORMS[export.platform],
            export.kind,
            export.path,
            ImportOptions(),
            bootstrap,
            datetime.now(UTC),
            lambda count: show_done(before + count),
        )
        self.sent[export.platform, Source(SourceKind.IMPORT, export.platform, export.kind).address] += done.acknowledged

    def _await_outcomes(self, settings: Settings, bootstrap: str, outcomes: dict[int, int], before: dict[int, int]) -> float:
        """Wait until every sent event has an outcome; the seconds that took. `before`: the raw topic's ends before sending."""
        began = time.perf_counter()
        ends = admin.ends(bootstrap, RAW.name)
        check_equal(
            "events acknowledged", self.sent.total(), "records in the raw topic", sum(ends.values()) - sum(before.values())
        )
        with progress("understanding", self.sent.total()) as show_done:

            def show_and_check(done: int) -> None:
                _check_running(settings, self.children)
                show_done(done)

            await_outcomes(bootstrap, outcomes, before, ends, "", progress=show_and_check)
        return time.perf_counter() - began

    def _refresh(self, settings: Settings, bootstrap: str, understood_in: float) -> tuple[Path, dict[str, str]]:
        """Land, build and publish; the published file, and the member of each account."""
        landed_at = time.perf_counter()
        tables: set[str] = set()
        with (
            warehouse_of(settings, bootstrap) as warehouse,
            progress("landing and building", len(warehouse.models)) as show_done,
        ):

            def landed(done: Landed) -> None:
                nonlocal landed_at
                delivered = Counter(source for source, _ in read_ledger(self.ledger))
                check_landed(warehouse, done, self.expected, self.sent, delivered, understood_in)
                landed_at = time.perf_counter()

            def table(name: str, _seconds: float) -> None:
                tables.add(name)
                show_done(len(tables))

            def built(done: Sequence[Built]) -> None:
                check_built(done, time.perf_counter() - landed_at)

            hooks = Progress(landed=landed, table=table, built=built)
            path = warehouse.refresh(sources_of(settings), lambda: datetime.now(UTC), progress=hooks).published
            assert path is not None, "a demo builds something"
            return path, warehouse.identity.members()


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM stop the demo as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_ready(settings: Settings, children: dict[str, subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        _check_running(settings, children)
        try:
            if httpx.get(f"{_gateway(settings)}/ready", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(RETRY_SECONDS)
    raise DemoError(
        "The gateway does not answer.", f"It had {READY_SECONDS:.0f} seconds.", f"Read {short(settings.paths.log('gateway'))}."
    )


def _check_running(settings: Settings, children: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            raise DemoError(
                f"The process {name} ended.",
                f"Its exit code is {child.returncode}.",
                f"Read {short(settings.paths.log(name))}.",
            )


def _gateway(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.gateway.port}"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
