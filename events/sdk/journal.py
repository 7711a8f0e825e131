"""Journal: framed records in append-only segment files, read in order and stored until they are acknowledged.

The spool of the gateway and the queue of the emitter are journals. A record counts once `append` has returned; an append that a
kill interrupts does not count. After a kill, reading may repeat records, and never skips one.

Damaged bytes hide only the records that they hit: reading continues at the next sound frame. A segment with damage is moved,
once it is read, to the folder `damaged`, where it stays for 28 days.
"""

import contextlib
import errno
import logging
import os
import re
import shutil
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path

from filelock import FileLock, Timeout

from events.errors import GuildhallError
from events.files import sync, write_atomic
from events.raw import BadEnvelopeError, RawEvent
from events.sdk.frames import framed, new_mark, unframed

_log = logging.getLogger(__name__)
DAMAGED = "damaged"
DAMAGED_DAYS = 28
"""How long a damaged segment is stored: it contains what people wrote, and the raw topic forgets that as fast."""
_NAME = re.compile(r"(\d{12})-([0-9a-f]{16})\.journal")
"""A segment's number and the mark of its frames."""


def damaged_segments(folder: Path) -> int:
    """How many damaged segments are stored beside the journal in a folder."""
    return sum(1 for _ in (folder / DAMAGED).glob("*.journal"))


class JournalFullError(OSError):
    """The disk is full, or a write failed. Nothing of the append counts."""


class JournalInUseError(GuildhallError):
    """Another process uses this folder."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The oldest records that are not acknowledged, and the position after them."""

    records: tuple[bytes, ...]
    segment: int
    end: int
    """The position after the last record, in bytes from the beginning of the segment."""
    damaged: int = 0
    """Places with bytes that are no record. They are skipped."""


class Journal:
    """One folder of segments. One process with any number of threads writes it; one thread reads it."""

    def __init__(self, folder: Path, *, fsync: bool, free_bytes: int = 0, segment_bytes: int = 8 << 20) -> None:
        """Open or create the folder, and lock it against other processes. Raises JournalInUseError.

        With `fsync`, an append survives a power cut; without it, only the death of the process. An append that would leave less
        than `free_bytes` on the disk is refused.
        """
        self._damaged = folder / DAMAGED
        self._folder, self._fsync, self._free_bytes, self._segment_bytes = folder, fsync, free_bytes, segment_bytes
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Not bound to this thread: another thread may close the journal.
        self._held = FileLock(folder / "lock", blocking=False, thread_local=False)
        try:
            self._held.acquire()
        except Timeout as error:
            raise JournalInUseError(
                f"The folder {folder} is in use.",
                "Another process writes to it.",
                "Stop that process, or give this one a folder of its own.",
            ) from error
        self._lock = threading.RLock()
        self._file: FileIO | None = None
        self._paths, self._marks = self._found()
        self._sizes = {number: path.stat().st_size for number, path in self._paths.items()}
        self._spoiled = {number for number, size in self._sizes.items() if _damaged(self._frames(number, 0, size))}
        self.damaged = 0
        """Places with damaged bytes that this process has passed."""
        self._forget_damaged()
        self._segment = max(self._sizes, default=0)
        self._read_segment, self._read_at = self._remembered()
        self._count = sum(1 for _ in self._unread())

    def __len__(self) -> int:
        """Number of records that are not acknowledged."""
        return self._count

    @property
    def has_room(self) -> bool:
        """Whether the disk has more than the threshold left."""
        return shutil.disk_usage(self._folder).free > self._free_bytes

    def append(self, records: Sequence[bytes]) -> None:
        """Append all or none. Raises JournalFullError, and ValueError for an empty record."""
        if not all(records):
            raise ValueError("a record has at least one byte")
        with self._lock:
            if shutil.disk_usage(self._folder).free - sum(map(len, records)) < self._free_bytes:
                raise JournalFullError(errno.ENOSPC, f"less than {self._free_bytes} bytes would be free", str(self._folder))
            try:
                self._write(records)
            except OSError as error:
                self._undo()
                raise JournalFullError(error.errno, "the disk refused the write", str(self._folder)) from error
            self._count += len(records)

    def take(self, most: int, most_bytes: int = 4 << 20) -> Taken | None:
        """The oldest unacknowledged records: 1 to `most`, of about `most_bytes` bytes. None if there are none."""
        records: list[bytes] = []
        place, taken, damaged = (0, 0), 0, 0
        for segment, end, record in self._unread():
            if place[0] and (segment != place[0] or len(records) == most or taken + len(record or b"") > most_bytes):
                break
            place = (segment, end)
            if record is None:
                damaged += 1
            else:
                records.append(record)
                taken += len(record)
        return Taken(tuple(records), *place, damaged) if place[0] else None

    def acknowledge(self, taken: Taken) -> None:
        """Remove these records: they are safe elsewhere. Segments without other records are deleted."""
        with self._lock:
            if taken.damaged:
                _log.error("%d places of a journal are damaged; segment %d is set aside", taken.damaged, taken.segment)
                self._spoiled.add(taken.segment)
                self.damaged += taken.damaged
            self._read_segment, self._read_at = taken.segment, taken.end
            # Damage that came while this process ran changes how many records there are.
            self._count = sum(1 for _ in self._unread()) if taken.damaged else self._count - len(taken.records)
            behind = [segment for segment in self._sizes if segment < taken.segment]
            full = self._sizes[taken.segment] >= self._segment_bytes
            if taken.end >= self._sizes[taken.segment] and (full or taken.segment != self._segment or self._file is None):
                behind.append(taken.segment)
            self._drop(behind)
            self._remember()

    def compact(self) -> None:
        """Delete the segment that is being written, if every record in it is acknowledged."""
        with self._lock:
            if not self._count and self._sizes:
                self._drop(list(self._sizes))
                self._remember()

    def close(self) -> None:
        """Unlock the folder. Records that are not acknowledged stay."""
        self.compact()
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None
            self._held.release()

    def set_aside(self) -> int:
        """How many damaged segments are stored."""
        return damaged_segments(self._folder)

    def _write(self, records: Sequence[bytes]) -> None:
        if self._file is None or self._sizes[self._segment] >= self._segment_bytes:
            self._begin_segment()
        assert self._file is not None
        data = b"".join(framed(self._marks[self._segment], record) for record in records)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
        if self._fsync:
            os.fsync(self._file.fileno())
        self._sizes[self._segment] += len(data)

    def _begin_segment(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
        # A segment of an earlier process is not written again: its end may be incomplete.
        number, mark = self._segment + 1, new_mark()
        path = self._folder / f"{number:012d}-{mark.hex()}.journal"
        self._file = FileIO(path, "xb")
        self._segment, self._sizes[number], self._paths[number], self._marks[number] = number, 0, path, mark
        if self._fsync:
            sync(self._folder)

    def _undo(self) -> None:
        if self._file is None:
            return
        try:
            os.ftruncate(self._file.fileno(), self._sizes[self._segment])
            self._file.seek(self._sizes[self._segment])
        except OSError:
            # The size in memory limits what this process reads; the checksum limits what the next one reads.
            self._file.close()
            self._file = None

    def _unread(self) -> Iterator[tuple[int, int, bytes | None]]:
        with self._lock:
            sizes = sorted(self._sizes.items())
        for number, size in sizes:
            start = self._read_at if number == self._read_segment else 0
            if number < self._read_segment or start >= size:
                continue
            for end, record in self._frames(number, start, size):
                yield number, end, record

    def _frames(self, number: int, start: int, size: int) -> Iterator[tuple[int, bytes | None]]:
        """(end, record) of each frame between two positions of a segment; None where bytes are no frame, or are missing."""
        with self._paths[number].open("rb") as file:
            file.seek(start)
            data = file.read(size - start).ljust(size - start, b"\0")
        for end, record in unframed(self._marks[number], data):
            yield start + end, record

    def _drop(self, segments: Sequence[int]) -> None:
        for number in segments:
            if number == self._segment and self._file:
                self._file.close()
                self._file = None
            path = self._paths.pop(number)
            if number in self._spoiled:
                self._damaged.mkdir(exist_ok=True, mode=0o700)
                with contextlib.suppress(FileNotFoundError):
                    path.rename(self._damaged / path.name)
            else:
                path.unlink(missing_ok=True)
            del self._sizes[number], self._marks[number]
            self._spoiled.discard(number)

    def _forget_damaged(self) -> None:
        oldest = time.time() - DAMAGED_DAYS * 86_400
        for path in self._damaged.glob("*.journal"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _remember(self) -> None:
        # Not durable: an older position only repeats records, and their ids show the repetition.
        with contextlib.suppress(OSError):
            place = f"{self._read_segment} {self._read_at} {self._segment}"
            write_atomic(self._folder / "place", f"{place} {zlib.crc32(place.encode())}\n", durable=False)

    def _remembered(self) -> tuple[int, int]:
        # A damaged position would skip records, so it counts only with its checksum.
        try:
            place, _, checksum = (self._folder / "place").read_text(encoding="ascii").strip().rpartition(" ")
            segment, at, last = map(int, place.split())
            if int(checksum) != zlib.crc32(place.encode()):
                return 0, 0
        except (OSError, ValueError):
            return 0, 0
        self._segment = max(self._segment, last)
        return (segment, at) if at <= self._sizes.get(segment, at) else (segment, 0)

    def _found(self) -> tuple[dict[int, Path], dict[int, bytes]]:
        """The segments in the folder: their paths and their marks, by number. Other files are left alone."""
        paths: dict[int, Path] = {}
        marks: dict[int, bytes] = {}
        for path in sorted(self._folder.iterdir()):
            name = _NAME.fullmatch(path.name)
            if name and path.is_file():
                number = int(name[1])
                paths[number], marks[number] = path, bytes.fromhex(name[2])
            elif path.suffix == ".journal":
                _log.error("%s is no segment of this journal and is left alone", path)
        return paths, marks


def unpacked(taken: Taken) -> tuple[tuple[RawEvent, ...], Taken]:
    """The raw events of these records. A record that is no raw event counts as damaged, so that it stops nothing behind it."""
    events: list[RawEvent] = []
    records: list[bytes] = []
    for record in taken.records:
        with contextlib.suppress(BadEnvelopeError):
            events.append(RawEvent.unpacked(record))
            records.append(record)
    spoiled = len(taken.records) - len(records)
    return tuple(events), replace(taken, records=tuple(records), damaged=taken.damaged + spoiled)


def _damaged(frames: Iterator[tuple[int, bytes | None]]) -> bool:
    return any(record is None for _, record in frames)
