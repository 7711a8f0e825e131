"""Startup cache: Kafka's classes as Java has them after a start, in one file per user. A start then takes a third of the time.

Java 25 and later write and read such a file (`-XX:AOTCacheOutput`, `-XX:AOTCache`). The first start of a user makes it, which
takes about ten seconds once. An older Java, or one that cannot make the file, starts without it.
"""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from events.errors import GuildhallError
from events.files import replacing

IGNORE_UNKNOWN = "-XX:+IgnoreUnrecognizedVMOptions"
"""An older Java does not know the options of the cache."""


def options(java: str, jars: Sequence[Path], train: Callable[[Path], None]) -> list[str]:
    """Return Java's options that use the cache, and make the cache where it is missing: `train(file)` runs Kafka and writes it.

    Nothing that fails here keeps Kafka from starting. An empty file notes that this Java makes no cache.
    """
    try:
        file = _file(java, jars)
        if not file.exists():
            with FileLock(file.with_suffix(".lock"), blocking=False):
                _make(file, train)
        usable = file.stat().st_size > 0
    except (OSError, Timeout, GuildhallError):
        return []  # the folder cannot be written, another process makes the file right now, or Kafka did not start
    return [IGNORE_UNKNOWN, f"-XX:AOTCache={file}", "-Xlog:aot=off", "-Xlog:cds=off"] if usable else []


def training_options(file: Path) -> list[str]:
    """Return Java's options of a run that writes the cache when it ends."""
    return [IGNORE_UNKNOWN, f"-XX:AOTCacheOutput={file}"]


def _make(file: Path, train: Callable[[Path], None]) -> None:
    if file.exists():
        return
    for old in file.parent.glob("start-*.aot"):  # of another Java or another version
        old.unlink()
    with replacing(file) as fresh:
        train(fresh)
        fresh.touch()


def _file(java: str, jars: Sequence[Path]) -> Path:
    """The file beside the jars. Its name has what it depends on: this Java and these jars, of which Java compares the times."""
    release = Path(java).parent.parent / "release"
    with contextlib.suppress(OSError):
        java = release.read_text(encoding="utf-8")
    parts = [java, *(f"{jar} {jar.stat().st_mtime_ns}" for jar in jars)]
    digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()
    return jars[0].parent / f"start-{digest}.aot"
