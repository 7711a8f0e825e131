"""Export: MediaWiki's recent changes in files, in every form in which programs store them.

Lines of JSON, an array, one document or several, the text of an event stream (`data: {...}`), and answers or lists of the
action API; in any Unicode encoding, plain or compressed. A place that cannot be read is one rejected record.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, TypeGuard

from pydantic_core import from_json

from events.limits import MAX_BODY_BYTES
from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms.mediawiki.api import id_of_entry, type_of_entry
from pipelines.platforms.mediawiki.page_change import is_page_change, seconds_of
from pipelines.shared.entries import Fault, entries, faulty
from pipelines.shared.lines import DAMAGED, MAX_LINE_BYTES, buffered, content_id, numbered_lines, opened_text, unreadable
from pipelines.shared.payload import MAX_HOST_CHARACTERS, MAX_SECONDS, at_seconds
from pipelines.shared.text import parse_payload, repaired_payload

RECENT_CHANGE = "mediawiki.recentchange"
MAX_DOCUMENT_CHARACTERS = 64 << 20
"""Of one document of several lines, such as an answer of the action API."""
MOST_FAULTS_FIRST = 100
"""A file that begins with more places that are no changes is no file of changes."""
_BEGINNING = 1 << 16
_HOST = re.compile(r"(?:https?:)?//([^/:?#@\s]{1,253})")
_STREAM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_EVENT_STREAM = re.compile(rb":|(?:event|data|id|retry):")
_FORMS = ((b"PK", "It is a zip archive: unpack it"), (b"<", "It is HTML or XML, not JSON"))
_CHANGE = "it is not a recent change"

Found = tuple[str, Any, bytes | None]
"""A place, the value there or a Fault, and its bytes where they stay as they are."""


def read_changes(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every recent change of a file, in its order, one in memory at a time.

    The content shows the form. A line of the feed stays as it is, byte for byte. The id of a record is the change's number in
    the wiki's table of recent changes, otherwise its number in its log, otherwise the hash of its bytes; an entry of the action
    API has the id that the poller gives it. The tenant of the options is used where a change names no wiki. Raises ExportError
    for a file in which nothing is a change.
    """
    try:
        with opened_text(path) as file:
            yield from _refused_if_none(path, _events(file, options))
    except DAMAGED as error:
        raise _not_changes(f"{path.name} is damaged at its beginning") from error
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


def _refused_if_none(path: Path, events: Iterator[PlatformEvent]) -> Iterator[PlatformEvent]:
    """The events, unless the first ones are all faults. A fault has the wiki of the changes around it."""
    first: list[PlatformEvent] = []
    wiki: str | None = None
    for event in events:
        if event.fault is None:
            wiki = event.tenant
            yield from (replace(fault, tenant=wiki) for fault in first)
            first = []
            yield event
        elif wiki is not None:
            yield replace(event, tenant=wiki)
        else:
            first.append(event)
            if len(first) > MOST_FAULTS_FIRST:
                break
    if first:
        raise _not_changes(f"{path.name}: {first[0].fault}")


def _events(file: IO[bytes], options: ImportOptions) -> Iterator[PlatformEvent]:
    tenant, place = options.tenant, "Line 0"
    try:
        for place, found, payload in _found(file):
            yield from _of(place, found, payload, tenant)
    except DAMAGED:
        yield faulty(
            Fault(f"After {place.lower()}", "the file is damaged or ends in the middle"), RECENT_CHANGE, tenant or "unknown"
        )


def _found(file: IO[bytes]) -> Iterator[Found]:
    beginning = file.read(_BEGINNING)
    begins = beginning.lstrip()
    whole = buffered(beginning, file)
    form = next((name for magic, name in _FORMS if begins.startswith(magic)), None)
    if form:
        yield "The file", Fault("The file", form), None
    elif _EVENT_STREAM.match(begins):
        yield from _event_stream(whole)
    elif begins.startswith(b"[") and not _has_an_entry_per_line(begins):
        yield from _documents(whole, listed=True)
    elif begins.startswith(b"{") and _spans_lines(begins):
        yield from _documents(whole, listed=False)
    else:
        yield from _lines(whole)


def _documents(file: IO[bytes], *, listed: bool) -> Iterator[Found]:
    text = io.TextIOWrapper(file, "utf-8", errors="replace")
    limit = MAX_BODY_BYTES if listed else MAX_DOCUMENT_CHARACTERS
    for number, found in enumerate(entries(text.read, "The file", _is_change, listed=listed, limit=limit), 1):
        yield f"Entry {number}", found, None


def _lines(file: IO[bytes]) -> Iterator[Found]:
    """One value per line; or an array with an entry per line: then brackets and commas at the ends of lines are left out."""
    for number, line in numbered_lines(file):
        content = line
        if line.startswith(b"[") or line.endswith((b",", b"]")):
            content = line.removeprefix(b"[").removesuffix(b"]").removesuffix(b",").strip()
        if content and len(line) <= MAX_LINE_BYTES:
            yield from _value(f"Line {number}", content)
        elif content:
            yield f"Line {number}", Fault(f"Line {number}", f"it has more than {MAX_LINE_BYTES >> 20} MiB"), None


def _event_stream(file: IO[bytes]) -> Iterator[Found]:
    """The data of Server-Sent Events. A line of data is whole by itself, or it goes on until a blank line."""
    waiting: list[bytes] = []
    start = number = 0
    for number, line in enumerate(file, 1):
        name, _, content = line.strip().partition(b":")
        if name == b"data":
            start = start if waiting else number
            waiting.append(content.strip())
            if len(waiting) == 1 and _is_json(waiting[0]):
                yield from _value(f"Line {start}", waiting.pop())
        if (not line.strip() or sum(map(len, waiting)) > MAX_LINE_BYTES) and waiting:
            yield from _value(f"Line {start}", b"\n".join(waiting))
            waiting = []
    if waiting:
        yield from _value(f"Line {start}", b"\n".join(waiting))


def _value(place: str, content: bytes) -> Iterator[Found]:
    try:
        yield place, from_json(content, allow_inf_nan=False), content
    except ValueError:
        try:
            yield place, parse_payload(content), repaired_payload(content)
        except ValueError:
            yield place, Fault(place, "it is not JSON", content), None


def _of(place: str, found: Any, payload: bytes | None, tenant: str | None) -> Iterator[PlatformEvent]:
    """The events of one value: a change, or all changes of an answer or a list of the action API."""
    if isinstance(found, Fault):
        yield faulty(found, RECENT_CHANGE, tenant or "unknown", keep=True)
        return
    many = found if isinstance(found, list) else _listed(found)
    if many is not None:
        for number, one in enumerate(many, 1):
            yield from _of(f"{place}, entry {number}", one if isinstance(one, dict) else None, None, tenant)
        return
    if payload is None:
        payload = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    why = _trouble(found, payload)
    if why:
        yield faulty(Fault(place, why, payload), RECENT_CHANGE, tenant or "unknown", keep=True)
        return
    of_api = type_of_entry(found)
    if of_api is None:
        yield replace(change_event(found, payload, tenant), place=place)
    else:
        own = id_of_entry(found) or content_id(payload)
        yield PlatformEvent(id=own, type=of_api, payload=payload, tenant=tenant or "unknown", time=time_of(found), place=place)


def _listed(found: Any) -> list[Any] | None:
    """The entries in an answer of the action API."""
    query = found.get("query") if isinstance(found, dict) else None
    lists = [query.get(name) for name in ("recentchanges", "logevents")] if isinstance(query, dict) else []
    known = [each for each in lists if isinstance(each, list)]
    return [entry for each in known for entry in each] if known else None


def _is_change(found: Mapping[str, Any]) -> bool:
    return isinstance(found.get("meta"), dict) or type_of_entry(found) is not None or {"type", "timestamp"} <= found.keys()


def _trouble(found: Any, payload: bytes) -> str | None:
    """Why this is not a change; None for a change."""
    if len(payload) > MAX_BODY_BYTES:
        return f"it has more than {MAX_BODY_BYTES >> 20} MiB"
    if not isinstance(found, dict):
        return _CHANGE
    if "type" in found or type_of_entry(found) or is_page_change(found) or tenant_of(found) == "canary":
        return None
    if "error" in found:
        return "it is an error of the action API"
    if isinstance(found.get("query"), dict):
        return "it is an answer of the action API without list=recentchanges or list=logevents"
    meta = found.get("meta")
    stream = meta.get("stream") if isinstance(meta, dict) else None
    if isinstance(stream, str) and _STREAM_NAME.fullmatch(stream):
        return f"it is an event of the stream {stream}; use mediawiki.recentchange or mediawiki.page_change.v1"
    return f"{_CHANGE}: it has no type"


def _has_an_entry_per_line(begins: bytes) -> bool:
    lines = [line.strip() for line in begins.removeprefix(b"[").split(b"\n") if line.strip()]
    return len(lines) > 1 and lines[0].startswith(b"{") and _is_json(lines[0].removesuffix(b","))


def _spans_lines(begins: bytes) -> bool:
    """Whether one object is written over many lines. A broken first line does not show that: then the second is whole."""
    lines = [line.strip() for line in begins.split(b"\n") if line.strip()]
    return len(lines) > 1 and not _is_json(lines[0]) and not (lines[1].startswith(b"{") and _is_json(lines[1]))


def _is_json(content: bytes) -> bool:
    try:
        parse_payload(content)
    except ValueError:
        return False
    return True


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
    try:
        at = seconds_of(at or change.get("dt")) if isinstance(at or change.get("dt"), str) else at
    except ValueError:
        return None
    return at_seconds(at) if _is_number(at) and at <= MAX_SECONDS else None


def _is_number(found: object) -> TypeGuard[int]:
    return isinstance(found, int) and not isinstance(found, bool) and found > 0


def _not_changes(why: str) -> ExportError:
    return ExportError(
        "The file holds no recent changes.",
        f"{why}.",
        "Give recent changes as MediaWiki's feeds write them (lines or an array of JSON), the text of an event stream, or "
        "answers of the action API with list=recentchanges.",
    )
