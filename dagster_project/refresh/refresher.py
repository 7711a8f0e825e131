"""Refresher: the one process that owns the warehouse. It lands, builds what is out of date, and publishes.

It lives as long as everything else does, because starting a run costs more than most refreshes (tables.md §4). Every refresh
that builds something is a run in Dagster, with the assets that were built and no others; when nothing is out of date, there is
no run.
"""

import contextlib
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from dagster import AssetKey, DagsterInstance, JobDefinition, ResourceDefinition

from dagster_project.assembly import sources_of, warehouse_of
from dagster_project.definitions import definitions
from dagster_project.defs.assets import LANDING, PUBLISHED, key_of
from dagster_project.defs.instance import BY, KIND, REFRESHER, compact, dagster_home, fail_stale_runs, open_instance, prune_runs
from dagster_project.errors import explain
from dagster_project.processes.entry_points import topics
from dagster_project.refresh.status import write_status
from dagster_project.refresh.work import Work
from dagster_project.settings import Settings
from events.errors import GuildhallError
from events.topics import RAW
from pipelines.broker.admin import GROUP, KafkaUnavailableError, progress
from warehouse.build.build import Built
from warehouse.build.model import Model
from warehouse.identity.mapping import Source
from warehouse.landing.batch import Landed
from warehouse.publish import current
from warehouse.warehouse import Warehouse

_log = structlog.get_logger()
LONGEST_PAUSE = 60.0
MOST_SURPRISES = 5
"""Failures in a row that nobody foresaw, after which the process ends: it starts again with nothing of a broken connection."""
PRUNE_EVERY = 20
COMPACT_EVERY = 86_400.0
ASK_WORKER_EVERY = 30.0
STALLED_SECONDS = {"landing": 120.0, "building": 1_800.0, "publishing": 600.0, "resting": 300.0}
"""Seconds without a sign of life after which a phase counts as hung; landing gives one every batch, building every table."""
STALLED = 75
TRACE_LINES, TRACE_CHARACTERS = 8, 6_000


@dataclass(slots=True)
class RefreshStatus:
    """What the refresher knows of itself; becomes the status file."""

    started_at: datetime
    state: str = "starting"
    refreshes: int = 0
    landed_rows: int = 0
    landed_outcomes: int = 0
    not_understood: int | None = None
    behind_since: datetime | None = None
    published: str | None = None
    published_at: datetime | None = None
    last_run: dict[str, Any] = field(default_factory=dict)
    failed_checks: list[str] = field(default_factory=list)
    failures_in_a_row: int = 0
    surprises_in_a_row: int = 0
    last_error: dict[str, str] | None = None

    def json(self, at: datetime) -> dict[str, Any]:
        """For the file; moments as ISO, UTC."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {"at": at.isoformat(), **{n: v.isoformat() if isinstance(v, datetime) else v for n, v in plain.items()}}


class Watch:
    """Ends the process when a phase shows no sign of life for too long: a hung call cannot be ended from within."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self.phase, self._beat = "resting", clock()

    def beat(self, phase: str | None = None) -> None:
        """Show a sign of life, perhaps of a new phase."""
        self.phase, self._beat = phase or self.phase, self._clock()

    def stalled(self) -> bool:
        """Whether the phase has been silent for too long."""
        return self._clock() - self._beat > STALLED_SECONDS[self.phase]

    def run(self) -> None:
        """Look every few seconds, for ever; for a thread of its own."""
        while True:
            time.sleep(5.0)
            if self.stalled():
                _log.error("the refresher hangs and ends itself", phase=self.phase)
                os._exit(STALLED)


class Refresher:
    """Lands, builds, publishes. `once` is one look at Kafka; `run` goes on until `stop`."""

    def __init__(
        self,
        warehouse: Warehouse,
        sources: Callable[[], Sequence[Source]],
        instance: DagsterInstance,
        bootstrap: str,
        *,
        every: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        watch: Watch | None = None,
    ) -> None:
        """`sources` says when each was last heard; `every`: seconds between two looks; `clock` gives aware moments."""
        self._warehouse, self._sources, self._instance, self._home = warehouse, sources, instance, warehouse.home
        self._bootstrap, self._every, self._clock = bootstrap, every, clock
        self.watch = watch or Watch()
        self._stopping = threading.Event()
        self._work: Work | None = None
        self._job = self._job_of(warehouse.models)
        self._asked_at = self._compacted_at = float("-inf")
        self.status = RefreshStatus(clock())
        with contextlib.suppress(GuildhallError):
            self.status.published = current(warehouse.published).name
        self._owed = self.status.published is None

    def _job_of(self, models: Sequence[Model]) -> JobDefinition:
        work = ResourceDefinition(lambda _context: self._work)
        return definitions(models, self._home, work).resolve_implicit_global_asset_job_def()

    def stop(self) -> None:
        """Let `run` come to its end after what it is doing."""
        self._stopping.set()

    def run(self) -> None:
        """Look, rest, look again. Ends when told to, or after too many failures in a row (the supervisor starts it again)."""
        self._keep_house()
        while not self._stopping.is_set():
            try:
                self.once()
                self.status.failures_in_a_row = self.status.surprises_in_a_row = 0
            except Exception as error:
                self._failed(error)
                if self.status.surprises_in_a_row >= MOST_SURPRISES:
                    raise
            self.watch.beat("resting")
            self._tell()
            self._stopping.wait(pause(self._every, self.status.failures_in_a_row))
        self.status.state = "stopped"
        self._tell()

    def once(self) -> bool:
        """One refresh: whether anything was published. What fails in Kafka does not keep what has a time from being built."""
        landed, trouble = self._land()
        now = self._clock()
        self.watch.beat("building")
        self._warehouse.sync_settings(self._sources(), now)
        stale = self._warehouse.stale(now)
        if stale or self._owed:
            self._owed = True  # until it is published: a build that cannot be is not forgotten
            self.status.state = "working"
            self.status.behind_since = self.status.behind_since or now
            self._tell()
            tables = [m.table for m in self._warehouse.models if stale.whole or (stale.open_week and m.header.refresh == "now")]
            self._refresh(landed, tables, "closed" if stale.whole else "now", now)
        if trouble:
            raise trouble
        self.status.state = "idle"
        return bool(stale)

    def _land(self) -> tuple[Landed | None, Exception | None]:
        self.watch.beat("landing")
        self._ask_worker()
        try:
            landed = self._warehouse.land(self._clock(), progress=lambda *_: self.watch.beat())
        except GuildhallError as error:
            return None, error
        self.status.landed_rows += landed.rows
        self.status.landed_outcomes += sum(landed.outcomes.values())
        return landed, None

    def _refresh(self, landed: Landed | None, tables: Collection[str], kind: str, now: datetime) -> None:
        began = time.monotonic()
        built: list[Built] = []
        published: list[Path] = []

        def build(wanted: Collection[str]) -> Sequence[Built]:
            assert set(wanted) == set(tables), "a run selects what is stale"
            built.extend(self._warehouse.build(now, progress=lambda *_: self.watch.beat()))
            # Published before Dagster is told of every table: the page can wait, readers need not.
            with contextlib.suppress(GuildhallError):
                publish()  # a refusal is told where it belongs: `publication` asks again
            return built

        def publish() -> Path:
            if not published:
                self.watch.beat("publishing")
                published.append(self._warehouse.publish(self._clock()))
            return published[0]

        if not tables:
            build(())  # what is gone leaves the tables, and no table is made anew
        rows = {"interactions": landed.rows, "outcomes": sum(landed.outcomes.values())} if landed else {}
        self._work = Work(build, publish, rows, self._unaccounted)
        selected = [*map(key_of, tables), PUBLISHED, *(key_of(f"landing.{name}") for name in (LANDING if landed else ()))]
        try:
            run_id = self._run(selected, kind)
        finally:
            self._work = None
            self._note(built, published, tables, kind, now, time.monotonic() - began)
        self.status.last_run["run"] = run_id
        self.status.refreshes += 1
        if self.status.refreshes % PRUNE_EVERY == 0:
            self._keep_house()

    def _run(self, selected: Sequence[AssetKey], kind: str) -> str:
        result = self._job.execute_in_process(
            instance=self._instance,
            asset_selection=selected,
            tags={BY: REFRESHER, KIND: kind},
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
        )
        return result.run_id

    def _note(
        self,
        built: Sequence[Built],
        published: Sequence[Path],
        tables: Collection[str],
        kind: str,
        now: datetime,
        seconds: float,
    ) -> None:
        checks = [check for one in built for check in one.checks]
        if built:
            self.status.failed_checks = sorted({f"{c.table} {c.name} ({c.severity})" for c in checks if c.failures})[:50]
        self.status.last_run = {
            "at": now.isoformat(),
            "kind": kind,
            "tables": len(tables),
            "communities": len({slug for one in built for slug in one.communities}),
            "checks": len(checks),
            "seconds": round(seconds, 2),
        }
        if published:
            self.status.published, self.status.published_at = published[0].name, self._clock()
            self.status.behind_since, self._owed = None, False

    def _unaccounted(self) -> list[str]:
        """A sentence for each line of the accounting in which something is missing; what may still come is not missing."""
        sums = self._warehouse.accounting()
        said = [f"{sums.malformed} records of our own topics are not what the contract says"] if sums.malformed else []
        lacking = [line for line in (*sums.partitions, *sums.sources) if line.missing]
        return [*said, *(f"{a.kind} {a.name}: {a.missing} of {a.raw} raw records have no outcome" for a in lacking)]

    def _ask_worker(self) -> None:
        """How many raw records the stream worker has still to understand; only to be told, and not at every look."""
        if time.monotonic() - self._asked_at < ASK_WORKER_EVERY:
            return
        self._asked_at = time.monotonic()
        try:
            self.status.not_understood = progress(self._bootstrap, GROUP, RAW.name).lag
        except KafkaUnavailableError:
            self.status.not_understood = None

    def _failed(self, error: Exception) -> None:
        self.status.failures_in_a_row += 1
        found = explain(error)
        self.status.surprises_in_a_row = 0 if found.foreseen else self.status.surprises_in_a_row + 1
        self.status.state = "failing"
        self.status.last_error = {"at": self._clock().isoformat(), "what": found.what, "why": found.why, "todo": found.todo}
        # The trace is for developers, and only a fault of the software needs it; the three parts are for the operator.
        _log.error(found.what, why=found.why, todo=found.todo, trace=None if found.foreseen else _trace(error))

    def _tell(self) -> None:
        try:
            write_status(self._home, self.status.json(self._clock()))
        except OSError as error:
            _log.warning("the status could not be written", error=error.strerror)

    def _keep_house(self) -> None:
        """Old runs go; once a day their space as well."""
        folder = dagster_home(self._home)
        prune_runs(self._instance, folder)
        if time.monotonic() - self._compacted_at > COMPACT_EVERY:
            self._compacted_at = time.monotonic()
            compact(folder)


def pause(every: float, failures: int) -> float:
    """Seconds until the next look: longer after each failure in a row, a minute at most."""
    return min(max(every, LONGEST_PAUSE), every * 2.0 ** min(failures, 16))


def _trace(error: BaseException) -> str:
    """Places and lines, never the values of variables: those may be content or keys."""
    return "".join(traceback.format_exception(error, limit=-TRACE_LINES))[-TRACE_CHARACTERS:]


@contextmanager
def refresher_of(settings: Settings, bootstrap: str) -> Iterator[Refresher]:
    """Hold the warehouse and Dagster's instance; runs that a killed refresher left behind are failed first."""
    with warehouse_of(settings, bootstrap) as warehouse:
        # Only now: whoever holds the warehouse knows that no other refresher lives.
        instance = open_instance(settings.home)
        try:
            for run_id in fail_stale_runs(instance, by_refresher=True):
                _log.warning("a run that a killed refresher left behind was failed", run=run_id)
            yield Refresher(warehouse, lambda: sources_of(settings), instance, bootstrap, every=settings.refresh.every_seconds)
        finally:
            instance.dispose()


def run_refresher(settings: Settings, bootstrap: str) -> None:
    """Refresh until SIGTERM or SIGINT. Blocks."""
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    topics(bootstrap)
    with refresher_of(settings, bootstrap) as refresher:
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: refresher.stop())
        threading.Thread(target=refresher.watch.run, daemon=True).start()
        refresher.run()
