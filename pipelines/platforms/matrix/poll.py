"""Poll: `/sync` of the client API, with the token of an account that is in the rooms.

* `options.base_url` is the homeserver, such as https://matrix.example.org; the secret is the account's access token.
* The first pass marks the moment from which on everything is read: history comes from an export. The cursor is `next_batch`.
* Where a room has more events than one answer holds (`limited`), the events between are read backwards from `prev_batch` up to
  the cursor, so a long outage leaves no hole.
* Only the timeline of rooms is asked for: no presence, receipts, typing or account data.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic_core import from_json

from pipelines.connector import Page, PlatformBusy, PlatformEvent, PollError, PollOptions
from pipelines.platforms.matrix.export import MATRIX
from pipelines.platforms.matrix.webhook import LIVE
from pipelines.shared.payload import at_milliseconds

if TYPE_CHECKING:  # every process loads this module; only the poller makes requests
    import httpx

MOST_PER_ROOM = 100
"""Events of one room in one answer."""
_TOO_MANY = 429
_NONE: Mapping[str, Any] = {"types": []}


def _filter(limit: int) -> str:
    room = {"timeline": {"limit": limit}, "state": _NONE, "ephemeral": _NONE, "account_data": _NONE}
    return json.dumps({"presence": _NONE, "account_data": _NONE, "room": room}, separators=(",", ":"))


def poll(client: "httpx.Client", options: PollOptions, cursor: str | None) -> Iterator[Page]:
    """Every event that is new in the account's rooms, room by room, oldest first. See `pipelines.connector.Poll`."""
    api = _Api(client, options)
    if cursor is None:
        yield Page((), _text(api, api.get("sync", {"timeout": "0", "filter": _filter(1)})))
        return
    while True:
        answer = api.get("sync", {"timeout": "0", "since": cursor, "filter": _filter(MOST_PER_ROOM)})
        following = _text(api, answer)
        events = [event for room, timeline in _timelines(answer) for event in api.timeline(room, timeline, cursor)]
        yield Page(tuple(events), following)
        if not events or following == cursor:
            return
        cursor = following


def _text(api: "_Api", answer: Mapping[str, Any]) -> str:
    following = answer.get("next_batch")
    if not isinstance(following, str) or not following:
        raise api.strange("The answer has no next_batch.")
    return following


def _timelines(answer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The timelines of the rooms that the account is in, or has just left."""
    rooms = answer.get("rooms")
    for kind in ("join", "leave"):
        found = rooms.get(kind) if isinstance(rooms, dict) else None
        for room, content in (found if isinstance(found, dict) else {}).items():
            timeline = content.get("timeline") if isinstance(content, dict) else None
            if isinstance(timeline, dict):
                yield room, timeline


class _Api:
    """Requests to one homeserver."""

    def __init__(self, client: "httpx.Client", options: PollOptions) -> None:
        self._client, self._url, self._tenant = client, options.base_url, options.tenant or MATRIX
        self._headers = {"authorization": f"Bearer {options.secrets[0]}"} if options.secrets else {}

    def get(self, path: str, asked: Mapping[str, str]) -> dict[str, Any]:
        """The object that the homeserver answers."""
        response = self._client.get(f"{self._url}/_matrix/client/v3/{path}", params=dict(asked), headers=self._headers)
        if response.status_code == _TOO_MANY:
            raise PlatformBusy("M_LIMIT_EXCEEDED", response.headers.get("retry-after") or _seconds(response.content))
        response.raise_for_status()
        try:
            found = from_json(response.content, allow_inf_nan=False)
        except ValueError as error:
            raise self.strange("It does not answer with JSON.") from error
        if not isinstance(found, dict):
            raise self.strange("The answer is no object.")
        return found

    def timeline(self, room: str, timeline: Mapping[str, Any], since: str) -> list[PlatformEvent]:
        """The events of a room since the cursor, oldest first."""
        found = timeline.get("events")
        events = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        before = timeline.get("prev_batch") if timeline.get("limited") is True else None
        while isinstance(before, str) and before:
            path = f"rooms/{quote(room, safe='')}/messages"
            answer = self.get(path, {"dir": "b", "from": before, "to": since, "limit": str(MOST_PER_ROOM)})
            chunk = answer.get("chunk")
            earlier = [one for one in chunk if isinstance(one, dict)] if isinstance(chunk, list) else []
            events = [*reversed(earlier), *events]
            following = answer.get("end")
            before = following if earlier and following not in {before, since} else None
        return [self._event(room, one) for one in events]

    def _event(self, room: str, event: Mapping[str, Any]) -> PlatformEvent:
        payload = json.dumps({**event, "room_id": room}, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
        return PlatformEvent(id=str(event.get("event_id")), type=LIVE, payload=payload, tenant=self._tenant, time=_time(event))

    def strange(self, why: str) -> PollError:
        """The error for an answer of another form."""
        todo = "`url` of this source is the homeserver's address, such as https://matrix.example.org."
        return PollError(f"{self._url} does not answer as a Matrix homeserver.", why, todo)


def _time(event: Mapping[str, Any]) -> datetime | None:
    at = event.get("origin_server_ts")
    return at_milliseconds(at) if isinstance(at, int) and 0 < at < 32_000_000_000_000 else None  # noqa: PLR2004 - as Milliseconds


def _seconds(content: bytes) -> str | None:
    """How long to wait, which older homeservers have in the body only."""
    try:
        wait = from_json(content)["retry_after_ms"]
        return str(int(wait) // 1000 + 1)
    except (ValueError, TypeError, KeyError):
        return None
