"""Discord's poll: channels and threads over REST, a long outage without a hole, and what is closed stays unread."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pipelines.connector import PlatformEvent, PollError, PollOptions
from pipelines.platforms.discord.poll import poll, snowflake_of
from tests.pipelines.test_platforms import everything_belongs_to_the_gardeners, outcome_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
URL = "https://discord.com/api/v10/guilds/900"
CLOSED = [{"id": "900", "type": 0, "allow": "0", "deny": "1024"}]


def message_id(number: int) -> int:
    return snowflake_of(NOW) + number


class Server:
    """A server with channels and threads, whose messages are numbers."""

    def __init__(self) -> None:
        self.messages: dict[str, list[int]] = {"910": [], "940": [], "1001": [], "1002": []}
        self.threads, self.archived = ["1001"], list[str]()
        self.asked: list[str] = []

    def channel(self, number: str, kind: int, **more: Any) -> dict[str, Any]:
        last = max(self.messages.get(number, []), default=None)
        return {"id": number, "type": kind, "last_message_id": str(last) if last else None, "permission_overwrites": [], **more}

    def thread(self, number: str) -> dict[str, Any]:
        return self.channel(number, 11, parent_id="910", thread_metadata={"archive_timestamp": NOW.isoformat()})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v10")
        self.asked.append(path)
        assert request.headers["authorization"] == "Bot t"
        if path == "/guilds/900/channels":
            channels = [self.channel("910", 0), self.channel("940", 0, permission_overwrites=CLOSED), self.channel("950", 0)]
            return httpx.Response(200, json=[*channels, {"id": "960", "type": 4}])
        if path == "/guilds/900/threads/active":
            return httpx.Response(200, json={"threads": [self.thread(one) for one in self.threads]})
        if path.endswith("/threads/archived/public"):
            mine = [self.thread(one) for one in self.archived] if "/910/" in path else []
            return httpx.Response(200, json={"threads": mine, "has_more": False})
        channel = path.split("/")[2]
        if channel == "950":
            return httpx.Response(403, json={"message": "Missing Access"})
        after = int(request.url.params["after"])
        found = sorted(one for one in self.messages[channel] if one > after)[:100]
        return httpx.Response(200, json=[said(one, channel) for one in reversed(found)])


def said(number: int, channel: str) -> dict[str, Any]:
    author = {"id": "11", "username": "rosa"}
    when = "2026-03-02T12:01:00+00:00"
    return {"id": str(number), "channel_id": channel, "type": 0, "content": "hi", "timestamp": when, "author": author}


def passed(
    server: Callable[[httpx.Request], httpx.Response], cursor: str | None, now: datetime = NOW
) -> tuple[list[PlatformEvent], str | None]:
    client = httpx.Client(transport=httpx.MockTransport(server))
    events: list[PlatformEvent] = []
    for page in poll(client, PollOptions(source="main", base_url=URL, now=now, secrets=("t",)), cursor):
        events += page.events
        cursor = page.cursor
    return events, cursor


def numbers(events: list[PlatformEvent]) -> list[int]:
    return [int(json.loads(event.payload)["message"]["id"]) for event in events]


def test_the_first_pass_marks_the_moment_and_the_next_ones_read_what_is_new():
    server = Server()
    server.messages["910"] = [message_id(-5)]
    events, cursor = passed(server, None)
    assert events == []
    server.messages["910"] += [message_id(each) for each in range(1, 251)]
    server.messages["1001"] = [message_id(-9), message_id(300)]
    events, cursor = passed(server, cursor)
    assert numbers(events) == [message_id(each) for each in (*range(1, 251), 300)]
    server.asked.clear()
    assert passed(server, cursor)[0] == []
    assert not any("messages" in path for path in server.asked), "nothing new costs two requests"


def test_a_channel_that_everybody_may_not_view_is_not_read_and_one_that_the_bot_may_not_read_stops_nothing():
    server = Server()
    _, cursor = passed(server, None)
    server.messages |= {"940": [message_id(1)], "950": [message_id(2)], "910": [message_id(3)]}
    events, cursor = passed(server, cursor)
    assert numbers(events) == [message_id(3)]
    assert not any("/940/" in path for path in server.asked)


def test_after_a_long_outage_archived_threads_are_read_too():
    server = Server()
    _, cursor = passed(server, None)
    server.archived, server.messages["1002"] = ["1002"], [message_id(7)]
    assert passed(server, cursor, NOW + timedelta(minutes=5))[0] == []
    assert numbers(passed(server, cursor, NOW + timedelta(days=7))[0]) == [message_id(7)]


def test_a_pass_that_breaks_off_goes_on_behind_the_last_page():
    server = Server()
    _, cursor = passed(server, None)
    server.messages["910"] = [message_id(each) for each in range(1, 251)]
    client = httpx.Client(transport=httpx.MockTransport(server))
    pages = poll(client, PollOptions(source="main", base_url=URL, now=NOW, secrets=("t",)), cursor)
    first = next(pages)
    assert numbers(list(first.events)) + numbers(passed(server, first.cursor)[0]) == server.messages["910"]


@pytest.mark.parametrize("answer", ["{}", "no", '[{"id": "x"}]', "[1]"])
def test_an_answer_of_another_form_is_an_error(answer):
    with pytest.raises(PollError):
        passed(lambda _: httpx.Response(200, text=answer), None)


def test_a_message_is_the_same_interaction_through_poll_and_gateway():
    server = Server()
    _, cursor = passed(server, None)
    server.messages["1001"] = [message_id(1)]
    (event,), _ = passed(server, cursor)
    context = everything_belongs_to_the_gardeners()
    raw = {"type": event.type, "source": "poll/discord/main", "tenant": event.tenant, "payload_text": event.payload.decode()}
    (polled,) = outcome_of(raw, context).interactions
    live = {"op": 0, "t": "MESSAGE_CREATE", "d": {**said(message_id(1), "1001"), "guild_id": "900"}, "parent_id": "910"}
    (other,) = outcome_of({"type": "discord.event", "source": "emit/discord/main", "payload": live}, context).interactions
    assert polled.model_dump(exclude={"raw"}) == other.model_dump(exclude={"raw"})
    assert polled.space == "910"
