"""Chunks: runs of raw records of one partition, the unit in which the worker understands, writes and commits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

CHUNK_RECORDS = 1000
"""Most records of a chunk: about 30 ms of understanding, so that the worker's event loop is never blocked for long."""


class Record(Protocol):
    """The parts of a Kafka record that are used, whichever client read it."""

    @property
    def offset(self) -> int:
        """The offset in its partition."""
        ...

    @property
    def value(self) -> bytes | None:
        """The value."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """The headers."""
        ...


@dataclass(slots=True, eq=False)
class Chunk:
    """Records of one partition, by ascending offset. Offsets may be missing between them."""

    partition: int
    records: Sequence[Record]
    done: bool = field(default=False)
    """Whether everything that follows from the records is durable. Only the code that made it durable sets this."""

    @property
    def last(self) -> int:
        """The offset of the last record."""
        return self.records[-1].offset


def runs(partition: int, records: Sequence[Record], *, after: int | None, most: int = CHUNK_RECORDS) -> Iterator[Chunk]:
    """Yield the records in chunks of at most `most`, without those below offset `after`, which were read before."""
    if after is not None and records and records[0].offset < after:
        records = [record for record in records if record.offset >= after]
    for start in range(0, len(records), most):
        yield Chunk(partition, records[start : start + most])
