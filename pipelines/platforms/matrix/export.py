"""Export: rooms as Element writes them in JSON, one file per room."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.shared.entries import Fault, faulty
from pipelines.shared.json_files import listed_files
from pipelines.shared.payload import Milliseconds, at_milliseconds

EXPORTED = "matrix.export"
MATRIX = "matrix"
"""The tenant: ids of rooms, events and accounts are the same on every homeserver."""
_KEPT = ("type", "event_id", "room_id", "sender", "origin_server_ts", "state_key", "content", "redacts")
_UNREAD_TYPES = frozenset({"m.room.encrypted", "m.room.create", "m.room.power_levels", "m.room.third_party_invite"})
"""Types of which no content is kept."""
_MOMENT: TypeAdapter[int] = TypeAdapter(Milliseconds)
_is_event = frozenset({"type", "sender", "origin_server_ts"}).issubset


def read_export(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every event of an export: one JSON file, or a folder, zip or tar of them. A record's id is the event's.

    Raises ExportError.
    """
    found, tenant = False, options.tenant or MATRIX
    for number, file in enumerate(listed_files(path, "messages", _is_event, options.left_out), 1):
        if "room_name" not in file.head and "room_creator" not in file.head:
            options.left_out(file.name, "it names no room")
            continue
        found = True
        for index, event in enumerate(file.entries, 1):
            if isinstance(event, Fault):
                yield faulty(event, EXPORTED, tenant)
                continue
            own = event.get("event_id")
            payload = json.dumps(_kept(event), separators=(",", ":")).encode()
            yield PlatformEvent(
                id=own if isinstance(own, str) and own else f"{number}:{index}",
                type=EXPORTED,
                payload=payload,
                tenant=tenant,
                time=_time(event),
                place=f"File {number}, entry {index}",
            )
    if not found:
        raise ExportError(
            "This is not an export of a Matrix room in a known layout.",
            f"{path.name} has no file of Element's JSON format.",
            "In Element, export the room's chat as JSON, and give the file, or a folder that holds several.",
        )


def _kept(event: Mapping[str, Any]) -> dict[str, Any]:
    """What is read of an event; of one that was redacted, the redaction too."""
    kept = {name: event[name] for name in _KEPT if name in event}
    if event.get("type") in _UNREAD_TYPES:
        kept["content"] = {}
    unsigned = event.get("unsigned")
    because = unsigned.get("redacted_because") if isinstance(unsigned, dict) else None
    if isinstance(because, dict):
        kept["unsigned"] = {
            "redacted_because": {name: because.get(name) for name in ("event_id", "sender", "origin_server_ts")}
        }
    return kept


def _time(event: Mapping[str, Any]) -> datetime | None:
    try:
        return at_milliseconds(_MOMENT.validate_python(event.get("origin_server_ts")))
    except ValidationError:
        return None
