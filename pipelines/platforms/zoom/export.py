"""Export: Zoom's webhooks stored in files, Zoom's participants reports, and replies of its API.

A file holds bodies of webhooks, one per line, also behind what a log writes before them, or as a JSON array, or it is a
participants report (CSV), or a reply of Zoom's API about a past meeting; in any Unicode encoding. A folder holds such files. A
body that cannot be read is one rejected record.
"""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms.zoom.participants import is_participants_report, read_participants
from pipelines.platforms.zoom.payloads import Envelope
from pipelines.platforms.zoom.rest import is_reply, read_reply
from pipelines.platforms.zoom.webhook import LIVE
from pipelines.shared.entries import Fault, entries_of, faulty
from pipelines.shared.lines import content_id, numbered_lines, opened_text, unreadable
from pipelines.shared.payload import at_milliseconds

MAX_WHOLE_BYTES = 256 << 20
"""Of a file that is read as a whole: an array or a report."""
MOST_FAULTS_FIRST = 100
"""A file that begins with more places that are no webhooks is no file of webhooks."""
_NAMES = frozenset({".jsonl", ".ndjson", ".json", ".log", ".txt", ".csv", ".gz", ".bz2", ".xz"})
_BEGINNING = 4096
_WANTED = (
    "Give a file of stored bodies of Zoom's webhooks, one per line or as a JSON array, each with `event` and `payload`; or "
    "Zoom's participants report as CSV; or a reply of Zoom's API about a past meeting."
)
_NO_WEBHOOK = "not the JSON body of a Zoom webhook"


def read_webhooks(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every record of a file, or of the files of a folder, in its order. The id of a record is the hash of its bytes.

    Raises ExportError for a file in which nothing is Zoom's, and for a report without a time zone.
    """
    try:
        for file in _files(path):
            for event in _refused_if_none(_events(file, options)):
                yield replace(event, place=f"{file.name}, {event.place}") if event.place and path.is_dir() else event
    except OSError as error:
        raise unreadable("The webhooks", path, error) from error


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(one for one in path.rglob("*") if one.is_file() and one.suffix.casefold() in _NAMES)
    if not files:
        raise ExportError("There is nothing to read.", f"{path.name} has no file of a kind that is read.", _WANTED)
    return files


def _refused_if_none(events: Iterator[PlatformEvent]) -> Iterator[PlatformEvent]:
    """The events, unless the first ones are all faults. A fault has the account of the bodies around it."""
    first: list[PlatformEvent] = []
    account: str | None = None
    for event in events:
        if event.fault is None:
            account = event.tenant
            yield from (replace(fault, tenant=account) for fault in first)
            first = []
            yield event
        elif account is not None:
            yield replace(event, tenant=account)
        else:
            first.append(event)
            if len(first) > MOST_FAULTS_FIRST:
                break
    if first:
        raise ExportError("The webhooks cannot be read.", f"{first[0].fault}.", _WANTED)


def _events(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    with opened_text(path) as file:
        beginning = file.peek(_BEGINNING)[:_BEGINNING]  # type: ignore[attr-defined] # every one of its files is buffered
        begins = beginning.lstrip()
        if path.suffix.casefold() == ".csv" or (not begins.startswith((b"{", b"[")) and is_participants_report(beginning)):
            yield from read_participants(path.name, _whole(path, file), options)
        elif begins.startswith(b"["):
            yield from _array(_whole(path, file), options)
        elif begins.startswith(b"{") and not _is_json(begins.partition(b"\n")[0]) and len(begins.splitlines()) > 1:
            yield from _one(_whole(path, file), options)
        else:
            for number, line in numbered_lines(file):
                yield from _line(line, number, options)


def _is_json(content: bytes) -> bool:
    try:
        from_json(content)
    except ValueError:
        return False
    return True


def _one(content: bytes, options: ImportOptions) -> Iterator[PlatformEvent]:
    """A file that is one JSON object over many lines; where it is none, a file of lines."""
    if _is_json(content):
        yield from _line(content, 1, options)
        return
    for number, line in numbered_lines(BytesIO(content)):
        yield from _line(line, number, options)


def _whole(path: Path, file: Any) -> bytes:
    content: bytes = file.read(MAX_WHOLE_BYTES + 1)
    if len(content) > MAX_WHOLE_BYTES:
        raise ExportError(
            "The file is too large to be read as a whole.", f"{path.name} has more than {MAX_WHOLE_BYTES >> 20} MiB.", _WANTED
        )
    return content


def _array(content: bytes, options: ImportOptions) -> Iterator[PlatformEvent]:
    for number, found in enumerate(entries_of(content, "The array", frozenset({"event", "payload"}).issubset), start=1):
        fault = found if isinstance(found, Fault) else Fault(f"Element {number} of the array", _NO_WEBHOOK)
        try:
            yield (
                faulty(fault, LIVE, options.tenant or "unknown")
                if found is fault
                else _stored(to_json(found), options, fault.place)
            )
        except ValueError:
            yield faulty(fault, LIVE, options.tenant or "unknown")


def _line(line: bytes, number: int, options: ImportOptions) -> Iterator[PlatformEvent]:
    body = line[line.find(b"{") :] if b"{" in line else line
    try:
        found = from_json(body, allow_inf_nan=False)
        if is_reply(found):
            yield from read_reply(found, f"Line {number}", options.tenant or "unknown")
        else:
            yield _stored(body, options, f"Line {number}")
    except ValueError:
        behind = "" if body == line else ", without what stands before its first brace"
        yield faulty(Fault(f"Line {number}{behind}", _NO_WEBHOOK, line), LIVE, options.tenant or "unknown")


def _stored(body: bytes, options: ImportOptions, place: str) -> PlatformEvent:
    envelope = Envelope.model_validate(from_json(body, allow_inf_nan=False))
    account = envelope.payload.get("account_id")
    return PlatformEvent(
        id=content_id(body),
        type=LIVE,
        payload=body,
        tenant=account if isinstance(account, str) and account else options.tenant or "unknown",
        time=at_milliseconds(envelope.event_ts) if envelope.event_ts else None,
        place=place,
    )
