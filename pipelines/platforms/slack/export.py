"""Slack's exports: a workspace's zip, or its unpacked folder, as records of one message or one user each."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.imports.archive import ExportTree, open_tree, read_rows
from pipelines.platforms.slack.accounts import SLACKBOT
from pipelines.shared.entries import Fault, IsEntry, faulty
from pipelines.shared.text import plain_name

EXPORTED_MESSAGE = "slack.export"
EXPORTED_USER = "slack.export.user"
TS = re.compile(r"[0-9]{1,11}\.[0-9]{1,6}")
"""Slack's time and name of a message within its channel: seconds, a dot, a counter."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_USERS = frozenset({"users.json", "org_users.json"})
"""The list of accounts: of a workspace, or of an Enterprise Grid organisation."""
_LISTS = {"channels.json": False, "groups.json": True, "mpims.json": True, "dms.json": True}
"""The lists of channels, and whether the channels of a list are private. An organisation has them in a folder per workspace."""
_PRIVATE_FOLDER = re.compile(r"[DG][A-Z0-9]{7,}|mpdm-.+-[0-9]+")
"""Folders that Slack itself names as direct or group messages."""
_PRIVATE_FLAGS = ("is_private", "is_im", "is_mpim")
_KEPT_OF_MESSAGE = ("type", "subtype", "ts", "thread_ts", "user", "bot_id", "app_id", "username", "text", "edited")
_KEPT_OF_COMMENT = ("user", "comment")
_KEPT_OF_USER = ("id", "name", "real_name", "is_bot", "deleted", "updated")
_KEPT_OF_PROFILE = ("email", "display_name", "real_name")
_KEPT_OF_ENTERPRISE = ("id", "enterprise_id")
_is_message = frozenset({"type", "ts"}).issubset
_is_user = frozenset({"id", "name"}).issubset
_is_channel = frozenset({"id"}).issubset


class Access(StrEnum):
    """Who can read a channel, as the lists of the export show it."""

    PUBLIC = "public"
    PRIVATE = "private"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class _Workspace:
    """What the lists of an export show, its accounts and their kinds; and which of them have been seen to join, so far."""

    tenant: str
    team: str
    bots: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)

    def is_stranger(self, author: str, team: object) -> bool:
        """Whether an author is of another workspace, with which this one shares a channel, or in no list."""
        return (author not in self.people and author not in self.bots) or team not in {None, self.team, self.tenant}


@dataclass(frozen=True, slots=True)
class _Channel:
    id: str
    folder: str
    access: Access
    is_general: bool = False


def read_export(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """The users, then the messages, of a workspace's export: a zip or its unpacked folder. Raises ExportError.

    One day of one channel is in memory at a time. A record holds only what is read: an export also has links that open files
    without a login, and telephone numbers of users. A message's id is `<channel>:<ts>`. What cannot be read is one rejected
    record, and reading goes on behind it. Of private channels, and of folders that no list names, no content is read.
    """
    with open_tree(path) as tree:
        root, people, days = _layout(tree, path)
        faults: list[Fault] = []
        users = _rows(tree, people, _is_user, faults)
        workspace = _workspace(users, options.tenant)
        last_day = max(PurePosixPath(name).stem for names in days.values() for name in names)
        seen_at = _midnight(last_day, path)
        for number, user in enumerate(users, 1):
            yield replace(_exported_user(user, workspace.tenant, seen_at), place=f"{people}, entry {number}")
        del users
        channels = _channels(tree, root, days, faults)
        for fault in faults:
            yield faulty(fault, EXPORTED_USER, workspace.tenant)
        for channel in channels:
            for name in days[channel.folder]:
                yield from _day(tree, name, channel, workspace)


def channel_names(path: Path) -> dict[str, str]:
    """Id -> name of the public channels that the export lists. Raises ExportError."""
    with open_tree(path) as tree:
        root, _, days = _layout(tree, path)
        return {channel.id: channel.folder for channel in _channels(tree, root, days, []) if channel.access is Access.PUBLIC}


def _layout(tree: ExportTree, path: Path) -> tuple[str, str, dict[str, list[str]]]:
    """The folder of the export, with its `/`; the path of the list of users; and the day files of each channel's folder."""
    names = tree.names()
    lists = [name for name in names if PurePosixPath(name).name == "channels.json"]
    people = sorted((name for name in names if PurePosixPath(name).name in _USERS), key=_depth)
    roots = sorted({name.rpartition("/")[0] for name in people if _depth(name) == _depth(people[0])})
    if len(roots) > 1:
        raise ExportError(
            "This holds several Slack exports.",
            f"{path.name} has a list of users in {', '.join(roots[:3])}.",
            "Import one export at a time: give the folder of each.",
        )
    root = f"{roots[0]}/" if roots and roots[0] else ""
    days: dict[str, list[str]] = {}
    for name in names:
        folder, _, file = name.removeprefix(root).rpartition("/") if name.startswith(root) else ("", "", "")
        if folder and file.endswith(".json") and _DAY.fullmatch(file.removesuffix(".json")):
            days.setdefault(folder, []).append(name)
    missing = [] if lists else ["channels.json"]
    missing += [] if people else ["users.json"]
    missing += [] if days else ["<channel>/<day>.json"]
    if missing:
        raise _unknown(path, f"no {' and no '.join(missing)}")
    return root, people[0], days


def _depth(name: str) -> int:
    return name.count("/")


def _rows(tree: ExportTree, name: str, is_entry: IsEntry, faults: list[Fault]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for row in read_rows(tree, name, is_entry):
        if isinstance(row, Fault):
            faults.append(row)
        else:
            rows.append(row)
    return rows


def _workspace(users: list[dict[str, Any]], tenant: str | None) -> _Workspace:
    team = _team(users)
    found = _Workspace(tenant or team, team)
    for user in users:
        (found.bots if user.get("is_bot") is True else found.people).add(str(user.get("id")))
    return found


def _channels(tree: ExportTree, root: str, days: Mapping[str, object], faults: list[Fault]) -> list[_Channel]:
    """Every channel that has messages, in the order of the lists, then the folders that no list names.

    A channel is private where its list or a flag of its row says so. Who can read a folder without a list is unknown.
    """
    left = dict.fromkeys(days)
    found: list[_Channel] = []
    renamed: list[tuple[list[str], _Channel]] = []
    lists = [name for name in tree.names() if name.startswith(root) and PurePosixPath(name).name in _LISTS]
    for name in sorted(lists, key=lambda name: list(_LISTS).index(PurePosixPath(name).name)):
        beside, private = name.removeprefix(root).rpartition("/")[0], _LISTS[PurePosixPath(name).name]
        for row in _rows(tree, name, _is_channel, faults):
            closed = private or any(row.get(flag) is True for flag in _PRIVATE_FLAGS)
            channel = _Channel(
                str(row.get("id") or row.get("name")),
                "",
                Access.PRIVATE if closed else Access.PUBLIC,
                row.get("is_general") is True,
            )
            folder = next((each for each in _folders(beside, [row.get("name"), row.get("id")]) if each in left), None)
            if folder is not None:
                del left[folder]
                found.append(replace(channel, folder=folder))
            if isinstance(row.get("previous_names"), list):
                renamed.append((_folders(beside, row["previous_names"]), channel))
    # Where exports of several years are merged, a folder may have a name that its channel had before, and no other has now.
    for folders, channel in renamed:
        for folder in (each for each in folders if each in left):
            del left[folder]
            found.append(replace(channel, folder=folder))
    # Slack names folders of direct messages so that they can be recognised.
    access = {folder: Access.PRIVATE if _PRIVATE_FOLDER.fullmatch(folder) else Access.UNKNOWN for folder in left}
    found += [_Channel(folder, folder, known) for folder, known in access.items()]
    return found


def _folders(beside: str, names: list[object]) -> list[str]:
    return [f"{beside}/{plain_name(str(name))}".lstrip("/") for name in names if name]


def _team(users: list[dict[str, Any]]) -> str:
    """The workspace whose export this is: that of its owners, otherwise of most users that are not of another workspace."""
    known = [user for user in users if isinstance(user.get("team_id"), str) and user["team_id"]]
    own = [user for user in known if user.get("is_primary_owner") is True or user.get("id") == SLACKBOT]
    own = own or [user for user in known if user.get("is_owner") is True and user.get("is_stranger") is not True]
    own = own or [user for user in known if user.get("is_stranger") is not True]
    teams = Counter(user["team_id"] for user in own or known)
    return min(teams, key=lambda team: (-teams[team], team)) if teams else "export"


def _midnight(day: str, path: Path) -> int:
    try:
        return int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp())
    except ValueError as error:
        raise _unknown(path, f"a file of the day {day}, which does not exist") from error


def _exported_user(user: dict[str, Any], tenant: str, seen_at: int) -> PlatformEvent:
    kept = _only(user, _KEPT_OF_USER)
    for part, names in (("profile", _KEPT_OF_PROFILE), ("enterprise_user", _KEPT_OF_ENTERPRISE)):
        if isinstance(user.get(part), dict) and user[part]:
            kept[part] = _only(user[part], names)
    payload = json.dumps({"team": tenant, "seen_at": seen_at, "user": kept}, separators=(",", ":")).encode()
    return PlatformEvent(id=f"user:{user.get('id')}", type=EXPORTED_USER, payload=payload, tenant=tenant)


def _day(tree: ExportTree, name: str, channel: _Channel, workspace: _Workspace) -> Iterator[PlatformEvent]:
    day = PurePosixPath(name).stem
    # The name of a folder that is not public may name people.
    place = f"{channel.folder}/{day}.json" if channel.access is Access.PUBLIC else f"{day}.json of a channel that is not public"
    for index, message in enumerate(read_rows(tree, name, _is_message, place)):
        if isinstance(message, Fault):
            yield faulty(message, EXPORTED_MESSAGE, workspace.tenant)
        else:
            exported = _exported(message, channel, f"{day}:{index}", workspace)
            yield replace(exported, place=f"{place}, entry {index + 1}")


def _exported(message: dict[str, Any], channel: _Channel, place: str, workspace: _Workspace) -> PlatformEvent:
    ts = message.get("ts")
    is_ts = isinstance(ts, str) and TS.fullmatch(ts) is not None
    wrapped: dict[str, Any] = {"team": workspace.tenant, "channel": channel.id, "private": channel.access is Access.PRIVATE}
    if channel.access is not Access.PUBLIC:
        wrapped["message"] = {}
        if channel.access is Access.UNKNOWN:
            wrapped["unlisted"] = True
    else:
        wrapped["message"] = kept_of(message)
        author = str(message.get("user"))
        if channel.is_general and message.get("subtype") == "channel_join" and author not in workspace.joined:
            workspace.joined.add(author)
            wrapped["joins"] = True
        if author in workspace.bots:
            wrapped["bot"] = True
        elif author in workspace.people and (message.get("bot_id") or message.get("subtype") == "bot_message"):
            wrapped["bot"] = False
        if message.get("user") and workspace.is_stranger(author, message.get("user_team") or message.get("team")):
            wrapped["stranger"] = True
    return PlatformEvent(
        id=f"{channel.id}:{ts}" if is_ts else f"{channel.id}:{place}",
        type=EXPORTED_MESSAGE,
        payload=json.dumps(wrapped, separators=(",", ":")).encode(),
        tenant=workspace.tenant,
        time=datetime.fromtimestamp(float(str(ts)), UTC) if is_ts else None,
    )


def kept_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a public message that are read."""
    kept = _only(message, _KEPT_OF_MESSAGE)
    if isinstance(message.get("files"), list):
        kept["files"] = [{"id": file.get("id")} for file in message["files"] if isinstance(file, dict)]
    if isinstance(message.get("file"), dict):
        kept["file"] = {"id": message["file"].get("id")}
    if isinstance(message.get("comment"), dict):
        kept["comment"] = _only(message["comment"], _KEPT_OF_COMMENT)
    return kept


def _only(found: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: found[name] for name in names if name in found}


def _unknown(path: Path, what: str) -> ExportError:
    return ExportError(
        "This is not a Slack export in a known layout.",
        f"{path.name} has {what}.",
        "Give the zip as Slack made it, or the folder that holds channels.json.",
    )
