"""Commit tracker: which chunks of each partition are in work, and which offset may be committed. No Kafka, no Faust."""

from collections import defaultdict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from pipelines.understand.chunks import Chunk

P = TypeVar("P", bound=Hashable)


class CommitTracker(Generic[P]):
    """The chunks that were delivered for each partition, in order, until their offsets are committed.

    The offset to commit is the end of the longest prefix of a partition's chunks that are all done. The tracker compares
    chunks by identity: a chunk of an earlier generation, delivered before a seek, does not count for the chunk that has the
    same offsets and was read after it.
    """

    def __init__(self) -> None:
        self._open: defaultdict[P, deque[Chunk]] = defaultdict(deque)
        self._issued: dict[P, int] = {}

    def add(self, partition: P, chunk: Chunk) -> None:
        """Track a chunk that is being delivered."""
        self._open[partition].append(chunk)

    def next_commit(self, partition: P) -> int | None:
        """Return the offset to commit: one behind the last record that is done. None when it has not moved."""
        chunks = self._open[partition]
        offset = None
        while chunks and chunks[0].done:
            offset = chunks.popleft().last + 1
        if offset is not None:
            self._issued[partition] = offset
        return offset

    def open_partitions(self) -> list[P]:
        """Return the partitions that have open chunks."""
        return [partition for partition, chunks in self._open.items() if chunks]

    def open_records(self) -> int:
        """Return how many records were delivered and cannot be committed yet."""
        return sum(len(chunk.records) for chunks in self._open.values() for chunk in chunks)

    def issued_commits(self) -> dict[P, int]:
        """Return the last offset that `next_commit` returned, by partition."""
        return dict(self._issued)

    def reset(self, partition: P) -> None:
        """Drop the open chunks of a partition: it is read again from its commit, or belongs to another worker."""
        self._open.pop(partition, None)
        self._issued.pop(partition, None)

    def reset_all(self) -> None:
        """Drop the open chunks of every partition."""
        self._open.clear()
        self._issued.clear()
