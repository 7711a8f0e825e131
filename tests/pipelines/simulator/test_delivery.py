import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import pytest

from pipelines.connector import Accept, Request
from pipelines.platforms import PLATFORMS
from pipelines.simulator.calendar import Calendar
from pipelines.simulator.delivery import Ledger, NotDeliveredError, deliver, deliveries, read_ledger
from pipelines.simulator.expected import Expected
from pipelines.simulator.formats.world import World
from pipelines.simulator.ground_truth import secret
from pipelines.simulator.scenario import Scenario

from .conftest import END

WORLD = World(3)


class _Received:
    """What a gateway received, and how it answers."""

    def __init__(self, answer):
        self.answer, self.requests, self.lock = answer, [], threading.Lock()


@contextmanager
def _gateway(answer):
    received = _Received(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            request = Request("POST", self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            with received.lock:
                received.requests.append(request)
                status = received.answer(request, len(received.requests))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()


def _sent(count):
    return islice(deliveries(Scenario(3, Calendar(END, 12, 6), 60), WORLD, Expected()), count)


def _deliver(tmp_path, answer, count=120, **options):
    with _gateway(answer) as (url, received), Ledger(tmp_path / "ledger.jsonl") as ledger:
        done = deliver(url, _sent(count), WORLD, ledger, lambda: 1_000.0, **options)
    return done, received


def test_every_webhook_is_signed_as_its_platform_signs(tmp_path):
    done, received = _deliver(tmp_path, lambda *_: 200)
    hooks = [request for request in received.requests if request.path.startswith("/hooks/")]
    assert {request.path for request in hooks} == {"/hooks/slack/slack-main", "/hooks/zoom/zoom-main"}
    for request in hooks:
        platform = request.path.split("/")[2]
        assert isinstance(PLATFORMS[platform].verify(request, (secret(WORLD, platform),), 1_000.0), Accept)
    assert done.acknowledged.total() == 120
    assert done.retries == 0


def test_changes_of_wikis_come_as_cloud_events_in_batches(tmp_path):
    _, received = _deliver(tmp_path, lambda *_: 200)
    batches = [json.loads(request.body) for request in received.requests if request.path == "/v1/events"]
    wanted = [one.raw_id for one in _sent(120) if one.source.startswith("emit/")]
    assert [event["id"] for batch in batches for event in batch] == wanted
    assert {event["type"] for batch in batches for event in batch} == {"mediawiki.recentchange"}
    assert len(batches) < len(wanted)


def test_what_was_not_acknowledged_is_sent_again_with_the_same_body_newly_signed(tmp_path):
    refused = set()

    def once(request, _):
        first = request.body not in refused
        refused.add(request.body)
        return 503 if first else 200

    done, received = _deliver(tmp_path, once, count=40)
    hooks = Counter(one.body for one in _sent(40) if not one.source.startswith("emit/"))
    sent = Counter(request.body for request in received.requests if request.path != "/v1/events")
    assert sent == hooks + Counter(hooks.keys())
    assert done.retries == len(refused)
    assert read_ledger(tmp_path / "ledger.jsonl").total() == 40


def test_the_ledger_has_what_was_acknowledged_and_nothing_else(tmp_path):
    with pytest.raises(NotDeliveredError):
        _deliver(tmp_path, lambda _, number: 200 if number <= 10 else 401, connections=1)
    hooks = [(one.source, one.raw_id) for one in _sent(120) if not one.source.startswith("emit/")]
    assert read_ledger(tmp_path / "ledger.jsonl") == Counter(hooks[:10])


def test_a_gateway_that_stays_away_is_given_up_after_a_while(tmp_path):
    with Ledger(tmp_path / "ledger.jsonl") as ledger, pytest.raises(NotDeliveredError):
        deliver("http://127.0.0.1:9", _sent(3), WORLD, ledger, lambda: 1_000.0, patience_seconds=0.2)
    assert read_ledger(tmp_path / "ledger.jsonl").total() == 0


def test_a_rate_is_not_exceeded(tmp_path):
    began = time.monotonic()
    _deliver(tmp_path, lambda *_: 200, count=30, rate=100.0)
    assert time.monotonic() - began >= 29 / 100


def test_a_second_delivery_of_slack_is_marked_as_one(tmp_path):
    _, received = _deliver(tmp_path, lambda *_: 200, count=700)
    again = [request for request in received.requests if "x-slack-retry-num" in request.headers]
    bodies = Counter(request.body for request in received.requests)
    assert again
    assert all(bodies[request.body] == 2 for request in again)
