"""Replay: raw records that have not expired are understood again, with the current normalisers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from events.errors import GuildhallError
from events.topics import RAW
from pipelines.broker.admin import ends, starts
from pipelines.broker.clients import replay_consumer
from pipelines.understand.chunks import CHUNK_RECORDS
from pipelines.understand.understand import Context
from pipelines.understand.writer import NotWrittenError, Writer, Written, messages

SKIP = 5_000
"""Offsets. Over a larger distance to the next wanted record the consumer seeks; over a smaller one it reads on."""
READ_SECONDS = 30.0
POLL_SECONDS = 0.2
"""`consume` waits this long for a full batch, even at the end of a partition. So it is short, and called again."""

Position = tuple[int, int]
"""(partition, offset) of the raw topic."""
Raw = tuple[int, int, bytes | None, list[tuple[str, bytes]]]
"""(partition, offset, value, headers)"""


class ReplayError(GuildhallError):
    """Raw records could not be read back or written again."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a replay."""

    requested: int
    records: int
    interactions: int
    accounts: int
    rejected: int

    @property
    def expired(self) -> int:
        """How many of the requested records the raw topic does not have any more, or never had."""
        return self.requested - self.records


@dataclass(frozen=True, slots=True)
class _Record:
    offset: int
    value: bytes | None
    headers: list[tuple[str, bytes]]


def read_raw(bootstrap: str, positions: Iterable[Position]) -> Iterator[Raw]:
    """Yield the raw records at these positions, by partition and offset, without the expired ones. Raises ReplayError."""
    wanted: defaultdict[int, set[int]] = defaultdict(set)
    for partition, offset in positions:
        wanted[partition].add(offset)
    if not wanted:
        return
    first, end = starts(bootstrap, RAW.name), ends(bootstrap, RAW.name)
    consumer = replay_consumer(bootstrap)
    try:
        for partition, offsets in sorted(wanted.items()):
            present = sorted(offset for offset in offsets if first.get(partition, 0) <= offset < end.get(partition, 0))
            yield from _read(consumer, partition, present)
    finally:
        consumer.close()


def _read(consumer: Consumer, partition: int, offsets: list[int]) -> Iterator[Raw]:
    """Yield the records at these ascending offsets of one partition."""
    start = 0
    while start < len(offsets):
        stop = start + 1
        while stop < len(offsets) and offsets[stop] - offsets[stop - 1] <= SKIP:
            stop += 1
        yield from _read_run(consumer, partition, offsets[start:stop])
        start = stop


def _read_run(consumer: Consumer, partition: int, offsets: list[int]) -> Iterator[Raw]:
    wanted, last = set(offsets), offsets[-1]
    consumer.assign([TopicPartition(RAW.name, partition, offsets[0])])
    silence = 0.0
    while True:
        found = consumer.consume(1000, POLL_SECONDS)
        silence = 0.0 if found else silence + POLL_SECONDS
        if silence > READ_SECONDS:
            raise ReplayError(
                "Raw records cannot be read.",
                f"Kafka delivered nothing of partition {partition} for {READ_SECONDS:.0f} seconds.",
                "Check that Kafka is up, then run the replay again: every record counts once.",
            )
        for message in found:
            if message.error() is not None:
                if message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's public name for it
                    return
                continue  # librdkafka reconnects by itself; READ_SECONDS ends the wait
            offset = message.offset()
            if offset in wanted:
                yield partition, offset, message.value(), _headers(message)
            if offset >= last:
                return


def _headers(message: Message) -> list[tuple[str, bytes]]:
    return list(message.headers() or [])


def replay(bootstrap: str, positions: Iterable[Position], context: Context) -> Replayed:
    """Understand the raw records at these positions again and write the results, as the worker does. Raises ReplayError.

    A record that is understood as before adds nothing: the landing counts it once.
    """
    requested = set(positions)
    writer, written = Writer(bootstrap), Written()
    try:
        for some in _by_partition(read_raw(bootstrap, requested)):
            records = [_Record(offset, value, headers) for _, offset, value, headers in some]
            writer.write(messages(some[0][0], records, context, written))
        writer.flush()
    except NotWrittenError as error:
        raise ReplayError(
            "Not everything that was replayed reached Kafka.",
            f"The client reports: {error}.",
            "Check that Kafka is up and its disk has room, then run the replay again: every record counts once.",
        ) from error
    return Replayed(len(requested), written.records, written.interactions, written.accounts, written.rejected)


def _by_partition(records: Iterable[Raw], most: int = CHUNK_RECORDS) -> Iterator[list[Raw]]:
    """Yield runs of at most `most` records of one partition."""
    some: list[Raw] = []
    for record in records:
        if some and (record[0] != some[0][0] or len(some) >= most):
            yield some
            some = []
        some.append(record)
    if some:
        yield some
