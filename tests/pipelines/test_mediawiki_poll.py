"""Polling MediaWiki's API: nothing missed at equal times or late commits, expired cursors, strange answers, one event id."""

import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.communities import Communities, Community, SpaceRule
from events.outcome import Reason
from events.raw import RawEvent
from pipelines.connector import CursorExpired, Page, PlatformBusy, PlatformEvent, PollError, PollOptions
from pipelines.platforms import PLATFORMS
from pipelines.platforms.mediawiki.api import API_CHANGE, API_LOG
from pipelines.platforms.mediawiki.export import RECENT_CHANGE
from pipelines.platforms.mediawiki.poll import Cursor, poll
from pipelines.understand.understand import Context, understand
from tests.pipelines.wiki_api import START, URL, WikiApi, text_of

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
FIXTURES = Path(__file__).parents[1] / "fixtures" / "mediawiki"


def options(**more) -> PollOptions:
    return PollOptions(source="wiki", base_url=URL, now=START, **more)


def passed(api: WikiApi, cursor: str | None = None, **more) -> tuple[list[str], str]:
    """The ids of a pass, and its last cursor."""
    pages = list(poll(api.client(), options(**more), cursor))
    return [event.id for page in pages for event in page.events], pages[-1].cursor


def test_the_first_pass_reads_what_the_wiki_has_and_the_second_nothing_new():
    api = WikiApi(limit=2)
    for number in range(5):
        api.edit(START + number * SECOND)
    api.now = START + DAY
    ids, cursor = passed(api)
    assert ids == ["rev:1", "rev:2", "rev:3", "rev:4", "rev:5"]
    assert passed(api, cursor)[0] == []
    api.edit(START + DAY)
    assert passed(api, cursor)[0] == ["rev:6"]


def test_changes_of_one_second_on_both_sides_of_a_page_are_read_once_each():
    api = WikiApi(limit=2)
    for _ in range(5):
        api.edit(START)
    ids, cursor = passed(api)
    assert ids == [f"rev:{number}" for number in range(1, 6)]
    api.edit(START)
    assert passed(api, cursor)[0] == ["rev:6"]


def test_a_pass_that_was_killed_behind_its_first_page_goes_on_from_there():
    api = WikiApi(limit=2)
    for _ in range(5):
        api.edit(START)
    first = next(poll(api.client(), options(), None))
    assert [event.id for event in first.events] == ["rev:1", "rev:2"]
    assert passed(api, first.cursor)[0] == ["rev:3", "rev:4", "rev:5"]


def test_a_change_that_the_wiki_commits_late_is_read_all_the_same():
    api = WikiApi()
    api.edit(START + 60 * SECOND, number=2)
    _, cursor = passed(api)
    api.edit(START, number=1)
    assert passed(api, cursor)[0] == ["rev:1"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=30), st.integers(1, 7), st.lists(st.integers(0, 30), max_size=4))
def test_whatever_the_pages_and_the_stops_every_change_is_read_once(seconds, limit, stops):
    api = WikiApi(limit)
    for second in sorted(seconds):
        api.edit(START + second * SECOND)
    found: list[str] = []
    cursor = None
    for stop in [*stops, None]:
        for number, page in enumerate(poll(api.client(), options(), cursor)):
            if number == stop:
                break
            found += [event.id for event in page.events]
            cursor = page.cursor
    assert sorted(found) == sorted(f"rev:{number}" for number in range(1, len(seconds) + 1))


def test_patrols_come_from_the_log_for_recent_changes_do_not_have_them():
    api = WikiApi()
    api.edit(START)
    api.patrol(START - DAY, 3)
    api.patrol(START - 200 * DAY, 1)
    ids, cursor = passed(api)
    assert ids == ["rev:1", "log:3"], "the first pass goes back 90 days"
    api.patrol(START, 4)
    assert passed(api, cursor)[0] == ["log:4"]


def test_the_tenant_is_the_name_by_which_the_feeds_call_the_wiki_unless_the_settings_name_one():
    api = WikiApi()
    api.edit(START)
    tenants = [next(poll(api.client(), options(**more), None)).events[0].tenant for more in ({}, {"tenant": "garden"})]
    assert tenants == ["wiki.garden.example", "garden"]


def test_a_token_travels_as_a_bearer():
    api = WikiApi()
    passed(api, secrets=("new", "old"))
    assert {request.headers["authorization"] for request in api.requests} == {"Bearer new"}


# --- expired cursors

LONG_AGO = START - 100 * DAY


def expired_wiki(*, first_left: int) -> tuple[WikiApi, str]:
    """A wiki whose first change was read long ago and is purged; the first that is left has this number."""
    api = WikiApi()
    api.now = LONG_AGO + SECOND
    api.edit(LONG_AGO, number=1)
    _, cursor = passed(api)
    api.changes.clear()
    api.edit(START - DAY, number=first_left)
    api.now = START
    return api, cursor


def test_a_cursor_has_expired_when_changes_behind_it_are_gone():
    api, cursor = expired_wiki(first_left=40)
    with pytest.raises(CursorExpired) as raised:
        passed(api, cursor)
    assert raised.value.resume is None


def test_a_cursor_has_not_expired_when_the_next_change_directly_follows_it():
    api, cursor = expired_wiki(first_left=2)
    assert passed(api, cursor)[0] == ["rev:2"]


def test_a_cursor_has_not_expired_when_its_own_page_was_deleted_and_older_changes_are_left():
    api, cursor = expired_wiki(first_left=40)
    api.edit(LONG_AGO - DAY, number=30)
    assert passed(api, cursor)[0] == ["rev:40"]


def test_a_cursor_has_not_expired_when_its_change_is_still_there():
    api, cursor = expired_wiki(first_left=40)
    api.edit(LONG_AGO, number=1)
    assert passed(api, cursor)[0] == ["rev:40"]


def test_a_quiet_wiki_that_is_asked_every_day_has_no_gap_although_its_changes_are_purged():
    api, cursor = expired_wiki(first_left=40)
    left, api.changes = api.changes, []
    for day in range(100, 0, -1):
        api.now = START - day * DAY
        _, cursor = passed(api, cursor)
    api.changes, api.now = left, START
    assert passed(api, cursor)[0] == ["rev:40"]


def test_a_cursor_that_cannot_be_read_starts_again():
    api = WikiApi()
    api.edit(START)
    for broken in ("", "{", "[]", '{"changes": 7}', '{"changes": {"at": "yesterday"}}'):
        assert passed(api, broken)[0] == ["rev:1"]


def test_a_cursor_is_read_as_it_was_written():
    api = WikiApi()
    api.edit(START)
    api.patrol(START, 2)
    _, cursor = passed(api)
    assert Cursor.read(cursor).text() == cursor


# --- answers that are none


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<html>maintenance</html>", "JSON"),
        ('{"query": {"recentchanges": [', "JSON"),
        ("[]", "no answer"),
        ('{"query": []}', "no answer"),
        ('{"query": {}}', "name its server"),
        ('{"error": {"code": "badvalue", "info": "Unrecognized value for Ines"}}', "badvalue"),
    ],
)
def test_an_answer_of_another_form_is_an_error_in_three_parts(body, why):
    api = WikiApi()
    api.answers = [httpx.Response(200, text=body)]
    with pytest.raises(PollError, match=why) as raised:
        passed(api)
    assert raised.value.todo
    assert "Ines" not in str(raised.value)


@pytest.mark.parametrize("entry", ["{}", "7", '{"timestamp": "yesterday", "rcid": 1}', '{"timestamp": "2026-03-02T12:00:00Z"}'])
def test_an_entry_without_number_or_time_is_an_error(entry):
    api = WikiApi()
    api.answers = [
        httpx.Response(200, text=json.dumps({"curtimestamp": text_of(START)} | {"query": {"general": {"servername": "g"}}})),
        httpx.Response(200, text=f'{{"query": {{"recentchanges": [{entry}]}}}}'),
    ]
    with pytest.raises(PollError):
        passed(api)


def test_a_wiki_that_lags_asks_to_come_back_later():
    api = WikiApi()
    body = '{"error": {"code": "maxlag", "info": "Waiting", "lag": 7}}'
    api.answers = [httpx.Response(200, text=body, headers={"retry-after": "5"})]
    with pytest.raises(PlatformBusy) as raised:
        passed(api)
    assert (raised.value.reason, raised.value.retry_after) == ("maxlag", "5")


def test_a_list_that_continues_without_an_end_is_an_error():
    api = WikiApi()
    stuck = json.dumps({"query": {"recentchanges": []}, "continue": {"rccontinue": "1|1"}})
    _, cursor = passed(api)
    api.answers = [
        httpx.Response(200, text=json.dumps({"curtimestamp": text_of(START)} | {"query": {"general": {"servername": "g"}}})),
        httpx.Response(200, text=stuck),
        httpx.Response(200, text=stuck),
    ]
    with pytest.raises(PollError, match="without an end"):
        passed(api, cursor)


# --- one event, whichever way it comes


def context() -> Context:
    rule = SpaceRule(platform="mediawiki", workspace="*", spaces=("*",))
    community = Community(slug="gardeners", title="Gardeners", space=(rule,))
    return Context(key=b"a key for tests only", communities=Communities({"gardeners": community}), platforms=PLATFORMS)


def understood(raw_type: str, payload: bytes, tenant: str | None):
    raw = RawEvent(
        id="1", sender="/x", type=raw_type, source="poll/mediawiki/main", received_at=START, payload=payload, tenant=tenant
    )
    return understand(raw.payload, raw.headers(), 0, 7, context())


FEED = {"server_name": "wiki.garden.example", "server_url": "https://wiki.garden.example", "wiki": "garden", "bot": False}
EDIT_FEED = FEED | {
    "id": 9,
    "type": "edit",
    "namespace": 1,
    "title": "Talk:Pears",
    "comment": "/* Wax */ which?",
    "timestamp": int(START.timestamp()),
    "user": "Ines",
    "minor": False,
    "length": {"old": 10, "new": 30},
    "revision": {"old": 4, "new": 5},
}
EDIT_API = {
    "type": "edit",
    "ns": 1,
    "title": "Talk:Pears",
    "pageid": 3,
    "revid": 5,
    "old_revid": 4,
    "rcid": 9,
    "user": "Ines",
    "bot": False,
    "new": False,
    "minor": False,
    "oldlen": 10,
    "newlen": 30,
    "timestamp": text_of(START),
    "comment": "/* Wax */ which?",
    "tags": [],
}
NEW_FEED = EDIT_FEED | {"type": "new", "length": {"old": None, "new": 30}, "revision": {"old": None, "new": 5}}
NEW_API = EDIT_API | {"type": "new", "old_revid": 0, "oldlen": 0, "new": True}
LOG_FEED = FEED | {
    "namespace": 0,
    "title": "Pears",
    "comment": "",
    "timestamp": int(START.timestamp()),
    "user": "Rosa",
    "type": "log",
}
LOG_API = {"type": "log", "ns": 0, "title": "Pears", "pageid": 3, "revid": 9, "old_revid": 0, "rcid": 11, "user": "Rosa"} | {
    "oldlen": 0,
    "newlen": 0,
    "timestamp": text_of(START),
    "comment": "",
    "tags": [],
}


def log_pair(kind: str, action: str, feed_params: object, api_params: object) -> tuple[dict, str, dict]:
    feed = LOG_FEED | {"id": 11, "log_id": 7, "log_type": kind, "log_action": action, "log_params": feed_params}
    return feed, API_CHANGE, LOG_API | {"logid": 7, "logtype": kind, "logaction": action, "logparams": api_params}


PATROL_FEED = LOG_FEED | {
    "id": None,
    "log_id": 6,
    "log_type": "patrol",
    "log_action": "patrol",
    "log_params": {"curid": "5", "auto": 0},
}
PATROL_API = {"logid": 6, "ns": 0, "title": "Pears", "pageid": 3, "logpage": 3, "params": {"curid": 5, "auto": False}} | {
    "type": "patrol",
    "action": "patrol",
    "user": "Rosa",
    "timestamp": text_of(START),
    "comment": "",
    "tags": [],
}
PAIRS = {
    "an edit": (EDIT_FEED, API_CHANGE, EDIT_API),
    "a new page": (NEW_FEED, API_CHANGE, NEW_API),
    "an edit by a bot": (EDIT_FEED | {"bot": True}, API_CHANGE, EDIT_API | {"bot": True}),
    "an edit by an address": (EDIT_FEED | {"user": "127.0.0.1"}, API_CHANGE, EDIT_API | {"user": "127.0.0.1", "anon": True}),
    "an edit by a temporary account": (
        EDIT_FEED | {"user": "~2026-7"},
        API_CHANGE,
        EDIT_API | {"user": "~2026-7", "temp": True},
    ),
    "a minor edit": (EDIT_FEED | {"minor": True}, API_CHANGE, EDIT_API | {"minor": True}),
    "a revert by its tag": (EDIT_FEED | {"tags": ["mw-rollback"]}, API_CHANGE, EDIT_API | {"tags": ["mw-rollback"]}),
    "a move": log_pair("move", "move", {"target": "Quinces", "noredir": "0"}, {"target_ns": 0, "target_title": "Quinces"}),
    "a deletion": log_pair("delete", "delete", [], {}),
    "an upload": log_pair("upload", "upload", {"img_sha1": "g5"}, {"img_sha1": "g5"}),
    "an account": log_pair("newusers", "create", {"userid": 3}, {"userid": 3}),
    "a redirect deleted by a move": log_pair("delete", "delete_redir", [], {}),
    "a patrol": (PATROL_FEED, API_LOG, PATROL_API),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_action_by_feed_and_by_poll_is_the_same_interaction(name):
    feed, raw_type, entry = PAIRS[name]
    by_feed = understood(RECENT_CHANGE, json.dumps(feed).encode(), None)
    by_poll = understood(raw_type, json.dumps(entry).encode(), "wiki.garden.example")
    assert (by_poll.record.verdict, by_poll.record.reason) == (by_feed.record.verdict, by_feed.record.reason), (
        by_poll.record.detail
    )
    assert [one.model_dump() for one in by_poll.interactions] == [one.model_dump() for one in by_feed.interactions]
    assert by_poll.accounts == by_feed.accounts
    assert by_feed.interactions or name == "a redirect deleted by a move"


@pytest.mark.parametrize(
    "hidden", [{"userhidden": True}, {"userhidden": True, "user": "Ines"}, {"actionhidden": True}, {"suppressed": True}]
)
def test_what_the_wiki_hides_is_suppressed(hidden):
    entry = {name: value for name, value in EDIT_API.items() if name != "user"} | hidden
    record = understood(API_CHANGE, json.dumps(entry).encode(), "wiki.garden.example").record
    assert (record.verdict, record.reason) == ("ignored", Reason.SUPPRESSED)


def test_a_hidden_summary_hides_nothing_else():
    entry = {name: value for name, value in EDIT_API.items() if name != "comment"} | {"commenthidden": True}
    assert len(understood(API_CHANGE, json.dumps(entry).encode(), "wiki.garden.example").interactions) == 1


def test_the_payload_is_the_entry_as_the_wiki_lists_it():
    api = WikiApi()
    api.edit(START, user="Tomás", comment="größer")
    (event,) = next(poll(api.client(), options(), None)).events
    assert isinstance(event, PlatformEvent)
    assert json.loads(event.payload) == api.changes[0]
    assert (event.type, event.time) == (API_CHANGE, START)


def test_every_page_has_a_cursor_even_without_events():
    pages = list(poll(WikiApi().client(), options(), None))
    assert all(isinstance(page, Page) and page.cursor for page in pages)
