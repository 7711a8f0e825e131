"""The poller: cursors behind acknowledgements, retries as the platform asks, gaps, sources that fail or hang."""

import json
import socket
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import stamina

from events.errors import GuildhallError
from events.limits import MAX_BODY_BYTES
from pipelines.connector import CursorExpired, Page, PlatformBusy, PlatformEvent, PollError
from pipelines.ingest import cursors as cursor_file
from pipelines.ingest import last_seen
from pipelines.ingest.bulk_publisher import PublishError
from pipelines.ingest.cursors import Cursors, Gap
from pipelines.ingest.http_limits import AnswerTooLargeError, BoundedTransport, pause_of
from pipelines.ingest.last_seen import LastSeen
from pipelines.ingest.poller import PolledSource, Poller, explained
from pipelines.platforms import PLATFORMS
from tests.pipelines.wiki_api import START, URL, WikiApi

NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
REFUSED = PublishError("Not everything reached Kafka.", "It reports: _TIMED_OUT (1).", "See that Kafka is up.")


@pytest.fixture(autouse=True)
def _no_pauses():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


class Kafka:
    """Acknowledges what is published, or refuses the batches whose numbers (from 0) a test names."""

    def __init__(self) -> None:
        self.batches = 0
        self.refused: set[int] = set()
        self.events: list = []
        self.at_publish = lambda: None

    def __call__(self, events) -> None:
        number, self.batches = self.batches, self.batches + 1
        self.at_publish()
        if number in self.refused:
            raise REFUSED
        self.events += events


class World:
    """A poller over a folder, a Kafka and a clock that tests set."""

    def __init__(self, folder) -> None:
        self.folder, self.kafka, self.now = folder, Kafka(), NOW
        self.file = folder / "poller.db"
        self.make_client = httpx.Client
        self.cursors = Cursors(self.file)

    def poller(self) -> Poller:
        seen = LastSeen(self.folder, last_seen.POLLER_FILE)
        return Poller(self.kafka, self.cursors, seen, self.client, lambda: self.now)

    def client(self) -> httpx.Client:
        return self.make_client()

    def progress(self, source):
        return cursor_file.read(self.file)[source.address]

    def ids(self) -> list[str]:
        return [json.loads(event.payload)["id"] for event in self.kafka.events]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.cursors.close()


def event(number: int) -> PlatformEvent:
    return PlatformEvent(
        id=str(number), type="mediawiki.recentchange", payload=json.dumps({"id": str(number)}).encode(), tenant="t"
    )


def numbers(total: int, size: int = 2):
    """A platform whose events are numbers, in pages; the cursor is the number of the last."""

    def poll(client, options, cursor):
        for begin in range(int(cursor or 0), total, size):
            end = min(begin + size, total)
            yield Page(tuple(event(number) for number in range(begin + 1, end + 1)), str(end))

    return poll


def source(poll, name: str = "main", **more) -> PolledSource:
    platform = replace(PLATFORMS["mediawiki"], poll=poll)
    made = PolledSource(
        name=name, address=f"poll/mediawiki/{name}", platform=platform, url="https://wiki.example/api.php", every_seconds=60
    )
    return replace(made, **more)


# --- the cursor


def test_a_pass_publishes_every_page_and_the_next_one_only_what_is_new(world):
    one = source(numbers(5))
    done = world.poller().run_pass(one)
    assert (done.events, done.pages, done.failure) == (5, 3, None)
    assert world.ids() == ["1", "2", "3", "4", "5"]
    assert world.poller().run_pass(source(numbers(6))).events == 1
    assert world.ids()[5:] == ["6"]


def test_the_cursor_moves_only_after_kafka_has_acknowledged_the_page(world):
    one = source(numbers(5))
    cursors: list[str | None] = []
    world.kafka.at_publish = lambda: cursors.append(world.cursors.cursor(one.address, one.url))
    world.kafka.refused = {1}
    done = world.poller().run_pass(one)
    assert cursors == [None, "2"]
    assert world.progress(one).cursor == "2"
    assert "Kafka" in done.failure.why
    assert world.poller().run_pass(one).failure is None
    assert world.ids() == ["1", "2", "3", "4", "5"]


def test_a_source_with_another_url_starts_again(world):
    one = source(numbers(2))
    world.poller().run_pass(one)
    world.poller().run_pass(replace(one, url="https://other.example/api.php"))
    assert world.ids() == ["1", "2", "1", "2"]


def test_the_same_event_polled_twice_has_the_same_raw_id_and_says_where_it_is_from(world):
    for number in range(2):
        world.poller().run_pass(source(numbers(1), url=f"https://{number}.example"))
    first, second = world.kafka.events
    assert first.id == second.id
    assert (first.source, first.sender, first.tenant, first.received_at) == (
        "poll/mediawiki/main",
        "/poll/mediawiki/main",
        "t",
        NOW,
    )


def test_an_event_that_kafka_would_never_take_is_cut_instead_of_stopping_the_source(world):
    def poll(client, options, cursor):
        yield Page((PlatformEvent(id="1", type="mediawiki.x", payload=b"x" * (5 << 20), tenant="t"),), "1")

    assert world.poller().run_pass(source(poll)).failure is None
    assert len(world.kafka.events[0].payload) == MAX_BODY_BYTES


# --- signs of life


def test_an_answer_without_events_is_a_sign_of_life(world):
    one = source(lambda client, options, cursor: iter(()))
    world.poller().run_pass(one)
    assert last_seen.read(world.folder)[one.address] == {"seen_at": "2026-03-02T12:00:00+00:00"}
    assert world.progress(one).answered_at == NOW


def test_a_platform_that_does_not_answer_gives_no_sign_of_life(world):
    one = source(failing(httpx.ConnectError("refused")))
    world.poller().run_pass(one)
    assert last_seen.read(world.folder) == {}
    assert world.progress(one).answered_at is None


def test_what_the_gateway_and_the_poller_have_seen_is_read_together(tmp_path):
    gateway, poller = LastSeen(tmp_path), LastSeen(tmp_path, last_seen.POLLER_FILE)
    gateway.note("webhook/slack/main", "seen", NOW)
    poller.note("poll/mediawiki/main", "seen", NOW)
    gateway.write()
    poller.write()
    gateway.note("webhook/slack/main", "refused", NOW)
    gateway.write()
    assert set(last_seen.read(tmp_path)) == {"webhook/slack/main", "poll/mediawiki/main"}


# --- gaps


def test_an_expired_cursor_marks_a_gap_and_reads_on_from_what_the_platform_has(world):
    def poll(client, options, cursor):
        if cursor == "2":
            raise CursorExpired
        yield Page((event(7), event(8)), "8")

    one = source(numbers(2))
    world.poller().run_pass(one)
    world.now = NOW + timedelta(days=100)
    done = world.poller().run_pass(replace(one, platform=source(poll).platform))
    assert (done.gap, done.events, done.failure) == (True, 2, None)
    assert world.progress(one).gaps == (Gap(NOW, world.now),)
    assert world.progress(one).cursor == "8"


def test_a_gap_is_marked_once_although_the_pass_behind_it_fails(world):
    broken = [httpx.ConnectError("refused")] * 3

    def poll(client, options, cursor):
        if cursor == "2":
            raise CursorExpired(resume="6")
        if broken:
            raise broken.pop()
        yield Page((event(7),), "7")

    one = source(numbers(2))
    world.poller().run_pass(one)
    after = replace(one, platform=source(poll).platform)
    world.poller().run_pass(after)
    world.poller().run_pass(after)
    assert len(world.progress(one).gaps) == 1
    assert world.ids() == ["1", "2", "7"]


# --- failures


def failing(error: Exception, times: int = 1_000):
    left = [times]

    def poll(client, options, cursor):
        if left[0]:
            left[0] -= 1
            raise error
        yield from numbers(1)(client, options, cursor)

    return poll


def status_error(status: int, **headers: str) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "https://wiki.example/api.php?token=secret")
    return httpx.HTTPStatusError("x", request=request, response=httpx.Response(status, headers=headers, request=request))


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), status_error(503), PlatformBusy("maxlag")])
def test_what_may_pass_is_tried_again_within_the_pass(world, error):
    done = world.poller().run_pass(source(failing(error, times=2)))
    assert (done.events, done.failure) == (1, None)


@pytest.mark.parametrize("error", [status_error(404), status_error(401), PollError("a", "b", "c"), KeyError("Ines")])
def test_what_will_not_pass_is_not_tried_again(world, error):
    done = world.poller().run_pass(source(failing(error, times=1)))
    assert done.failure is not None
    assert done.events == 0


@pytest.mark.parametrize(
    "error",
    [
        status_error(404),
        status_error(429),
        httpx.ConnectError("x"),
        PlatformBusy("maxlag"),
        AnswerTooLargeError("x"),
        KeyError("Ines"),
        REFUSED,
    ],
)
def test_every_failure_has_three_parts_and_no_secret_or_name(world, error):
    found = explained(source(numbers(1), url="https://wiki.example/api.php?token=secret"), error)
    assert isinstance(found, GuildhallError)
    assert all((found.what, found.why, found.todo))
    assert "secret" not in str(found)
    assert "Ines" not in str(found)


def test_a_failure_is_kept_until_a_pass_succeeds(world):
    one = source(failing(status_error(404), times=1))
    world.poller().run_pass(one)
    assert "404" in world.progress(one).failure
    world.poller().run_pass(one)
    assert world.progress(one).failure is None


IN_FORTY_SECONDS = format_datetime(NOW + timedelta(seconds=40), usegmt=True)


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (status_error(429, **{"retry-after": "7"}), 7.0),
        (status_error(503, **{"retry-after": IN_FORTY_SECONDS}), 40.0),
        (status_error(503, **{"retry-after": format_datetime(NOW - timedelta(days=1), usegmt=True)}), True),
        (status_error(503, **{"retry-after": "soon"}), True),
        (status_error(503, **{"retry-after": "-3"}), True),
        (status_error(429), True),
        (PlatformBusy("maxlag", "5"), 5.0),
        (PlatformBusy("ratelimited"), True),
        (httpx.ReadTimeout("x"), True),
        (status_error(403, **{"retry-after": "7"}), False),
        (AnswerTooLargeError("x"), False),
        (ValueError("x"), False),
    ],
)
def test_the_pause_is_the_one_that_the_platform_asks_for(error, pause):
    assert pause_of(error, NOW) == pause


def test_a_long_pause_ends_the_pass_and_the_next_one_waits_for_it(world):
    done = world.poller().run_pass(source(failing(status_error(429, **{"retry-after": "3600"}), times=1)))
    assert (done.wait_seconds, done.events) == (3600.0, 0)


def test_a_broken_source_does_not_stop_the_others(world):
    passes = list(world.poller().run_passes([source(failing(KeyError("x")), "a"), source(numbers(3), "b")]))
    assert [(done.source, done.events, done.failure is None) for done in passes] == [("a", 0, False), ("b", 3, True)]


def test_a_source_that_hangs_does_not_stop_the_others_nor_the_poller(world):
    let_go = threading.Event()

    def hanging(client, options, cursor):
        let_go.wait(30)
        yield from ()

    stop = threading.Event()
    poller = world.poller()
    running = threading.Thread(
        target=poller.run, args=([source(hanging, "a"), source(numbers(3), "b", every_seconds=0.01)], stop)
    )
    running.start()
    until = time.monotonic() + 10
    while len(world.kafka.events) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    stop.set()
    running.join(10)
    assert world.ids() == ["1", "2", "3"]
    assert not running.is_alive()
    assert "poll/mediawiki/a" not in cursor_file.read(world.file)
    let_go.set()
    while "poll/mediawiki/a" not in cursor_file.read(world.file) and time.monotonic() < until:
        time.sleep(0.01)  # its thread comes to its end before the files are closed


def test_a_server_that_accepts_and_never_answers_ends_a_pass_in_time(world):
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        world.make_client = lambda: httpx.Client(timeout=0.1)
        one = source(PLATFORMS["mediawiki"].poll, url=f"http://127.0.0.1:{silent.getsockname()[1]}/api.php")
        done = world.poller().run_pass(one)
    assert "ReadTimeout" in done.failure.why


def test_an_answer_without_an_end_is_broken_off(world):
    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                yield b" " * 1024

    transport = BoundedTransport(httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless())), most_bytes=10_000)
    world.make_client = lambda: httpx.Client(transport=transport)
    done = world.poller().run_pass(source(PLATFORMS["mediawiki"].poll))
    assert "more bytes" in done.failure.why


# --- with the reader of a real platform


def test_a_wiki_is_polled_through_a_flaky_network_and_a_flaky_kafka_without_a_hole(world):
    api = WikiApi(limit=3)
    world.make_client, world.now = api.client, START
    wiki = source(PLATFORMS["mediawiki"].poll, url=URL)
    for number in range(20):
        api.edit(START + timedelta(seconds=number))
    api.answers = [
        httpx.Response(503, headers={"retry-after": "1"}),
        httpx.Response(200, text='{"error": {"code": "maxlag"}}', headers={"retry-after": "5"}),
    ]
    world.kafka.refused = {1, 3}
    failures = [world.poller().run_pass(wiki).failure for _ in range(3)]
    assert [failure is None for failure in failures] == [False, False, True]
    assert sorted({json.loads(event.payload)["rcid"] for event in world.kafka.events}) == list(range(1, 21))
