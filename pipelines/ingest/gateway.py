"""The gateway: webhooks and CloudEvents in over HTTP, verified first, 2xx only once they are durable."""

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from events.limits import MAX_BATCH_EVENTS, MAX_BODY_BYTES, MAX_JSON_DEPTH
from events.raw import RawEvent, delivery_id
from events.source import Source, SourceKind, parse
from pipelines.connector import Accept, Answer, Platform, Refuse, Request
from pipelines.ingest import cloudevents
from pipelines.ingest.last_seen import LastSeen
from pipelines.ingest.publisher import NotDurableError, RawPublisher

_log = structlog.get_logger()
WRITE_SIGNS_SECONDS = 5.0
LOOPBACK = frozenset({"127.0.0.1", "::1"})
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
REPORT_SUFFIXES = frozenset({".html", ".svg", ".pdf", ".json", ".csv"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may cost."""

    body_bytes: int = MAX_BODY_BYTES
    batch_events: int = MAX_BATCH_EVENTS
    json_depth: int = MAX_JSON_DEPTH
    body_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredSource:
    """A source of the settings: a webhook at `/hooks/<platform>/<name>`, or CloudEvents of one platform at `/v1/events`.

    A webhook may be signed with any one of `secrets`. `tenant` stands in where an event names none.
    """

    source: Source
    secrets: tuple[str, ...] = ()
    tenant: str | None = None


class _StopError(Exception):
    """Answer this and do nothing else."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.response = JSONResponse({"error": why}, status, dict(headers or {}))


class _Gateway:
    """The handlers, and what they share."""

    def __init__(
        self,
        sources: Sequence[ConfiguredSource],
        platforms: Mapping[str, Platform],
        publisher: RawPublisher,
        clock: Callable[[], datetime],
        limits: Limits,
        last_seen: LastSeen | None,
        tokens: tuple[str, ...],
        reports: Path | None,
    ) -> None:
        self.webhooks = {
            (each.source.platform, each.source.name): each for each in sources if each.source.kind is SourceKind.WEBHOOK
        }
        self.emitting = {each.source.platform: each for each in sources if each.source.kind is SourceKind.EMIT}
        self.platforms, self.publisher, self.clock, self.limits = platforms, publisher, clock, limits
        self.last_seen, self.tokens, self.reports = last_seen, tokens, reports

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        await self.publisher.start()
        writing = asyncio.create_task(self._write_signs())
        try:
            yield
        finally:
            writing.cancel()
            if self.last_seen:
                self.last_seen.write()
            await self.publisher.stop()

    async def _write_signs(self) -> None:
        while self.last_seen:
            await asyncio.sleep(WRITE_SIGNS_SECONDS)
            await asyncio.to_thread(self.last_seen.write)

    def note(self, source: Source, what: str) -> None:
        if self.last_seen:
            self.last_seen.note(source.address, what, self.clock())

    def _note_refused_emitters(self) -> None:
        # The request does not show which of them sent it.
        for each in self.emitting.values():
            self.note(each.source, "refused")

    async def hook(self, request: HttpRequest) -> Response:
        """A platform's webhook: its signature before anything else."""
        slug, name = request.path_params["platform"], request.path_params["source"]
        webhook, platform = self.webhooks.get((slug, name)), self.platforms.get(slug)
        if webhook is None or platform is None or platform.verify is None:
            raise _StopError(404, "there is no such source here")
        body = await self._body(request)
        verdict = self._verdict(
            platform, webhook, Request("POST", request.url.path, _headers(request), body, dict(request.query_params))
        )
        match verdict:
            case Refuse():
                self.note(webhook.source, "refused")
                raise _StopError(verdict.status, verdict.why)
            case Answer():
                self.note(webhook.source, "handshake")
                return Response(verdict.body, media_type=verdict.content_type)
            case Accept():
                await self._durable([self._event(webhook, verdict, body)])
                self.note(webhook.source, "seen")
                return Response(verdict.answer, media_type=verdict.content_type)

    def _verdict(self, platform: Platform, webhook: ConfiguredSource, request: Request) -> Accept | Answer | Refuse:
        assert platform.verify is not None
        try:
            return platform.verify(request, webhook.secrets, self.clock().timestamp())
        except Exception as error:  # noqa: BLE001 - a check that stumbles over hostile input has not been passed
            _log.warning("a request could not be verified", source=webhook.source.address, error=type(error).__name__)
            return Refuse("the request cannot be read", status=400)

    def _event(self, webhook: ConfiguredSource, accept: Accept, body: bytes) -> RawEvent:
        address = webhook.source.address
        return RawEvent(
            id=delivery_id(address, body),
            sender=f"/{address}",
            type=accept.type,
            source=address,
            received_at=self.clock(),
            payload=body,
            tenant=webhook.tenant or accept.tenant,
        )

    async def events(self, request: HttpRequest) -> Response:
        """CloudEvents, one or many: a verdict each."""
        self._authorise(request)
        body = await self._body(request)
        try:
            found = cloudevents.read(
                _headers(request),
                body,
                self.platforms,
                self.clock(),
                self._emitter_of,
                most_events=self.limits.batch_events,
                most_depth=self.limits.json_depth,
            )
        except cloudevents.RefusedRequestError as error:
            self._note_refused_emitters()
            raise _StopError(error.status, error.why) from error
        accepted = [one for one in found if isinstance(one, RawEvent)]
        await self._durable(accepted)
        for address in {event.source for event in accepted}:
            self.note(parse(address), "seen")
        if len(accepted) == len(found):
            return JSONResponse({"ids": [event.id for event in accepted]}, 202)
        self._note_refused_emitters()
        verdicts = [
            {"id": one.id, "status": "accepted"}
            if isinstance(one, RawEvent)
            else {"id": one.id, "status": "refused", "reason": one.why}
            for one in found
        ]
        return JSONResponse({"events": verdicts}, 207 if accepted else 400)

    def _emitter_of(self, platform: str) -> tuple[Source, str | None]:
        """The configured source of a platform's CloudEvents and its tenant, or `emit/<platform>/main`."""
        each = self.emitting.get(platform)
        return (each.source, each.tenant) if each else cloudevents.main_emitter(platform)

    async def consent(self, request: HttpRequest) -> Response:
        """CloudEvents WebHook validation: consent to being sent to, which proves nothing about the sender."""
        origin = request.headers.get("webhook-request-origin", "")
        if not origin or not origin.isprintable() or len(origin) > 253:  # noqa: PLR2004 - the longest name DNS knows
            raise _StopError(405, "OPTIONS is for CloudEvents WebHook validation", {"Allow": "POST"})
        answer = {"Allow": "POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
        return Response(status_code=200, headers=answer)

    async def live(self, _: HttpRequest) -> Response:
        """The process answers."""
        return PlainTextResponse("live\n")

    async def ready(self, _: HttpRequest) -> Response:
        """An event sent now would be durable: Kafka takes it, or the spool has room."""
        kafka, room = self.publisher.healthy, self.publisher.spool.has_room()
        said = {"kafka": kafka, "spooled": self.publisher.spool.count(), "spool_has_room": room}
        # Without room the next outage would lose nothing but refuse everything: say so while there is time.
        return JSONResponse(said, 200 if room else 503)

    async def metrics(self, _: HttpRequest) -> Response:
        """Prometheus text. Counters are of this process; a restart begins at 0."""
        return PlainTextResponse(_metrics(self.publisher), media_type="text/plain; version=0.0.4")

    async def index(self, request: HttpRequest) -> Response:
        """A plain list of the reports, for this machine only."""
        folder = self._reports_for(request)
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
        lines = "".join(f'<li><a href="/reports/{quote(name)}">{_escaped(name)}</a></li>' for name in files)
        said = f"<ul>{lines}</ul>" if files else "<p>No reports yet: <code>guildhall report</code> makes one.</p>"
        head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Guildhall: reports</title>'
        return HTMLResponse(f"{head}<h1>Reports</h1>{said}</html>")

    async def report(self, request: HttpRequest) -> Response:
        """One file under the reports' folder, for this machine only."""
        folder = self._reports_for(request).resolve()
        path = (folder / request.path_params["path"]).resolve()
        if not path.is_relative_to(folder) or path.suffix not in REPORT_SUFFIXES or not path.is_file():
            raise _StopError(404, "there is no such report")
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'; font-src data:"
        return FileResponse(path, headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"})

    def _reports_for(self, request: HttpRequest) -> Path:
        if self.reports is None or not _is_local(request):
            raise _StopError(404, "nothing here: reports are shown to 127.0.0.1 only")
        return self.reports

    def _authorise(self, request: HttpRequest) -> None:
        if not self.tokens:
            if _is_local(request):
                return
            raise _StopError(401, "this gateway has no token: without one, only 127.0.0.1 may send here")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Every token is compared, so that time tells nothing of which one it was.
        matches = [hmac.compare_digest(given.strip().encode(), token.encode()) for token in self.tokens]
        if scheme.lower() != "bearer" or not any(matches):
            self._note_refused_emitters()
            raise _StopError(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})

    async def _body(self, request: HttpRequest) -> bytes:
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise _StopError(415, "send the body uncompressed")
        most = self.limits.body_bytes
        too_large = _StopError(413, f"a body has at most {most} bytes", {"Connection": "close"})
        declared = request.headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > most:
                        raise too_large
        except TimeoutError as error:
            raise _StopError(408, "the body came too slowly", {"Connection": "close"}) from error
        return bytes(body)

    async def _durable(self, events: Sequence[RawEvent]) -> None:
        try:
            await self.publisher.publish(events)
        except NotDurableError as error:
            raise _StopError(507, "nothing was kept: Kafka is away and the disk is full; send it again later") from error


def make_app(
    sources: Sequence[ConfiguredSource],
    platforms: Mapping[str, Platform],
    publisher: RawPublisher,
    clock: Callable[[], datetime],
    limits: Limits = Limits(),
    *,
    state: Path | None = None,
    tokens: tuple[str, ...] = (),
    reports: Path | None = None,
) -> Starlette:
    """The gateway as an ASGI application; it starts and stops the publisher with itself.

    `clock` gives an aware datetime. `state` is the folder of `sources.json`; `tokens` are what senders of
    CloudEvents may carry (none: only 127.0.0.1 may send); `reports` is the folder listed at `/`, for 127.0.0.1 only.
    """
    gateway = _Gateway(sources, platforms, publisher, clock, limits, LastSeen(state) if state else None, tokens, reports)
    return Starlette(
        routes=[
            Route("/hooks/{platform}/{source}", gateway.hook, methods=["POST"]),
            Route("/v1/events", gateway.events, methods=["POST"]),
            Route("/v1/events", gateway.consent, methods=["OPTIONS"]),
            Route("/live", gateway.live),
            Route("/ready", gateway.ready),
            Route("/metrics", gateway.metrics),
            Route("/reports/{path:path}", gateway.report),
            Route("/", gateway.index),
        ],
        exception_handlers={_StopError: _stopped, ClientDisconnect: _left},
        lifespan=gateway.lifespan,
    )


class _ImpatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, closing a connection whose headers do not arrive in time (it waits for ever by itself)."""

    HEADER_SECONDS = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._due: asyncio.TimerHandle | None = self.loop.call_later(self.HEADER_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_time()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._on_time()
        self._due = self.loop.call_later(self.HEADER_SECONDS, self.transport.close)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._on_time()
        super().on_headers_complete()

    def _on_time(self) -> None:
        if self._due:
            self._due.cancel()
            self._due = None


def run_gateway(app: Starlette, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Blocks."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_ImpatientProtocol,
        access_log=False,
        server_header=False,
        # A forwarded address proves nothing, and 127.0.0.1 opens sources here.
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        limit_concurrency=1000,
        log_level="warning",
    )
    uvicorn.Server(config).run()


async def _stopped(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, _StopError)
    return error.response


async def _left(_: HttpRequest, __: Exception) -> Response:
    # Nobody reads this: the sender left in the middle of its body, and nothing of it was kept.
    return Response(status_code=400)


def _headers(request: HttpRequest) -> dict[str, str]:
    # A header that comes twice is joined: two signatures match no check.
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _is_local(request: HttpRequest) -> bool:
    # Behind a proxy on this machine everybody seems local; and a page from elsewhere may point its own name at 127.0.0.1.
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
    named = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    return request.client is not None and request.client.host in LOOPBACK and not forwarded and named in LOCAL_NAMES


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _metrics(publisher: RawPublisher) -> str:
    counts = publisher.counts
    lines: list[str] = []
    counters: Iterable[tuple[str, str, Mapping[str, int]]] = (
        ("received", "raw events that passed their check", counts.received),
        ("acknowledged", "raw events that Kafka acknowledged while the sender waited", counts.acknowledged),
        ("spooled", "raw events that went to the spool", counts.spooled),
        ("drained", "spooled raw events that Kafka acknowledged later", counts.drained),
        ("late", "raw events that Kafka got and that were spooled as well: our own re-deliveries", counts.late),
        ("refused", "raw events that neither Kafka nor the spool took", counts.refused),
    )
    for name, told, by_source in counters:
        full = f"guildhall_gateway_events_{name}_total"
        lines += [f"# HELP {full} {told}", f"# TYPE {full} counter"]
        lines += [f'{full}{{source="{source}"}} {count}' for source, count in sorted(by_source.items())]
    gauges = (
        ("kafka_healthy", "1 while Kafka takes what is sent", int(publisher.healthy)),
        ("spool_events", "raw events that wait in the spool", publisher.spool.count()),
        ("spool_has_room", "1 while the disk has more than the threshold left", int(publisher.spool.has_room())),
    )
    for name, told, value in gauges:
        full = f"guildhall_gateway_{name}"
        lines += [f"# HELP {full} {told}", f"# TYPE {full} gauge", f"{full} {value}"]
    return "\n".join(lines) + "\n"
