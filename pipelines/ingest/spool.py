"""The gateway's spool: raw events on the local disk, fsynced, while Kafka does not take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from events.raw import RawEvent
from events.sdk.journal import Journal, JournalFullError, Taken, unpacked

FREE_BYTES = 256 << 20
"""Bytes that a full spool leaves free for everything else on the disk."""


class SpoolFullError(OSError):
    """The spool does not take more. Nothing of the append is stored, so the sender must be refused."""


@dataclass(frozen=True, slots=True)
class Drained:
    """The oldest events of the spool; there may be none beside damaged bytes. Pass it to `acknowledge` when Kafka has them."""

    events: tuple[RawEvent, ...]
    taken: Taken


class Spool:
    """A folder of fsynced segments. It survives `kill -9`. One process at a time may use it."""

    def __init__(self, folder: Path, *, free_bytes: int = FREE_BYTES, segment_bytes: int = 8 << 20) -> None:
        """Open or create the folder. Raises `events.sdk.journal.JournalInUseError` when another process holds it."""
        self._journal = Journal(folder, fsync=True, free_bytes=free_bytes, segment_bytes=segment_bytes)

    def append(self, events: Sequence[RawEvent]) -> None:
        """Store the events and return once all are on the disk. Raises SpoolFullError, and then none is."""
        try:
            self._journal.append([event.packed() for event in events])
        except JournalFullError as error:
            raise SpoolFullError(error.errno, "the spool is full", error.filename) from error

    def drain(self, most: int = 1000) -> Drained | None:
        """Return the oldest events, at most `most`, or None when the spool is empty. They stay until `acknowledge`."""
        taken = self._journal.take(most)
        return Drained(*unpacked(taken)) if taken else None

    def acknowledge(self, drained: Drained) -> None:
        """Delete these events: Kafka has them."""
        self._journal.acknowledge(drained.taken)
        self._journal.compact()

    def count(self) -> int:
        """Return how many events wait for Kafka."""
        return len(self._journal)

    def damaged(self) -> int:
        """Return how many places with damaged bytes this process passed."""
        return self._journal.damaged

    def set_aside(self) -> int:
        """Return how many damaged segments are stored in the folder `damaged`."""
        return self._journal.set_aside()

    def has_room(self) -> bool:
        """Return whether the disk has more free space than the threshold."""
        return self._journal.has_room

    def close(self) -> None:
        """Release the folder. The events stay."""
        self._journal.close()
