"""MediaWiki's recent changes in files: one JSON object per line, or one JSON document of one or many, plain or gzipped."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeGuard

import ijson
from pydantic_core import from_json

from events.limits import MAX_BODY_BYTES
from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.shared.lines import content_id, numbered_lines, unreadable
from pipelines.shared.payload import MAX_HOST_CHARACTERS, MAX_SECONDS, at_seconds

RECENT_CHANGE = "mediawiki.recentchange"
_HOST = re.compile(r"(?:https?:)?//([^/:?#@\s]{1,253})")
_GZIP = b"\x1f\x8b"


def read_changes(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every recent change of a file, in its order, one in memory at a time. Raises ExportError with the line or entry.

    The content shows the format: gzipped or not; an array, one document, or one change per line. A line stays as it is, byte
    for byte. The id of a record is the change's number in the wiki's table of recent changes, otherwise its number in its log,
    otherwise the hash of its bytes. The tenant of the options is used where a change names no wiki.
    """
    try:
        with _opened(path) as file:
            first = _first_line(file)
            if first.lstrip()[:1] == b"[":
                yield from _array(first, file, options)
            else:
                yield from _lines(first, file, options)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ExportError(
            "The changes cannot be read to the end of the file.",
            f"{path.name} is damaged, or only the beginning of a gzipped file.",
            "Download it again and compare the sizes; what was imported so far stays, and a second import adds the rest.",
        ) from error
    except OSError as error:
        raise unreadable("The changes", path, error) from error


def tenant_of(change: Mapping[str, Any]) -> str | None:
    """The domain of the wiki that a change belongs to. The same in every style of the feed."""
    meta, server = change.get("meta"), change.get("server_url")
    host = _HOST.match(server) if isinstance(server, str) else None
    names = (
        meta.get("domain") if isinstance(meta, dict) else None,
        change.get("server_name"),
        host.group(1) if host else None,
    )
    return next((name.lower() for name in names if isinstance(name, str) and 0 < len(name) <= MAX_HOST_CHARACTERS), None)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as plain:
        zipped = plain.read(2) == _GZIP
        plain.seek(0)
        if not zipped:
            yield plain
            return
        with gzip.open(plain) as unzipped:
            yield unzipped  # type: ignore[misc]  # a GzipFile reads like any file


def _first_line(file: IO[bytes]) -> bytes:
    while line := file.readline(MAX_BODY_BYTES):
        if line.strip():
            return line
    return b""


class _Rest:
    """The first line again, then the file."""

    def __init__(self, first: bytes, file: IO[bytes]) -> None:
        self._first, self._file = first, file

    def read(self, size: int) -> bytes:
        if self._first:
            given, self._first = self._first[:size], self._first[size:]
            return given
        return self._file.read(size)


def _array(first: bytes, file: IO[bytes], options: ImportOptions) -> Iterator[PlatformEvent]:
    number = 0
    try:
        for number, found in enumerate(ijson.items(_Rest(first, file), "item", use_float=True), 1):
            payload = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
            yield _exported(found, payload, f"Entry {number}", options)
    except (ijson.JSONError, UnicodeError) as error:
        raise _not_changes(f"After entry {number} it is not a JSON array") from error


def _lines(first: bytes, file: IO[bytes], options: ImportOptions) -> Iterator[PlatformEvent]:
    if not first:
        return
    try:
        from_json(first)
    except ValueError:
        # It may be one change that spans several lines.
        document = (first + file.read(MAX_BODY_BYTES)).strip()
        yield _exported(_json(document, "Line 1"), document, "Line 1", options)
        return
    yield _exported(_json(first, "Line 1"), first.strip(), "Line 1", options)
    for number, line in numbered_lines(file, start=2):
        yield _exported(_json(line, f"Line {number}"), line, f"Line {number}", options)


def _json(content: bytes, place: str) -> Any:
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise _not_changes(f"{place} is not JSON") from error


def _exported(found: Any, payload: bytes, place: str, options: ImportOptions) -> PlatformEvent:
    if not isinstance(found, dict) or not ("type" in found or isinstance(found.get("meta"), dict)):
        raise _not_changes(f"{place} is not a recent change: it has no type")
    return change_event(found, payload, options.tenant)


def change_event(change: Mapping[str, Any], payload: bytes, tenant: str | None) -> PlatformEvent:
    """The platform event of a recent change. `tenant` applies where the change names no wiki."""
    rc, log = change.get("id"), change.get("log_id")
    own = f"rc:{rc}" if _is_number(rc) else f"log:{log}" if _is_number(log) else None
    return PlatformEvent(
        id=own or content_id(payload),
        type=RECENT_CHANGE,
        payload=payload,
        tenant=tenant_of(change) or tenant or "unknown",
        time=time_of(change),
    )


def time_of(change: Mapping[str, Any]) -> datetime | None:
    """When a change happened, where it names a readable time."""
    at = change.get("timestamp")
    return at_seconds(at) if _is_number(at) and at <= MAX_SECONDS else None


def _is_number(found: object) -> TypeGuard[int]:
    return isinstance(found, int) and not isinstance(found, bool) and found > 0


def _not_changes(why: str) -> ExportError:
    return ExportError(
        "The changes cannot be read to the end of the file.",
        f"{why}.",
        "Give recent changes as MediaWiki's feeds write them, one JSON object per line or one JSON array. Correct or remove "
        "the place. What was imported so far stays, and a second import adds only what is missing.",
    )
