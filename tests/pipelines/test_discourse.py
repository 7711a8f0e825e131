"""Discourse's own: the event in a header, topics over REST, the poll without a hole, and the same post through three sources."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.connector import (
    Accept,
    Answer,
    ExportError,
    ImportOptions,
    PlatformEvent,
    PollError,
    PollOptions,
    Refuse,
    Request,
)
from pipelines.platforms.discourse.export import read_topics
from pipelines.platforms.discourse.poll import poll
from pipelines.platforms.discourse.webhook import sign, verify
from tests.pipelines.test_platforms import everything_belongs_to_the_gardeners, outcome_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "an invented secret"
URL = "https://forum.example.org"


def asked(body: bytes = b'{"post":{}}', **headers: str) -> Request:
    return Request(method="POST", path="/hooks/discourse/main", headers={**sign(body, SECRET, 0.0), **headers}, body=body)


def test_the_event_of_the_header_becomes_the_type_and_the_site_the_tenant():
    verdict = verify(asked(**{"x-discourse-event": "post_edited"}), ("", SECRET), 0.0)
    assert verdict == Accept("discourse.post_edited", tenant="forum.example.org")
    assert verify(asked(**{"x-discourse-instance": "http://["}), (SECRET,), 0.0) == Accept("discourse.post_created")


def test_a_ping_is_answered_and_nothing_is_stored():
    assert verify(asked(b'{"ping":"OK"}', **{"x-discourse-event": "ping"}), (SECRET,), 0.0) == Answer(b"{}")


@pytest.mark.parametrize("name", ["", "rest.topic", "Post", "../x", "x" * 80])
def test_an_event_with_an_odd_name_is_refused(name):
    verdict = verify(asked(**{"x-discourse-event": name}), (SECRET,), 0.0)
    assert isinstance(verdict, Refuse)
    assert verdict.status == 400


def test_a_webhook_cannot_pretend_to_be_an_export_of_a_private_message():
    body = json.dumps({"post": post(501) | {"topic_archetype": "private_message"}, "category": 5}).encode()
    verdict = verify(asked(body, **{"x-discourse-event": "rest.topic"}), (SECRET,), 0.0)
    assert isinstance(verdict, Refuse)


def test_a_wrong_signature_is_refused():
    assert isinstance(verify(asked(), ("another",), 0.0), Refuse)
    assert isinstance(verify(asked(**{"x-discourse-event-signature": "sha256=0"}), (SECRET,), 0.0), Refuse)


def post(number: int, **more: Any) -> dict[str, Any]:
    base = {"id": number, "topic_id": 77, "post_number": number - 500, "post_type": 1, "user_id": 11, "username": "rosa"}
    when = {"created_at": "2026-03-02T11:58:00Z", "updated_at": "2026-03-02T11:58:00Z", "version": 1, "hidden": False}
    return {**base, **when, "cooked": "<p>where are the seeds?</p>", "category_id": 5, **more}


def outcomes(events: list[PlatformEvent], source: str) -> list[Any]:
    context = everything_belongs_to_the_gardeners()
    return [
        outcome_of({"type": one.type, "source": source, "tenant": one.tenant, "payload_text": one.payload.decode()}, context)
        for one in events
    ]


# --- topics over REST


def topic(folder: Path, name: str, posts: list[dict[str, Any]], stream: list[int], **head: Any) -> None:
    bare = [
        {key: value for key, value in one.items() if key != "category_id"} | {"display_username": "SENTINEL"} for one in posts
    ]
    found = {"post_stream": {"posts": bare, "stream": stream}, "id": 77, "title": "SENTINEL", **head}
    (folder / name).write_text(json.dumps(found))


def test_posts_beyond_the_first_twenty_come_from_a_file_of_their_own_and_missing_ones_are_named(tmp_path):
    topic(tmp_path, "77.json", [post(501), post(502)], [501, 502, 503, 504], category_id=5, archetype="regular")
    topic(tmp_path, "77-posts.json", [post(503)], [])
    (tmp_path / "site.json").write_text('{"categories": []}')
    left: list[tuple[str, str]] = []
    found = list(read_topics(tmp_path, ImportOptions(tenant="f", left_out=lambda name, why: left.append((name, why)))))
    assert sorted(one.id for one in found) == ["post:501", "post:502", "post:503"]
    assert b"SENTINEL" not in b"".join(one.payload for one in found)
    assert [name for name, _ in left] == ["site.json", "topic 77"]
    assert "1 of its posts" in left[1][1]
    made = [i.space for outcome in outcomes(found, "import/discourse/x") for i in outcome.interactions]
    assert made == ["5", "5", "5"]


def test_a_broken_file_costs_itself_only_and_a_folder_without_topics_is_refused(tmp_path):
    topic(tmp_path, "77.json", [post(501)], [501], category_id=5)
    (tmp_path / "78.json").write_text('{"post_stream": {"posts": [')
    found = list(read_topics(tmp_path, ImportOptions()))
    assert [one.fault is None for one in found] == [True, False]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "site.json").write_text("{}")
    with pytest.raises(ExportError, match="known layout"):
        list(read_topics(tmp_path / "other", ImportOptions()))


# --- the poll


class Site:
    """A site whose /posts.json gives the posts within fifty ids, newest first."""

    def __init__(self, *ids: int) -> None:
        self.ids, self.asked = list(ids), 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        before = int(request.url.params.get("before", max(self.ids)))
        shown = [post(each) for each in sorted(self.ids, reverse=True) if before - 50 < each <= before]
        return httpx.Response(200, json={"latest_posts": shown})


def passed(site: Any, cursor: str | None) -> tuple[list[int], str | None]:
    client = httpx.Client(transport=httpx.MockTransport(site))
    ids: list[int] = []
    for page in poll(client, PollOptions(source="main", base_url=URL, now=NOW), cursor):
        ids += [json.loads(event.payload)["post"]["id"] for event in page.events]
        cursor = page.cursor
    return ids, cursor


def test_the_first_pass_reads_the_newest_page_and_the_next_ones_what_is_new():
    site = Site(501, 505, 540, 551)
    ids, cursor = passed(site, None)
    assert ids == [505, 540, 551]
    assert passed(site, cursor)[0] == []
    site.ids += [550, 552]
    assert passed(site, cursor)[0] == [550, 552], "550 was committed late"


def test_a_long_outage_is_caught_up_without_a_hole_and_without_doubles_from_any_page_on():
    site = Site(501)
    _, start = passed(site, None)
    site.ids += [each for each in range(502, 900) if not 600 < each < 720]
    ids, _ = passed(site, start)
    assert ids == sorted(site.ids)[1:]
    client = httpx.Client(transport=httpx.MockTransport(site))
    pages = list(poll(client, PollOptions(source="main", base_url=URL, now=NOW), start))
    for number, page in enumerate(pages):
        before = [json.loads(event.payload)["post"]["id"] for one in pages[: number + 1] for event in one.events]
        assert before + passed(site, page.cursor)[0] == ids


@pytest.mark.parametrize("answer", ["[]", "{}", "no", '{"latest_posts": [{"id": "x"}]}'])
def test_an_answer_of_another_form_is_an_error(answer):
    with pytest.raises(PollError):
        passed(lambda _: httpx.Response(200, text=answer), None)


def test_a_post_is_the_same_interaction_through_webhook_poll_and_export(tmp_path):
    topic(tmp_path, "77.json", [post(502)], [502], category_id=5, archetype="regular")
    past = list(read_topics(tmp_path, ImportOptions(tenant="forum.example.org")))
    client = httpx.Client(transport=httpx.MockTransport(Site(502)))
    polled = [event for page in poll(client, PollOptions(source="main", base_url=URL, now=NOW), None) for event in page.events]
    live = PlatformEvent(
        id="1", type="discourse.post_created", tenant="forum.example.org", payload=json.dumps({"post": post(502)}).encode()
    )
    found = [
        outcomes([live], "webhook/discourse/main"),
        outcomes(polled, "poll/discourse/main"),
        outcomes(past, "import/discourse/discourse-topics"),
    ]
    made = [outcome.interactions[0].model_dump(exclude={"raw"}) for (outcome,) in found]
    assert made[0] == made[1] == made[2]
