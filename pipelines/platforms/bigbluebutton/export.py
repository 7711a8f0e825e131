"""Export: the `events.xml` of recordings, and stored events of bbb-webhooks.

A folder is searched for `events.xml` (as below `/var/bigbluebutton/recording/raw`) and for files of stored events: bodies of
requests or single events, one per line, or a whole file of one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

from pydantic_core import to_json

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms.bigbluebutton.payloads import RECORDED_NAMES, bodies
from pipelines.platforms.bigbluebutton.webhook import LIVE
from pipelines.shared.entries import Fault, faulty
from pipelines.shared.lines import content_id, numbered_lines, opened_text, unreadable
from pipelines.shared.payload import MAX_SECONDS, at_milliseconds

RECORDED = "bigbluebutton.recorded"
MAX_WHOLE_BYTES = 16 << 20
MOST_FAULTS_FIRST = 100
"""A file that begins with more lines that are no events is no file of events."""
_NAMES = frozenset({".xml", ".json", ".jsonl", ".ndjson", ".log", ".txt"})
_WANTED = "Give an `events.xml`, a folder of recordings, or a file of stored events of bbb-webhooks as JSON."


def read_events(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every event of a file, or of the files of a folder. Raises ExportError where there is nothing of BigBlueButton's."""
    files = [path] if not path.is_dir() else sorted(one for one in path.rglob("*") if one.suffix.casefold() in _NAMES)
    found = False
    try:
        for file in files:
            faults = 0
            for event in _events_of(file, options):
                found, faults = found or event.fault is None, faults + 1
                if path == file and not found and faults > MOST_FAULTS_FIRST:
                    break
                yield event
            if path == file and not found:
                raise ExportError("The events cannot be read.", f"{path.name} holds no event of BigBlueButton.", _WANTED)
    except OSError as error:
        raise unreadable("The events", path, error) from error
    if not files:
        raise ExportError("There is nothing to read.", f"{path.name} has no file of a kind that is read.", _WANTED)


def _events_of(file: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    with opened_text(file) as content:
        beginning = content.peek(64)[:64].lstrip()  # type: ignore[attr-defined] # every one of its files is buffered
        if beginning.startswith(b"<"):
            yield from _recording(file, content, options)
            return
        whole = content.read(MAX_WHOLE_BYTES) if beginning.startswith((b"{", b"[")) else b""
    tenant = options.tenant or "unknown"
    try:
        stored = bodies(whole) if whole else []
    except ValueError:
        stored = []
    if stored:
        for body in stored:
            payload = to_json(body)
            yield PlatformEvent(id=content_id(payload), type=LIVE, payload=payload, tenant=tenant, place=file.name)
        return
    with opened_text(file) as content:
        for number, line in numbered_lines(content):
            try:
                bodies(line)
            except ValueError:
                yield faulty(Fault(f"{file.name}, line {number}", "it is no event of bbb-webhooks", line), LIVE, tenant)
            else:
                place = f"{file.name}, line {number}"
                yield PlatformEvent(id=content_id(line), type=LIVE, payload=line, tenant=tenant, place=place)


def _recording(file: Path, content: IO[bytes], options: ImportOptions) -> Iterator[PlatformEvent]:
    meeting, tenant, first, number = "", options.tenant, None, 0
    created = 0
    try:
        for state, element in ET.iterparse(content, events=("start", "end")):  # noqa: S314 - of our own servers; expat bounds entities
            if state == "start":
                if number == 0 and not meeting and element.tag not in {"recording", "meeting", "metadata"}:
                    return  # another XML file, which may be larger than memory
                if element.tag == "recording":
                    meeting = element.get("meeting_id", "")
                    created = int(meeting.rpartition("-")[2]) if meeting.rpartition("-")[2].isdecimal() else 0
                elif element.tag == "metadata":
                    tenant = tenant or element.get("bbb-origin-server-name")
                continue
            if element.tag != "event":
                continue
            number += 1
            stamp = int(element.get("timestamp", "0")) if element.get("timestamp", "").isdecimal() else 0
            first = stamp if first is None else first
            name = element.get("eventname", "")
            if name in RECORDED_NAMES and meeting:
                fields = {child.tag: "".join(child.itertext()) for child in element}
                at = int(fields["timestampUTC"]) if fields.get("timestampUTC", "").isdecimal() else created + stamp - first
                yield _recorded(name, meeting, at, fields, tenant or "unknown", f"{file.name}, event {number}")
            element.clear()
    except ET.ParseError:
        yield faulty(
            Fault(f"{file.name}, after event {number}", "the file is damaged or ends in the middle"), RECORDED, "unknown"
        )


def _recorded(name: str, meeting: str, at: int, fields: dict[str, str], tenant: str, place: str) -> PlatformEvent:
    payload = to_json({"recorded": {"name": name, "meeting": meeting, "at": at, "fields": fields}})
    time = at_milliseconds(at) if 0 <= at <= MAX_SECONDS * 1000 else None
    return PlatformEvent(id=content_id(payload), type=RECORDED, payload=payload, tenant=tenant, time=time, place=place)
