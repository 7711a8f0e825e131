"""Zulip's archives: zulip-archive's folders of topics, and Zulip's own export of an organisation, as records of one message.

Names of topics and files of topics may name people: a place in a rejected record is a number of a stream and of a file.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.imports.archive import ExportTree, open_tree, read_rows
from pipelines.platforms.zulip.names import Names
from pipelines.platforms.zulip.payloads import INTERNAL_REALM
from pipelines.shared.entries import Fault, entries, faulty
from pipelines.shared.payload import MAX_SECONDS, at_seconds
from pipelines.shared.text import decoded, read_json

EXPORTED_MESSAGE = "zulip.export"
EXPORTED_NAME = "zulip.export.name"
"""The type of a record for a name that one account has."""
EXPORTED_JOIN = "zulip.export.join"
"""The type of a record for the moment when an account was made."""
UNLISTED = "unlisted"
"""The type of a record for a folder or a stream of which the archive does not show who can read it."""
_STREAM = re.compile(r"([0-9]{1,15})-.*", re.DOTALL)
_INDEX = "stream_index.json"
_JSON = ".json"
_EXPORTED_MESSAGES = re.compile(r"messages-[0-9]+\.json")
_OF_A_STREAM = 2
"""The type of a recipient that is a stream; other messages are private."""
_CHUNK_TABLES = ("zerver_stream", "zerver_recipient", "zerver_userprofile")
_CROSS_REALM = "zerver_userprofile_crossrealm"
"""The accounts of Zulip itself."""
_is_message = frozenset({"id", "content"}).issubset
_MESSAGES = re.compile(r'"zerver_message"\s*:\s*(?=\[)')


@dataclass(frozen=True, slots=True)
class _Topic:
    """A file that holds one topic. `stream` is None for a file in a folder that shows no stream."""

    name: str
    stream: int | None
    topic: str
    folder: str


def read_archive(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every message of an archive: a tar (compressed or not), a zip, or the unpacked folder. Raises ExportError.

    Two layouts are known: zulip-archive's `<id>-<stream>/<topic>.json`, which has only the names of people, and Zulip's own
    export (`realm.json`, `messages-000001.json` ...), which has accounts, bots and private streams. One file is in memory at a
    time. The id of a record is the message's. The tenant is that of the options, otherwise the organisation's name, otherwise
    `export`. What cannot be read is one rejected record, and reading goes on behind it.
    """
    with open_tree(path) as tree:
        names = tree.names()
        realm = min((name for name in names if PurePosixPath(name).name == "realm.json"), key=len, default=None)
        topics = [found for found in _topics_of(names) if found is not None]
        if realm is not None:
            yield from _own_export(tree, names, realm, options)
        elif any(topic.stream is not None for topic in topics):
            yield from _topics(tree, topics, options.tenant or "export")
        else:
            raise ExportError(
                "This is not a Zulip archive in a known layout.",
                f"{path.name} has neither <id>-<stream>/<topic>.json nor realm.json.",
                "Give zulip-archive's zulip_json, or the tar of `manage.py export`, or a folder that holds one of them.",
            )


def _topics_of(names: list[str]) -> Iterator[_Topic]:
    """The files of topics. The folder of the index, where there is one, is the root: streams lie directly in it.

    A stream's name may hold `/`, so its topics may lie deeper than one folder.
    """
    index = min((name for name in names if PurePosixPath(name).name == _INDEX), key=len, default=None)
    root = None if index is None else index.removesuffix(_INDEX)
    for name in names:
        folder, _, file = name.rpartition("/")
        inside = folder if root is None else f"{folder}/".removeprefix(root).rstrip("/")
        if not file.endswith(_JSON) or not inside or (root is not None and not name.startswith(root)):
            continue
        parts = inside.split("/")
        # Without an index, the folder of the whole archive may look like a stream too: the nearest folder counts.
        stream = next(filter(None, map(_STREAM.fullmatch, parts[:1] if root is not None else reversed(parts))), None)
        # The archive encodes names as Zulip does in its URLs: percent-encoding, with a dot for the percent sign.
        topic = unquote(file.removesuffix(_JSON).replace(".", "%"), errors="replace")
        yield _Topic(name, int(stream.group(1)) if stream else None, topic, inside)


def _topics(tree: ExportTree, topics: list[_Topic], tenant: str) -> Iterator[PlatformEvent]:
    names = Names()
    for number, topic in enumerate(topics, 1):
        if topic.stream is None:
            yield _exported({"type": UNLISTED, "space": topic.folder}, None, None, topic.name, tenant)
            continue
        for index, message in enumerate(read_rows(tree, topic.name, _is_message, f"stream {topic.stream}, file {number}")):
            if isinstance(message, Fault):
                yield faulty(message, EXPORTED_MESSAGE, tenant)
                continue
            kept = {each: message.get(each) for each in ("id", "content", "sender_full_name", "timestamp")}
            # The content is HTML, as the site showed it.
            kept |= {"type": "stream", "stream_id": topic.stream, "subject": topic.topic, "content_type": "text/html"}
            yield _exported(
                kept,
                message.get("id"),
                message.get("timestamp"),
                f"{topic.name}:{index}",
                tenant,
                f"Stream {topic.stream}, file {number}, entry {index + 1}",
            )
            names.read(message, message.get("content"))
    yield from _named(names, tenant)


def _own_export(tree: ExportTree, names: list[str], realm: str, options: ImportOptions) -> Iterator[PlatformEvent]:
    folder = PurePosixPath(realm).parent
    beside = [name for name in names if PurePosixPath(name).parent == folder]
    if not any(_EXPORTED_MESSAGES.fullmatch(PurePosixPath(name).name) for name in beside):
        unfinished = next((PurePosixPath(name).name for name in beside if name.endswith(".partial")), None)
        raise ExportError(
            "The export has no messages.",
            f"It has {unfinished}, so Zulip did not finish it."
            if unfinished
            else "Beside realm.json is no messages-000001.json.",
            "Export again with `manage.py export`, and wait until it reports the tar.",
        )
    tables = _tables(tree, realm)
    streams = {row.get("id"): row for row in _rows(tables, "zerver_stream", realm)}
    recipients = {row.get("id"): row for row in _rows(tables, "zerver_recipient", realm)}
    people = {
        row.get("id"): {**row, "sender_realm_str": INTERNAL_REALM} if table == _CROSS_REALM else row
        for table in ("zerver_userprofile", _CROSS_REALM, "zerver_userprofile_mirrordummy")
        for row in _rows(tables, table, realm, needed=table in _CHUNK_TABLES)
    }
    realms = _rows(tables, "zerver_realm", realm, needed=False)
    own_name = realms[0].get("string_id") if realms else None
    tenant = options.tenant or (own_name if isinstance(own_name, str) and own_name else "export")
    known = Names()
    for number, row in people.items():
        known.note(row.get("full_name"), number)
    for name in beside:
        if not _EXPORTED_MESSAGES.fullmatch(PurePosixPath(name).name):
            continue
        for index, message in enumerate(_messages(tree, name)):
            if isinstance(message, Fault):
                yield faulty(message, EXPORTED_MESSAGE, tenant)
                continue
            recipient = recipients.get(message.get("recipient"), {})
            stream = streams.get(recipient.get("type_id"), {}) if recipient.get("type") == _OF_A_STREAM else {}
            kept = _kept(message, stream, people.get(message.get("sender"), {}))
            yield _exported(
                kept,
                message.get("id"),
                message.get("date_sent"),
                f"{name}:{index}",
                tenant,
                f"{PurePosixPath(name).name}, entry {index + 1}",
            )
            if kept["type"] == "stream":
                known.read(kept, None)
    yield from _named(known, tenant)
    yield from _joined(known, people, tenant)


def _joined(known: Names, people: Mapping[Any, Mapping[str, Any]], tenant: str) -> Iterator[PlatformEvent]:
    """One record for each account that was made since the first public message, and that a public message shows."""
    for number, row in people.items():
        if known.joined(number, row.get("date_joined")):
            record = {"user_id": number, "is_bot": row.get("is_bot"), "date_joined": row["date_joined"]}
            payload = json.dumps(record, separators=(",", ":")).encode()
            yield PlatformEvent(id=f"join:{number}", type=EXPORTED_JOIN, payload=payload, tenant=tenant)


def _named(names: Names, tenant: str) -> Iterator[PlatformEvent]:
    for record in names.records():
        payload = json.dumps(record, separators=(",", ":")).encode()
        own = f"name:{record['id']}:{record['name']}"
        yield PlatformEvent(id=own, type=EXPORTED_NAME, payload=payload, tenant=tenant)


def _kept(message: Mapping[str, Any], stream: Mapping[str, Any], sender: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is read of a message; of a private one only that there was one."""
    closed = stream.get("invite_only")
    # In old exports the flag is null for streams of the time before it; what everybody on the web reads is public.
    if stream and closed is None and stream.get("is_web_public") is not True:
        return {"type": UNLISTED, "id": message.get("id"), "space": str(stream.get("id"))}
    if not stream or closed not in {False, None}:
        return {"type": "private", "id": message.get("id")}
    rendered = message.get("rendered_content")
    return {
        "type": "stream",
        "id": message.get("id"),
        "stream_id": stream.get("id"),
        "subject": message.get("subject"),
        "content": message.get("content") if rendered is None else rendered,
        "content_type": "text/x-markdown" if rendered is None else "text/html",
        "sender_id": message.get("sender"),
        "sender_full_name": sender.get("full_name"),
        "sender_email": sender.get("delivery_email") or sender.get("email"),
        "sender_realm_str": sender.get("sender_realm_str"),
        "sender_is_bot": sender.get("is_bot"),
        "timestamp": message.get("date_sent"),
    }


def _messages(tree: ExportTree, name: str) -> Iterator[dict[str, Any] | Fault]:
    """The messages of one file of Zulip's own export. Of a damaged file, those that can be read."""
    place = PurePosixPath(name).name
    try:
        content = tree.read(name)
    except ExportError as error:
        yield Fault(place, error.why.rpartition(": ")[2].removesuffix("."))
        return
    try:
        rows = _rows(_object(content, name), "zerver_message", name, entries_checked=False)
    except ExportError as error:
        text = decoded(content)
        found = _MESSAGES.search(text)
        if found is None:
            yield Fault(place, error.why.rpartition(": ")[2].removesuffix("."))
        else:
            yield from entries(StringIO(text[found.end() :]).read, place, _is_message)
        return
    for number, row in enumerate(rows, 1):
        yield row if isinstance(row, dict) else Fault(f"{place}, entry {number}", "it should be an object")


def _tables(tree: ExportTree, name: str) -> Mapping[str, Any]:
    return _object(tree.read(name), name)


def _object(content: bytes, name: str) -> Mapping[str, Any]:
    try:
        tables = read_json(content)
    except (ValueError, RecursionError) as error:
        raise _broken(name, "it is not JSON") from error
    if not isinstance(tables, dict):
        raise _broken(name, "it should be an object of tables")
    return tables


def _rows(
    tables: Mapping[str, Any], table: str, name: str, *, needed: bool = True, entries_checked: bool = True
) -> list[dict[str, Any]]:
    """The rows of a table. Null is an empty table. Raises ExportError where a needed one is not there."""
    rows = tables.get(table, None if needed else [])
    rows = [] if rows is None and table in tables else rows
    if not isinstance(rows, list) or (entries_checked and not all(isinstance(row, dict) for row in rows)):
        raise _broken(name, f"it has no list {table}")
    return rows


def _exported(
    kept: Mapping[str, Any], own: object, at: object, place: str, tenant: str, shown: str | None = None
) -> PlatformEvent:
    known = isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at <= MAX_SECONDS
    return PlatformEvent(
        id=str(own) if isinstance(own, int) and not isinstance(own, bool) else place,
        type=EXPORTED_MESSAGE,
        payload=json.dumps(kept, separators=(",", ":")).encode(),
        tenant=tenant,
        time=at_seconds(at) if known else None,  # type: ignore[arg-type]  # a number, as `known` says
        place=shown,
    )


def _broken(name: str, why: str) -> ExportError:
    return ExportError(
        "The archive cannot be read to the end.",
        f"{name}: {why}.",
        "Export or download it again; what was imported so far stays, and a second import adds only what is missing.",
    )
