"""Stream: Server-Sent Events as Wikimedia's EventStreams sends them.

* A pass connects with the last id as `Last-Event-ID`. It ends when it has caught up with its start, when no event arrives for
  a few seconds, or when the server closes the stream. The next pass goes on from there.
* A connection that breaks loses nothing: the pass yields what it has read, then raises the error, and the poller tries again.
* The first pass starts now (`since`).
* The stream has the changes of every Wikimedia wiki. With `tenant` in the settings, only those of that domain are kept.
* Canary events are dropped. Data that is no JSON is passed on, and counts as unreadable.
* A cursor has expired when it is a week older than the next event, and that event does not follow it. Wikimedia keeps a week.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError
from pydantic_core import from_json

from pipelines.connector import CursorExpired, Page, PlatformEvent, PollError, PollOptions
from pipelines.platforms.mediawiki.export import change_event, tenant_of, time_of

CANARY = "canary"
MAX_EVENTS = 500
"""Of a page."""
PAGE_SECONDS = 1.0
"""A page waits this long for more events, counted when an event arrives."""
QUIET_SECONDS = 5.0
"""Silence after which a pass ends."""
KEPT = timedelta(days=7)
"""How long EventStreams keeps events at least."""


@dataclass(frozen=True, slots=True)
class StreamCursor:
    """`last` is the id of the last event read; `at` is its time, or the moment to start from where there is no id yet.

    `known_gap` marks a cursor whose expiry was reported already.
    """

    at: datetime
    last: str | None = None
    known_gap: bool = False

    def text(self) -> str:
        """The cursor as JSON."""
        return json.dumps({"at": self.at.isoformat(), "last": self.last, "known_gap": self.known_gap})

    @classmethod
    def read(cls, text: str | None, now: datetime) -> Self:
        """What `text` wrote; a start now for None and for what cannot be read."""
        try:
            found = from_json(text or "")
            return cls(datetime.fromisoformat(found["at"]), found["last"], bool(found["known_gap"]))
        except (ValueError, TypeError, KeyError):
            return cls(now)


def poll_stream(
    client: httpx.Client,
    options: PollOptions,
    cursor: str | None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Page]:
    """What the stream has for us up to now. `clock` gives monotonic seconds."""
    place = StreamCursor.read(cursor, options.now)
    headers = {"accept": "text/event-stream", "cache-control": "no-store"}
    if place.last:
        headers["last-event-id"] = place.last
    if options.secrets:
        headers["authorization"] = f"Bearer {options.secrets[0]}"
    since = {} if place.last else {"since": place.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    patience = httpx.Timeout(QUIET_SECONDS, connect=10.0)
    with client.stream("GET", options.base_url, params=since or None, headers=headers, timeout=patience) as response:
        response.raise_for_status()
        yield from _pages(_UntilQuiet(response, clock), options, place, clock)


class _UntilQuiet:
    """A response as EventSource reads it, which ends when events stop. Comments keep a connection alive, but are no events."""

    def __init__(self, response: httpx.Response, clock: Callable[[], float]) -> None:
        self.headers, self._response, self._clock = response.headers, response, clock
        self.last_event = clock()
        self.broken: httpx.HTTPError | None = None

    def iter_text(self) -> Iterator[str]:
        try:
            for text in self._response.iter_text():
                yield text
                if self._clock() - self.last_event > QUIET_SECONDS:
                    return
        except httpx.ReadTimeout:
            return
        except httpx.HTTPError as error:
            self.broken = error


def _pages(response: _UntilQuiet, options: PollOptions, place: StreamCursor, clock: Callable[[], float]) -> Iterator[Page]:
    batch: list[PlatformEvent] = []
    begun, first = clock(), True
    for event in _events(response, options):
        response.last_event = clock()
        change = _json(event.data)
        at = time_of(change) or place.at
        if first and not place.known_gap and has_expired(place, event.id, at):
            raise CursorExpired(resume=StreamCursor(place.at, place.last, known_gap=True).text())
        first = False
        place = StreamCursor(max(at, place.at), event.id or place.last)
        if _is_wanted(change, options.tenant):
            batch.append(change_event(change, event.data.encode(), options.tenant))
        if len(batch) >= MAX_EVENTS or clock() - begun > PAGE_SECONDS:
            yield Page(tuple(batch), place.text())
            batch, begun = [], clock()
        if at >= options.now:
            break
    yield Page(tuple(batch), place.text())
    if response.broken:
        raise response.broken


def _events(response: _UntilQuiet, options: PollOptions) -> Iterator[ServerSentEvent]:
    try:
        for event in EventSource(cast("httpx.Response", response)).iter_sse():
            if event.data:  # a block may hold only `retry` or `id`
                yield event
    except SSEError as error:
        raise PollError(
            f"{options.base_url} is no event stream.",
            "It does not answer with text/event-stream.",
            "Set `url` of this source to the address of a stream, such as https://stream.wikimedia.org/v2/stream/recentchange.",
        ) from error


def has_expired(place: StreamCursor, event_id: str, at: datetime) -> bool:
    """Whether events between the cursor and the first event behind it may be lost."""
    if place.last is None or at - place.at < KEPT:
        return False
    before, after = offsets(place.last), offsets(event_id)
    return not any(after.get(part) == offset + 1 for part, offset in before.items())


def offsets(event_id: str) -> Mapping[tuple[str, int], int]:
    """The offsets that an id names by topic and partition; an id may name timestamps instead, or be of another form."""
    try:
        found = from_json(event_id)
        return {(one["topic"], one["partition"]): one["offset"] for one in found if isinstance(one.get("offset"), int)}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _json(data: str) -> dict[str, Any]:
    """A change; empty for what is none."""
    try:
        found = from_json(data, allow_inf_nan=False)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_wanted(change: Mapping[str, Any], tenant: str | None) -> bool:
    domain = tenant_of(change)
    return not change or (domain != CANARY and (tenant is None or domain == tenant))
