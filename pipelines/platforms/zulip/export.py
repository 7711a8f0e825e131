"""Zulip's archives: zulip-archive's folders of topics, and Zulip's own export of an organisation, as records of one message."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.imports.archive import ExportTree, open_tree, read_rows
from pipelines.shared.payload import MAX_SECONDS, at_seconds

EXPORTED_MESSAGE = "zulip.export"
_STREAM = re.compile(r"([0-9]{1,15})-.*", re.DOTALL)
_EXPORTED_MESSAGES = re.compile(r"messages-[0-9]+\.json")
_OF_A_STREAM = 2
"""The type of a recipient that is a stream; other messages are private."""
_CHUNK_TABLES = ("zerver_stream", "zerver_recipient", "zerver_userprofile")


def read_archive(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every message of an archive: a tar (compressed or not), a zip, or the unpacked folder. Raises ExportError.

    Two layouts are known: zulip-archive's `<id>-<stream>/<topic>.json`, which has only the names of people, and Zulip's own
    export (`realm.json`, `messages-000001.json` …), which has accounts, bots and private streams. One file is in memory at a
    time. The id of a record is the message's. The tenant is that of the options, otherwise the organisation's name, otherwise
    `export`.
    """
    with open_tree(path) as tree:
        names = tree.names()
        realm = min((name for name in names if PurePosixPath(name).name == "realm.json"), key=len, default=None)
        topics = [found for found in map(_topic, names) if found is not None]
        if realm is not None:
            yield from _own_export(tree, names, realm, options)
        elif topics:
            yield from _topics(tree, topics, options.tenant or "export")
        else:
            raise ExportError(
                "This is not a Zulip archive in a known layout.",
                f"{path.name} has neither <id>-<stream>/<topic>.json nor realm.json.",
                "Give zulip-archive's zulip_json, or the tar of `manage.py export`, or a folder that holds one of them.",
            )


def _topic(name: str) -> tuple[str, int, str] | None:
    """The file, the stream's number and the topic, of a file that holds one topic."""
    path = PurePosixPath(name)
    stream = _STREAM.fullmatch(path.parent.name)
    if stream is None or path.suffix != ".json":
        return None
    # The archive encodes names as Zulip does in its URLs: percent-encoding, with a dot for the percent sign.
    return name, int(stream.group(1)), unquote(path.stem.replace(".", "%"), errors="replace")


def _topics(tree: ExportTree, topics: list[tuple[str, int, str]], tenant: str) -> Iterator[PlatformEvent]:
    for name, stream, topic in topics:
        for index, message in enumerate(read_rows(tree, name)):
            kept = {each: message.get(each) for each in ("id", "content", "sender_full_name", "timestamp")}
            # The content is HTML, as the site showed it.
            kept |= {"type": "stream", "stream_id": stream, "subject": topic, "content_type": "text/html"}
            yield _exported(kept, message.get("id"), message.get("timestamp"), f"{name}:{index}", tenant)


def _own_export(tree: ExportTree, names: list[str], realm: str, options: ImportOptions) -> Iterator[PlatformEvent]:
    tables = _tables(tree, realm)
    streams = {row.get("id"): row for row in _rows(tables, "zerver_stream", realm)}
    recipients = {row.get("id"): row for row in _rows(tables, "zerver_recipient", realm)}
    people = {
        row.get("id"): row
        for table in ("zerver_userprofile", "zerver_userprofile_crossrealm", "zerver_userprofile_mirrordummy")
        for row in _rows(tables, table, realm, needed=table in _CHUNK_TABLES)
    }
    realms = _rows(tables, "zerver_realm", realm, needed=False)
    own_name = realms[0].get("string_id") if realms else None
    tenant = options.tenant or (own_name if isinstance(own_name, str) and own_name else "export")
    folder = PurePosixPath(realm).parent
    for name in names:
        if PurePosixPath(name).parent != folder or not _EXPORTED_MESSAGES.fullmatch(PurePosixPath(name).name):
            continue
        for index, message in enumerate(_rows(_tables(tree, name), "zerver_message", name)):
            recipient = recipients.get(message.get("recipient"), {})
            stream = streams.get(recipient.get("type_id"), {}) if recipient.get("type") == _OF_A_STREAM else {}
            kept = _kept(message, stream, people.get(message.get("sender"), {}))
            yield _exported(kept, message.get("id"), message.get("date_sent"), f"{name}:{index}", tenant)


def _kept(message: Mapping[str, Any], stream: Mapping[str, Any], sender: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is read of a message; of a private one only that there was one."""
    if not stream or stream.get("invite_only") is not False:
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
        "sender_is_bot": sender.get("is_bot"),
        "timestamp": message.get("date_sent"),
    }


def _tables(tree: ExportTree, name: str) -> Mapping[str, Any]:
    try:
        tables = json.loads(tree.read(name))
    except (ValueError, RecursionError) as error:
        raise _broken(name, "it is not JSON") from error
    if not isinstance(tables, dict):
        raise _broken(name, "it should be an object of tables")
    return tables


def _rows(tables: Mapping[str, Any], table: str, name: str, *, needed: bool = True) -> list[dict[str, Any]]:
    rows = tables.get(table, None if needed else [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _broken(name, f"it has no list {table}")
    return rows


def _exported(kept: Mapping[str, Any], own: object, at: object, place: str, tenant: str) -> PlatformEvent:
    known = isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at <= MAX_SECONDS
    return PlatformEvent(
        id=str(own) if isinstance(own, int) and not isinstance(own, bool) else place,
        type=EXPORTED_MESSAGE,
        payload=json.dumps(kept, separators=(",", ":")).encode(),
        tenant=tenant,
        time=at_seconds(at) if known else None,  # type: ignore[arg-type]  # `known` means a number
    )


def _broken(name: str, why: str) -> ExportError:
    return ExportError(
        "The archive cannot be read to the end.",
        f"{name}: {why}.",
        "Export or download it again; what was imported so far stays, and a second import adds only what is missing.",
    )
