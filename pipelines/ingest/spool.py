"""The gateway's spool: raw events on the local disk, fsynced, while Kafka does not take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from events.raw import RawEvent
from events.sdk.journal import Journal, JournalFullError, Taken

FREE_BYTES = 256 << 20
"""What a full spool leaves for everything else on the disk."""


class SpoolFullError(OSError):
    """The spool does not take more. Nothing of the append counts: the sender must hear a refusal."""


@dataclass(frozen=True, slots=True)
class Drained:
    """The oldest events of the spool, and what to hand back when they are safe in Kafka."""

    events: tuple[RawEvent, ...]
    taken: Taken


class Spool:
    """A folder of fsynced segments. Survives kill -9; one process at a time."""

    def __init__(self, folder: Path, *, free_bytes: int = FREE_BYTES, segment_bytes: int = 8 << 20) -> None:
        """Open or create the folder. Raises `events.sdk.journal.JournalInUseError` when another process holds it."""
        self._journal = Journal(folder, fsync=True, free_bytes=free_bytes, segment_bytes=segment_bytes)

    def append(self, events: Sequence[RawEvent]) -> None:
        """Return once all are on the disk. Raises SpoolFullError, and then none is."""
        try:
            self._journal.append([event.packed() for event in events])
        except JournalFullError as error:
            raise SpoolFullError(error.errno, "the spool is full", error.filename) from error

    def drain(self, most: int = 1000) -> Drained | None:
        """The oldest events, at most so many; None when the spool is empty. Nothing is forgotten before `acknowledge`."""
        taken = self._journal.take(most)
        return Drained(tuple(map(RawEvent.unpacked, taken.records)), taken) if taken else None

    def acknowledge(self, drained: Drained) -> None:
        """Forget these events: Kafka has them."""
        self._journal.acknowledge(drained.taken)
        self._journal.compact()

    def count(self) -> int:
        """Events that Kafka does not have yet."""
        return len(self._journal)

    def has_room(self) -> bool:
        """Whether the disk has more than the threshold left."""
        return self._journal.has_room

    def close(self) -> None:
        """Let the folder go; what is spooled stays."""
        self._journal.close()
