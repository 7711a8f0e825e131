"""Lines: reading a file of JSON bodies, one per line."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from events.limits import MAX_BODY_BYTES
from pipelines.connector import ExportError


def numbered_lines(file: IO[bytes], start: int = 1) -> Iterator[tuple[int, bytes]]:
    """(number, content) of every line that is not blank. A line longer than MAX_BODY_BYTES comes in pieces."""
    for number, line in enumerate(iter(lambda: file.readline(MAX_BODY_BYTES), b""), start):
        if line.strip():
            yield number, line.strip()


def content_id(content: bytes) -> str:
    """The id of a record that has none of its own: the hash of its bytes."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def unreadable(what: str, path: Path, error: OSError) -> ExportError:
    """The error for a file that the system does not let us read. `what` begins its first sentence: `The changes`."""
    return ExportError(f"{what} cannot be read.", f"{path.name}: {error.strerror}.", "Check the path and who may read it.")
