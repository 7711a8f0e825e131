"""The gateway: each request is verified first, accepted only when it is durable, and otherwise refused."""

import gzip
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from events.interaction import Medium
from events.raw import RawEvent, delivery_id
from events.source import parse
from events.topics import RAW
from pipelines.connector import Accept, Answer, Handshake, Platform, Refuse, Request
from pipelines.ingest import last_seen, seen_ids
from pipelines.ingest.cloudevents import _deeper_than
from pipelines.ingest.gateway import ConfiguredSource, make_app
from pipelines.ingest.publisher import RawPublisher
from pipelines.ingest.requests import Limits
from pipelines.ingest.seen_ids import SeenIds
from pipelines.ingest.spool import Spool

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = "an invented secret"
SKEW_SECONDS = 300
PAGES = {"authorization": "Bearer p"}


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


# --- a Kafka whose behaviour a test sets


class FakeKafka:
    """The part of librdkafka's producer that the publisher uses."""

    def __init__(self) -> None:
        self.mode = "up"
        """up, down (nothing answers), hanging (questions answered, nothing acknowledged), failing, full, fatal."""
        self.records: list[RawEvent] = []
        self.made = 0
        self.fatal = False
        self._lock = threading.Lock()
        self._reports: list = []

    def make(self) -> "FakeKafka":
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


class RunningGateway:
    """A running gateway, its Kafka and its spool."""

    def __init__(self, client: TestClient, kafka: FakeKafka, publisher: RawPublisher, folder: Path) -> None:
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
def running(folder: Path, mode: str = "up", *, free_bytes: int = 0, **more) -> Iterator[RunningGateway]:
    kafka = FakeKafka()
    kafka.mode = mode
    publisher = RawPublisher(
        kafka.make, Spool(folder / "spool", free_bytes=free_bytes), wait_seconds=0.3, probe_seconds=0.05, drain_records=10
    )
    more = {"tokens": ("t",), "pages_tokens": ("p",), "reports": None, "limits": Limits()} | more
    authorization, clock = more.pop("authorization", "Bearer t"), more.pop("clock", lambda: NOW)
    app = make_app(
        more.pop("sources", SOURCES), PLATFORMS, publisher, clock, more.pop("limits"), state=folder / "state", **more
    )
    with TestClient(app, base_url="http://127.0.0.1:8080", client=("127.0.0.1", 5000)) as client:
        client.headers["authorization"] = authorization
        yield RunningGateway(client, kafka, publisher, folder)


@pytest.fixture
def gateway(tmp_path):
    with running(tmp_path) as made:
        yield made


def cloud_event(id_: str = "e1", **changes) -> dict[str, object]:
    return {"specversion": "1.0", "id": id_, "source": "/wiki", "type": "quill.note", "data": {"n": 1}} | changes


def post_batch(gateway: RunningGateway, events: list, **more):
    return gateway.client.post(
        "/v1/events", content=json.dumps(events), headers={"content-type": "application/cloudevents-batch+json"}, **more
    )


def post_one(gateway: RunningGateway, event: object, **more):
    return gateway.client.post(
        "/v1/events", content=json.dumps(event), headers={"content-type": "application/cloudevents+json"}, **more
    )


# --- webhooks


def test_a_signed_request_is_answered_as_the_platform_expects_once_kafka_has_it(gateway):
    body = b'{"n": "\xc3\xa9"} '
    answer = gateway.hook(body)
    assert (answer.status_code, answer.content) == (200, b'{"ok":true}')
    source = "webhook/quill/main"
    assert gateway.kafka.records == [
        RawEvent(
            id=delivery_id(source, body), sender=f"/{source}", type="quill.note", source=source, received_at=NOW, payload=body
        )
    ]
    assert gateway.spooled() == 0


def test_the_tenant_of_a_source_comes_from_the_settings(gateway):
    gateway.hook(source="wiki")
    assert gateway.kafka.records[0].tenant == "T9"


def test_a_delivery_that_comes_again_has_the_same_id(gateway):
    gateway.hook()
    gateway.hook()
    assert len(gateway.kafka.records) == 2
    assert len({event.id for event in gateway.kafka.records}) == 1


def test_either_of_two_secrets_may_have_signed_while_they_change(gateway):
    assert gateway.hook(secret="old").status_code == 200


@pytest.mark.parametrize(
    "changed", [{"secret": "wrong"}, {"at": NOW - timedelta(seconds=301)}, {"at": NOW + timedelta(seconds=301)}]
)
def test_a_wrong_or_stale_signature_is_401_and_nothing_enters(gateway, changed):
    assert gateway.hook(**changed).status_code == 401
    assert gateway.kafka.records == []
    assert gateway.spooled() == 0


def test_a_request_with_two_signatures_is_refused(gateway):
    body = b"{}"
    signed = sign(body, SECRET, NOW.timestamp())
    headers = [*signed.items(), ("x-quill-signature", signed["x-quill-signature"])]
    assert gateway.client.post("/hooks/quill/main", content=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "headers", [{}, {"x-quill-time": "soon"}, {"x-quill-time": str(int(NOW.timestamp())), "x-quill-signature": b"\xe9"}]
)
def test_a_signature_check_that_raises_refuses_the_request(gateway, headers):
    assert gateway.client.post("/hooks/quill/main", content=b"{}", headers=headers).status_code in {400, 401}
    assert gateway.kafka.records == []


def test_a_handshake_is_answered_and_nothing_is_stored(gateway):
    assert gateway.hook(b"ping").content == b"pong"
    assert gateway.kafka.records == []


@pytest.mark.parametrize("path", ["/hooks/quill/other", "/hooks/other/main", "/hooks/mute/main", "/hooks/quill"])
def test_a_source_that_is_not_configured_is_404(gateway, path):
    assert gateway.client.post(path, content=b"{}").status_code == 404


def test_a_source_is_not_opened_by_get(gateway):
    assert gateway.client.get("/hooks/quill/main").status_code == 405


def test_a_body_above_the_limit_is_413_and_one_at_the_limit_is_taken(tmp_path):
    with running(tmp_path, limits=Limits(body_bytes=100)) as gateway:
        assert gateway.hook(b"." * 100).status_code == 200
        assert gateway.hook(b"." * 101).status_code == 413
        chunks = iter([b"." * 60, b"." * 60])
        assert gateway.client.post("/hooks/quill/main", content=chunks).status_code == 413
        assert len(gateway.kafka.records) == 1


def test_a_compressed_body_is_refused_before_it_is_opened(gateway):
    bomb = gzip.compress(b"0" * 10_000_000)
    assert gateway.hook(bomb, headers={"content-encoding": "gzip"}).status_code == 415


# --- CloudEvents


def test_events_belong_to_the_configured_source_and_have_its_tenant_where_they_name_none(tmp_path):
    emitting = ConfiguredSource(source=parse("emit/quill/wiki"), tenant="T9")
    with running(tmp_path, sources=(*SOURCES, emitting)) as gateway:
        post_one(gateway, cloud_event())
        post_one(gateway, cloud_event("e2", tenant="T1"))
        assert [(found.source, found.tenant) for found in gateway.kafka.records] == [
            ("emit/quill/wiki", "T9"),
            ("emit/quill/wiki", "T1"),
        ]
        post_one(gateway, cloud_event("e3", type="mute.note"))
    assert set(last_seen.read(tmp_path / "state")["emit/quill/wiki"]) == {"seen_at", "refused_at"}


def test_a_structured_event_is_202_with_its_id(gateway):
    answer = post_one(gateway, cloud_event(time="2026-03-02T08:00:00Z", tenant="T1"))
    assert (answer.status_code, answer.json()) == (202, {"ids": ["e1"]})
    assert gateway.kafka.records == [
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


def test_a_binary_event_keeps_its_body_byte_for_byte(gateway):
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "e%201",
        "ce-source": "/wiki",
        "ce-type": "quill.note",
        "content-type": "application/json",
    }
    answer = gateway.client.post("/v1/events", content=b'{ "n":1.0 }\n', headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"ids": ["e 1"]})
    assert gateway.kafka.records[0].payload == b'{ "n":1.0 }\n'


def test_base64_data_is_taken_as_the_bytes_it_stands_for(gateway):
    event = cloud_event(data_base64="AP8=")
    del event["data"]
    assert post_one(gateway, event).status_code == 202
    assert gateway.kafka.records[0].payload == b"\x00\xff"


def test_text_data_is_taken_as_text(gateway):
    assert post_one(gateway, cloud_event(data="12:00 <ada> hi", datacontenttype="text/plain")).status_code == 202
    assert gateway.kafka.records[0].payload == b"12:00 <ada> hi"


def test_a_batch_is_202_with_all_ids(gateway):
    answer = post_batch(gateway, [cloud_event("a"), cloud_event("b")])
    assert (answer.status_code, answer.json()) == (202, {"ids": ["a", "b"]})


def test_a_batch_with_some_bad_events_is_207_with_a_verdict_each(gateway):
    answer = post_batch(gateway, [cloud_event("a"), cloud_event("b", type="unknown.note"), 7])
    assert answer.status_code == 207
    assert [(one["id"], one["status"]) for one in answer.json()["events"]] == [
        ("a", "accepted"),
        ("b", "refused"),
        (None, "refused"),
    ]
    assert "quill" in answer.json()["events"][1]["reason"]
    assert [event.id for event in gateway.kafka.records] == ["a"]


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
        {"type": "unknown.note"},
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
def test_an_event_that_is_none_is_400_with_a_reason_that_does_not_quote_it(gateway, change):
    answer = post_one(gateway, cloud_event() | change)
    assert answer.status_code == 400
    assert answer.json()["events"][0]["reason"]
    assert gateway.kafka.records == []


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_an_event_without_a_required_attribute_is_refused_and_none_is_invented(gateway, missing):
    event = cloud_event()
    del event[missing]
    assert post_one(gateway, event).status_code == 400


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b"[" * 70 + b"]" * 70, b'"\\ud800"', b"{}", b"null"]
)
def test_a_batch_that_is_no_array_of_json_is_400(gateway, body):
    answer = gateway.client.post("/v1/events", content=body, headers={"content-type": "application/cloudevents-batch+json"})
    assert answer.status_code == 400


def test_depth_is_counted_in_nested_values():
    assert not _deeper_than([[1]], 2)
    assert _deeper_than([[[1]]], 2)
    assert _deeper_than({"a": {"b": {"c": 1}}}, 2)
    assert not _deeper_than(1, 0)


def test_an_empty_batch_is_accepted_with_no_ids(gateway):
    answer = post_batch(gateway, [])
    assert (answer.status_code, answer.json()) == (202, {"ids": []})


def test_a_batch_above_the_limit_is_413(tmp_path):
    with running(tmp_path, limits=Limits(batch_events=2)) as gateway:
        assert post_batch(gateway, [cloud_event("a"), cloud_event("b")]).status_code == 202
        assert post_batch(gateway, [cloud_event("a"), cloud_event("b"), cloud_event("c")]).status_code == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/cloudevents+xml", ""])
def test_what_is_no_cloudevent_is_415(gateway, kind):
    assert gateway.client.post("/v1/events", content=b"{}", headers={"content-type": kind}).status_code == 415


def test_a_community_from_outside_is_not_taken_over(gateway):
    post_one(gateway, cloud_event(community="bakers", cecommunity="bakers"))
    headers = {"ce-specversion": "1.0", "ce-id": "e2", "ce-source": "/w", "ce-type": "quill.note", "ce-community": "bakers"}
    gateway.client.post("/v1/events", content=b"{}", headers=headers)
    assert [event.community for event in gateway.kafka.records] == [None, None]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer second", 202),
        ("bearer first", 202),
        ("Bearer third", 401),
        ("Basic first", 401),
        ("Basic OmZpcnN0", 202),
        ("Bearer", 401),
        ("", 401),
        ("Bearer \u00e9", 401),
    ],
)
def test_a_sender_needs_one_of_the_tokens(tmp_path, header, status):
    with running(tmp_path, tokens=("first", "second")) as gateway:
        headers = {"content-type": "application/cloudevents+json", "authorization": header.encode("latin-1")}
        assert gateway.client.post("/v1/events", content=json.dumps(cloud_event()), headers=headers).status_code == status


def test_webhook_validation_gets_consent(gateway):
    answer = gateway.client.options("/v1/events", headers={"WebHook-Request-Origin": "events.example.org"})
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "events.example.org"
    assert answer.headers["allow"] == "POST"
    assert gateway.client.options("/v1/events").status_code == 405


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=300),
    kind=st.sampled_from(["application/cloudevents+json", "application/cloudevents-batch+json", "x/y"]),
)
def test_no_body_makes_a_5xx(shared_gateway, body, kind):
    assert shared_gateway.client.post("/v1/events", content=body, headers={"content-type": kind}).status_code < 500
    assert (
        shared_gateway.client.post("/v1/events", content=body, headers={"ce-id": "1", "ce-specversion": "1.0"}).status_code
        < 500
    )
    assert shared_gateway.client.post("/hooks/quill/main", content=body, headers={"x-quill-time": kind}).status_code < 500


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
def test_no_attribute_makes_a_5xx(shared_gateway, changes):
    assert post_one(shared_gateway, cloud_event() | changes).status_code in {202, 400}


@pytest.fixture(scope="module")
def shared_gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("shared")) as made:
        yield made


# --- durable or refused


@pytest.mark.parametrize("mode", ["down", "hanging", "failing", "full", "fatal"])
def test_whatever_is_wrong_with_kafka_the_event_is_accepted_because_the_spool_has_it(tmp_path, mode):
    with running(tmp_path) as gateway:
        gateway.kafka.mode = mode
        started = time.monotonic()
        assert gateway.hook().status_code == 200
        assert time.monotonic() - started < 1
        assert gateway.spooled() == 1
        gateway.kafka.mode = "up"
        gateway.wait_until(lambda: gateway.spooled() == 0)
        ids = {event.id for event in gateway.kafka.records}
        assert ids == {delivery_id("webhook/quill/main", b'{"n":1}')}


def test_the_gateway_starts_and_accepts_while_kafka_is_down_and_drains_when_it_comes(tmp_path):
    with running(tmp_path, "down") as gateway:
        for n in range(25):
            assert gateway.hook(b"%d" % n).status_code == 200
        assert gateway.spooled() == 25
        assert not gateway.kafka.records
        gateway.kafka.mode = "up"
        gateway.wait_until(lambda: gateway.spooled() == 0)
        assert sorted(event.payload for event in gateway.kafka.records) == sorted(b"%d" % n for n in range(25))
        gateway.wait_until(lambda: gateway.publisher.healthy)
        gateway.hook(b"live")
        assert gateway.publisher.counts.spooled["webhook/quill/main"] == 25


def test_only_the_first_sender_waits_for_a_kafka_that_hangs(tmp_path):
    with running(tmp_path) as gateway:
        gateway.kafka.mode = "hanging"
        gateway.hook(b"first")
        started = time.monotonic()
        for n in range(5):
            gateway.hook(b"%d" % n)
        assert time.monotonic() - started < 0.3


def test_every_record_of_the_raw_topic_is_accounted_for_when_kafka_answers_too_late(tmp_path):
    with running(tmp_path) as gateway:
        gateway.kafka.mode = "hanging"
        gateway.hook(b"late")
        gateway.kafka.mode = "up"
        gateway.wait_until(lambda: gateway.spooled() == 0 and len(gateway.kafka.records) >= 2 and gateway.publisher.healthy)
        counts, source = gateway.publisher.counts, "webhook/quill/main"
        gateway.hook(b"healthy")
        known = counts.acknowledged[source] + counts.drained[source] + counts.late[source]
        assert (counts.acknowledged[source], counts.drained[source]) == (1, 1)
        assert len(gateway.kafka.records) == known


def test_a_producer_with_a_fatal_error_is_replaced(tmp_path):
    with running(tmp_path) as gateway:
        gateway.kafka.mode = "fatal"
        gateway.hook()
        gateway.kafka.mode = "up"
        gateway.wait_until(lambda: gateway.spooled() == 0)
        assert gateway.kafka.made >= 2


def test_what_was_spooled_by_an_earlier_process_is_drained_by_the_next(tmp_path):
    with running(tmp_path, "down") as gateway:
        gateway.hook()
    with running(tmp_path) as gateway:
        gateway.wait_until(lambda: gateway.spooled() == 0)
        assert [event.payload for event in gateway.kafka.records] == [b'{"n":1}']


def test_with_kafka_away_and_the_disk_full_the_answer_is_507_and_nothing_is_stored(tmp_path):
    with running(tmp_path, "down", free_bytes=1 << 60) as gateway:
        assert gateway.hook().status_code == 507
        assert post_one(gateway, cloud_event()).status_code == 507
        assert gateway.spooled() == 0
        assert gateway.client.get("/ready").status_code == 503
        gateway.kafka.mode = "up"
        gateway.wait_until(lambda: gateway.publisher.healthy)
        assert gateway.hook().status_code == 200


def test_the_spool_stays_empty_while_kafka_is_healthy(gateway):
    for n in range(50):
        gateway.hook(b"%d" % n)
    assert gateway.publisher.counts.spooled == {}
    assert gateway.publisher.counts.acknowledged["webhook/quill/main"] == 50


# --- what a person or a machine may look at


def test_live_and_ready_report_the_state(gateway):
    assert gateway.client.get("/live").status_code == 200
    answer = gateway.client.get("/ready")
    sound = {"kafka": True, "spooled": 0, "spool_has_room": True, "spool_stuck": False, "spool_damaged_segments": 0}
    assert (answer.status_code, answer.json()) == (200, sound)


def test_a_damaged_spool_is_drained_past_its_damage_and_ready_shows_it(tmp_path):
    with running(tmp_path, "down") as gateway:
        for n in range(3):
            gateway.hook(b"%d" % n)
    segment = next((tmp_path / "spool").glob("*.journal"))
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(bytes(data) + b"\0" * 4096)
    with running(tmp_path) as gateway:
        gateway.wait_until(lambda: gateway.spooled() == 0 and gateway.publisher.healthy)
        assert {record.payload for record in gateway.kafka.records} == {b"0", b"2"}
        state = gateway.client.get("/ready").json()
        assert (state["spool_stuck"], state["spool_damaged_segments"]) == (False, 1)
        assert "guildhall_gateway_spool_damaged_total 2.0\n" in gateway.client.get("/metrics", headers=PAGES).text


def test_ready_is_not_200_while_the_spool_cannot_be_read(tmp_path, monkeypatch):
    with running(tmp_path, "down") as gateway:
        gateway.hook()
        with monkeypatch.context() as patched:
            patched.setattr(Spool, "drain", lambda *_: 1 / 0)
            gateway.kafka.mode = "up"
            gateway.wait_until(lambda: gateway.publisher.stuck)
            answer = gateway.client.get("/ready")
            assert (answer.status_code, answer.json()["spool_stuck"]) == (503, True)
        gateway.wait_until(lambda: gateway.spooled() == 0 and not gateway.publisher.stuck)
        assert gateway.client.get("/ready").status_code == 200


def test_metrics_count_by_source(gateway):
    gateway.hook()
    text = gateway.client.get("/metrics", headers=PAGES).text
    assert 'guildhall_gateway_events_acknowledged_total{source="webhook/quill/main"} 1.0\n' in text
    assert "guildhall_gateway_kafka_healthy 1.0\n" in text
    assert "guildhall_gateway_spool_events 0.0\n" in text
    assert text.count("# TYPE") == 11


def test_a_source_is_seen_when_its_request_is_genuine(tmp_path):
    with running(tmp_path) as gateway:
        gateway.hook(secret="wrong")
        gateway.hook(b"ping", source="wiki")
        post_one(gateway, cloud_event())
    sources = last_seen.read(tmp_path / "state")
    at = "2026-03-02T09:00:00+00:00"
    assert sources == {
        "webhook/quill/main": {"refused_at": at},
        "webhook/quill/wiki": {"handshake_at": at, "seen_at": at},
        "emit/quill/main": {"seen_at": at},
    }


def test_a_stored_request_that_is_sent_again_is_no_sign_of_life(tmp_path):
    clock = {"now": NOW}
    for hours, bodies in ((0, [b"1"]), (1, [b"1"]), (2, [b"1", b"2"]), (3, [b"2", b"1"])):
        clock["now"] = NOW + timedelta(hours=hours)
        with running(tmp_path, clock=lambda: clock["now"]) as gateway:
            for body in bodies:
                assert gateway.hook(body, at=clock["now"]).status_code == 200
    assert last_seen.read(tmp_path / "state")["webhook/quill/main"]["seen_at"] == "2026-03-02T11:00:00+00:00"


def test_a_request_that_could_not_be_stored_is_new_when_it_is_sent_again(tmp_path):
    with running(tmp_path, "down", free_bytes=1 << 60) as gateway:
        assert gateway.hook().status_code == 507
    with running(tmp_path) as gateway:
        gateway.hook()
    assert "seen_at" in last_seen.read(tmp_path / "state")["webhook/quill/main"]


def test_seen_ids_are_bounded_and_survive_a_torn_file(tmp_path):
    ids = [delivery_id("s", b"%d" % n) for n in range(5)]
    seen = SeenIds(tmp_path, most=3)
    assert [seen.add(one) for one in (*ids, ids[4], ids[0])] == [True] * 5 + [False, True]
    seen.write()
    with (tmp_path / seen_ids.FILE).open("ab") as file:
        file.write(b"torn")
    again = SeenIds(tmp_path, most=3)
    assert [again.add(one) for one in (ids[3], ids[4], ids[0], ids[1])] == [False, False, False, True]


def test_a_later_gateway_reads_what_an_earlier_one_recorded(tmp_path):
    with running(tmp_path) as gateway:
        gateway.hook()
    with running(tmp_path) as gateway:
        gateway.hook(source="wiki")
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


@pytest.mark.parametrize("authorization", ["Bearer p", "Basic Z3VpbGRoYWxsOnA="])
def test_the_reports_are_listed_for_those_who_have_the_token(tmp_path, reports, authorization):
    with running(tmp_path, reports=reports, authorization=authorization) as gateway:
        assert 'href="/reports/bakers/2026-02.html"' in gateway.client.get("/").text
        answer = gateway.client.get("/reports/bakers/2026-02.html")
        assert answer.text == "<p>hello</p>"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/reports/notes.db",
        "/reports/..%2Foutside.html",
        "/reports/%2Fetc%2Fpasswd",
        "/reports/none.html",
        "/reports/bakers",
        "/reports/%00.html",
    ],
)
def test_nothing_but_reports_is_shown(tmp_path, reports, path):
    with running(tmp_path, reports=reports, authorization="Bearer p") as gateway:
        assert gateway.client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/reports/bakers/2026-02.html", "/reports/none.html", "/metrics"])
@pytest.mark.parametrize("authorization", ["", "Bearer t", "Bearer ", "Basic ", "Basic OnQ=", "Basic p", "Basic \u00e9"])
def test_nobody_sees_a_page_without_its_token_not_even_on_this_machine(tmp_path, reports, path, authorization):
    with running(tmp_path, reports=reports, authorization="") as gateway:
        answer = gateway.client.get(path, headers={"authorization": authorization.encode("latin-1")})
        assert answer.status_code == 401
        assert "WWW-Authenticate" in answer.headers
        assert "webhook" not in answer.text


def test_a_gateway_without_tokens_lets_nobody_in(tmp_path, reports):
    for authorization in ("", "Bearer ", "Bearer", "Basic Og=="):
        with running(tmp_path, reports=reports, tokens=(), pages_tokens=(), authorization=authorization) as gateway:
            assert post_one(gateway, cloud_event()).status_code == 401
            assert gateway.client.get("/").status_code == 401
