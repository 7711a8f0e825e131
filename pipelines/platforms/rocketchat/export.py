"""Export: messages of Rocket.Chat as its REST API gives them, or as mongoexport writes its database, one object per line.

A room of REST (`channels.messages`, `channels.history`) is an object with the list `messages`. A database also has the lines of
`rocketchat_room`, which show whether a room is public.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms.rocketchat.payloads import When
from pipelines.shared.entries import Fault, faulty
from pipelines.shared.json_files import listed_files
from pipelines.shared.lines import DAMAGED, MAX_LINE_BYTES, content_id, numbered_lines, opened_text, unreadable
from pipelines.shared.text import parse_payload

EXPORTED = "rocketchat.export"
ROCKETCHAT = "rocketchat"
_KEPT = ("_id", "rid", "ts", "t", "msg", "tmid", "alias", "editedAt", "_hidden")
_DIRECT = re.compile(r"[A-Za-z0-9]{34}")
"""The id of a direct room is those of its two accounts."""
_PUBLIC = "c"
_LINES = (".jsonl", ".ndjson", ".json")
_MOMENT: TypeAdapter[Any] = TypeAdapter(When)
_is_message = frozenset({"_id", "rid", "ts"}).issubset


def read_export(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every message of a file, or of a folder (for REST also a zip). A record's id is the message's. Raises ExportError.

    The tenant is that of the options, otherwise `rocketchat`. Of rooms that are not public no content is read.
    """
    tenant = options.tenant or ROCKETCHAT
    files = _files(path) or [path]
    by_line = {file for file in files if file.is_file() and _begins_with_a_row(file)}
    rooms: dict[str, bool] = {}
    for file in by_line:
        rooms |= _rooms(file)
    found = False
    for number, file in enumerate(files, 1):
        read = _database(file, number, rooms, tenant) if file in by_line else _rest(file, number, tenant, options)
        for event in read:
            found = True
            yield event
    if not found:
        raise ExportError(
            "This is not an export of Rocket.Chat in a known layout.",
            f"{path.name} has neither a list `messages` nor lines of messages with _id, rid and ts.",
            "Save the answers of /api/v1/channels.messages, or use mongoexport for rocketchat_message and rocketchat_room.",
        )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and file.name.lower().endswith(_LINES))
    return []


def _begins_with_a_row(file: Path) -> bool:
    """Whether the first line is a row of the database by itself."""
    try:
        with opened_text(file) as binary:
            first = next(iter(numbered_lines(binary)), None)
    except OSError as error:
        raise unreadable("The export", file, error) from error
    except DAMAGED:
        return False
    row = _parsed(first[1]) if first else None
    return isinstance(row, dict) and "_id" in row


def _parsed(line: bytes) -> Any:
    try:
        return parse_payload(line) if len(line) <= MAX_LINE_BYTES else None
    except ValueError:
        return None


def _rows(file: Path) -> Iterator[tuple[int, bytes, Any]]:
    with opened_text(file) as binary:
        for number, line in numbered_lines(binary):
            yield number, line, _parsed(line)


def _rooms(file: Path) -> dict[str, bool]:
    """Which rooms are public, by the rows of rocketchat_room."""
    try:
        rows = (
            row for _, _, row in _rows(file) if isinstance(row, dict) and "rid" not in row and isinstance(row.get("t"), str)
        )
        return {str(row.get("_id")): row["t"] == _PUBLIC for row in rows}
    except DAMAGED:
        return {}


def _database(file: Path, number: int, rooms: Mapping[str, bool], tenant: str) -> Iterator[PlatformEvent]:
    line_number = 0
    try:
        for line_number, line, row in _rows(file):
            place = f"File {number}, line {line_number}"
            if not isinstance(row, dict):
                yield faulty(Fault(place, "it is not a JSON object", line), EXPORTED, tenant)
            elif "rid" in row:
                yield _event(row, place, tenant, rooms.get(str(row["rid"])))
    except DAMAGED:
        yield faulty(Fault(f"File {number}, after line {line_number}", "the file is damaged"), EXPORTED, tenant)


def _rest(path: Path, number: int, tenant: str, options: ImportOptions) -> Iterator[PlatformEvent]:
    for listed in listed_files(path, "messages", _is_message, options.left_out):
        for index, message in enumerate(listed.entries, 1):
            yield _event(message, f"File {number}, entry {index}", tenant, _access_of_rest(message))


def _access_of_rest(message: Mapping[str, Any] | Fault) -> bool:
    """Whoever saved a room over REST chose it; only a direct room shows itself by its id."""
    return isinstance(message, Fault) or not _DIRECT.fullmatch(str(message.get("rid")))


def _event(message: Mapping[str, Any] | Fault, place: str, tenant: str, public: bool | None) -> PlatformEvent:
    if isinstance(message, Fault):
        return faulty(message, EXPORTED, tenant)
    wrapped: dict[str, Any] = {"message": _kept(message)} if public else {"closed" if public is False else "unlisted": True}
    payload = json.dumps(wrapped, separators=(",", ":")).encode()
    own = message.get("_id")
    return PlatformEvent(
        id=own if isinstance(own, str) and own else content_id(payload + place.encode()),
        type=EXPORTED,
        payload=payload,
        tenant=tenant,
        time=_time(message),
        place=place,
    )


def _kept(message: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: message[name] for name in _KEPT if name in message}
    if isinstance(message.get("u"), dict):
        kept["u"] = {name: message["u"].get(name) for name in ("_id", "username", "name")}
    if message.get("bot"):
        bot = message["bot"]
        kept["bot"] = {"i": bot.get("i")} if isinstance(bot, dict) else True
    for listed in ("files", "attachments"):
        if isinstance(message.get(listed), list):
            kept[listed] = [{} for _ in message[listed]]
    return kept


def _time(message: Mapping[str, Any]) -> datetime | None:
    """The newest moment that the message shows."""
    for name in ("editedAt", "ts"):
        try:
            moment: datetime = _MOMENT.validate_python(message.get(name))
        except ValidationError:
            continue
        return moment
    return None
