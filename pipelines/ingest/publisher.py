"""Publisher: the gateway's raw events into Kafka, or into the spool while Kafka is unhealthy.

A caller gets its answer when the events are durable, within about a second whatever Kafka does. Importers and pollers use
`pipelines.ingest.bulk_publisher` instead.

The counters are in memory (`/metrics` shows them) and begin at 0 after a restart: after `kill -9` nobody knows how many of the
last records were acknowledged, so a stored counter would be wrong. The raw topic itself is exact: every record has its source,
and a re-delivery has the id of the first delivery.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from events.raw import RawEvent
from events.topics import RAW
from pipelines.ingest.spool import Drained, Spool, SpoolFullError

_log = structlog.get_logger()
DRAIN_SECONDS = 10.0
"""No sender waits for events from the spool, so they may take longer."""


class Durable(StrEnum):
    """Where an event is durable."""

    ACKNOWLEDGED = "acknowledged"
    SPOOLED = "spooled"


class NotDurableError(Exception):
    """Neither Kafka nor the spool took the events. The gateway must refuse them, so that the sender sends them again."""


@dataclass(slots=True)
class Counts:
    """What happened to raw events since this process started, by source.

    `acknowledged` + `drained` + `late` = the records that this process knows to be in the raw topic. `late` events were
    acknowledged after the wait for them had ended, so they are in the spool too and will be delivered twice.
    """

    received: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    spooled: Counter[str] = field(default_factory=Counter)
    drained: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class _Batch:
    """Events on their way to Kafka. The event loop creates it and gives it up; librdkafka's polling thread reports to it."""

    def __init__(self, size: int, late: Counter[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting, self._late = size, late
        self._arrived: list[str] = []
        self._given_up = False
        self._failed: str | None = None
        self.fatal = False
        self.done: asyncio.Future[str | None] = self._loop.create_future()

    def reported(self, source: str, error: KafkaError | None, _: Message) -> None:
        """One delivery report."""
        with self._lock:
            self._waiting -= 1
            if error is not None:
                self._failed = error.name()
                self.fatal = self.fatal or error.fatal()
            elif self._given_up:
                self._late[source] += 1
            else:
                self._arrived.append(source)
            if self._waiting:
                return
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._loop.call_soon_threadsafe(self._finish)

    def give_up(self) -> None:
        """Leave the events to the spool. Those that Kafka has, or still gets, will be delivered twice."""
        with self._lock:
            self._given_up = True
            self._late.update(self._arrived)

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(self._failed)


class RawPublisher:
    """Makes the gateway's raw events durable. One per process; call `start` and `stop` in its event loop."""

    def __init__(
        self,
        make_producer: Callable[[], Producer],
        spool: Spool,
        *,
        wait_seconds: float = 1.0,
        probe_seconds: float = 0.5,
        drain_records: int = 1000,
    ) -> None:
        """Connect to nothing yet, so that the process starts while Kafka is down.

        `wait_seconds` is how long a sender waits for Kafka before the spool takes over; `probe_seconds` is the pause between
        two probes of an unhealthy Kafka; `drain_records` is how many events leave the spool at once.
        """
        self._make_producer, self.spool = make_producer, spool
        self._wait, self._probe, self._drain_records = wait_seconds, probe_seconds, drain_records
        self._producer: Producer | None = None
        self._fatal = False
        self.healthy = False
        self.stuck = False
        """Whether the last attempt to drain the spool failed by itself, not for Kafka's absence."""
        self.counts = Counts()
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(max_workers=3, thread_name_prefix="publisher")
        self._to_spool: list[tuple[Sequence[RawEvent], asyncio.Future[None]]] = []
        self._spooling: asyncio.Task[None] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._unhealthy = asyncio.Event()

    async def start(self) -> None:
        """Connect if Kafka is up (waits `wait_seconds` at most), and begin to drain the spool whenever Kafka is healthy."""
        self._producer = self._make_producer()
        self._threads.submit(self._poll)
        self.healthy = await self._answers()
        if not self.healthy or self.spool.count():
            self._unhealthy.set()
        self._recovery = asyncio.create_task(self._recover())

    async def stop(self) -> None:
        """Stop. The spool keeps its events and is drained after the next start."""
        if self._recovery:
            self._recovery.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._recovery
        self._stopping.set()
        await asyncio.to_thread(self._threads.shutdown)
        self.spool.close()

    async def publish(self, events: Sequence[RawEvent]) -> list[Durable]:
        """Return where each event is durable, once all are. Raises NotDurableError, and then none is accepted."""
        if not events:
            return []
        self._count(self.counts.received, events)
        if self.healthy:
            if await self._sent(events, self._wait):
                self._count(self.counts.acknowledged, events)
                return [Durable.ACKNOWLEDGED] * len(events)
            self.healthy = False
        try:
            await self._spooled(events)
        except SpoolFullError as error:
            self._count(self.counts.refused, events)
            raise NotDurableError("Kafka does not answer and the spool is full") from error
        self._count(self.counts.spooled, events)
        return [Durable.SPOOLED] * len(events)

    async def _sent(self, events: Sequence[RawEvent], wait_seconds: float) -> bool:
        assert self._producer is not None, "start() comes first"
        batch = _Batch(len(events), self.counts.late)
        failed: str | None
        try:
            for event in events:
                self._producer.produce(
                    RAW.name,
                    value=event.payload,
                    key=event.id,
                    headers=event.headers(),
                    on_delivery=partial(batch.reported, event.source),
                )
            failed = await asyncio.wait_for(batch.done, wait_seconds)
        except TimeoutError:
            failed = "no acknowledgement in time"
        except BufferError:
            failed = "librdkafka's queue is full"
        except KafkaException as error:
            failed = error.args[0].name()
            batch.fatal = error.args[0].fatal()
        if failed is None:
            return True
        # Events that librdkafka already took go to the spool too: perhaps delivered twice with one id, never lost.
        batch.give_up()
        self._fatal = self._fatal or batch.fatal
        _log.warning("kafka did not acknowledge", why=failed, events=len(events))
        return False

    async def _spooled(self, events: Sequence[RawEvent]) -> None:
        # Requests that arrive during a sync of the disk share the next one.
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._to_spool.append((events, done))
        if not self._spooling_now():
            self._spooling = asyncio.create_task(self._spool_all())
        await done

    async def _spool_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._to_spool:
            taken, self._to_spool = self._to_spool, []
            together = [event for events, _ in taken for event in events]
            failure: BaseException | None = None
            try:
                await loop.run_in_executor(self._threads, self.spool.append, together)
            except Exception as error:  # noqa: BLE001 - whatever failed, those who wait must be answered
                failure = error if isinstance(error, SpoolFullError) else SpoolFullError(str(error))
            for _, done in taken:
                if done.cancelled():
                    continue
                if failure:
                    done.set_exception(failure)
                else:
                    done.set_result(None)
        self._unhealthy.set()

    async def _recover(self) -> None:
        """Probe an unhealthy Kafka, and drain the spool into it once it answers."""
        while True:
            await self._unhealthy.wait()
            self._unhealthy.clear()
            while not self.healthy or self.spool.count():
                try:
                    await self._drain_once()
                    self.stuck = False
                except Exception:  # noqa: BLE001 - whatever failed, the spool is tried again
                    if not self.stuck:
                        _log.exception("the spool could not be drained")
                    self.healthy, self.stuck = False, True
                if not self.healthy:
                    await asyncio.sleep(self._probe)

    async def _drain_once(self) -> None:
        if self._fatal:
            # After a fatal error an idempotent producer never sends again, so a new one is needed.
            self._producer, self._fatal = self._make_producer(), False
        loop = asyncio.get_running_loop()
        drained = await loop.run_in_executor(self._threads, self.spool.drain, self._drain_records)
        if drained is None:
            # Kafka is healthy when it answers and nothing waits. With events in the spool, only a write proves it.
            self.healthy = await self._answers() and not self._spooling_now() and not self.spool.count()
            return
        if not self.healthy and not await self._answers():
            return
        # Kafka counts as healthy once it acknowledged something: an answer to a question is not yet a write.
        self.healthy = await self._drained(drained)

    def _spooling_now(self) -> bool:
        return self._spooling is not None and not self._spooling.done()

    async def _drained(self, drained: Drained) -> bool:
        if drained.events and not await self._sent(drained.events, DRAIN_SECONDS):
            return False
        await asyncio.get_running_loop().run_in_executor(self._threads, self.spool.acknowledge, drained)
        self._count(self.counts.drained, drained.events)
        return True

    async def _answers(self) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._asks)

    def _asks(self) -> bool:
        assert self._producer is not None
        try:
            topic = self._producer.list_topics(RAW.name, timeout=self._wait).topics[RAW.name]
        except KafkaException:
            return False
        return topic.error is None and all(part.leader >= 0 for part in topic.partitions.values())

    def _poll(self) -> None:
        assert self._producer is not None
        while not self._stopping.is_set():
            self._producer.poll(0.1)

    @staticmethod
    def _count(counter: Counter[str], events: Sequence[RawEvent]) -> None:
        for event in events:
            counter[event.source] += 1
