"""Stream worker: Faust reads the raw topic in chunks; each chunk is understood and written, and only then done.

No other module imports Faust. `pipelines/README.md`, Decisions, lists what this module changes in Faust's internals, and why.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from typing import Any, NoReturn

import faust
import structlog
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP

from events.topics import RAW
from pipelines.broker.admin import GROUP, KafkaUnavailableError, Progress, progress
from pipelines.broker.clients import faust_settings
from pipelines.understand.chunks import Chunk, runs
from pipelines.understand.understand import Context
from pipelines.understand.writer import Writer, Written, messages
from pipelines.worker.commit_tracker import CommitTracker
from pipelines.worker.library_log import LibraryLogHandler
from pipelines.worker.stall import Stall

FAILED = 70
"""Exit status after which a supervisor starts the worker again (EX_SOFTWARE)."""
CHUNKS_IN_FLIGHT = 4
STALL_SECONDS = 60.0
WATCH_SECONDS = 5.0
STOP_SECONDS = 20.0
"""Shorter than a supervisor waits. What is cut off is done again after the next start."""
REPORT_SECONDS = 10.0

_log = structlog.get_logger()


class ChunkConsumer(Consumer):  # type: ignore[misc]  # Faust has no types of its own here
    """Faust's consumer, delivering one message for each run of records of a partition."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tracker: CommitTracker[TP] = CommitTracker()
        self._generation = 0
        """Grows with every rebalance and seek. What was fetched in an earlier generation must not be delivered."""

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's signature
        """Fetch once; one message for each chunk. Its value is the chunk, its offset that of the last record."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        generation = self._generation
        fetched, active = await self._wait_next_records(timeout)
        if not fetched or self.should_stop:
            return
        if self._generation != generation or not self.flow_active:
            # The position has moved past these records and they will not be delivered: they must be read again.
            await self._seek_quietly()
            return
        for tp, records in fetched.items():
            if active is not None and tp not in active:
                continue
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            for chunk in runs(tp.partition, records, after=self._read_offset[tp]):
                if self._generation != generation or not self.flow_active:
                    return
                self.tracker.add(tp, chunk)
                # Faust takes a step of more than one for missing offsets, and acknowledges those in between.
                self._read_offset[tp] = chunk.last - 1
                message = self._to_message(tp, chunk.records[-1])
                message.value, message.headers, message.key = chunk, (), None
                yield tp, message

    async def _seek_quietly(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001 - a rebalance in between, which seeks too
            _log.warning("seek failed", why=type(error).__name__)

    async def perform_seek(self) -> None:
        """Continue from the commits. Chunks that were delivered before do not count."""
        self._generation += 1
        self.tracker.reset_all()
        await super().perform_seek()
        new = [tp for tp in self.assignment() if not self._committed_offset.get(tp)]
        if new:  # Faust leaves their position where it is
            await self._thread.seek_to_beginning(*(self._new_topicpartition(tp.topic, tp.partition) for tp in new))
            for tp in new:
                self._read_offset[tp] = None
        self._generation += 1
        self.tracker.reset_all()

    def stop_flow(self) -> None:
        """Pause delivery: a rebalance begins."""
        self._generation += 1
        super().stop_flow()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done, and drop the open chunks."""
        self._generation += 1
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self.tracker.reset(tp)

    def _filter_tps_with_pending_acks(self, topics: Collection[Any] | None = None) -> list[TP]:
        return [tp for tp in self.tracker.open_partitions() if topics is None or tp in topics or tp.topic in topics]

    def _new_offset(self, tp: TP) -> int | None:
        # Faust tracks offsets, and we track chunks. Faust's lists are not used; cleared, they do not grow.
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.tracker.next_commit(tp)

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: a full queue blocks the fetches by itself, and a pause would cost a fetch timeout each time."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing, as above."""


class ChunkTransport(Transport):  # type: ignore[misc]
    """Faust's transport with our consumer."""

    Consumer = ChunkConsumer


def make_app(bootstrap: str, data: Path, handle: Callable[[Chunk], Any], *, group: str = GROUP) -> faust.App:
    """Return the Faust app. It awaits `handle` with one chunk at a time. `data` is a folder that Faust requires."""
    app = faust.App(
        group,
        datadir=str(data),
        key_serializer="raw",
        value_serializer="raw",
        stream_buffer_maxsize=CHUNKS_IN_FLIGHT,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        store="memory://",
        **faust_settings(bootstrap),
    )
    app.transport = ChunkTransport(app.conf.broker_consumer, app, loop=app.loop)
    raw = app.topic(RAW.name, key_serializer="raw", value_serializer="raw")

    @app.agent(raw, name="understand", concurrency=1)  # type: ignore[untyped-decorator]
    async def understand_all(stream: AsyncIterator[Chunk]) -> None:
        async for chunk in stream:
            await handle(chunk)  # never raises: Faust would count the chunk as done

    app.finalize()
    return app


class Worker:
    """One worker: a Faust app, a writer, and a watchdog over both."""

    def __init__(self, bootstrap: str, context: Context, *, data: Path) -> None:
        """Connects to nothing yet."""
        self._bootstrap, self._context = bootstrap, context
        self._writer = Writer(bootstrap)
        self._working = asyncio.Lock()
        """Held while a chunk is in work."""
        self._stopping = asyncio.Event()
        self._written = Written()
        self._reported_at = 0.0
        self._app = make_app(bootstrap, data, self._handle)

    async def run(self) -> int:
        """Work until `stop`; returns the exit status."""
        try:
            await self._app.start()
            watchdog = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            watchdog.start()
            _log.info("worker started", bootstrap=self._bootstrap)
            ended = asyncio.create_task(self._app.wait_until_stopped())
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        except Exception as error:  # noqa: BLE001 - whatever failed, a new process starts without it
            _log.error("worker failed", why=type(error).__name__)
            return FAILED
        if not self._stopping.is_set():
            _log.error("faust stopped by itself")
            return FAILED
        try:
            await asyncio.wait_for(self._leave(), STOP_SECONDS)
        except TimeoutError:  # while Faust joins a group it does not react to a stop
            _log.warning("stopped without leaving the group")
        return 0

    def stop(self) -> None:
        """Finish the chunk in work, commit, and leave the group."""
        self._stopping.set()

    async def _leave(self) -> None:
        async with self._working:
            await self._app.consumer.commit()
        await self._app.stop()
        _log.info("worker stopped", records=self._written.records)

    async def _handle(self, chunk: Chunk) -> None:
        async with self._working:
            if self._stopping.is_set():
                return  # the chunk is not done and not committed: the next worker reads it again
            try:
                self._writer.write(messages(chunk.partition, chunk.records, self._context, self._written))
                await asyncio.get_running_loop().run_in_executor(None, self._writer.flush)
            except Exception as error:  # noqa: BLE001 - Faust would go on and commit, so the process must end
                _log.error("chunk not written", why=type(error).__name__, partition=chunk.partition)
                _end(FAILED)
            chunk.done = True
        self._report()

    def _report(self) -> None:
        now = time.monotonic()
        if now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            written = self._written
            _log.info("progress", records=written.records, interactions=written.interactions, rejected=written.rejected)

    def _watch(self) -> None:
        # A thread of its own: it runs even while the event loop hangs.
        stall = Stall(STALL_SECONDS)
        while not self._stopping.is_set():
            time.sleep(WATCH_SECONDS)
            try:
                found = progress(self._bootstrap, GROUP, RAW.name)
            except KafkaUnavailableError:
                continue  # Kafka is away, and would be for a new worker too
            waiting = self._waiting(found)
            if stall.is_stalled(waiting=waiting, marks=found.committed, now=time.monotonic()):
                _log.error("no progress", seconds=STALL_SECONDS, waiting=waiting)
                _end(FAILED)

    def _waiting(self, found: Progress) -> int:
        """Return how many records this worker has to do; while it has no partitions, those of all workers."""
        consumer = self._app.consumer
        mine = {tp for tp in list(consumer.assignment()) if tp.topic == RAW.name}
        if not mine:
            return found.lag
        done = found.committed
        unread = sum(max(0, found.ends.get(tp.partition, 0) - (_position(consumer, tp) or 0)) for tp in mine)
        uncommitted = sum(
            max(0, offset - done.get(tp.partition, 0)) for tp, offset in consumer.tracker.issued_commits().items()
        )
        return int(unread + uncommitted + consumer.tracker.open_records())


def _position(consumer: ChunkConsumer, tp: TP) -> int | None:
    # The reading position. It is past missing offsets at the end of the log; the commit is before them.
    inner = consumer._thread._ensure_consumer()  # noqa: SLF001 - Faust offers it asynchronously only
    try:
        state = inner._subscription.subscription.assignment.state_value(tp)  # noqa: SLF001
    except (AttributeError, KeyError):
        return None
    return int(state.position) if state is not None and state.has_valid_position else None


def run_worker(bootstrap: str, context: Context, *, data: Path) -> None:
    """Understand raw records until SIGTERM or SIGINT; end the process with 0, or with 70 for a restart."""
    logging.basicConfig(handlers=[LibraryLogHandler()], level=logging.WARNING, force=True)
    data.mkdir(parents=True, exist_ok=True)
    asyncio.run(_run(bootstrap, context, data))


async def _run(bootstrap: str, context: Context, data: Path) -> NoReturn:
    worker = Worker(bootstrap, context, data=data)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, worker.stop)
    _end(await worker.run())


def _end(status: int) -> NoReturn:
    # Tasks and threads of Faust may wait for ever, and `sys.exit` inside an agent hangs (issues 324 and 501 of Faust).
    sys.stdout.flush()
    os._exit(status)
