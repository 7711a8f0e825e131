"""Export: Graph's JSON of messages, attendance reports and call records, and attendance CSVs as people download them.

A file is one reply of Graph, or one object per line, or a CSV. A folder holds such files.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pydantic_core import to_json

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms.teams.attendance import ATTENDED, CALL
from pipelines.platforms.teams.normalise import MESSAGE
from pipelines.platforms.teams.payloads import Message
from pipelines.platforms.teams.report_csv import is_report, read_report
from pipelines.shared.clocks import zone_of
from pipelines.shared.entries import Fault, faulty
from pipelines.shared.lines import content_id, numbered_lines, opened_text, unreadable
from pipelines.shared.text import parse_payload

MAX_WHOLE_BYTES = 256 << 20
_NAMES = frozenset({".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt"})
_MEETING = re.compile(r"onlineMeetings\('([^']+)'\)")
_WANTED = (
    "Give Graph's JSON of a channel's messages (`/teams/…/channels/…/messages?$expand=replies`), of attendance reports "
    "(`…/attendanceReports/ID?$expand=attendanceRecords`) or of call records, or attendance CSVs."
)


def read_files(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every message, attendance record and call of a file, or of the files of a folder."""
    files = [path]
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file() and one.suffix.casefold() in _NAMES)
    if not files:
        raise ExportError("There is nothing to read.", f"{path.name} has no file of a kind that is read.", _WANTED)
    try:
        for file in files:
            yield from _file(file, options)
    except OSError as error:
        raise unreadable("The export", path, error) from error


def _file(file: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    tenant = options.tenant or "unknown"
    with opened_text(file) as opened:
        content = opened.read(MAX_WHOLE_BYTES + 1)
    if len(content) > MAX_WHOLE_BYTES:
        raise ExportError("The file is too large to be read as a whole.", file.name, "Split it: one reply of Graph per file.")
    if content.lstrip()[:1] not in {b"{", b"["}:
        if not is_report(content):
            raise ExportError("The file cannot be read.", f"{file.name} is neither JSON nor an attendance report.", _WANTED)
        meeting, records = read_report(file.name, content, zone_of(file.name, options.time_zone))
        for record in records:
            yield _event(ATTENDED, {"meeting": meeting, "record": record}, tenant, file.name)
        return
    try:
        found = [(parse_payload(content), file.name)]
    except ValueError:
        found = []
        with opened_text(file) as opened:
            for number, line in numbered_lines(opened):
                place = f"{file.name}, line {number}"
                try:
                    found.append((parse_payload(line), place))
                except ValueError:
                    yield faulty(Fault(place, "it is not JSON", line), MESSAGE, tenant)
    for one, place in found:
        yield from _reply(one, place, file.stem, tenant)


def _reply(found: Any, place: str, meeting: str, tenant: str) -> Iterator[PlatformEvent]:
    """The events of one JSON value: a reply of Graph, a list, or one object."""
    inner = found.get("value") if isinstance(found, dict) else found
    if isinstance(inner, list):
        context = {"@odata.context": found["@odata.context"]} if isinstance(found, dict) and "@odata.context" in found else {}
        for number, one in enumerate(inner, start=1):
            yield from _reply(context | one if isinstance(one, dict) else one, f"{place}, entry {number}", meeting, tenant)
    elif isinstance(found, dict):
        yield from _object(found, place, meeting, tenant)
    else:
        yield faulty(Fault(place, "it is no object of Graph"), MESSAGE, tenant)


def _object(found: dict[str, Any], place: str, meeting: str, tenant: str) -> Iterator[PlatformEvent]:
    names = found.keys()
    if names & {"attendanceRecords", "meetingStartDateTime"}:
        yield from _report(found, place, meeting, tenant)
    elif names & {"attendanceIntervals", "totalAttendanceInSeconds"}:
        # A page of records names no report. Its file is one.
        held = {"series": _series(found) or f"file:{meeting}", "id": f"file:{meeting}"}
        yield _event(ATTENDED, {"meeting": held, "record": found}, tenant, place)
    elif names & {"sessions", "participants_v2"} or found.get("type") in {"groupCall", "peerToPeer"}:
        yield _event(CALL, found, tenant, place)
    elif names & {"createdDateTime", "@removed"}:
        replies = found.get("replies")
        yield _event(MESSAGE, {name: value for name, value in found.items() if name != "replies"}, tenant, place)
        for number, reply in enumerate(replies if isinstance(replies, list) else [], start=1):
            yield _event(MESSAGE, reply, tenant, f"{place}, reply {number}")
    else:
        yield faulty(Fault(place, "it is neither a message, nor attendance, nor a call"), MESSAGE, tenant)


def _report(found: dict[str, Any], place: str, meeting: str, tenant: str) -> Iterator[PlatformEvent]:
    held = {
        "series": _series(found) or f"file:{meeting}",
        "id": str(found.get("id") or f"file:{meeting}"),
        "start": found.get("meetingStartDateTime"),
        "end": found.get("meetingEndDateTime"),
    }
    records = found.get("attendanceRecords") or ()
    if not isinstance(records, list):
        yield faulty(Fault(place, "attendanceRecords are missing: ask Graph with $expand=attendanceRecords"), ATTENDED, tenant)
        return
    for number, record in enumerate(records, start=1):
        yield _event(ATTENDED, {"meeting": held, "record": record}, tenant, f"{place}, record {number}")


def _series(found: dict[str, Any]) -> str | None:
    context = _MEETING.search(unquote(str(found.get("@odata.context") or "")))
    return context[1] if context else None


def _event(kind: str, found: Any, tenant: str, place: str) -> PlatformEvent:
    payload = to_json(found)
    time = _newest(found) if kind == MESSAGE else None
    return PlatformEvent(id=content_id(payload), type=kind, payload=payload, tenant=tenant, place=place, time=time)


def _newest(message: Any) -> datetime | None:
    """The newest moment that a message shows: what an export captured is at least as new."""
    try:
        found = Message.model_validate(message)
    except ValueError:
        return None
    times = [found.createdDateTime, found.lastEditedDateTime, found.deletedDateTime, found.lastModifiedDateTime]
    return max([one for one in times if one] + [reaction.createdDateTime for reaction in found.reactions or ()])
