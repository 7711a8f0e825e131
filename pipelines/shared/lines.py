"""Lines: a file of JSON bodies, one per line, in any Unicode encoding, compressed or not."""

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from events.limits import MAX_RECORD_BYTES
from pipelines.connector import ExportError
from pipelines.shared.text import encoding_of

MAX_LINE_BYTES = MAX_RECORD_BYTES
"""Of a line. The rest of a longer line is skipped: one line is one record."""
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError)
"""Errors of reading a compressed file that is damaged or ends in the middle."""
_COMPRESSED: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)


@contextmanager
def opened_text(path: Path) -> Iterator[IO[bytes]]:
    """A file as UTF-8 bytes without a byte order mark: plain, gzip, bzip2 or xz; UTF-8, UTF-16 or UTF-32."""
    with path.open("rb") as plain:
        beginning = plain.read(6)
        plain.seek(0)
        unpack = next((opener for magic, opener in _COMPRESSED if beginning.startswith(magic)), None)
        with unpack(plain) if unpack else nullcontext(plain) as file:
            encoding = encoding_of(file.peek(4)[:4])
            if encoding in {"utf-8", "utf-8-sig"}:
                if encoding == "utf-8-sig":
                    file.read(len(codecs.BOM_UTF8))
                yield file
            else:
                recoder = codecs.EncodedFile(file, "utf-8", encoding, errors="replace")
                yield buffered(b"", recoder)


def buffered(beginning: bytes, rest: Any) -> IO[bytes]:
    """A file of these bytes and of what `rest.read` gives."""
    return io.BufferedReader(_Joined(beginning, rest))


class _Joined(io.RawIOBase):
    def __init__(self, beginning: bytes, rest: Any) -> None:
        self._left, self._rest = beginning, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = self._rest.read(io.DEFAULT_BUFFER_SIZE)
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def numbered_lines(file: IO[bytes], start: int = 1) -> Iterator[tuple[int, bytes]]:
    """(number, content) of every line that is not blank. Of a line longer than MAX_LINE_BYTES, the beginning and one byte."""
    number = start
    while line := file.readline(MAX_LINE_BYTES + 1):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES)
        if line.strip():
            yield number, line.strip()
        number += 1


def content_id(content: bytes) -> str:
    """The id of a record that has none of its own: the hash of its bytes."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def unreadable(what: str, path: Path, error: OSError) -> ExportError:
    """The error for a file that the system does not let us read. `what` begins its first sentence: `The changes`."""
    return ExportError(f"{what} cannot be read.", f"{path.name}: {error.strerror}.", "Check the path and who may read it.")
