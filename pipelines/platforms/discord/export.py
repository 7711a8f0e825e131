"""Export: channels as DiscordChatExporter writes them in JSON, one file per channel, thread or forum post."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.shared.entries import Fault, faulty
from pipelines.shared.json_files import ListedFile, listed_files
from pipelines.shared.payload import Moment

EXPORTED = "discord.export"
_CLOSED = frozenset({"DirectTextChat", "DirectGroupTextChat", "GuildPrivateThread"})
_THREADS = frozenset({"GuildNewsThread", "GuildPublicThread", "GuildPrivateThread"})
_KEPT = ("id", "type", "timestamp", "timestampEdited", "content", "reference")
_KEPT_OF_AUTHOR = ("id", "name", "nickname", "discriminator", "isBot")
_SNOWFLAKE = re.compile(r"[0-9]{1,20}")
_MOMENT: TypeAdapter[Any] = TypeAdapter(Moment)
_is_message = frozenset({"id", "timestamp", "author"}).issubset


def read_export(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every message of an export: one JSON file, or a folder, zip or tar of them. Raises ExportError.

    A record's id is the message's. The tenant is that of the options, otherwise the id of the server. A thread's file names its
    channel as the category. Of direct messages and private threads no content is read.
    """
    found = False
    for number, file in enumerate(listed_files(path, "messages", _is_message, options.left_out), 1):
        guild, channel = file.head.get("guild"), file.head.get("channel")
        if not (
            isinstance(guild, dict) and isinstance(channel, dict) and _is_id(channel.get("id")) and _is_id(guild.get("id"))
        ):
            options.left_out(file.name, "it names no server and channel")
            continue
        found = True
        yield from _channel(file, number, guild, channel, options.tenant or str(guild["id"]))
    if not found:
        raise ExportError(
            "This is not an export of Discord in a known layout.",
            f"{path.name} has no file of DiscordChatExporter's JSON format.",
            "Export the channels with `--format Json`, and give the file, or the folder that holds them.",
        )


def channel_names(path: Path) -> dict[str, str]:
    """Id -> name of the channels of an export that are open, also of those of which only threads are there."""
    names: dict[str, str] = {}
    for file in listed_files(path, "messages", _is_message, lambda _name, _why: None):
        channel = file.head.get("channel")
        if not isinstance(channel, dict) or channel.get("type") in _CLOSED:
            continue
        own = ("categoryId", "category") if channel.get("type") in _THREADS else ("id", "name")
        number, name = channel.get(own[0]), channel.get(own[1])
        if _is_id(number) and isinstance(name, str) and name:
            names[str(number)] = name
    return names


def _is_id(found: object) -> bool:
    return isinstance(found, str) and _SNOWFLAKE.fullmatch(found) is not None


def _channel(
    file: ListedFile, number: int, guild: Mapping[str, Any], channel: Mapping[str, Any], tenant: str
) -> Iterator[PlatformEvent]:
    kind, parent = channel.get("type"), channel.get("categoryId")
    closed = kind in _CLOSED or guild["id"] == "0"  # direct messages belong to no server
    place = {"guild": guild["id"], "channel": channel["id"], "closed": closed}
    if kind in _THREADS and _is_id(parent):
        place["parent"] = parent
    for index, message in enumerate(file.entries, 1):
        if isinstance(message, Fault):
            yield faulty(message, EXPORTED, tenant)
        else:
            kept = {} if closed else _kept(message)
            payload = json.dumps({**place, "message": kept}, separators=(",", ":")).encode()
            own = str(message.get("id")) if _is_id(message.get("id")) else f"{channel['id']}:{index}"
            event = PlatformEvent(id=own, type=EXPORTED, payload=payload, tenant=tenant, time=_time(message))
            yield replace(event, place=f"File {number}, entry {index}")


def _kept(message: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: message[name] for name in _KEPT if name in message}
    if isinstance(message.get("author"), dict):
        kept["author"] = {name: message["author"].get(name) for name in _KEPT_OF_AUTHOR}
    for listed in ("mentions", "attachments"):
        if isinstance(message.get(listed), list):
            kept[listed] = [{"id": one.get("id")} for one in message[listed] if isinstance(one, dict)]
    return kept


def _time(message: Mapping[str, Any]) -> Any:
    """The newest moment that the message shows."""
    for name in ("timestampEdited", "timestamp"):
        try:
            return _MOMENT.validate_python(message.get(name))
        except ValidationError:
            continue
    return None
