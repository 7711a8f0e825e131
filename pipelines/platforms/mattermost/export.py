"""Export: Mattermost's bulk export: one JSON object per line, plain, compressed, or in the zip of `mmctl export`.

A line with a post and its replies becomes one record each. Posts have no ids there.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.shared.entries import Fault, faulty
from pipelines.shared.lines import DAMAGED, MAX_LINE_BYTES, content_id, numbered_lines, opened_text, unreadable
from pipelines.shared.payload import Milliseconds, at_milliseconds
from pipelines.shared.text import parse_payload

EXPORTED = "mattermost.export"
EXPORTED_USER = "mattermost.export.user"
EXPORTED_OTHER = "mattermost.export.other"
MATTERMOST = "mattermost"
"""The tenant where nothing names the server: neither a webhook nor an export does."""
_LISTS = frozenset({"version", "scheme", "role", "emoji", "team", "channel"})
_KEPT = ("user", "type", "message", "create_at", "edit_at", "delete_at", "reactions")
_KEPT_OF_PROPS = ("from_webhook", "from_bot", "from_plugin", "override_username", "webhook_display_name")
_KEPT_OF_USER = ("username", "email", "nickname", "first_name", "last_name", "display_name")
_MOMENT: TypeAdapter[int] = TypeAdapter(Milliseconds)


@dataclass(slots=True)
class _Server:
    """What the lists show, so far: which channels are open, and the newest moment of a post."""

    tenant: str
    open: dict[tuple[str, str], bool] = field(default_factory=dict)


def read_export(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """The accounts, posts and replies of an export. Of private channels and direct messages no content is read.

    The tenant is that of the options, otherwise `mattermost`. Raises ExportError for a file that does not begin with a version.
    """
    server = _Server(options.tenant or MATTERMOST)
    number = 0
    try:
        with _opened(path) as file:
            for number, line in numbered_lines(file):
                found = _parsed(line)
                if number == 1 and not (isinstance(found, dict) and found.get("type") == "version"):
                    raise _unknown(path, "its first line is no version")
                if isinstance(found, dict):
                    yield from _line(found, line, f"Line {number}", server)
                else:
                    why = (
                        f"it has more than {MAX_LINE_BYTES >> 20} MiB"
                        if len(line) > MAX_LINE_BYTES
                        else "it is not a JSON object"
                    )
                    yield faulty(Fault(f"Line {number}", why, line), EXPORTED, server.tenant)
    except DAMAGED:
        yield faulty(Fault(f"After line {number}", "the file is damaged or ends in the middle"), EXPORTED, server.tenant)
    except OSError as error:
        raise unreadable("The export", path, error) from error
    if number == 0:
        raise _unknown(path, "it is empty")


def _parsed(line: bytes) -> Any:
    try:
        return parse_payload(line) if len(line) <= MAX_LINE_BYTES else None
    except ValueError:
        return None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(path):
        with opened_text(path) as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        names = sorted(
            (name for name in archive.namelist() if name.endswith(".jsonl")), key=lambda name: (name.count("/"), name)
        )
        if not names:
            raise _unknown(path, "no file in it ends with .jsonl")
        with archive.open(names[0]) as file:
            yield file


def _line(found: Mapping[str, Any], line: bytes, place: str, server: _Server) -> Iterator[PlatformEvent]:
    kind = found.get("type")
    inner = found.get(kind) if isinstance(kind, str) else None
    body: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
    match kind:
        case "channel":
            server.open[str(body.get("team")), str(body.get("name"))] = body.get("type") == "O"
        case "post":
            yield from _thread(body, place, server)
        case "user" | "bot":
            seen_at = next((value for value in (body.get("create_at"), body.get("update_at")) if value), 1_000_000_000_000)
            kept = {name: body.get(name) for name in _KEPT_OF_USER} | {"bot": kind == "bot", "seen_at": seen_at}
            yield _event(f"user:{content_id(str(body.get('username')).encode())}", EXPORTED_USER, kept, place, server)
        case "direct_post" | "direct_channel":
            yield _event(f"direct:{content_id(line)}", EXPORTED_OTHER, {"private": True}, place, server)
        case _ if kind not in _LISTS:
            yield _event(f"other:{content_id(line)}", EXPORTED_OTHER, {"private": False}, place, server)


def _thread(post: Mapping[str, Any], place: str, server: _Server) -> Iterator[PlatformEvent]:
    where = {"team": post.get("team"), "channel": post.get("channel")}
    access = server.open.get((str(post.get("team")), str(post.get("channel"))))
    replies = post.get("replies") if isinstance(post.get("replies"), list) else []
    root = {"user": post.get("user"), "create_at": post.get("create_at")}
    for number, one in enumerate([post, *(replies or [])]):
        if not isinstance(one, dict):
            yield faulty(Fault(f"{place}, reply {number}", "it should be an object"), EXPORTED, server.tenant)
            continue
        wrapped: dict[str, Any] = dict(where)
        if access is not True:
            wrapped["unlisted" if access is None else "closed"] = True
        else:
            wrapped["post"] = _kept(one)
            if number:
                wrapped["root"] = root
        own = f"{where['team']}/{where['channel']}:{one.get('create_at')}:{one.get('user')}"
        yield _event(
            f"post:{content_id(own.encode())}", EXPORTED, wrapped, f"{place}, reply {number}" if number else place, server, one
        )


def _kept(post: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: post[name] for name in _KEPT if name in post}
    if isinstance(post.get("props"), dict):
        kept["props"] = {name: post["props"].get(name) for name in _KEPT_OF_PROPS}
    if isinstance(post.get("attachments"), list):
        kept["attachments"] = [{} for _ in post["attachments"]]  # a path holds the name of the file
    return kept


def _event(
    own: str, kind: str, payload: Mapping[str, Any], place: str, server: _Server, post: Mapping[str, Any] | None = None
) -> PlatformEvent:
    content = json.dumps(payload, separators=(",", ":")).encode()
    return PlatformEvent(id=own, type=kind, payload=content, tenant=server.tenant, time=_time(post), place=place)


def _time(post: Mapping[str, Any] | None) -> datetime | None:
    """The newest moment that the post shows."""
    for name in ("delete_at", "edit_at", "create_at") if post else ():
        try:
            return at_milliseconds(_MOMENT.validate_python((post or {}).get(name)))
        except ValidationError:
            continue
    return None


def _unknown(path: Path, why: str) -> ExportError:
    return ExportError(
        "This is not a bulk export of Mattermost.",
        f"{path.name}: {why}.",
        "Give the zip of `mmctl export download`, or the .jsonl file in it.",
    )
