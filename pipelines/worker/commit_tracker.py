"""Chunks: runs of raw records of one partition, and the tracker that say how far a partition is done. No Kafka, no Faust."""

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

RECORDS = 1000
"""Most records of a chunk: about 30 ms of understanding, so that the event loop is never held for long."""


class Record(Protocol):
    """What is used of a Kafka record, whoever read it."""

    @property
    def offset(self) -> int:
        """Where it is in its partition."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its bytes."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""
        ...


@dataclass(slots=True, eq=False)
class Chunk:
    """Records of one partition in the order of their offsets, which may have holes."""

    partition: int
    records: Sequence[Record]
    done: bool = field(default=False)
    """Everything that follows from the records is durable. Set by whoever made it so, and by nobody else."""

    @property
    def last(self) -> int:
        """The offset of the last record."""
        return self.records[-1].offset


def runs(partition: int, records: Sequence[Record], *, after: int | None, most: int = RECORDS) -> Iterator[Chunk]:
    """Cut records into chunks of at most `most`, leaving out what lies below offset `after` (read already)."""
    if after is not None and records and records[0].offset < after:
        records = [record for record in records if record.offset >= after]
    for start in range(0, len(records), most):
        yield Chunk(partition, records[start : start + most])


P = TypeVar("P", bound=Hashable)


class CommitTracker(Generic[P]):
    """Which chunks of each partition were handed out, in order, and from where a restart must read.

    A partition may be committed up to the end of the longest prefix of its chunks all of which are done. A chunk is known by
    itself and not by its offsets: one that was handed out before a seek says nothing of the one that was read again.
    """

    def __init__(self) -> None:
        self._open: defaultdict[P, deque[Chunk]] = defaultdict(deque)
        self._promised: dict[P, int] = {}

    def handed_out(self, partition: P, chunk: Chunk) -> None:
        """A chunk was read and is now somebody's work."""
        self._open[partition].append(chunk)

    def committable(self, partition: P) -> int | None:
        """The offset to commit: of the first record that is not done. None when nothing new is done."""
        chunks = self._open[partition]
        offset = None
        while chunks and chunks[0].done:
            offset = chunks.popleft().last + 1
        if offset is not None:
            self._promised[partition] = offset
        return offset

    def partitions(self) -> list[P]:
        """The partitions of which chunks are open."""
        return [partition for partition, chunks in self._open.items() if chunks]

    def open_records(self) -> int:
        """How many records were handed out and are not yet committable."""
        return sum(len(chunk.records) for chunks in self._open.values() for chunk in chunks)

    def promised(self) -> dict[P, int]:
        """The last offset that was given for committing, by partition."""
        return dict(self._promised)

    def forget(self, partition: P) -> None:
        """The partition is read again from its commit, or is somebody else's now: its open chunks count for nothing."""
        self._open.pop(partition, None)
        self._promised.pop(partition, None)

    def forget_all(self) -> None:
        """As `forget`, of every partition."""
        self._open.clear()
        self._promised.clear()


class Stall:
    """Tells a worker that stands still from one that has nothing to do."""

    def __init__(self, seconds: float) -> None:
        """Still for `seconds` with work waiting is a stall."""
        self._seconds = seconds
        self._marks: object = None
        self._since: float | None = None

    def is_stalled(self, *, waiting: int, marks: object, now: float) -> bool:
        """`waiting` records are to do, `marks` changes with every progress, `now` is in seconds of one steady clock."""
        if waiting <= 0 or marks != self._marks or self._since is None:
            self._marks, self._since = marks, now
            return False
        return now - self._since >= self._seconds
