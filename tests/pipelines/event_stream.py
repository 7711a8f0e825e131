"""A server that speaks Server-Sent Events as Wikimedia's EventStreams does, on loopback, written from its documentation.

It has one topic. It answers `Last-Event-ID` (a JSON array of topic, partition and offset) with what follows that offset, and
`since` with what is not older; else with what comes from now on. A test may cut its bytes anywhere and break connections.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOPIC = "eqiad.mediawiki.recentchange"


class EventStream:
    """Events that a test appends, served as a stream."""

    def __init__(self) -> None:
        self.events: list[tuple[int, str]] = []
        """Offset and data. The first offsets may be missing: they have expired."""
        self.chunk = 0
        """Bytes per write; 0 for one write per event."""
        self.break_after: list[int] = []
        """For each of the next connections: the number of events, and a half of the next, after which it breaks."""
        self.close_at_end = False
        self.heartbeat_seconds = 0.05
        self.connections: list[dict[str, str]] = []
        self.status, self.content_type = 200, "text/event-stream; charset=utf-8"
        self.url = ""

    def add(self, data: Any, offset: int | None = None) -> int:
        offset = offset if offset is not None else (self.events[-1][0] + 1 if self.events else 0)
        self.events.append((offset, data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)))
        return offset

    def add_change(self, at: datetime, number: int, domain: str = "wiki.garden.example", **more: Any) -> int:
        change = {
            "meta": {"domain": domain, "dt": at.isoformat()},
            "id": number,
            "type": "edit",
            "namespace": 0,
            "title": "Pears",
        }
        change |= {"timestamp": int(at.timestamp()), "user": "Ines", "bot": False, "length": {"old": 1, "new": 2}}
        return self.add(change | {"revision": {"old": number - 1, "new": number}} | more)

    @contextmanager
    def served(self) -> Iterator["EventStream"]:
        stream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stream._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/v2/stream/recentchange"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        self.connections.append({"last-event-id": handler.headers.get("last-event-id", ""), "since": query.get("since", "")})
        handler.send_response(self.status)
        handler.send_header("content-type", self.content_type)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        with suppress(OSError):  # the client has left
            self._stream(handler, self._start(handler.headers.get("last-event-id"), query.get("since")))
        handler.close_connection = True

    def _start(self, last: str | None, since: str | None) -> int:
        if last:
            return next(one["offset"] for one in json.loads(last) if one["topic"] == TOPIC) + 1
        if since:
            moment = datetime.fromisoformat(since).timestamp()
            later = (offset for offset, data in self.events if data.startswith("{") and json.loads(data)["timestamp"] >= moment)
            return next(later, self._end())
        return self._end()

    def _end(self) -> int:
        return self.events[-1][0] + 1 if self.events else 0

    def _stream(self, handler: BaseHTTPRequestHandler, first: int) -> None:
        budget = self.break_after.pop(0) if self.break_after else None
        self._write(handler, ":ok\n\nretry: 100\n\n")
        sent = 0
        while True:
            for offset, data in [one for one in self.events if one[0] >= first]:
                block = self._block(offset, data)
                if budget is not None and sent == budget:
                    self._write(handler, block[: len(block) // 2])
                    handler.connection.close()  # without the last chunk: the connection breaks
                    return
                self._write(handler, block)
                first, sent = offset + 1, sent + 1
            if self.close_at_end:
                handler.wfile.write(b"0\r\n\r\n")
                return
            time.sleep(self.heartbeat_seconds)
            self._write(handler, ":\n")

    def _block(self, offset: int, data: str) -> str:
        at = int(datetime.now(UTC).timestamp() * 1000)
        place = [{"topic": TOPIC, "partition": 0, "offset": offset}, {"topic": "codfw.x", "partition": 0, "timestamp": at}]
        return f"event: message\nid: {json.dumps(place)}\ndata: {data}\n\n"

    def _write(self, handler: BaseHTTPRequestHandler, text: str) -> None:
        content = text.encode()
        size = self.chunk or len(content)
        for begin in range(0, len(content), size):
            part = content[begin : begin + size]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            handler.wfile.flush()
