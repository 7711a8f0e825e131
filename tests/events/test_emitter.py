"""The emitter: it never blocks its host, and forgets nothing."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from base64 import b64decode
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from confluent_kafka import Consumer, TopicPartition

from events.raw import RawEvent
from events.sdk.emitter import Emitter, HttpSender, KafkaSender
from events.sdk.journal import Journal, JournalInUseError
from events.topics import RAW

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOBODY = "kafka://127.0.0.1:9"
"""A port that nothing listens on."""


class Gateway:
    """A stand-in for the gateway: it stores what it acknowledges and answers as the test asks."""

    def __init__(self) -> None:
        self.events: list[dict[str, object]] = []
        self.answers: list[int] = []
        """Statuses of the next requests; 202 when there are none left."""
        self.refuses: set[str] = set()
        self.authorizations: set[str | None] = set()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, content = gateway.received(self.headers, body)
                answer = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def received(self, headers, body: bytes) -> tuple[int, object]:
        self.authorizations.add(headers["Authorization"])
        status = self.answers.pop(0) if self.answers else 202
        if status != 202:
            return status, {"error": "as the test asks"}
        if headers["Content-Type"] == "application/cloudevents-batch+json":
            found = [{**one, "data": b64decode(one.pop("data_base64"))} for one in json.loads(body)]
        else:
            found = [{n.lower()[3:]: unquote(v) for n, v in headers.items() if n.lower().startswith("ce-")} | {"data": body}]
        taken = [one for one in found if one["id"] not in self.refuses]
        self.events += taken
        if len(taken) == len(found):
            return 202, {"ids": [one["id"] for one in found]}
        verdicts = [
            {"id": one["id"], "status": "accepted" if one in taken else "refused", "reason": "as the test asks"}
            for one in found
        ]
        return (207 if taken else 400), {"events": verdicts}

    def ids(self) -> list[object]:
        return [event["id"] for event in self.events]


@pytest.fixture
def gateway():
    made = Gateway()
    yield made
    made.server.shutdown()
    made.server.server_close()


def emitter(target: str, folder: Path, **more) -> Emitter:
    return Emitter(target, journal=folder, now=lambda: NOW, free_bytes=0, **more)


def test_an_event_arrives_byte_for_byte_with_its_attributes(gateway, tmp_path):
    with emitter(gateway.url, tmp_path, source="/wiki", token="hush") as made:
        assert made.emit(b'{"n": "\xc3\xa9"}\n', "quill.note", id="a %\u00e9", time=NOW, tenant="T\u00e9")
        assert made.flush(5)
    assert gateway.events == [
        {
            "specversion": "1.0",
            "id": "a %\u00e9",
            "source": "/wiki",
            "type": "quill.note",
            "time": "2026-03-02T09:00:00.000Z",
            "tenant": "T\u00e9",
            "data": b'{"n": "\xc3\xa9"}\n',
        }
    ]
    assert gateway.authorizations == {"Bearer hush"}


def test_events_arrive_once_each_and_in_their_order(gateway, tmp_path):
    with emitter(gateway.url, tmp_path) as made:
        for n in range(1200):
            made.emit({"n": n}, "quill.note", id=str(n))
        assert made.flush(10)
        assert made.pending == 0
    assert gateway.ids() == [str(n) for n in range(1200)]
    assert gateway.events[7]["data"] == b'{"n":7}'


def test_an_event_without_an_id_gets_one_of_its_own(gateway, tmp_path):
    with emitter(gateway.url, tmp_path) as made:
        made.emit({}, "quill.note")
        made.emit({}, "quill.note")
        assert made.flush(5)
    assert len(set(gateway.ids())) == 2


@pytest.mark.parametrize("trouble", [500, 507, 503, 429, 401, 404])
def test_what_may_work_later_is_sent_again_under_the_same_id(gateway, tmp_path, trouble):
    gateway.answers = [trouble, trouble]
    with emitter(gateway.url, tmp_path) as made:
        made.emit({}, "quill.note", id="e1")
        assert made.flush(5)
        assert made.refused == 0
    assert gateway.ids() == ["e1"]


def test_an_event_that_is_refused_for_good_is_stored_and_does_not_block_others(gateway, tmp_path):
    gateway.refuses = {"e1", "e3"}
    with emitter(gateway.url, tmp_path) as made:
        for n in range(4):
            made.emit({"n": n}, "quill.note", id=f"e{n}")
        assert made.flush(5)
        assert made.refused == 2
    assert sorted(gateway.ids()) == ["e0", "e2"]
    kept = Journal(tmp_path / "refused", fsync=False).take(10)
    assert kept is not None
    assert [RawEvent.unpacked(record).id for record in kept.records] == ["e1", "e3"]


def test_a_batch_that_is_refused_as_a_whole_is_asked_about_one_by_one(gateway):
    gateway.answers = [413]
    gateway.refuses = {"e1"}
    events = [
        RawEvent(id=f"e{n}", sender="/s", type="quill.note", source="emit/quill/main", received_at=NOW, payload=b"{}")
        for n in range(3)
    ]
    verdicts = HttpSender(gateway.url, None).send(events)
    assert [verdict is None for verdict in verdicts] == [True, False, True]
    assert gateway.ids() == ["e0", "e2"]


@pytest.mark.parametrize("target", [NOBODY, "http://127.0.0.1:9"])
def test_a_host_starts_emits_and_stops_while_the_other_side_is_away(tmp_path, target):
    started = time.monotonic()
    made = emitter(target, tmp_path)
    for n in range(200):
        assert made.emit({"n": n}, "quill.note", id=str(n))
    assert time.monotonic() - started < 1
    assert not made.flush(0.2)
    assert made.pending == 200
    assert made.close(timeout=0.1) is False


def test_what_did_not_arrive_arrives_after_the_next_start_under_the_same_ids(gateway, tmp_path):
    first = emitter("http://127.0.0.1:9", tmp_path)
    for n in range(3):
        first.emit({"n": n}, "quill.note", id=f"e{n}")
    first.close(timeout=0.1)
    with emitter(gateway.url, tmp_path) as second:
        assert second.flush(5)
    assert gateway.ids() == ["e0", "e1", "e2"]


def test_a_host_killed_in_the_middle_loses_nothing_that_emit_took(gateway, tmp_path):
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from events.sdk.emitter import Emitter
        emitter = Emitter(sys.argv[1], journal=Path(sys.argv[2]), free_bytes=0)
        n = 0
        while True:
            assert emitter.emit({"n": n}, "quill.note", id=str(n))
            print(n, flush=True)
            n += 1
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program, gateway.url, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= 2000:
                break
        child.send_signal(signal.SIGKILL)
        printed = max([2000, *map(int, child.stdout.read().split())])
    before = len(gateway.events)
    with emitter(gateway.url, tmp_path) as second:
        assert second.flush(10)
    assert set(gateway.ids()) >= {str(n) for n in range(printed + 1)}
    # At most what was on its way is repeated.
    assert len(gateway.events) - len(set(gateway.ids())) <= 500
    assert before > 0


def test_a_full_disk_makes_emit_say_no_and_count(tmp_path):
    made = Emitter(NOBODY, journal=tmp_path, free_bytes=1 << 60)
    assert made.emit({}, "quill.note") is False
    assert made.emit({}, "quill.note") is False
    assert (made.not_taken, made.pending) == (2, 0)
    made.close(timeout=0.1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"type": "note"}, "type"),
        ({"payload": b""}, "payload"),
        ({"payload": b"." * 1_000_001}, "payload"),
        ({"payload": {"x": float("nan")}}, "JSON"),
        ({"time": NOW.replace(tzinfo=None)}, "time zone"),
        ({"id": ""}, "id"),
        ({"tenant": ""}, "tenant"),
        ({"id": "\ud800"}, "surrogates"),
    ],
)
def test_an_event_that_could_never_be_sent_is_the_callers_mistake(tmp_path, change, complaint):
    made = emitter(NOBODY, tmp_path)
    with pytest.raises(ValueError, match=complaint):
        made.emit(**({"payload": {}, "type": "quill.note"} | change))
    assert made.pending == 0
    made.close(timeout=0.1)


def test_a_closed_emitter_takes_nothing(tmp_path):
    made = emitter(NOBODY, tmp_path)
    made.close(timeout=0.1)
    with pytest.raises(ValueError, match="closed"):
        made.emit({}, "quill.note")


@pytest.mark.parametrize("target", ["kafka://", "127.0.0.1:9092", "ftp://x"])
def test_a_target_of_no_known_kind_is_refused(tmp_path, target):
    with pytest.raises(ValueError, match="target"):
        emitter(target, tmp_path)


def test_two_emitters_cannot_share_a_journal(tmp_path):
    first = emitter(NOBODY, tmp_path)
    with pytest.raises(JournalInUseError):
        emitter(NOBODY, tmp_path)
    first.close(timeout=0.1)


def test_many_threads_may_emit_at_once(gateway, tmp_path):
    with emitter(gateway.url, tmp_path) as made:
        threads = [
            threading.Thread(target=lambda t=t: [made.emit({}, "quill.note", id=f"{t}-{n}") for n in range(100)])
            for t in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made.flush(10)
    assert sorted(gateway.ids()) == sorted(f"{t}-{n}" for t in range(4) for n in range(100))


def test_a_kafka_that_fails_gets_a_new_producer(monkeypatch):
    sender = KafkaSender("127.0.0.1:9")

    class Broken:
        closed = False

        def send(self, *_, **__):
            raise OSError("sequence lost")

        def close(self, timeout):
            Broken.closed = True

    sender._producer = Broken()
    event = RawEvent(id="1", sender="/s", type="quill.note", source="emit/quill/main", received_at=NOW, payload=b"{}")
    with pytest.raises(OSError, match="sequence lost"):
        sender.send([event])
    assert sender._producer is None
    assert Broken.closed


@pytest.mark.kafka
def test_events_reach_the_raw_topic_as_cloudevents(kafka, tmp_path):
    run = f"emit-{os.getpid()}-"
    with emitter(f"kafka://{kafka}", tmp_path, source="/wiki") as made:
        for n in range(700):
            made.emit({"n": n}, "quill.note", id=f"{run}{n}", tenant="T1")
        assert made.flush(20)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(RAW.name, p, 0) for p in range(RAW.partitions)])
    found: dict[str, RawEvent] = {}
    deadline = time.monotonic() + 20
    while len(found) < 700 and time.monotonic() < deadline:
        for message in consumer.consume(1000, 0.5):
            event = RawEvent.from_record(message.value(), message.headers())
            if event.id.startswith(run):
                found[event.id] = event
                assert message.key() == event.id.encode()
    consumer.close()
    assert len(found) == 700
    assert found[f"{run}3"].payload == b'{"n":3}'
    assert (found[f"{run}3"].source, found[f"{run}3"].tenant, found[f"{run}3"].sender) == ("emit/quill/main", "T1", "/wiki")
