"""Publishing to a real Kafka: an accepted event is durable, through outages and kill -9."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from events.raw import RawEvent
from events.topics import RAW
from pipelines.broker.admin import ends
from pipelines.broker.clients import live_producer
from pipelines.ingest.publisher import Durable, RawPublisher
from pipelines.ingest.spool import Spool

pytestmark = pytest.mark.kafka
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def event(id_: str, payload: bytes = b"{}") -> RawEvent:
    return RawEvent(id=id_, sender="/s", type="quill.note", source="webhook/quill/main", received_at=NOW, payload=payload)


class Forwarder:
    """Forwards TCP connections to the broker. It can be opened and closed."""

    def __init__(self, bootstrap: str) -> None:
        host, _, port = bootstrap.rpartition(":")
        self._to = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.bootstrap = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._open.is_set():
                    near.close()
                    continue
                far = socket.create_connection(self._to)
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    @staticmethod
    def _carry(a: socket.socket, b: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
        for end in (a, b):
            end.close()


def raw_since(bootstrap: str, begin: dict[int, int]) -> list[RawEvent]:
    end = ends(bootstrap, RAW.name)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(RAW.name, partition, offset) for partition, offset in begin.items()])
    wanted = sum(end.values()) - sum(begin.values())
    found: list[RawEvent] = []
    deadline = time.monotonic() + 20
    while len(found) < wanted:
        assert time.monotonic() < deadline, f"{len(found)} of {wanted} after 20 seconds"
        found += [RawEvent.from_record(message.value(), message.headers()) for message in consumer.consume(5000, 0.5)]
    consumer.close()
    return found


async def eventually(holds) -> None:
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline, "waited fifteen seconds"
        await asyncio.sleep(0.02)


def test_an_event_is_in_kafka_when_publish_returns(kafka, tmp_path):
    before = ends(kafka, RAW.name)

    async def story():
        # A long wait: on a busy machine a healthy Kafka may take longer than a sender waits.
        publisher = RawPublisher(lambda: live_producer(kafka), Spool(tmp_path, free_bytes=0), wait_seconds=20.0)
        await publisher.start()
        assert publisher.healthy
        assert await publisher.publish([event("a", b"\x00\xff"), event("b")]) == [Durable.ACKNOWLEDGED] * 2
        there = raw_since(kafka, before)
        await publisher.stop()
        return there

    there = asyncio.run(story())
    assert {(e.id, e.payload) for e in there} == {("a", b"\x00\xff"), ("b", b"{}")}


def test_what_came_while_kafka_was_away_is_spooled_and_reaches_it_when_it_comes(kafka, tmp_path):
    before = ends(kafka, RAW.name)
    forwarder = Forwarder(kafka)

    async def story():
        publisher = RawPublisher(lambda: live_producer(forwarder.bootstrap), Spool(tmp_path, free_bytes=0), wait_seconds=0.5)
        await publisher.start()
        assert not publisher.healthy
        answers = await asyncio.gather(*(publisher.publish([event(f"away-{n}")]) for n in range(300)))
        assert answers == [[Durable.SPOOLED]] * 300
        assert raw_since(kafka, before) == []
        forwarder.open()
        await eventually(lambda: publisher.healthy and publisher.spool.count() == 0)
        assert await publisher.publish([event("live")]) == [Durable.ACKNOWLEDGED]
        await publisher.stop()
        return publisher.counts

    counts = asyncio.run(story())
    forwarder.close()
    there = raw_since(kafka, before)
    assert {e.id for e in there} == {f"away-{n}" for n in range(300)} | {"live"}
    source = "webhook/quill/main"
    assert len(there) == counts.acknowledged[source] + counts.drained[source] + counts.late[source]


def test_everything_that_the_gateway_accepted_survives_kill_9(kafka, tmp_path):
    program = textwrap.dedent("""
        import sys
        from datetime import UTC, datetime
        from pathlib import Path
        from events.interaction import Medium
        from pipelines.ingest.gateway import make_app
        from pipelines.ingest.http_server import serve
        from pipelines.connector import Platform
        from pipelines.broker.clients import live_producer
        from pipelines.ingest.publisher import RawPublisher
        from pipelines.ingest.spool import Spool
        bootstrap, folder, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
        quill = Platform(slug="quill", title="Quill", medium=Medium.CHAT, reference="", setup=(), reads=(), does_not_read=(),
            version=1, normalise=iter, emits=True)
        publisher = RawPublisher(lambda: live_producer(bootstrap), Spool(folder / "spool", free_bytes=0), wait_seconds=0.5)
        app = make_app((), {"quill": quill}, publisher, lambda: datetime.now(UTC), state=folder, tokens=("t",))
        serve(app, "127.0.0.1", port)
    """)
    before = ends(kafka, RAW.name)
    forwarder = Forwarder(kafka)
    accepted: set[str] = set()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    for life in range(3):
        # The first process runs without Kafka, the second with it, and the third drains the spool.
        if life == 1:
            forwarder.open()
        with (
            gateway(program, forwarder.bootstrap, tmp_path, port) as child,
            httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            for n in range(60 if life < 2 else 0):
                batch = [{"specversion": "1.0", "id": f"{life}-{n}", "source": "/s", "type": "quill.note", "data": n}]
                kind = {"content-type": "application/cloudevents-batch+json", "authorization": "Bearer t"}
                answer = client.post("/v1/events", content=json.dumps(batch), headers=kind)
                assert answer.status_code == 202
                accepted |= set(answer.json()["ids"])
            if life == 2:
                deadline = time.monotonic() + 15
                while client.get("/ready").json()["spooled"]:
                    assert time.monotonic() < deadline, "the spool was not drained in 15 seconds"
                    time.sleep(0.05)
            child.send_signal(signal.SIGKILL)
    forwarder.close()
    assert len(accepted) == 120
    assert accepted <= {e.id for e in raw_since(kafka, before)}


@contextlib.contextmanager
def gateway(program: str, bootstrap: str, folder: Path, port: int) -> Iterator[subprocess.Popen]:
    with subprocess.Popen(
        [sys.executable, "-c", program, bootstrap, str(folder), str(port)], env=os.environ | {"PYTHONPATH": "."}
    ) as child:
        try:
            deadline = time.monotonic() + 60  # on a busy machine the imports alone take ten seconds
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"http://127.0.0.1:{port}/live").status_code == 200:
                        break
                assert time.monotonic() < deadline, "the gateway did not start"
                time.sleep(0.05)
            yield child
        finally:
            child.kill()
