"""Slack's exports: a workspace's zip, or its unpacked folder, as records of one message or one user each."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.imports.archive import ExportTree, open_tree, read_rows

EXPORTED_MESSAGE = "slack.export"
EXPORTED_USER = "slack.export.user"
TS = re.compile(r"[0-9]{1,11}\.[0-9]{1,6}")
"""Slack's time and name of a message within its channel: seconds, a dot, a counter."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KEPT_OF_MESSAGE = ("type", "subtype", "ts", "thread_ts", "user", "bot_id", "app_id", "username", "text", "edited")
_KEPT_OF_USER = ("id", "name", "real_name", "is_bot", "deleted", "updated")
_KEPT_OF_PROFILE = ("email", "display_name", "real_name")


def read_export(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """The users, then the messages, of a workspace's export: a zip or its unpacked folder. Raises ExportError.

    One day of one channel is in memory at a time. A record holds only what is read: an export also has links that open files
    without a login, and telephone numbers of users. A message's id is `<channel>:<ts>`.
    """
    with open_tree(path) as tree:
        root, days = _layout(tree, path)
        users = read_rows(tree, f"{root}users.json")
        tenant = options.tenant or _team(users)
        bots = frozenset(str(user.get("id")) for user in users if user.get("is_bot") is True)
        last_day = max(PurePosixPath(name).stem for names in days.values() for name in names)
        seen_at = _midnight(last_day, path)
        for user in users:
            yield _exported_user(user, tenant, seen_at)
        del users
        for channel, folder, private in _channels(tree, root, days):
            for name in days[folder]:
                for index, message in enumerate(read_rows(tree, name)):
                    yield _exported(message, tenant, channel, f"{PurePosixPath(name).stem}:{index}", private, bots)


def _layout(tree: ExportTree, path: Path) -> tuple[str, dict[str, list[str]]]:
    """The folder that holds channels.json, with its `/`; and the day files of each channel's folder."""
    names = tree.names()
    lists = sorted((name for name in names if PurePosixPath(name).name == "channels.json"), key=lambda name: name.count("/"))
    root = lists[0].removesuffix("channels.json") if lists else ""
    days: dict[str, list[str]] = {}
    for name in names:
        parts = PurePosixPath(name.removeprefix(root)).parts if name.startswith(root) else ()
        if len(parts) == 2 and parts[1].endswith(".json") and _DAY.fullmatch(parts[1].removesuffix(".json")):  # noqa: PLR2004
            days.setdefault(parts[0], []).append(name)
    missing = [what for what in ("channels.json", "users.json") if f"{root}{what}" not in names]
    if not days:
        missing.append("<channel>/<day>.json")
    if missing:
        raise _unknown(path, f"no {' and no '.join(missing)}")
    return root, days


def _channels(tree: ExportTree, root: str, days: dict[str, list[str]]) -> Iterator[tuple[str, str, bool]]:
    """Id, folder, and whether it is private, of every channel that has messages, in the order of the lists.

    A folder that no list names counts as private, because the export does not show who may read it.
    """
    names = set(tree.names())
    left = dict.fromkeys(days)
    for file, private in (("channels.json", False), ("groups.json", True), ("mpims.json", True), ("dms.json", True)):
        if f"{root}{file}" not in names:
            continue
        for row in read_rows(tree, f"{root}{file}"):
            folder = next((name for name in (row.get("name"), row.get("id")) if isinstance(name, str) and name in left), None)
            if folder is not None:
                del left[folder]
                yield str(row.get("id") or folder), folder, private
    for folder in left:
        yield folder, folder, True


def _team(users: list[dict[str, Any]]) -> str:
    teams = Counter(user["team_id"] for user in users if isinstance(user.get("team_id"), str) and user["team_id"])
    return min(teams, key=lambda team: (-teams[team], team)) if teams else "export"


def _midnight(day: str, path: Path) -> int:
    try:
        return int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp())
    except ValueError as error:
        raise _unknown(path, f"a file of the day {day}, which does not exist") from error


def _exported_user(user: dict[str, Any], tenant: str, seen_at: int) -> PlatformEvent:
    kept = _only(user, _KEPT_OF_USER)
    if isinstance(user.get("profile"), dict):
        kept["profile"] = _only(user["profile"], _KEPT_OF_PROFILE)
    payload = json.dumps({"team": tenant, "seen_at": seen_at, "user": kept}, separators=(",", ":")).encode()
    return PlatformEvent(id=f"user:{user.get('id')}", type=EXPORTED_USER, payload=payload, tenant=tenant)


def _exported(
    message: dict[str, Any], tenant: str, channel: str, place: str, private: bool, bots: frozenset[str]
) -> PlatformEvent:
    ts = message.get("ts")
    is_ts = isinstance(ts, str) and TS.fullmatch(ts) is not None
    wrapped: dict[str, Any] = {"team": tenant, "channel": channel, "private": private}
    if private:
        wrapped["message"] = {}
    else:
        wrapped["message"] = _only(message, _KEPT_OF_MESSAGE)
        if isinstance(message.get("files"), list):
            wrapped["message"]["files"] = [{"id": file.get("id")} for file in message["files"] if isinstance(file, dict)]
        if str(message.get("user")) in bots:
            wrapped["bot"] = True
    return PlatformEvent(
        id=f"{channel}:{ts}" if is_ts else f"{channel}:{place}",
        type=EXPORTED_MESSAGE,
        payload=json.dumps(wrapped, separators=(",", ":")).encode(),
        tenant=tenant,
        time=datetime.fromtimestamp(float(str(ts)), UTC) if is_ts else None,
    )


def _only(found: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: found[name] for name in names if name in found}


def _unknown(path: Path, what: str) -> ExportError:
    return ExportError(
        "This is not a Slack export in a known layout.",
        f"{path.name} has {what}.",
        "Give the zip as Slack made it, or the folder that holds channels.json.",
    )
