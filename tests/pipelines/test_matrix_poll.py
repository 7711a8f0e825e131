"""Matrix's poll: `/sync` with a user's token, a limited timeline without a hole, and the same event as through a transaction."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pipelines.connector import PlatformBusy, PlatformEvent, PollError, PollOptions
from pipelines.platforms.matrix.poll import poll
from tests.pipelines.test_platforms import everything_belongs_to_the_gardeners, outcome_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROOM = "!soil:garden.example"


class Homeserver:
    """A homeserver with one room. A token is `s` and the number of events before it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.most = 3
        self.asked: list[str] = []

    def said(self, number: int) -> dict[str, Any]:
        content = {"msgtype": "m.text", "body": "where are the seeds?"}
        base = {"type": "m.room.message", "event_id": self.events[number], "sender": "@rosa:garden.example"}
        return {**base, "origin_server_ts": 1772452680000 + number, "content": content}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer t"
        path, asked, end = request.url.path, request.url.params, len(self.events)
        self.asked.append(path)
        if path.endswith("/sync"):
            since = int(asked["since"][1:]) if "since" in asked else end
            first = max(since, end - self.most)
            timeline = {
                "events": [self.said(n) for n in range(first, end)],
                "limited": first > since,
                "prev_batch": f"s{first}",
            }
            rooms = {"join": {ROOM: {"timeline": timeline}}} if first < end else {}
            return httpx.Response(200, json={"next_batch": f"s{end}", "rooms": rooms})
        assert path == f"/_matrix/client/v3/rooms/{ROOM}/messages"
        start, to = int(asked["from"][1:]), int(asked["to"][1:])
        first = max(to, start - self.most)
        chunk = [self.said(n) for n in reversed(range(first, start))]
        return httpx.Response(200, json={"chunk": chunk, "start": asked["from"], "end": f"s{first}"})


def passed(server: Callable[[httpx.Request], httpx.Response], cursor: str | None) -> tuple[list[PlatformEvent], str | None]:
    client = httpx.Client(transport=httpx.MockTransport(server))
    events: list[PlatformEvent] = []
    options = PollOptions(source="main", base_url="https://matrix.garden.example", now=NOW, secrets=("t",))
    for page in poll(client, options, cursor):
        events += page.events
        cursor = page.cursor
    return events, cursor


@pytest.mark.parametrize("new", [0, 1, 3, 4, 6, 20])
def test_everything_since_the_last_pass_comes_once_and_in_order(new):
    server = Homeserver()
    server.events = ["$old"]
    assert passed(server, None) == ([], "s1")
    server.events += [f"$e{number}" for number in range(new)]
    events, cursor = passed(server, "s1")
    assert [one.id for one in events] == server.events[1:]
    assert passed(server, cursor) == ([], cursor)


def test_a_busy_homeserver_is_asked_again_when_it_says():
    for headers, body in (({"retry-after": "7"}, {}), ({}, {"retry_after_ms": 6500})):
        with pytest.raises(PlatformBusy) as busy:
            passed(lambda _, headers=headers, body=body: httpx.Response(429, headers=headers, json=body), "s1")
        assert busy.value.retry_after == "7"


@pytest.mark.parametrize("answer", ["[]", "{}", "no", '{"next_batch": 1}'])
def test_an_answer_of_another_form_is_an_error(answer):
    with pytest.raises(PollError):
        passed(lambda _: httpx.Response(200, text=answer), None)


def test_an_event_is_the_same_interaction_through_sync_and_transaction():
    server = Homeserver()
    server.events = ["$a1"]
    (event,), _ = passed(server, "s0")
    context = everything_belongs_to_the_gardeners()
    raw = {"type": event.type, "source": "poll/matrix/main", "tenant": event.tenant, "payload_text": event.payload.decode()}
    (polled,) = outcome_of(raw, context).interactions
    live = {**server.said(0), "room_id": ROOM}
    (other,) = outcome_of({"type": "matrix.event", "source": "webhook/matrix/main", "payload": live}, context).interactions
    assert polled.model_dump(exclude={"raw"}) == other.model_dump(exclude={"raw"})
    assert json.loads(event.payload)["room_id"] == ROOM
