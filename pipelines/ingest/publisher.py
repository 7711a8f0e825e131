"""Publishing: raw events into Kafka, durable before anybody hears yes.

Two ways in. `RawPublisher` is the gateway's: a few events at a time, an answer within about a second whatever Kafka does, the
spool when Kafka is unhealthy. `publish_blocking` is the importers': as fast as librdkafka goes, all or an error at the end.

The counters live in memory (`/metrics` shows them; a restart begins again at 0): after kill -9 nobody knows how many of the
last records had been acknowledged, and a number kept on the side would pretend to. What holds for ever is the raw topic itself:
every record carries its source, and a re-delivery its id.
"""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from events.errors import GuildhallError
from events.raw import RawEvent
from events.topics import RAW
from pipelines.ingest.spool import Drained, Spool, SpoolFullError

_log = structlog.get_logger()
DRAIN_SECONDS = 10.0
"""Nobody waits for a drained chunk: it may take longer than a sender's patience."""


class Durable(StrEnum):
    """Where an event is safe."""

    ACKNOWLEDGED = "acknowledged"
    SPOOLED = "spooled"


class NotDurableError(Exception):
    """Neither Kafka nor the spool took the events. The sender must hear a refusal, and sends them again."""


class PublishError(GuildhallError):
    """Kafka did not acknowledge everything."""


@dataclass(slots=True)
class Counts:
    """What happened to raw events since this process started, by source.

    `acknowledged` + `drained` + `late` = the records that this process knows to be in the raw topic. `late` were
    acknowledged after their wait was over, hence spooled as well: they are the re-deliveries that we made ourselves.
    """

    received: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    spooled: Counter[str] = field(default_factory=Counter)
    drained: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class _Batch:
    """Events on their way to Kafka: made and given up in the loop, reported in librdkafka's polling thread."""

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
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle)

    def give_up(self) -> None:
        """The spool takes over: whatever Kafka has of these, or still gets, it gets twice."""
        with self._lock:
            self._given_up = True
            self._late.update(self._arrived)

    def _settle(self) -> None:
        if not self.done.done():
            self.done.set_result(self._failed)


class RawPublisher:
    """Takes raw events of the gateway and says where each is safe. One per process; `start` and `stop` in its loop."""

    def __init__(
        self,
        make_producer: Callable[[], Producer],
        spool: Spool,
        *,
        wait_seconds: float = 1.0,
        probe_seconds: float = 0.5,
        drain_records: int = 1000,
    ) -> None:
        """Nothing is connected here, so that the process starts while Kafka is down.

        `wait_seconds` is how long a sender waits for Kafka before the spool takes over; `probe_seconds` is how often an
        unhealthy Kafka is asked again.
        """
        self._make_producer, self.spool = make_producer, spool
        self._wait, self._probe, self._drain_records = wait_seconds, probe_seconds, drain_records
        self._producer: Producer | None = None
        self._fatal = False
        self.healthy = False
        self.counts = Counts()
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(max_workers=3, thread_name_prefix="publisher")
        self._to_spool: list[tuple[Sequence[RawEvent], asyncio.Future[None]]] = []
        self._spooling: asyncio.Task[None] | None = None
        self._warehouse: asyncio.Task[None] | None = None
        self._unhealthy = asyncio.Event()

    async def start(self) -> None:
        """Connect if Kafka is there (waits `wait_seconds` at most), and keep looking after the spool."""
        self._producer = self._make_producer()
        self._threads.submit(self._poll)
        self.healthy = await self._answers()
        if not self.healthy or self.spool.count():
            self._unhealthy.set()
        self._warehouse = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Stop. What is spooled stays spooled and is drained after the next start."""
        if self._warehouse:
            self._warehouse.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._warehouse
        self._stopping.set()
        await asyncio.to_thread(self._threads.shutdown)
        self.spool.close()

    async def publish(self, events: Sequence[RawEvent]) -> list[Durable]:
        """Return where each event is safe, once all are. Raises NotDurableError, and then none counts."""
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
        # What librdkafka already took goes to the spool with the rest: perhaps twice under one id, never lost.
        batch.give_up()
        self._fatal = self._fatal or batch.fatal
        _log.warning("kafka did not acknowledge", why=failed, events=len(events))
        return False

    async def _spooled(self, events: Sequence[RawEvent]) -> None:
        # Requests that come while the disk is syncing share the next sync.
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
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                failure = error if isinstance(error, SpoolFullError) else SpoolFullError(str(error))
            for _, done in taken:
                if done.cancelled():
                    continue
                if failure:
                    done.set_exception(failure)
                else:
                    done.set_result(None)
        self._unhealthy.set()

    async def _keep(self) -> None:
        """Ask an unhealthy Kafka again, and bring the spool into it when it answers."""
        while True:
            await self._unhealthy.wait()
            self._unhealthy.clear()
            while not self.healthy or self.spool.count():
                try:
                    await self._heal()
                except Exception:  # noqa: BLE001 - whatever it is, the spool is tried again
                    _log.exception("the spool could not be drained")
                    self.healthy = False
                if not self.healthy:
                    await asyncio.sleep(self._probe)

    async def _heal(self) -> None:
        if self._fatal:
            # An idempotent producer that lost its place never sends again: a new one does.
            self._producer, self._fatal = self._make_producer(), False
        loop = asyncio.get_running_loop()
        drained = await loop.run_in_executor(self._threads, self.spool.drain, self._drain_records)
        if drained is None:
            # With something to write, an answer is not enough: the write will tell.
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


@dataclass(frozen=True, slots=True)
class Published:
    """What an importer sent: every event was acknowledged."""

    acknowledged: int
    seconds: float


def publish_blocking(
    producer: Producer,
    events: Iterable[RawEvent],
    *,
    progress: Callable[[int], None] = lambda _: None,
    progress_every: int = 10_000,
    flush_seconds: float = 60.0,
) -> Published:
    """Send everything and wait until Kafka has acknowledged it. Raises PublishError.

    The producer is `clients.bulk_producer`: after a complete flush, what was not reported as
    failed was acknowledged. What `events` raises comes through after what was sent before it is flushed.
    """
    started = time.perf_counter()
    failures: Counter[str] = Counter()

    def failed(error: KafkaError, _: Message) -> None:
        failures[error.name()] += 1

    sent = 0
    try:
        for event in events:
            _produce(producer, event, failed)
            sent += 1
            if sent % progress_every == 0:
                producer.poll(0)
                progress(sent)
                if failures:
                    break
    finally:
        left = producer.flush(flush_seconds)
    if left or failures:
        why = ", ".join(f"{name} ({count})" for name, count in failures.items()) or f"{left} not acknowledged in time"
        raise PublishError(
            "Not everything reached Kafka.",
            f"It reports: {why}.",
            "See that Kafka is up and its disk has room, then do the same again: what arrived already counts once.",
        )
    progress(sent)
    return Published(sent, time.perf_counter() - started)


def _produce(producer: Producer, event: RawEvent, failed: Callable[[KafkaError, Message], None]) -> None:
    headers = event.headers()
    while True:
        try:
            producer.produce(RAW.name, value=event.payload, key=event.id, headers=headers, on_delivery=failed)
        except BufferError:
            producer.poll(0.5)
        except KafkaException as error:
            raise PublishError(
                "Kafka refuses an event.",
                f"The client reports: {error.args[0].name()}.",
                "See whether one message of the export is larger than 4 MB, and leave it out.",
            ) from error
        else:
            return
