"""Poll: the messages of every open channel and thread of a server, over REST.

* `options.base_url` is https://discord.com/api/v10/guilds/<server>; the secret is a bot's token. The bot needs to see channels
  and read their history, and the intent MESSAGE_CONTENT.
* A pass lists the channels and the active threads, and reads each one whose last message is newer than what was read of it
  (`after`). After a pause of half an hour it also lists the threads that were archived since, so a long outage leaves no hole.
* The first pass marks the moment from which on everything is read: history comes from an export.
* A channel that the server's `@everyone` may not view is not read, nor are private threads, nor channels that the bot
  may not read.
* REST shows no reaction by whom, no deletion, and no edit of what was read before: the gateway does.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from pydantic_core import from_json

from pipelines.connector import Page, PlatformEvent, PollError, PollOptions

if TYPE_CHECKING:  # every process loads this module; only the poller makes requests
    import httpx

POLLED = "discord.message"
_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_PER_PAGE = 100
_WITH_MESSAGES = frozenset({0, 2, 5, 13})
_WITH_THREADS = frozenset({0, 5, 15, 16})
_PRIVATE_THREAD = 12
_VIEW_CHANNEL = 1 << 10
_PAUSE = timedelta(minutes=30)
"""The shortest time after which Discord archives a thread is an hour."""


@dataclass(slots=True)
class _Cursor:
    """From which snowflake on everything is read, when the last pass began, and the last message of each channel."""

    start: int
    asked: datetime
    last: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """The cursor as JSON."""
        return json.dumps({"start": self.start, "asked": self.asked.isoformat(), "last": self.last}, separators=(",", ":"))

    @classmethod
    def read(cls, text: str | None, now: datetime) -> Self:
        """What `text` wrote; the beginning for None and for what cannot be read."""
        try:
            found = from_json(text or "null")
            last = {str(channel): int(message) for channel, message in found["last"].items()}
            return cls(int(found["start"]), datetime.fromisoformat(found["asked"]), last)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(snowflake_of(now), now)


@dataclass(frozen=True, slots=True)
class _Room:
    """A channel, or a thread and its channel."""

    id: str
    parent: str | None
    last: int


def poll(client: "httpx.Client", options: PollOptions, cursor: str | None) -> Iterator[Page]:
    """Every message that is new in the server, channel by channel, oldest first. See `pipelines.connector.Poll`."""
    api, place = _Api(client, options), _Cursor.read(cursor, options.now)
    rooms = api.rooms(place.asked if options.now - place.asked > _PAUSE else None)
    for room in rooms:
        while room.last > place.last.get(room.id, place.start):
            after = place.last.get(room.id, place.start)
            messages = api.messages(room.id, after)
            # What is not shown (a deleted last message, a channel without permission) must not be asked for again in each pass.
            place.last[room.id] = max((int(one["id"]) for one in messages), default=room.last)
            yield Page(tuple(_event(one, room, api.server, options) for one in messages), place.text())
            if len(messages) < _PER_PAGE:
                place.last[room.id] = max(place.last[room.id], room.last)
    place.asked = options.now
    yield Page((), place.text())


def snowflake_of(moment: datetime) -> int:
    """The smallest id of what is made at a moment."""
    return max(0, int((moment - _EPOCH) / timedelta(milliseconds=1))) << 22


def _event(message: Mapping[str, Any], room: _Room, server: str, options: PollOptions) -> PlatformEvent:
    wrapped = {"guild": server, "channel": room.id, "parent": room.parent, "message": message}
    return PlatformEvent(
        id=f"{message['id']}:{message.get('edited_timestamp') or ''}",
        type=POLLED,
        payload=json.dumps(wrapped, separators=(",", ":"), ensure_ascii=False).encode(),
        tenant=options.tenant or server,
    )


class _Api:
    """Requests to Discord's REST API, for one server."""

    def __init__(self, client: "httpx.Client", options: PollOptions) -> None:
        self._client, self._url = client, options.base_url
        self._root, _, self.server = options.base_url.partition("/guilds/")
        if not self.server.isdigit():
            raise self._strange("The address does not end with /guilds/ and the server's id.")
        self._headers = {"authorization": f"Bot {options.secrets[0]}"} if options.secrets else {}

    def rooms(self, archived_since: datetime | None) -> list[_Room]:
        """The open channels and their threads; the archived ones only since a moment."""
        found = self._list(self._get(f"{self._url}/channels"))
        channels = {str(one["id"]): one for one in found if not self._is_closed(one)}
        threads = self._threads(self._get(f"{self._url}/threads/active"))
        for number, channel in channels.items():
            if archived_since is not None and channel.get("type") in _WITH_THREADS:
                threads += self._archived(number, archived_since)
        rooms = [_Room(number, None, _last(one)) for number, one in channels.items() if one.get("type") in _WITH_MESSAGES]
        open_ones = {str(one["id"]): one for one in threads if one.get("type") != _PRIVATE_THREAD}
        return rooms + [
            _Room(number, str(one["parent_id"]), _last(one))
            for number, one in open_ones.items()
            if str(one.get("parent_id")) in channels
        ]

    def messages(self, channel: str, after: int) -> list[dict[str, Any]]:
        """The next messages of a channel, oldest first; none where the bot may not read."""
        asked = {"after": str(after), "limit": str(_PER_PAGE)}
        found = self._get(f"{self._root}/channels/{channel}/messages", asked, may_be_refused=True)
        return sorted(self._list(found), key=lambda one: int(one["id"]))

    def _archived(self, channel: str, since: datetime) -> list[dict[str, Any]]:
        threads: list[dict[str, Any]] = []
        before: str | None = None
        while True:
            asked = {"limit": str(_PER_PAGE)} | ({"before": before} if before else {})
            answer = self._get(f"{self._root}/channels/{channel}/threads/archived/public", asked, may_be_refused=True)
            page = self._threads(answer) if answer else []
            threads += page
            archived = [str((one.get("thread_metadata") or {}).get("archive_timestamp")) for one in page]
            if not archived or not answer.get("has_more") or min(archived) < since.isoformat() or min(archived) == before:
                return threads
            before = min(archived)

    def _is_closed(self, channel: Mapping[str, Any]) -> bool:
        """Whether the role of everybody, whose id is the server's, may not view the channel."""
        overwrites = channel.get("permission_overwrites")
        everybody = [one for one in overwrites or () if isinstance(one, dict) and str(one.get("id")) == self.server]
        denied = str(everybody[0].get("deny", "0")) if everybody else "0"
        return bool(int(denied) & _VIEW_CHANNEL) if denied.isdigit() else True

    def _get(self, url: str, asked: Mapping[str, str] | None = None, *, may_be_refused: bool = False) -> Any:
        response = self._client.get(url, params=dict(asked or {}), headers=self._headers)
        if may_be_refused and response.status_code in {403, 404}:
            return []
        response.raise_for_status()
        try:
            return from_json(response.content, allow_inf_nan=False)
        except ValueError as error:
            raise self._strange("It does not answer with JSON.") from error

    def _threads(self, answer: Any) -> list[dict[str, Any]]:
        return self._list(answer.get("threads") if isinstance(answer, dict) else None)

    def _list(self, found: Any) -> list[dict[str, Any]]:
        if not isinstance(found, list) or not all(isinstance(one, dict) and str(one.get("id", "")).isdigit() for one in found):
            raise self._strange("The answer is no list of objects with ids.")
        return found

    def _strange(self, why: str) -> PollError:
        todo = "`url` of this source is https://discord.com/api/v10/guilds/ and the server's id."
        return PollError(f"{self._url} does not answer as Discord.", why, todo)


def _last(channel: Mapping[str, Any]) -> int:
    last = str(channel.get("last_message_id") or "")
    return int(last) if last.isascii() and last.isdigit() else 0
