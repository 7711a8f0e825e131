"""Consumer: reads a topic from the offsets of the landing file to its end, in chunks. Nothing is skipped.

There is no consumer group: the offsets are rows beside the data and are moved in the same transaction. An offset that Kafka no
longer has is an error; reading never jumps over a gap.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from events.errors import GuildhallError

ANSWER_SECONDS = 10.0
SILENCE_SECONDS = 30.0
"""Kafka counts as silent when it returns nothing for this long although there are records to read."""
FETCH_RECORDS = 2_000
"""Few enough to be in the processor's cache when they are copied: ten thousand cost half as much again."""
FIRST_FETCH_RECORDS = 100
"""Of a fetch before any: the size of records is not known yet."""
CHUNK_RECORDS = 100_000
CHUNK_BYTES = 96 << 20
"""A chunk ends at whichever limit comes first, so memory is bounded whatever the records are."""


class ConsumeError(GuildhallError):
    """Kafka does not have the records to read next."""


@dataclass(frozen=True, slots=True)
class Log:
    """A topic as the broker knows it now: its id, and by partition its first offset and the offset behind its last record."""

    topic: str
    id: str
    starts: Mapping[int, int]
    ends: Mapping[int, int]


@dataclass(slots=True)
class Chunk:
    """Records in the order read, as Arrow; `ends` has, by partition, the offset to read next.

    Each piece is the result of one fetch. Its columns are value (binary, null for a tombstone), partition and offset.
    """

    pieces: list[pa.RecordBatch] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    records: int = 0
    size: int = 0
    """Bytes of the values."""

    @classmethod
    def of(cls, values: Sequence[bytes | None], partition: int, first: int) -> Self:
        """Make a chunk of records that follow each other in one partition."""
        chunk = cls()
        chunk.add(values, [partition] * len(values), range(first, first + len(values)))
        return chunk

    def add(self, values: Sequence[bytes | None], partitions: Sequence[int], offsets: Sequence[int]) -> None:
        """Add records: `values[i]` came from (partitions[i], offsets[i])."""
        value = pa.array(values, pa.binary())
        columns = [value, pa.array(partitions, pa.int32()), pa.array(offsets, pa.int64())]
        self.pieces.append(pa.record_batch(columns, ["value", "partition", "offset"]))
        self.records += len(values)
        self.size += value.nbytes
        for partition, offset in dict(zip(partitions, offsets, strict=True)).items():
            self.move(partition, offset + 1)

    def move(self, partition: int, end: int) -> None:
        """Note that every record of the partition before `end` has been read."""
        self.ends[partition] = max(self.ends.get(partition, 0), end)

    def halves(self) -> tuple[Self, Self]:
        """The first and the second half of the records; the second has read to the same end."""
        first, second = type(self)(), type(self)()
        left = self.records // 2
        for piece in self.pieces:
            for chunk, part in ((first, piece.slice(0, left)), (second, piece.slice(left))):
                if part.num_rows:
                    chunk.take(part)
            left = max(0, left - piece.num_rows)
        for partition, end in self.ends.items():
            second.move(partition, end)
        return first, second

    def take(self, piece: pa.RecordBatch) -> None:
        """Add the records of a piece of another chunk."""
        self.pieces.append(piece)
        self.records += piece.num_rows
        self.size += piece.column("value").nbytes
        for partition, offset in zip(piece.column("partition").to_pylist(), piece.column("offset").to_pylist(), strict=True):
            self.move(partition, offset + 1)

    def values(self) -> Iterator[bytes | None]:
        """Yield the values alone."""
        for piece in self.pieces:
            yield from piece.column("value").to_pylist()


def look(bootstrap: str, topic: str) -> Log:
    """Ask the broker for a topic. Raises ConsumeError when it does not answer or has no such topic."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        found = admin.describe_topics(TopicCollection([topic]), request_timeout=ANSWER_SECONDS)[topic].result()
        places = [TopicPartition(topic, partition.id) for partition in found.partitions]
        first, last = (
            admin.list_offsets(dict.fromkeys(places, spec), request_timeout=ANSWER_SECONDS)
            for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
        )
        starts = {place.partition: future.result().offset for place, future in first.items()}
        ends = {place.partition: future.result().offset for place, future in last.items()}
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise ConsumeError(
                f"There is no topic {topic}.", "Kafka does not know it.", "`guildhall up` creates it."
            ) from error
        raise ConsumeError(
            f"Kafka at {bootstrap} does not answer.",
            f"The client reports: {error.args[0].name()}.",
            "Start it with `guildhall up`, or set KAFKA_BOOTSTRAP_SERVERS to one that runs.",
        ) from error
    return Log(topic, str(found.topic_id), starts, ends)


def check(log: Log, topic_id: str | None, offsets: Mapping[int, int]) -> None:
    """Check that the log continues at these offsets. Raises ConsumeError when records are gone, or when it is another log.

    `topic_id` is the id stored with the offsets; None for offsets that never moved.
    """
    again = "Keep landing.duckdb and point Guildhall at the cluster it belongs to, or start again with an empty home folder."
    if topic_id is not None and topic_id != log.id:
        raise ConsumeError(f"{log.topic} is not the topic that was read before.", "It was deleted and created again.", again)
    for partition, offset in sorted(offsets.items()):
        start, end = log.starts.get(partition), log.ends.get(partition)
        if start is None or end is None:
            raise ConsumeError(
                f"{log.topic} has no partition {partition} any more.", "It was deleted and created again.", again
            )
        if offset > end:
            raise ConsumeError(
                f"{log.topic}, partition {partition}, ends at {end}, before {offset} where reading continues.",
                "It was created again, or the broker lost its last records.",
                again,
            )
        if offset < start:
            raise ConsumeError(
                f"{log.topic}, partition {partition}, has lost {start - offset} records that were never read.",
                "They were older than the topic's retention.",
                "Import that period again from the platforms' exports, then accept the gap: `guildhall land --accept-gap`.",
            )


def read(bootstrap: str, log: Log, offsets: Mapping[int, int], *, records: int = CHUNK_RECORDS) -> Iterator[Chunk]:
    """Yield the records between these offsets and the log's ends as of `look`; records that arrived since may be among them.

    `offsets` has every partition of the log. Raises ConsumeError when an offset is gone, when Kafka is silent or fails.
    """
    waiting = {partition for partition, offset in offsets.items() if offset < log.ends[partition]}
    if not waiting:
        return
    consumer = Consumer(_config(bootstrap))
    try:
        consumer.assign([TopicPartition(log.topic, partition, offsets[partition]) for partition in sorted(waiting)])
        yield from _chunks(consumer, log, waiting, records)
    finally:
        consumer.close()


def _chunks(consumer: Consumer, log: Log, waiting: set[int], most: int) -> Iterator[Chunk]:
    last_record_at = time.monotonic()
    chunk, average = Chunk(), 0.0
    while waiting:
        messages = consumer.consume(min(most, _fetch_records(chunk, average)), 1.0)
        if messages:
            last_record_at = time.monotonic()
        elif time.monotonic() - last_record_at > SILENCE_SECONDS:
            raise ConsumeError(
                f"Kafka returns no more records of {log.topic}.",
                f"Nothing came for {SILENCE_SECONDS:.0f} seconds, and partitions {sorted(waiting)} are not at their ends.",
                "Look at the broker's log; what has been read so far has landed.",
            )
        _add(chunk, messages, log)
        average = chunk.size / chunk.records if chunk.records else average
        # A partition is done at its end. There may be no record there (compaction, transactions); the EOF event reports that.
        waiting -= {partition for partition, end in chunk.ends.items() if end >= log.ends[partition]}
        if chunk.ends and (not waiting or chunk.records >= most or chunk.size >= CHUNK_BYTES):
            yield chunk
            chunk = Chunk()


def _fetch_records(chunk: Chunk, average: float) -> int:
    """How many records the next fetch may have, so that a chunk of large records ends near its limit of bytes too."""
    if not average:
        return FIRST_FETCH_RECORDS
    return max(1, min(FETCH_RECORDS, int((CHUNK_BYTES - chunk.size) / average)))


def _add(chunk: Chunk, messages: list[Message], log: Log) -> None:
    good = [message for message in messages if message.error() is None]
    if len(good) < len(messages):
        for message in messages:
            if message.error() is not None:
                _handle_error(chunk, message, log)
    if good:
        chunk.add(
            [message.value() for message in good],
            [message.partition() for message in good],
            [message.offset() for message in good],
        )


def _handle_error(chunk: Chunk, message: Message, log: Log) -> None:
    error = message.error()
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with an underscore
        chunk.move(message.partition(), message.offset())
    elif error.fatal() or error.code() in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001 - as above
        raise ConsumeError(
            f"{log.topic} cannot be read on from where reading stopped.",
            f"Kafka reports: {error.name()}.",
            "Run it again: if records are gone for good, the next error says how many.",
        )
    # librdkafka recovers from anything else (a broker that restarts); SILENCE_SECONDS bounds how long that may take.


def _config(bootstrap: str) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": bootstrap,
        "group.id": "guildhall-landing-unused",  # librdkafka requires one; no group is joined and nothing is committed
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "fetch.wait.max.ms": 50,
        "fetch.max.bytes": 32 << 20,
        "max.partition.fetch.bytes": 8 << 20,
        "queued.max.messages.kbytes": 64 << 10,
        "queued.min.messages": 100_000,
        "check.crcs": True,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 0,
    }


def first_offsets(log: Log, known: Mapping[int, int]) -> dict[int, int]:
    """Return the first offset of each partition that is not known yet: partitions can be added to a topic."""
    return {partition: start for partition, start in log.starts.items() if partition not in known}
