"""The gateway's server: what strangers send or hold open stays cheap, and signed posts are answered meanwhile."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import uvicorn
from starlette.requests import Request

from events.limits import MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_HEADERS, MAX_SMALL_BODY_BYTES
from pipelines.ingest.gateway import make_app
from pipelines.ingest.http_server import LimitedProtocol, configured
from pipelines.ingest.publisher import RawPublisher
from pipelines.ingest.requests import BodiesInFlight, Limits, headers_of
from pipelines.ingest.spool import Spool
from tests.pipelines.test_gateway import NOW, PLATFORMS, SECRET, SOURCES, FakeKafka, sign

ANSWERED_SECONDS = 2.5
"""The strictest platform gives up after three."""


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[SimpleNamespace]:
    for name, seconds in (("HEAD", 0.3), ("BODY", 0.5), ("ANSWER", 0.5), ("IDLE", 0.5)):
        monkeypatch.setattr(LimitedProtocol, f"{name}_SECONDS", seconds)
    in_flight = BodiesInFlight()
    publisher = RawPublisher(FakeKafka().make, Spool(tmp_path / "spool", free_bytes=0))
    app = make_app(
        SOURCES,
        PLATFORMS,
        publisher,
        lambda: NOW,
        Limits(body_seconds=0.3, in_flight=in_flight),
        pages_tokens=("t",),
        reports=tmp_path / "reports",
    )
    server = uvicorn.Server(configured(app, "127.0.0.1", 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield SimpleNamespace(port=port, in_flight=in_flight, open=lambda: len(server.server_state.connections))
    server.should_exit = True
    thread.join()


def connect(server, address: str = "127.0.0.1") -> socket.socket:
    """A connection from an address of this machine. Only 127.0.0.1 counts as local."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=5, source_address=(address, 0))


def post(server, address: str = "127.0.0.1", body: bytes = b'{"n":1}') -> float:
    """Seconds until a signed post is answered with 200."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5, source_address=(address, 0))
    connection.request("POST", "/hooks/quill/main", body, sign(body, SECRET, NOW.timestamp()))
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - began


def closed(client: socket.socket) -> bool:
    """Whether the server closes the connection while the client waits; what it answers before is read."""
    try:
        while client.recv(1 << 16):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def answer(server, *sent: bytes) -> bytes:
    with connect(server) as client:
        with contextlib.suppress(ConnectionError):  # the server may answer and close before everything was sent
            for part in sent:
                client.sendall(part)
        with contextlib.suppress(ConnectionError):
            return client.recv(4096)
    return b""


@pytest.mark.parametrize("head", [b"", b"\r\n", b"GET /live HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_connection_whose_head_does_not_come_is_closed(server, head):
    with connect(server) as client:
        client.sendall(head)
        assert closed(client)


def test_a_body_that_comes_too_slowly_is_408(server):
    head = b"POST /hooks/quill/main HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
    assert answer(server, head).startswith(b"HTTP/1.1 408")


def test_two_requests_on_one_connection_are_both_answered(server):
    with connect(server) as client:
        for _ in range(2):
            client.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            time.sleep(0.3)


@pytest.mark.parametrize("line", [b"GET /live", b"POST /live", b"GET /nothing", b"POST /reports/x", b"GET /ready"])
@pytest.mark.parametrize("head", [b"Content-Length: 1000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
def test_a_body_that_trickles_is_ended_on_every_route(server, line, head):
    with connect(server) as client:
        client.sendall(line + b" HTTP/1.1\r\nHost: x\r\n" + head)
        ended = time.monotonic() + 3
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < ended:
                client.sendall(b"1\r\nx\r\n")
                time.sleep(0.02)
        assert time.monotonic() < ended


def test_a_connection_between_two_requests_is_closed_although_empty_lines_come(server):
    with connect(server) as client:
        client.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        ended = time.monotonic() + 3
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < ended:
                client.sendall(b"\r\n")
                time.sleep(0.02)
        assert time.monotonic() < ended


def test_requests_that_do_not_wait_for_their_answers_are_ended(server):
    with connect(server) as client:
        client.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        assert closed(client)
    assert post(server) < ANSWERED_SECONDS


def test_a_connection_that_reads_no_answer_is_closed(server, tmp_path):
    report = tmp_path / "reports" / "large.html"
    report.parent.mkdir()
    report.write_bytes(b"x" * (32 << 20))
    with connect(server) as client:
        client.sendall(b"GET /reports/large.html HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer t\r\n\r\n")
        ended = time.monotonic() + 5
        while time.monotonic() < ended and server.open():
            time.sleep(0.05)
        assert server.open() == 0


@pytest.mark.parametrize(
    "head",
    [
        b"GET /live HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * MAX_HEADERS + b"\r\n",
        b"GET /live HTTP/1.1\r\nHost: x\r\nA: " + b"b" * (MAX_HEAD_BYTES + 32_768) + b"\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + b"b" * (MAX_HEAD_BYTES + 32_768) + b": x\r\n\r\n",
        b"GET /" + b"a" * (MAX_HEAD_BYTES + 32_768) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /hooks/quill/main HTTP/1.1\r\nHost: x\r\n" + b"X-Quill-Signature: b\r\n" * 100_000 + b"\r\n",
    ],
)
def test_a_head_above_its_limits_is_431_and_costs_nearly_nothing(server, head):
    began = time.monotonic()
    assert answer(server, head)[:12] in {b"HTTP/1.1 431", b""}  # a reset may overtake the answer
    assert time.monotonic() - began < 0.5
    assert post(server) < ANSWERED_SECONDS


def test_a_head_within_its_limits_is_answered(server):
    head = b"GET /live HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * (MAX_HEADERS - 2) + b"B: " + b"c" * 30_000 + b"\r\n\r\n"
    assert answer(server, head).startswith(b"HTTP/1.1 200")


def test_a_header_after_the_body_signs_nothing(server):
    body = b'{"n":1}'
    signed = sign(body, SECRET, NOW.timestamp())
    head = b"POST /hooks/quill/main HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Quill-Time: %s\r\n\r\n"
    trailer = b"7\r\n%s\r\n0\r\nX-Quill-Signature: %s\r\n\r\n"
    sent = head % signed["x-quill-time"].encode(), trailer % (body, signed["x-quill-signature"].encode())
    assert answer(server, *sent).startswith(b"HTTP/1.1 401")


def test_a_websocket_is_not_spoken(server):
    upgrade = b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    assert not answer(server, upgrade, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").startswith(b"HTTP/1.1 101")


def test_joining_a_repeated_header_takes_linear_time():
    def seconds(count: int) -> float:
        request = Request({"type": "http", "headers": [(b"a", b"b")] * count})
        began = time.perf_counter()
        assert headers_of(request)["a"].count("b") == count
        return time.perf_counter() - began

    assert seconds(200_000) < 1


# --- floods, while signed posts continue


@contextlib.contextmanager
def flood(server, addresses: list[str], sent: bytes) -> Iterator[None]:
    """Each address opens a connection, sends this, and trickles; a connection that is closed is opened again."""
    stop = threading.Event()

    def hold(address: str) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError), connect(server, address) as client:
                client.sendall(sent)
                while not stop.wait(0.1):
                    client.sendall(b"x")

    threads = [threading.Thread(target=hold, args=(address,)) for address in addresses]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    yield
    stop.set()
    for thread in threads:
        thread.join()


TRICKLES = [
    b"GET /live HTTP/1.1\r\nX-Slow: ",
    b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
    b"POST /hooks/quill/main HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
    b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n",
]


@pytest.mark.parametrize("sent", TRICKLES)
def test_connections_from_many_addresses_do_not_keep_a_signed_post_out(server, monkeypatch, sent):
    monkeypatch.setattr(LimitedProtocol, "CONNECTIONS", 40)
    with flood(server, [f"127.0.1.{n}" for n in range(1, 121)], sent):
        assert server.open() <= 60
        assert max(post(server) for _ in range(20)) < ANSWERED_SECONDS


def test_connections_from_one_address_are_bounded(server, monkeypatch):
    monkeypatch.setattr(LimitedProtocol, "CONNECTIONS_PER_ADDRESS", 10)
    with flood(server, ["127.0.1.7"] * 60, TRICKLES[0]):
        assert server.open() <= 30
        assert max(post(server) for _ in range(20)) < ANSWERED_SECONDS
        assert post(server, "127.0.1.7") < ANSWERED_SECONDS


def test_large_bodies_are_bounded_in_sum_and_small_ones_pass(server):
    server.in_flight._most = 4 * MAX_SMALL_BODY_BYTES
    clients = [connect(server) for _ in range(12)]
    for client in clients:
        client.sendall(b"POST /hooks/quill/main HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MAX_BODY_BYTES)
        with contextlib.suppress(ConnectionError):
            client.sendall(b"x" * (MAX_SMALL_BODY_BYTES * 3))
    time.sleep(0.1)
    assert server.in_flight.bytes <= 12 * MAX_SMALL_BODY_BYTES + 4 * MAX_SMALL_BODY_BYTES
    assert post(server, body=json.dumps({"n": "y" * 60_000}).encode()) < ANSWERED_SECONDS
    statuses = {client.recv(100)[:12] for client in clients}
    for client in clients:
        client.close()
    assert b"HTTP/1.1 503" in statuses
    assert statuses <= {b"HTTP/1.1 503", b"HTTP/1.1 408", b""}
    assert server.in_flight.bytes == 0
