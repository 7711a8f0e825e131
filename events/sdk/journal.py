"""Journal: framed records in append-only segment files, read in order and stored until they are acknowledged.

The spool of the gateway and the queue of the emitter are journals. A record counts once `append` has returned; an append that a
kill interrupts does not count. After a kill, reading may repeat records, and never skips one.
"""

import contextlib
import errno
import os
import shutil
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from filelock import FileLock, Timeout

from events.errors import GuildhallError
from events.files import sync, write_atomic

FRAME = struct.Struct("<II")
"""Precedes each record: its length in bytes and its CRC-32."""
SUFFIX = ".journal"


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
    """Frames with a wrong checksum. They are skipped."""


class Journal:
    """One folder of segments. One process with any number of threads writes it; one thread reads it."""

    def __init__(self, folder: Path, *, fsync: bool, free_bytes: int = 0, segment_bytes: int = 8 << 20) -> None:
        """Open or create the folder, and lock it against other processes. Raises JournalInUseError.

        With `fsync`, an append survives a power cut; without it, only the death of the process. An append that would leave less
        than `free_bytes` on the disk is refused.
        """
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
        self._lock = threading.Lock()
        self._file: FileIO | None = None
        self._sizes: dict[int, int] = {int(path.name.removesuffix(SUFFIX)): _sound_end(path) for path in self._paths()}
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
        """Append all or none. Raises JournalFullError."""
        data = b"".join(FRAME.pack(len(record), zlib.crc32(record)) + record for record in records)
        with self._lock:
            if shutil.disk_usage(self._folder).free - len(data) < self._free_bytes:
                raise JournalFullError(errno.ENOSPC, f"less than {self._free_bytes} bytes would be free", str(self._folder))
            try:
                self._write(data)
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
            self._read_segment, self._read_at = taken.segment, taken.end
            self._count -= len(taken.records) + taken.damaged
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

    def _write(self, data: bytes) -> None:
        if self._file is None or self._sizes[self._segment] >= self._segment_bytes:
            self._begin_segment()
        assert self._file is not None
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
        number = self._segment + 1
        self._file = FileIO(self._path(number), "xb")
        self._segment, self._sizes[number] = number, 0
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
            for end, record in _frames(self._path(number), start, size):
                yield number, end, record

    def _drop(self, segments: Sequence[int]) -> None:
        for number in segments:
            if number == self._segment and self._file:
                self._file.close()
                self._file = None
            self._path(number).unlink(missing_ok=True)
            del self._sizes[number]

    def _remember(self) -> None:
        # Not durable: an older position only repeats records, and their ids show the repetition.
        with contextlib.suppress(OSError):
            place = f"{self._read_segment} {self._read_at} {self._segment}\n"
            write_atomic(self._folder / "place", place, durable=False)

    def _remembered(self) -> tuple[int, int]:
        try:
            segment, at, last = map(int, (self._folder / "place").read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return 0, 0
        self._segment = max(self._segment, last)
        return (segment, at) if at <= self._sizes.get(segment, at) else (segment, 0)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}{SUFFIX}"

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}"))


def _frames(path: Path, start: int, size: int) -> Iterator[tuple[int, bytes | None]]:
    """(end, record) of each whole frame from `start` to `size`. The record is None where its checksum is wrong."""
    with path.open("rb") as file:
        file.seek(start)
        at = start
        while at + FRAME.size <= size:
            length, checksum = FRAME.unpack(file.read(FRAME.size))
            at += FRAME.size + length
            if at > size:
                return
            record = file.read(length)
            yield at, record if zlib.crc32(record) == checksum else None


def _sound_end(path: Path) -> int:
    """The end of the last frame with a right checksum. What follows is an interrupted append."""
    return max((end for end, record in _frames(path, 0, path.stat().st_size) if record is not None), default=0)
