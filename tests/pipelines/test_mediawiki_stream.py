"""Event streams: `Last-Event-ID` as the cursor, bytes cut anywhere, broken connections, canaries, comments, expiry."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from pipelines.connector import CursorExpired, PollError, PollOptions
from pipelines.platforms.mediawiki import stream as module
from pipelines.platforms.mediawiki.poll import poll
from pipelines.platforms.mediawiki.stream import StreamCursor, has_expired
from tests.pipelines.event_stream import EventStream

NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def stream(monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.2)
    with EventStream().served() as served:
        yield served


def passed(stream: EventStream, cursor: str | None, **more) -> tuple[list[str], str | None, Exception | None]:
    """The ids of a pass, the last cursor, and the error that ended it."""
    options = PollOptions(source="wiki", base_url=stream.url, now=more.pop("now", NOW), **more)
    ids: list[str] = []
    with httpx.Client() as client:
        try:
            for page in poll(client, options, cursor):
                ids += [event.id for event in page.events]
                cursor = page.cursor
        except httpx.HTTPError as error:
            return ids, cursor, error
    return ids, cursor, None


def everything(stream: EventStream, cursor: str | None) -> list[str]:
    """What passes read until one is empty, whatever breaks."""
    found: list[str] = []
    while True:
        ids, cursor, error = passed(stream, cursor)
        found += ids
        if not ids and error is None:
            return found


def started(at: datetime = NOW - DAY) -> str:
    return StreamCursor(at).text()


def test_the_first_pass_starts_now_and_the_next_ones_behind_the_last_event(stream):
    stream.add_change(NOW - DAY, 1)
    ids, cursor, _ = passed(stream, None)
    assert ids == []
    stream.add_change(NOW, 2)
    stream.add_change(NOW + SECOND, 3)
    ids, cursor, _ = passed(stream, cursor, now=NOW + 2 * SECOND)
    assert ids == ["rc:2", "rc:3"]
    assert passed(stream, cursor)[0] == []
    first, second, third = stream.connections
    assert first == second == {"last-event-id": "", "since": "2026-03-02T12:00:00Z"}
    assert json.loads(third["last-event-id"])[0]["offset"] == 2


def test_a_pass_ends_when_it_has_caught_up_with_its_start_although_events_go_on(stream):
    for number in range(1, 6):
        stream.add_change(NOW + (number - 3) * SECOND, number)
    ids, cursor, _ = passed(stream, started())
    assert ids == ["rc:1", "rc:2", "rc:3"]
    assert passed(stream, cursor, now=NOW + DAY)[0] == ["rc:4", "rc:5"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_bytes_may_be_cut_anywhere(stream, size):
    stream.chunk = size
    stream.add_change(NOW - SECOND, 1, user="Tomás", comment="line\u2028separator and größer")
    stream.add_change(NOW - SECOND, 2)
    assert passed(stream, started())[0] == ["rc:1", "rc:2"]


def test_a_connection_that_breaks_in_the_middle_of_an_event_loses_and_repeats_nothing(stream):
    for number in range(1, 9):
        stream.add_change(NOW - SECOND, number)
    stream.break_after = [3, 0, 2]
    ids, cursor, error = passed(stream, started())
    assert (ids, type(error)) == (["rc:1", "rc:2", "rc:3"], httpx.RemoteProtocolError)
    assert everything(stream, cursor) == [f"rc:{number}" for number in range(4, 9)]


def test_a_stream_that_the_server_closes_is_continued(stream):
    stream.close_at_end = True
    stream.add_change(NOW - SECOND, 1)
    ids, cursor, error = passed(stream, started())
    assert (ids, error) == (["rc:1"], None)
    stream.add_change(NOW - SECOND, 2)
    assert passed(stream, cursor)[0] == ["rc:2"]


def test_comments_keep_a_connection_alive_but_do_not_keep_a_pass_going(stream):
    stream.heartbeat_seconds = 0.01
    assert passed(stream, started())[0] == []


def test_a_silent_server_ends_a_pass_without_an_error(stream):
    stream.heartbeat_seconds = 2.0
    stream.add_change(NOW - SECOND, 1)
    assert passed(stream, started())[::2] == (["rc:1"], None)


def test_canaries_are_dropped_and_move_the_cursor(stream):
    stream.add_change(NOW - SECOND, 1, domain="canary")
    ids, cursor, _ = passed(stream, started())
    assert ids == []
    assert json.loads(StreamCursor.read(cursor, NOW).last)[0]["offset"] == 0


def test_with_a_tenant_only_the_changes_of_that_wiki_are_kept(stream):
    stream.add_change(NOW - SECOND, 1)
    stream.add_change(NOW - SECOND, 2, domain="elsewhere.example")
    assert passed(stream, started(), tenant="elsewhere.example")[0] == ["rc:2"]


def test_a_patrol_whose_id_is_null_is_kept_by_the_number_of_its_log_entry(stream):
    stream.add_change(NOW - SECOND, 1, id=None, type="log", log_id=6, log_type="patrol", log_action="patrol")
    assert passed(stream, started())[0] == ["log:6"]


def test_data_that_is_no_json_is_passed_on_and_the_events_behind_it_too(stream):
    stream.add('{"half')
    stream.add_change(NOW - SECOND, 2)
    ids, _, _ = passed(
        stream, StreamCursor(NOW - DAY, json.dumps([{"topic": "eqiad.mediawiki.recentchange", "offset": -1}])).text()
    )
    assert len(ids) == 2
    assert ids[1] == "rc:2"


def test_many_events_become_pages_whose_cursors_can_be_continued(stream, monkeypatch):
    monkeypatch.setattr(module, "MAX_EVENTS", 4)
    for number in range(1, 11):
        stream.add_change(NOW - SECOND, number)
    options = PollOptions(source="wiki", base_url=stream.url, now=NOW)
    with httpx.Client() as client:
        pages = list(poll(client, options, started()))
    assert [len(page.events) for page in pages] == [4, 4, 2]
    assert passed(stream, pages[0].cursor)[0] == [f"rc:{number}" for number in range(5, 11)]


def test_an_address_that_is_no_stream_is_an_error_in_three_parts(stream):
    stream.content_type = "text/html"
    with pytest.raises(PollError, match="no event stream"):
        passed(stream, None)


def test_a_status_of_the_server_reaches_the_poller(stream):
    stream.status = 429
    assert isinstance(passed(stream, None)[2], httpx.HTTPStatusError)


def test_an_expired_cursor_is_reported_once_and_read_on_from_what_is_left(stream):
    stream.add_change(NOW - 10 * DAY, 1)
    _, cursor, _ = passed(stream, started(NOW - 11 * DAY))
    stream.events.clear()
    for offset in (50, 51):
        stream.add_change(NOW - DAY, offset)
        stream.events[-1] = (offset, stream.events[-1][1])
    with pytest.raises(CursorExpired) as raised:
        passed(stream, cursor)
    assert passed(stream, raised.value.resume)[0] == ["rc:50", "rc:51"]


@pytest.mark.parametrize(
    ("last", "event", "days", "expired"),
    [
        (41, 42, 10, False),
        (41, 43, 10, True),
        (41, 43, 6, False),
        (41, 42, 1, False),
    ],
    ids=["the next offset", "a hole and a week", "a hole that canaries explain", "neither"],
)
def test_a_cursor_has_expired_only_with_a_hole_and_after_a_week(last, event, days, expired):
    def place(offset):
        return json.dumps([{"topic": "a", "partition": 0, "offset": offset}, {"topic": "b", "partition": 0, "offset": -1}])

    assert has_expired(StreamCursor(NOW - days * DAY, place(last)), place(event), NOW) is expired


@pytest.mark.parametrize("broken", ["", "{", "[]", "7", '{"at": "yesterday", "last": null, "known_gap": false}'])
def test_a_cursor_that_cannot_be_read_starts_now(broken):
    assert StreamCursor.read(broken, NOW) == StreamCursor(NOW)
