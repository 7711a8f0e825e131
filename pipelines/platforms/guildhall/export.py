"""Export: neutral events in a file with one JSON object per line, in any Unicode encoding, plain or compressed.

A line that is not a JSON object is one rejected record with its number; the import goes on behind it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms.guildhall.normalise import ACTION, MAIN_TENANT
from pipelines.shared.entries import Fault, faulty
from pipelines.shared.lines import DAMAGED, MAX_LINE_BYTES, content_id, numbered_lines, opened_text, unreadable
from pipelines.shared.payload import Moment
from pipelines.shared.text import parse_payload

MOST_FAULTS_FIRST = 100
"""A file that begins with more lines that are no actions is no file of actions."""
_MOMENT: TypeAdapter[Any] = TypeAdapter(Moment)


def read_actions(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every action of a file, in its order. The id of a record is the hash of its line.

    The tenant is that of the options, otherwise `main`. Raises ExportError for a file in which nothing is an action.
    """
    first: list[PlatformEvent] = []
    found = False
    try:
        for event in _events(path, options.tenant or MAIN_TENANT):
            if found or event.fault is None:
                yield from first
                first, found = [], True
                yield event
            else:
                first.append(event)
                if len(first) > MOST_FAULTS_FIRST:
                    break
    except OSError as error:
        raise unreadable("The actions", path, error) from error
    if first:
        raise ExportError(
            "The file holds no actions.",
            f"{path.name}: {first[0].fault}.",
            "Give a file with one `guildhall.action` per line, as JSON; events/README.md has an example.",
        )


def _events(path: Path, tenant: str) -> Iterator[PlatformEvent]:
    number = 0
    try:
        with opened_text(path) as file:
            for number, line in numbered_lines(file):
                yield _event(number, line, tenant)
    except DAMAGED:
        yield faulty(Fault(f"After line {number}", "the file is damaged or ends in the middle"), ACTION, tenant)


def _event(number: int, line: bytes, tenant: str) -> PlatformEvent:
    place = f"Line {number}"
    if len(line) > MAX_LINE_BYTES:
        return faulty(Fault(place, f"it has more than {MAX_LINE_BYTES >> 20} MiB"), ACTION, tenant)
    try:
        found = parse_payload(line)
    except ValueError:
        return faulty(Fault(place, "it is not JSON", line), ACTION, tenant, keep=True)
    if not isinstance(found, dict) or not found.keys() & {"verb", "actor", "space"}:
        return faulty(Fault(place, "it is not an action: it has no verb, actor and space", line), ACTION, tenant, keep=True)
    try:
        time = _MOMENT.validate_python(found.get("time"))
    except ValidationError:
        time = None
    return PlatformEvent(id=content_id(line), type=ACTION, payload=line, tenant=tenant, time=time, place=place)
