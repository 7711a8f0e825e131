"""Refresher: the one process that owns the warehouse. It lands, builds what is out of date, and executes Dagster's runs.

It lives as long as everything else does, because starting a run costs more than most refreshes. Every refresh that builds
something is a run in Dagster, of the tables that are stale and no others; when nothing is out of date, there is no run. For the
accounting, outcomes without interactions are published within minutes. Runs that somebody asks for (the page, a schedule, a
sensor, a backfill) take the same way, one at a time, between two refreshes.
"""

import contextlib
import signal
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from dagster import AssetKey, DagsterInstance, DagsterRun

from dagster_project.assembly import sources_of, warehouse_of
from dagster_project.definitions import definitions
from dagster_project.defs.assets import PUBLISHED, WAREHOUSE
from dagster_project.defs.instance import KIND, code_location, compact, dagster_home, end_stale_runs, open_instance, prune_runs
from dagster_project.defs.lineage import stored_lineage
from dagster_project.defs.specs import LANDING, key_of
from dagster_project.errors import explain
from dagster_project.kafka import await_topics
from dagster_project.refresh.execution import Checkpoint, create_run, execute
from dagster_project.refresh.loan import Owner
from dagster_project.refresh.recording import record_missing
from dagster_project.refresh.resource import owned_warehouse
from dagster_project.refresh.run_launcher import BY, REFRESHER, refresher_lock, waiting_run
from dagster_project.refresh.status import RefreshStatus, write_status
from dagster_project.refresh.warehouse_run import RunConfig, WarehouseRun
from dagster_project.refresh.watch import Watch, pause
from dagster_project.settings import Settings
from events.errors import GuildhallError
from events.topics import RAW
from pipelines.broker.admin import GROUP, KafkaUnavailableError, progress
from warehouse.build.failures import failures
from warehouse.identity.mapping import Source
from warehouse.landing.batch import Landed
from warehouse.publish import current
from warehouse.warehouse import Warehouse

_log = structlog.get_logger()
LOOK_EVERY = 0.5
"""Seconds between two looks for a run that waits, or for a process that wants the warehouse."""
MOST_SURPRISES = 5
"""Failures in a row that the software does not know, after which the process ends; the next one has new connections."""
PRUNE_EVERY = 20
COMPACT_EVERY = 86_400.0
ASK_WORKER_EVERY = 30.0
COUNT_EVERY = timedelta(minutes=5)  # how old the published accounting may be
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
LOCK_SECONDS = 30.0
TRACE_LINES, TRACE_CHARACTERS = 8, 6_000
AUTOMATION = {BY: REFRESHER, "dagster/sensor_name": "refresher"}
"""How the page shows that a run was started by itself."""
ONLY_STALE = {"resources": {WAREHOUSE: {"config": {"only_stale": True}}}}


class Refresher:
    """Lands, builds, publishes, executes runs. `once` is one refresh; `run` goes on until `stop`."""

    def __init__(
        self,
        owner: Owner,
        sources: Callable[[], Sequence[Source]],
        instance: DagsterInstance,
        bootstrap: str,
        *,
        every: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopping: threading.Event | None = None,
    ) -> None:
        """Open nothing and start nothing.

        `sources` gives when each was last seen; `every` is the pause between two refreshes, in s; `clock` gives aware moments;
        `stopping` is set when the process has to end.
        """
        self._owner, self._sources, self._instance, self._bootstrap = owner, sources, instance, bootstrap
        self._home, models = owner.warehouse.home, owner.warehouse.models
        self._every, self._clock, self.watch = every, clock, Watch()
        self._stopping = stopping or threading.Event()
        self._current: WarehouseRun | None = None
        self._lineage = stored_lineage(models, dagster_home(self._home) / "lineage.json")
        self._repository = definitions(models, self._home, owned_warehouse(self._begin)).get_repository_def()
        self._asked_at, self._compacted_at, self.status = float("-inf"), float("-inf"), RefreshStatus(clock())
        with contextlib.suppress(GuildhallError):
            self.status.published = current(self._warehouse.published).name
        self._owed, self._uncounted = self.status.published is None, False

    @property
    def _warehouse(self) -> Warehouse:
        return self._owner.warehouse

    def stop(self) -> None:
        """Let `run` come to its end; a run under way ends between two tables."""
        self._stopping.set()

    def run(self) -> None:
        """Refresh, execute what waits, rest. Ends after `stop`, or after too many failures in a row."""
        self._clean_up()
        self.record()
        while not self._stopping.is_set():
            try:
                self.once()
                self.status.failures_in_a_row = self.status.surprises_in_a_row = 0
            except Exception as error:
                self._failed(error)
                if self.status.surprises_in_a_row >= MOST_SURPRISES:
                    raise
            self._report()
            self._rest(pause(self._every, self.status.failures_in_a_row))
        self.status.state = "stopped"
        self._report()

    def once(self) -> bool:
        """One refresh: whether anything was stale. A failure in Kafka does not prevent builds that are due by the clock."""
        landed, trouble = self._land()
        now = self._clock()
        self.watch.beat("building")
        self._warehouse.sync_settings(self._sources(), now)
        stale = self._warehouse.stale(now)
        self._uncounted |= landed is not None and landed.outcomes.total() + landed.malformed > 0
        if stale or self._owed or (self._uncounted and now - (self.status.published_at or _LONG_AGO) >= COUNT_EVERY):
            self._owed = True  # until it is published: a build that cannot be published is not forgotten
            self.status.behind_since = self.status.behind_since or now
            models = [model for model in self._warehouse.models if model.header.published]
            tables = [m.table for m in models if stale.whole or (stale.open_week and m.header.refresh == "now")]
            self._refresh(tables, "closed" if stale.whole else "now", landed=landed is not None)
        if trouble:
            raise trouble
        self.status.state = "idle"
        return bool(stale)

    def execute_waiting(self) -> bool:
        """Execute the run that waits longest; whether there was one."""
        run = waiting_run(self._instance)
        if run is None:
            return False
        error = self._execute(run, run.tags.get(KIND, "asked for"))
        if error:
            _log.warning("a run that was asked for failed", run=run.run_id, why=explain(error).why)
        self.status.state = "idle"
        self._report()
        return True

    def record(self) -> None:
        """Show in Dagster's page what was built without it."""
        self.watch.beat("resting")
        if count := record_missing(self._instance, self._warehouse, self._lineage):
            _log.info("recorded what was built outside of Dagster's runs", assets=count)

    def _rest(self, seconds: float) -> None:
        """Until the next refresh, execute what waits and lend the warehouse to whoever wants it."""
        until = time.monotonic() + seconds
        while not self._stopping.is_set():
            self.watch.beat("resting")
            self._lend()
            if self.execute_waiting():
                continue
            left = until - time.monotonic()
            if left <= 0:
                return
            self._stopping.wait(min(LOOK_EVERY, left))

    def _lend(self) -> None:
        def waiting() -> bool:
            if self.status.state != "lent":
                self.status.state = "lent"
                self._report()
            self.watch.beat("lent")
            return not self._stopping.is_set()

        if self._owner.lend(waiting) and not self._stopping.is_set():
            self.status.state = "idle"
            self._warehouse.sync_settings(self._sources(), self._clock())
            self.record()
            self._report()

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

    def _refresh(self, tables: Collection[str], kind: str, *, landed: bool) -> None:
        if not tables:
            self._warehouse.build(self._clock())  # what is gone leaves the tables, and no table is built
        selected = [*map(key_of, tables), PUBLISHED, *(key_of(f"landing.{name}") for name in (LANDING if landed else ()))]
        run = create_run(
            self._repository,
            self._instance,
            selected,
            tags={KIND: kind, **AUTOMATION},
            config=ONLY_STALE,
            location=code_location(self._home),
        )
        error = self._execute(run, kind)
        if error:
            raise error
        self.status.refreshes += 1
        if self.status.refreshes % PRUNE_EVERY == 0:
            self._clean_up()

    def _execute(self, run: DagsterRun, kind: str) -> Exception | None:
        """Execute a run to its end, and note what it did; what ended it, when the software or DuckDB did."""
        self.status.state = "working"
        self._report()
        began, now = time.monotonic(), self._clock()
        self._current = None
        succeeded = execute(self._repository, self._instance, run)
        done = self._current
        self.status.last_run = {"run": run.run_id, "at": now.isoformat(), "kind": kind, "succeeded": succeeded}
        self.status.last_run["seconds"] = round(time.monotonic() - began, 2)
        if done is None:
            return None
        self._note(done)
        if _built(done) - set(run.asset_selection or ()):
            self.record()  # a run may publish, or build, more than its selection
        return done.error

    def _begin(self, run_id: str, config: RunConfig) -> WarehouseRun:
        checkpoint = Checkpoint(self._instance, run_id, self.watch.beat, self._stopping.is_set)
        self._current = WarehouseRun(self._warehouse, self._sources, self._clock, checkpoint, config)
        return self._current

    def _note(self, done: WarehouseRun) -> None:
        if done.built:
            self.status.failed_checks = [text for _, text in failures(done.built, self._warehouse.models)]
        self.status.last_run |= {
            "tables": len({table for built in done.built for table in built.rows}),
            "communities": len({slug for built in done.built for slug in built.communities}),
            "checks": sum(len(built.checks) for built in done.built),
        }
        if done.published:
            self.status.published, self.status.published_at = done.published.name, self._clock()
            self.status.behind_since, self._owed, self._uncounted = None, False, False

    def _ask_worker(self) -> None:
        """How many raw records the stream worker has still to understand; only for the status, and not at every look."""
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

    def _report(self) -> None:
        try:
            write_status(self._home, self.status.json(self._clock()))
        except OSError as error:
            _log.warning("the status could not be written", error=error.strerror)

    def _clean_up(self) -> None:
        """Delete old runs; once per day, return their space too."""
        folder = dagster_home(self._home)
        prune_runs(self._instance, folder)
        if time.monotonic() - self._compacted_at > COMPACT_EVERY:
            self._compacted_at = time.monotonic()
            compact(folder)


def _trace(error: BaseException) -> str:
    """Places and lines, never the values of variables: those may be content or keys."""
    return "".join(traceback.format_exception(error, limit=-TRACE_LINES))[-TRACE_CHARACTERS:]


def _built(done: WarehouseRun) -> set[AssetKey]:
    built = {key_of(table) for one in done.built for table in one.rows}
    return built | ({PUBLISHED} if done.published else set())


@contextmanager
def refresher_of(settings: Settings, bootstrap: str, stopping: threading.Event) -> Iterator[Refresher]:
    """Hold the warehouse and Dagster's instance; runs that a killed refresher left behind are ended first.

    Raises GuildhallError when another refresher runs for this home folder, or another process has the warehouse.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        lock = refresher_lock(settings.home)
        lock.acquire(timeout=LOCK_SECONDS)
    except TimeoutError as error:
        raise GuildhallError(
            f"A refresher runs for {settings.home} already.", "The warehouse has one owner.", "Stop the other one first."
        ) from error
    instance = open_instance(settings.home)
    try:
        for run_id in end_stale_runs(instance, by_refresher=True):
            _log.warning("a run that a killed refresher left behind was ended", run=run_id)
        owner = Owner(settings.home, lambda: warehouse_of(settings, bootstrap))
        with contextlib.closing(owner):
            yield Refresher(
                owner,
                lambda: sources_of(settings),
                instance,
                bootstrap,
                every=settings.refresh.every_seconds,
                stopping=stopping,
            )
    finally:
        instance.dispose()
        lock.release()


def run_refresher(settings: Settings, bootstrap: str) -> None:
    """Refresh until SIGTERM or SIGINT. Blocks.

    The work is done in a thread: in the main thread Dagster takes over SIGTERM for as long as a run lasts, and ends the run in
    the middle of a table.
    """
    stopping = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopping.set())
    await_topics(bootstrap)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            with refresher_of(settings, bootstrap, stopping) as refresher:
                threading.Thread(target=refresher.watch.run, daemon=True).start()
                refresher.run()
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        thread.join(1.0)  # with a time limit, so that signals are seen
    if raised:
        raise raised[0]
