"""Files: content that replaces a file whole or not at all, so that no reader and no kill ever leaves a part of it."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path


def write_atomic(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Replace the content of a file; text becomes UTF-8. Raises OSError, and then the file is as it was.

    With `durable`, the content survives a power cut once this returns. Without it, the write is faster, and after a power
    cut the file may have its old content.
    """
    with replacing(path, durable=durable) as fresh:
        fresh.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a path beside `path` to write to; after the block, what was written there replaces `path`.

    When the block or the replacement raises, the file beside is removed and `path` is as it was. `durable` as in
    `write_atomic`.
    """
    # Processes and threads that write the same file at once do not disturb each other: the last one wins.
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        yield fresh
        if durable:
            sync(fresh)
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    if durable:
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
