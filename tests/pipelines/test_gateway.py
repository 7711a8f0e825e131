"""The gateway: verified before anything else, yes only once durable, an honest no otherwise."""

import gzip
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from events.interaction import Medium
from events.raw import RawEvent, delivery_id
from events.source import parse
from events.topics import RAW
from pipelines.connector import Accept, Answer, Handshake, Platform, Refuse, Request
from pipelines.ingest import last_seen
from pipelines.ingest.cloudevents import _deeper_than
from pipelines.ingest.gateway import ConfiguredSource, make_app
from pipelines.ingest.http_server import HeaderTimeoutProtocol
from pipelines.ingest.publisher import RawPublisher
from pipelines.ingest.requests import Limits
from pipelines.ingest.spool import Spool

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = "an invented secret"
SKEW_SECONDS = 300


# --- an invented platform


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:
    stamp = str(int(now))
    return {
        "x-quill-time": stamp,
        "x-quill-signature": hmac.digest(secret.encode(), stamp.encode() + body, hashlib.sha256).hex(),
    }


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:
    stamp, given_ = request.headers.get("x-quill-time", ""), request.headers.get("x-quill-signature", "")
    if abs(now - int(stamp)) > SKEW_SECONDS:
        return Refuse("the signature is too old")
    expected = [hmac.digest(s.encode(), stamp.encode() + request.body, hashlib.sha256).hex() for s in secrets]
    if not any(hmac.compare_digest(one, given_) for one in expected):
        return Refuse("the signature does not match")
    if request.body == b"ping":
        return Answer(b"pong", "text/plain")
    return Accept(type="quill.note", answer=b'{"ok":true}')


def platform(slug: str, *, emits: bool) -> Platform:
    return Platform(
        slug=slug,
        title="Quill",
        medium=Medium.CHAT,
        reference="https://quill.example",
        setup=("none",),
        reads=(),
        does_not_read=(),
        version=1,
        normalise=lambda _: iter([Handshake()]),
        verify=verify,
        sign=sign,
        emits=emits,
    )


PLATFORMS = {"quill": platform("quill", emits=True), "mute": platform("mute", emits=False)}
SOURCES = (
    ConfiguredSource(source=parse("webhook/quill/main"), secrets=("old", SECRET)),
    ConfiguredSource(source=parse("webhook/quill/wiki"), secrets=(SECRET,), tenant="T9"),
)


# --- a Kafka that does as it is told


class StandInKafka:
    """What the publisher asks of librdkafka's producer."""

    def __init__(self) -> None:
        self.mode = "up"
        """up, down (nothing answers), hanging (questions answered, nothing acknowledged), failing, full, fatal."""
        self.records: list[RawEvent] = []
        self.made = 0
        self.fatal = False
        self._lock = threading.Lock()
        self._reports: list = []

    def make(self) -> "StandInKafka":
        self.made += 1
        self.fatal = False
        return self

    def produce(self, topic, *, value, key, headers, on_delivery) -> None:
        assert topic == RAW.name
        if self.mode == "full":
            raise BufferError
        if self.mode == "fatal" or self.fatal:
            self.fatal = True
            raise KafkaException(KafkaError(KafkaError._FATAL, "the sequence is broken", fatal=True))
        event = RawEvent.from_record(value, headers)
        assert key == event.id
        with self._lock:
            self._reports.append((event, on_delivery))

    def poll(self, _) -> None:
        time.sleep(0.002)
        if self.mode not in {"up", "failing"}:
            return
        with self._lock:
            reports, self._reports = self._reports, []
        for event, on_delivery in reports:
            if self.mode == "failing":
                on_delivery(KafkaError(KafkaError._MSG_TIMED_OUT), None)
            else:
                self.records.append(event)
                on_delivery(None, None)

    def list_topics(self, name, timeout):
        if self.mode == "down":
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

        topic = SimpleNamespace(error=None, partitions={0: SimpleNamespace(leader=1)})
        return SimpleNamespace(topics={name: topic})


class House:
    """A running gateway, its Kafka and its spool."""

    def __init__(self, client: TestClient, kafka: StandInKafka, publisher: RawPublisher, folder: Path) -> None:
        self.client, self.kafka, self.publisher, self.folder = client, kafka, publisher, folder

    def hook(self, body: bytes = b'{"n":1}', secret: str = SECRET, at: datetime = NOW, source: str = "main", **more):
        headers = sign(body, secret, at.timestamp()) | more.pop("headers", {})
        return self.client.post(f"/hooks/quill/{source}", content=body, headers=headers, **more)

    def spooled(self) -> int:
        return self.publisher.spool.count()

    def wait_until(self, holds) -> None:
        deadline = time.monotonic() + 5
        while not holds():
            assert time.monotonic() < deadline, "waited five seconds"
            time.sleep(0.01)


@contextmanager
def running(folder: Path, mode: str = "up", *, free_bytes: int = 0, **more) -> Iterator[House]:
    kafka = StandInKafka()
    kafka.mode = mode
    publisher = RawPublisher(
        kafka.make, Spool(folder / "spool", free_bytes=free_bytes), wait_seconds=0.3, probe_seconds=0.05, drain_records=10
    )
    more = {"tokens": (), "reports": None, "limits": Limits(), "client": ("127.0.0.1", 5000)} | more
    client_address = more.pop("client")
    app = make_app(
        more.pop("sources", SOURCES), PLATFORMS, publisher, lambda: NOW, more.pop("limits"), state=folder / "state", **more
    )
    with TestClient(app, base_url="http://127.0.0.1:8080", client=client_address) as client:
        yield House(client, kafka, publisher, folder)


@pytest.fixture
def house(tmp_path):
    with running(tmp_path) as made:
        yield made


def cloud_event(id_: str = "e1", **changes) -> dict[str, object]:
    return {"specversion": "1.0", "id": id_, "source": "/wiki", "type": "quill.note", "data": {"n": 1}} | changes


def post_batch(house: House, events: list, **more):
    return house.client.post(
        "/v1/events", content=json.dumps(events), headers={"content-type": "application/cloudevents-batch+json"}, **more
    )


def post_one(house: House, event: object, **more):
    return house.client.post(
        "/v1/events", content=json.dumps(event), headers={"content-type": "application/cloudevents+json"}, **more
    )


# --- webhooks


def test_a_signed_request_is_answered_as_the_platform_expects_once_kafka_has_it(house):
    body = b'{"n": "\xc3\xa9"} '
    answer = house.hook(body)
    assert (answer.status_code, answer.content) == (200, b'{"ok":true}')
    source = "webhook/quill/main"
    assert house.kafka.records == [
        RawEvent(
            id=delivery_id(source, body), sender=f"/{source}", type="quill.note", source=source, received_at=NOW, payload=body
        )
    ]
    assert house.spooled() == 0


def test_the_tenant_of_a_source_is_what_the_settings_say(house):
    house.hook(source="wiki")
    assert house.kafka.records[0].tenant == "T9"


def test_a_delivery_that_comes_again_has_the_same_id(house):
    house.hook()
    house.hook()
    assert len(house.kafka.records) == 2
    assert len({event.id for event in house.kafka.records}) == 1


def test_either_of_two_secrets_may_have_signed_while_they_change(house):
    assert house.hook(secret="old").status_code == 200


@pytest.mark.parametrize(
    "changed", [{"secret": "wrong"}, {"at": NOW - timedelta(seconds=301)}, {"at": NOW + timedelta(seconds=301)}]
)
def test_a_wrong_or_stale_signature_is_401_and_nothing_enters(house, changed):
    assert house.hook(**changed).status_code == 401
    assert house.kafka.records == []
    assert house.spooled() == 0


def test_a_signature_that_comes_twice_matches_nothing(house):
    body = b"{}"
    signed = sign(body, SECRET, NOW.timestamp())
    headers = [*signed.items(), ("x-quill-signature", signed["x-quill-signature"])]
    assert house.client.post("/hooks/quill/main", content=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "headers", [{}, {"x-quill-time": "soon"}, {"x-quill-time": str(int(NOW.timestamp())), "x-quill-signature": b"\xe9"}]
)
def test_a_check_that_stumbles_refuses_and_is_no_5xx(house, headers):
    assert house.client.post("/hooks/quill/main", content=b"{}", headers=headers).status_code in {400, 401}
    assert house.kafka.records == []


def test_a_handshake_is_answered_and_nothing_is_kept(house):
    assert house.hook(b"ping").content == b"pong"
    assert house.kafka.records == []


@pytest.mark.parametrize("path", ["/hooks/quill/other", "/hooks/other/main", "/hooks/mute/main", "/hooks/quill"])
def test_a_source_that_is_not_configured_is_404(house, path):
    assert house.client.post(path, content=b"{}").status_code == 404


def test_a_source_is_not_opened_by_get(house):
    assert house.client.get("/hooks/quill/main").status_code == 405


def test_a_body_above_the_limit_is_413_and_one_at_the_limit_is_taken(tmp_path):
    with running(tmp_path, limits=Limits(body_bytes=100)) as house:
        assert house.hook(b"." * 100).status_code == 200
        assert house.hook(b"." * 101).status_code == 413
        chunks = iter([b"." * 60, b"." * 60])
        assert house.client.post("/hooks/quill/main", content=chunks).status_code == 413
        assert len(house.kafka.records) == 1


def test_a_compressed_body_is_refused_before_it_is_opened(house):
    bomb = gzip.compress(b"0" * 10_000_000)
    assert house.hook(bomb, headers={"content-encoding": "gzip"}).status_code == 415


# --- CloudEvents


def test_events_belong_to_the_configured_source_and_have_its_tenant_where_they_name_none(tmp_path):
    emitting = ConfiguredSource(source=parse("emit/quill/wiki"), tenant="T9")
    with running(tmp_path, sources=(*SOURCES, emitting)) as house:
        post_one(house, cloud_event())
        post_one(house, cloud_event("e2", tenant="T1"))
        assert [(found.source, found.tenant) for found in house.kafka.records] == [
            ("emit/quill/wiki", "T9"),
            ("emit/quill/wiki", "T1"),
        ]
        post_one(house, cloud_event("e3", type="mute.note"))
    assert set(last_seen.read(tmp_path / "state")["emit/quill/wiki"]) == {"seen_at", "refused_at"}


def test_a_structured_event_is_202_with_its_id(house):
    answer = post_one(house, cloud_event(time="2026-03-02T08:00:00Z", tenant="T1"))
    assert (answer.status_code, answer.json()) == (202, {"ids": ["e1"]})
    assert house.kafka.records == [
        RawEvent(
            id="e1",
            sender="/wiki",
            type="quill.note",
            source="emit/quill/main",
            received_at=NOW,
            payload=b'{"n":1}',
            tenant="T1",
            time=NOW - timedelta(hours=1),
        )
    ]


def test_a_binary_event_keeps_its_body_byte_for_byte(house):
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "e%201",
        "ce-source": "/wiki",
        "ce-type": "quill.note",
        "content-type": "application/json",
    }
    answer = house.client.post("/v1/events", content=b'{ "n":1.0 }\n', headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"ids": ["e 1"]})
    assert house.kafka.records[0].payload == b'{ "n":1.0 }\n'


def test_base64_data_is_taken_as_the_bytes_it_stands_for(house):
    event = cloud_event(data_base64="AP8=")
    del event["data"]
    assert post_one(house, event).status_code == 202
    assert house.kafka.records[0].payload == b"\x00\xff"


def test_text_data_is_taken_as_text(house):
    assert post_one(house, cloud_event(data="12:00 <ada> hi", datacontenttype="text/plain")).status_code == 202
    assert house.kafka.records[0].payload == b"12:00 <ada> hi"


def test_a_batch_is_202_with_all_ids(house):
    answer = post_batch(house, [cloud_event("a"), cloud_event("b")])
    assert (answer.status_code, answer.json()) == (202, {"ids": ["a", "b"]})


def test_a_batch_with_some_bad_events_is_207_with_a_verdict_each(house):
    answer = post_batch(house, [cloud_event("a"), cloud_event("b", type="nobody.note"), 7])
    assert answer.status_code == 207
    assert [(one["id"], one["status"]) for one in answer.json()["events"]] == [
        ("a", "accepted"),
        ("b", "refused"),
        (None, "refused"),
    ]
    assert "quill" in answer.json()["events"][1]["reason"]
    assert [event.id for event in house.kafka.records] == ["a"]


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": ""},
        {"id": 7},
        {"id": "x" * 1025},
        {"id": "a\u0000b"},
        {"specversion": "0.3"},
        {"source": ""},
        {"type": "quill"},
        {"type": "nobody.note"},
        {"type": "mute.note"},
        {"type": ["quill.note"]},
        {"time": "soon"},
        {"time": "2026-03-02T08:00:00"},
        {"time": "0001-01-01T00:00:00+14:00"},
        {"time": 12},
        {"tenant": {"a": 1}},
        {"tenant": "a\nb"},
        {"data": None},
        {"data_base64": "%%%"},
        {"data_base64": 3},
        {"datacontenttype": 3},
        {"Upper": "x"},
    ],
)
def test_an_event_that_is_none_is_400_with_a_reason_that_does_not_quote_it(house, change):
    answer = post_one(house, cloud_event() | change)
    assert answer.status_code == 400
    assert answer.json()["events"][0]["reason"]
    assert house.kafka.records == []


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_an_event_without_a_required_attribute_is_refused_and_none_is_invented(house, missing):
    event = cloud_event()
    del event[missing]
    assert post_one(house, event).status_code == 400


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b"[" * 70 + b"]" * 70, b'"\\ud800"', b"{}", b"null"]
)
def test_a_batch_that_is_no_array_of_json_is_400(house, body):
    answer = house.client.post("/v1/events", content=body, headers={"content-type": "application/cloudevents-batch+json"})
    assert answer.status_code == 400


def test_depth_is_counted_in_nested_values():
    assert not _deeper_than([[1]], 2)
    assert _deeper_than([[[1]]], 2)
    assert _deeper_than({"a": {"b": {"c": 1}}}, 2)
    assert not _deeper_than(1, 0)


def test_an_empty_batch_is_accepted_with_no_ids(house):
    answer = post_batch(house, [])
    assert (answer.status_code, answer.json()) == (202, {"ids": []})


def test_a_batch_above_the_limit_is_413(tmp_path):
    with running(tmp_path, limits=Limits(batch_events=2)) as house:
        assert post_batch(house, [cloud_event("a"), cloud_event("b")]).status_code == 202
        assert post_batch(house, [cloud_event("a"), cloud_event("b"), cloud_event("c")]).status_code == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/cloudevents+xml", ""])
def test_what_is_no_cloudevent_is_415(house, kind):
    assert house.client.post("/v1/events", content=b"{}", headers={"content-type": kind}).status_code == 415


def test_a_community_from_outside_is_not_taken_over(house):
    post_one(house, cloud_event(community="bakers", cecommunity="bakers"))
    headers = {"ce-specversion": "1.0", "ce-id": "e2", "ce-source": "/w", "ce-type": "quill.note", "ce-community": "bakers"}
    house.client.post("/v1/events", content=b"{}", headers=headers)
    assert [event.community for event in house.kafka.records] == [None, None]


def test_without_a_token_only_this_machine_may_send(tmp_path):
    with running(tmp_path, client=("192.0.2.7", 5000)) as house:
        assert post_one(house, cloud_event()).status_code == 401
        assert house.hook().status_code == 200


def test_behind_a_proxy_nobody_is_this_machine(house):
    headers = {"content-type": "application/cloudevents+json", "x-forwarded-for": "127.0.0.1"}
    assert house.client.post("/v1/events", content=json.dumps(cloud_event()), headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer second", 202),
        ("bearer first", 202),
        ("Bearer third", 401),
        ("Basic first", 401),
        ("Bearer", 401),
        ("", 401),
        ("Bearer \u00e9", 401),
    ],
)
def test_with_tokens_a_sender_carries_one(tmp_path, header, status):
    with running(tmp_path, tokens=("first", "second"), client=("192.0.2.7", 5000)) as house:
        headers = {"content-type": "application/cloudevents+json", "authorization": header.encode("latin-1")}
        assert house.client.post("/v1/events", content=json.dumps(cloud_event()), headers=headers).status_code == status


def test_a_webhook_sender_is_given_consent(house):
    answer = house.client.options("/v1/events", headers={"WebHook-Request-Origin": "events.example.org"})
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "events.example.org"
    assert answer.headers["allow"] == "POST"
    assert house.client.options("/v1/events").status_code == 405


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=300),
    kind=st.sampled_from(["application/cloudevents+json", "application/cloudevents-batch+json", "x/y"]),
)
def test_no_body_makes_a_5xx(shared_house, body, kind):
    assert shared_house.client.post("/v1/events", content=body, headers={"content-type": kind}).status_code < 500
    assert (
        shared_house.client.post("/v1/events", content=body, headers={"ce-id": "1", "ce-specversion": "1.0"}).status_code < 500
    )
    assert shared_house.client.post("/hooks/quill/main", content=body, headers={"x-quill-time": kind}).status_code < 500


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.dictionaries(
        st.sampled_from(
            ["id", "source", "type", "time", "tenant", "data", "data_base64", "subject", "datacontenttype", "dataschema"]
        ),
        _json_values,
    )
)
def test_no_attribute_makes_a_5xx(shared_house, changes):
    assert post_one(shared_house, cloud_event() | changes).status_code in {202, 400}


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory):
    with running(tmp_path_factory.mktemp("shared")) as made:
        yield made


# --- durable, or an honest no


@pytest.mark.parametrize("mode", ["down", "hanging", "failing", "full", "fatal"])
def test_whatever_ails_kafka_the_sender_hears_yes_because_the_spool_has_it(tmp_path, mode):
    with running(tmp_path) as house:
        house.kafka.mode = mode
        started = time.monotonic()
        assert house.hook().status_code == 200
        assert time.monotonic() - started < 1
        assert house.spooled() == 1
        house.kafka.mode = "up"
        house.wait_until(lambda: house.spooled() == 0)
        ids = {event.id for event in house.kafka.records}
        assert ids == {delivery_id("webhook/quill/main", b'{"n":1}')}


def test_the_gateway_starts_and_accepts_while_kafka_is_down_and_drains_when_it_comes(tmp_path):
    with running(tmp_path, "down") as house:
        for n in range(25):
            assert house.hook(b"%d" % n).status_code == 200
        assert house.spooled() == 25
        assert not house.kafka.records
        house.kafka.mode = "up"
        house.wait_until(lambda: house.spooled() == 0)
        assert sorted(event.payload for event in house.kafka.records) == sorted(b"%d" % n for n in range(25))
        house.wait_until(lambda: house.publisher.healthy)
        house.hook(b"live")
        assert house.publisher.counts.spooled["webhook/quill/main"] == 25


def test_only_the_first_sender_waits_for_a_kafka_that_hangs(tmp_path):
    with running(tmp_path) as house:
        house.kafka.mode = "hanging"
        house.hook(b"first")
        started = time.monotonic()
        for n in range(5):
            house.hook(b"%d" % n)
        assert time.monotonic() - started < 0.3


def test_every_record_of_the_raw_topic_is_accounted_for_when_kafka_answers_too_late(tmp_path):
    with running(tmp_path) as house:
        house.kafka.mode = "hanging"
        house.hook(b"late")
        house.kafka.mode = "up"
        house.wait_until(lambda: house.spooled() == 0 and len(house.kafka.records) >= 2)
        counts, source = house.publisher.counts, "webhook/quill/main"
        house.hook(b"healthy")
        known = counts.acknowledged[source] + counts.drained[source] + counts.late[source]
        assert (counts.acknowledged[source], counts.drained[source]) == (1, 1)
        assert len(house.kafka.records) == known


def test_a_producer_that_lost_its_place_is_made_anew(tmp_path):
    with running(tmp_path) as house:
        house.kafka.mode = "fatal"
        house.hook()
        house.kafka.mode = "up"
        house.wait_until(lambda: house.spooled() == 0)
        assert house.kafka.made >= 2


def test_what_was_spooled_by_an_earlier_process_is_drained_by_the_next(tmp_path):
    with running(tmp_path, "down") as house:
        house.hook()
    with running(tmp_path) as house:
        house.wait_until(lambda: house.spooled() == 0)
        assert [event.payload for event in house.kafka.records] == [b'{"n":1}']


def test_with_kafka_away_and_the_disk_full_the_sender_hears_507_and_nothing_is_kept(tmp_path):
    with running(tmp_path, "down", free_bytes=1 << 60) as house:
        assert house.hook().status_code == 507
        assert post_one(house, cloud_event()).status_code == 507
        assert house.spooled() == 0
        assert house.client.get("/ready").status_code == 503
        house.kafka.mode = "up"
        house.wait_until(lambda: house.publisher.healthy)
        assert house.hook().status_code == 200


def test_the_spool_stays_empty_while_kafka_is_healthy(house):
    for n in range(50):
        house.hook(b"%d" % n)
    assert house.publisher.counts.spooled == {}
    assert house.publisher.counts.acknowledged["webhook/quill/main"] == 50


# --- what a person or a machine may look at


def test_live_and_ready_say_so(house):
    assert house.client.get("/live").status_code == 200
    answer = house.client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"kafka": True, "spooled": 0, "spool_has_room": True})


def test_metrics_count_by_source(house):
    house.hook()
    text = house.client.get("/metrics").text
    assert 'guildhall_gateway_events_acknowledged_total{source="webhook/quill/main"} 1.0\n' in text
    assert "guildhall_gateway_kafka_healthy 1.0\n" in text
    assert "guildhall_gateway_spool_events 0.0\n" in text
    assert text.count("# TYPE") == 9


def test_a_source_is_seen_when_its_request_is_genuine(tmp_path):
    with running(tmp_path) as house:
        house.hook(secret="wrong")
        house.hook(b"ping", source="wiki")
        post_one(house, cloud_event())
    sources = last_seen.read(tmp_path / "state")
    at = "2026-03-02T09:00:00+00:00"
    assert sources == {
        "webhook/quill/main": {"refused_at": at},
        "webhook/quill/wiki": {"handshake_at": at, "seen_at": at},
        "emit/quill/main": {"seen_at": at},
    }


def test_a_later_gateway_reads_what_an_earlier_one_recorded(tmp_path):
    with running(tmp_path) as house:
        house.hook()
    with running(tmp_path) as house:
        house.hook(source="wiki")
    assert set(last_seen.read(tmp_path / "state")) == {"webhook/quill/main", "webhook/quill/wiki"}


def test_an_incomplete_file_of_sources_counts_as_empty(tmp_path):
    (tmp_path / last_seen.FILE).write_text('{"a"')
    assert last_seen.read(tmp_path) == {}


@pytest.fixture
def reports(tmp_path):
    folder = tmp_path / "reports"
    (folder / "bakers").mkdir(parents=True)
    (folder / "bakers" / "2026-02.html").write_text("<p>hello</p>")
    (folder / "notes.db").write_text("secret")
    (tmp_path / "outside.html").write_text("secret")
    return folder


def test_the_reports_are_listed_for_this_machine(tmp_path, reports):
    with running(tmp_path, reports=reports) as house:
        assert 'href="/reports/bakers/2026-02.html"' in house.client.get("/").text
        answer = house.client.get("/reports/bakers/2026-02.html")
        assert answer.text == "<p>hello</p>"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["/reports/notes.db", "/reports/..%2Foutside.html", "/reports/%2Fetc%2Fpasswd", "/reports/none.html", "/reports/bakers"],
)
def test_nothing_but_reports_is_shown(tmp_path, reports, path):
    with running(tmp_path, reports=reports) as house:
        assert house.client.get(path).status_code == 404


@pytest.mark.parametrize("headers", [{"x-forwarded-for": "192.0.2.7"}, {"host": "evil.example"}])
def test_reports_are_not_shown_through_a_proxy_or_another_name(tmp_path, reports, headers):
    with running(tmp_path, reports=reports) as house:
        assert house.client.get("/", headers=headers).status_code == 404


def test_reports_are_not_shown_to_another_machine(tmp_path, reports):
    with running(tmp_path, reports=reports, client=("192.0.2.7", 5000)) as house:
        assert house.client.get("/").status_code == 404


# --- on a socket


@pytest.fixture
def port(tmp_path, monkeypatch):
    monkeypatch.setattr(HeaderTimeoutProtocol, "HEADER_SECONDS", 0.2)
    publisher = RawPublisher(StandInKafka().make, Spool(tmp_path / "spool", free_bytes=0))
    app = make_app(SOURCES, PLATFORMS, publisher, lambda: NOW, Limits(body_seconds=0.2))
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=HeaderTimeoutProtocol, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("said", [b"", b"GET /live HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_connection_whose_headers_do_not_come_is_closed(port, said):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(said)
        assert client.recv(100) == b""


def test_a_body_that_comes_too_slowly_is_408(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"POST /hooks/quill/main HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        assert client.recv(1000).startswith(b"HTTP/1.1 408")


def test_two_requests_on_one_connection_are_both_answered(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        for _ in range(2):
            client.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            time.sleep(0.3)
