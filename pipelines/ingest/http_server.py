"""HTTP server: uvicorn with the gateway's limits on connections. Everything here comes before a request is verified.

A connection always has a deadline: for the head of a request, for its body, for the answer, and between two requests. Where too
many connections are open, the one whose request has waited longest to be complete is closed: a sender that sends its request at
once is served although others hold connections open.
"""

import asyncio
import math
from collections import Counter
from typing import ClassVar

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from events.limits import MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_HEADERS
from pipelines.ingest.requests import LOOPBACK

_PIECE_BYTES = 16 << 10
"""A head is parsed in pieces of this size, so that at most this much is read above the limit."""
_MOST_WIRE_BYTES = 4 * MAX_BODY_BYTES
"""Of a body with its chunk headers, also where nobody reads it any more."""
_UNREADABLE = "Invalid HTTP request received."
_HEAD_TOO_LARGE = f"A request has at most {MAX_HEADERS} headers and {MAX_HEAD_BYTES} bytes before its body."


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines, bounds on heads, and bounds on connections."""

    HEAD_SECONDS = 10.0
    BODY_SECONDS = 15.0
    """Longer than the gateway's own limit for a body, which answers 408."""
    ANSWER_SECONDS = 30.0
    IDLE_SECONDS = 30.0
    CONNECTIONS = 900
    CONNECTIONS_PER_ADDRESS = 100
    """For other machines: a reverse proxy on this machine brings everybody from one address."""
    _by_address: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first head, and make room."""
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head, self._request_complete, self._too_large = True, False, False
        self._head_bytes = self._body_bytes = 0
        self._address = self.client[0] if self.client else ""
        self._by_address[self._address] += 1
        self._expect(self.HEAD_SECONDS)
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        if self._deadline:
            self._deadline.cancel()
        self._by_address[self._address] -= 1
        if not self._by_address[self._address]:
            del self._by_address[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, in pieces, within the bounds of a head and of a body."""
        for at in range(0, len(data), _PIECE_BYTES):
            piece = data[at : at + _PIECE_BYTES]
            if self._in_head:
                self._head_bytes += len(piece)
            else:
                self._body_bytes += len(piece)
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
                self._too_large = True
                self.send_400_response(_UNREADABLE)
                return
            if self._body_bytes > _MOST_WIRE_BYTES:
                self.transport.abort()
                return

    def on_message_begin(self) -> None:
        """Start the deadline of a head. A request that does not wait for the answer to the one before ends both."""
        if self._awaits_answer():
            self.transport.abort()
        self._in_head, self._request_complete = True, False
        self._expect(self.HEAD_SECONDS)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Those after the body are left out: nothing that was verified may change later."""
        if not self._in_head:
            return
        if len(self.headers) >= MAX_HEADERS:
            self._too_large = True
            raise ValueError(_HEAD_TOO_LARGE)  # the parser ends, and uvicorn calls send_400_response
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the deadline of the body."""
        self._in_head = False
        self._head_bytes = self._body_bytes = 0
        self._expect(self.BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Start the deadline of the answer."""
        self._in_head, self._request_complete = True, True
        self._expect(self.ANSWER_SECONDS)
        super().on_message_complete()
        if self.cycle is None or self.cycle.response_complete:  # answered before its body was complete
            self._expect(self.IDLE_SECONDS)

    def on_response_complete(self) -> None:
        """Start the deadline of the next request."""
        super().on_response_complete()
        if self._request_complete:
            self._expect(self.IDLE_SECONDS)

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read: 431 for a head above its limits, else 400."""
        if not self._too_large:
            super().send_400_response(msg)
            return
        body = _HEAD_TOO_LARGE.encode()
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[431] + head + body)
        self.transport.close()

    def _expect(self, seconds: float) -> None:
        # Not close(): it waits for a receiver that does not read. A timer is replaced, never only cancelled.
        if self._deadline:
            self._deadline.cancel()
        self._since = self.loop.time()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _make_room(self) -> None:
        crowded = self._address not in LOOPBACK and self._by_address[self._address] > self.CONNECTIONS_PER_ADDRESS
        if not crowded and len(self.connections) <= self.CONNECTIONS:
            return
        # A connection that waits for its answer is closed only where all do.
        open_ = (each for each in self.connections if isinstance(each, LimitedProtocol) and not each.transport.is_closing())
        candidates = [each for each in open_ if not crowded or each._address == self._address]  # noqa: SLF001 - of this class
        if len(candidates) > (self.CONNECTIONS_PER_ADDRESS if crowded else self.CONNECTIONS):
            min(candidates, key=LimitedProtocol._age).transport.abort()

    def _age(self) -> tuple[bool, float]:
        return self._awaits_answer(), self._since

    def _awaits_answer(self) -> bool:
        return self._request_complete and self.cycle is not None and not self.cycle.response_complete


def configured(app: Starlette, host: str, port: int) -> uvicorn.Config:
    """The server's configuration."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=LimitedProtocol,
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a forwarded address proves nothing
        timeout_keep_alive=math.ceil(LimitedProtocol.IDLE_SECONDS),
        timeout_graceful_shutdown=5,
        log_level="error",  # a line for each unreadable request would let anybody fill the disk
    )


def serve(app: Starlette, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Blocks."""
    uvicorn.Server(configured(app, host, port)).run()
