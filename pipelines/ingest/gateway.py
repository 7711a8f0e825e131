"""Gateway: webhooks and CloudEvents over HTTP. Each request is verified first, and answered with 2xx once it is durable."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from events.raw import RawEvent, delivery_id
from events.source import Source, SourceKind, parse
from pipelines.connector import Accept, Answer, Platform, Refuse, Request
from pipelines.ingest import cloudevents
from pipelines.ingest.last_seen import LastSeen
from pipelines.ingest.metrics import GatewayMetrics
from pipelines.ingest.publisher import NotDurableError, RawPublisher
from pipelines.ingest.report_pages import ReportPages
from pipelines.ingest.requests import Limits, RefusedError, check_token, disconnected, headers_of, read_body, refused
from pipelines.ingest.seen_ids import SeenIds

_log = structlog.get_logger()
WRITE_LAST_SEEN_SECONDS = 5.0
MAX_HOST_CHARACTERS = 253
"""The longest name that DNS allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredSource:
    """A source of the settings: a webhook at `/hooks/<platform>/<name>`, or CloudEvents of one platform at `/v1/events`.

    A webhook may be signed with any one of `secrets`. `tenant` stands in where an event names none.
    """

    source: Source
    secrets: tuple[str, ...] = ()
    tenant: str | None = None


class _Gateway:
    """The handlers of events, and what they share."""

    def __init__(
        self,
        sources: Sequence[ConfiguredSource],
        platforms: Mapping[str, Platform],
        publisher: RawPublisher,
        clock: Callable[[], datetime],
        limits: Limits,
        state: Path | None,
        tokens: tuple[str, ...],
        pages_tokens: tuple[str, ...],
    ) -> None:
        self.webhooks = {
            (each.source.platform, each.source.name): each for each in sources if each.source.kind is SourceKind.WEBHOOK
        }
        self.emitting = {each.source.platform: each for each in sources if each.source.kind is SourceKind.EMIT}
        self.platforms, self.publisher, self.clock, self.limits = platforms, publisher, clock, limits
        self.tokens, self.pages_tokens = tokens, pages_tokens
        self.last_seen = LastSeen(state) if state else None
        self.seen_ids = SeenIds(state) if state else None
        self.gateway_metrics = GatewayMetrics(publisher)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        await self.publisher.start()
        writing = asyncio.create_task(self._write_last_seen())
        try:
            yield
        finally:
            writing.cancel()
            self._write_state()
            await self.publisher.stop()

    async def _write_last_seen(self) -> None:
        while self.last_seen:
            await asyncio.sleep(WRITE_LAST_SEEN_SECONDS)
            await asyncio.to_thread(self._write_state)

    def note(self, source: Source, what: str) -> None:
        if self.last_seen:
            self.last_seen.note(source.address, what, self.clock())

    def _is_new(self, delivery: str) -> bool:
        return self.seen_ids is None or self.seen_ids.add(delivery)

    def _write_state(self) -> None:
        if self.last_seen and self.seen_ids:
            self.last_seen.write()
            self.seen_ids.write()

    def _note_refused_emitters(self) -> None:
        # The request does not show which of them sent it.
        for each in self.emitting.values():
            self.note(each.source, "refused")

    async def hook(self, request: HttpRequest) -> Response:
        """Accept a platform's webhook. Its signature is checked before anything else."""
        slug, name = request.path_params["platform"], request.path_params["source"]
        webhook, platform = self.webhooks.get((slug, name)), self.platforms.get(slug)
        below = "below" in request.path_params
        if webhook is None or platform is None or platform.verify is None or below is not platform.paths_below:
            raise RefusedError(404, "there is no such source here")
        body = await read_body(request, self.limits)
        verdict = self._verdict(
            platform, webhook, Request(request.method, request.url.path, headers_of(request), body, dict(request.query_params))
        )
        match verdict:
            case Refuse():
                self.note(webhook.source, "refused")
                raise RefusedError(verdict.status, verdict.why)
            case Answer():
                self.note(webhook.source, "handshake")
                return Response(verdict.body, verdict.status, media_type=verdict.content_type)
            case Accept():
                events = [self._event(webhook, verdict, part) for part in verdict.parts or (body,)]
                await self._durable(events)
                # A request that was stored and is sent again shows nothing about its source, where its proof has no time.
                if [event.id for event in events if self._is_new(event.id)]:
                    self.note(webhook.source, "seen")
                return Response(verdict.answer, verdict.status, media_type=verdict.content_type)

    def _verdict(self, platform: Platform, webhook: ConfiguredSource, request: Request) -> Accept | Answer | Refuse:
        assert platform.verify is not None
        try:
            return platform.verify(request, webhook.secrets, self.clock().timestamp())
        except Exception as error:  # noqa: BLE001 - hostile input that breaks the check has not passed it
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
        """Accept CloudEvents, one or many, each with its own verdict."""
        try:
            check_token(request, self.tokens)
        except RefusedError:
            self._note_refused_emitters()
            raise
        body = await read_body(request, self.limits)
        try:
            found = cloudevents.read(
                headers_of(request),
                body,
                self.platforms,
                self.clock(),
                self._emitter_of,
                most_events=self.limits.batch_events,
                most_depth=self.limits.json_depth,
            )
        except cloudevents.RefusedRequestError as error:
            self._note_refused_emitters()
            raise RefusedError(error.status, error.why) from error
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
        """Consent to events, as CloudEvents WebHook validation asks. It proves nothing about the sender."""
        origin = request.headers.get("webhook-request-origin", "")
        if not origin or not origin.isprintable() or len(origin) > MAX_HOST_CHARACTERS:
            raise RefusedError(405, "OPTIONS is for CloudEvents WebHook validation", {"Allow": "POST"})
        answer = {"Allow": "POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
        return Response(status_code=200, headers=answer)

    async def live(self, _: HttpRequest) -> Response:
        """Answer while the process runs."""
        return PlainTextResponse("live\n")

    async def ready(self, _: HttpRequest) -> Response:
        """Answer 200 while events are durable even if Kafka is away: the spool has room, and can be drained."""
        spool, stuck = self.publisher.spool, self.publisher.stuck
        room = spool.has_room()
        state = {
            "kafka": self.publisher.healthy,
            "spooled": spool.count(),
            "spool_has_room": room,
            "spool_stuck": stuck,
            "spool_damaged_segments": spool.set_aside(),
        }
        # Without room the next outage of Kafka refuses every event, so this reports it while Kafka is still up.
        return JSONResponse(state, 200 if room and not stuck else 503)

    async def metrics(self, request: HttpRequest) -> Response:
        """Return the metrics, as Prometheus text or OpenMetrics."""
        check_token(request, self.pages_tokens)  # the names of sources are in it
        page, content_type = self.gateway_metrics.page(request.headers.get("accept", ""))
        return Response(page, headers={"Content-Type": content_type})

    async def _durable(self, events: Sequence[RawEvent]) -> None:
        try:
            await self.publisher.publish(events)
        except NotDurableError as error:
            raise RefusedError(507, "nothing was stored: Kafka is away and the disk is full; send it again later") from error


def make_app(
    sources: Sequence[ConfiguredSource],
    platforms: Mapping[str, Platform],
    publisher: RawPublisher,
    clock: Callable[[], datetime],
    limits: Limits | None = None,
    *,
    state: Path | None = None,
    tokens: tuple[str, ...] = (),
    pages_tokens: tuple[str, ...] = (),
    reports: Path | None = None,
) -> Starlette:
    """Return the gateway as an ASGI application. It starts and stops the publisher with itself.

    `clock` returns an aware datetime. `state` is the folder of the files of LastSeen and SeenIds. `tokens` are the bearer
    tokens for CloudEvents, and `pages_tokens` those for `/metrics` and the reports at `/`, from the folder `reports`. Without
    tokens nobody gets in.
    """
    gateway = _Gateway(sources, platforms, publisher, clock, limits or Limits(), state, tokens, pages_tokens)
    pages = ReportPages(reports, pages_tokens)
    return Starlette(
        routes=[
            Route("/hooks/{platform}/{source}", gateway.hook, methods=["POST"]),
            Route("/hooks/{platform}/{source}/{below:path}", gateway.hook, methods=["POST", "PUT"]),
            Route("/v1/events", gateway.events, methods=["POST"]),
            Route("/v1/events", gateway.consent, methods=["OPTIONS"]),
            Route("/live", gateway.live),
            Route("/ready", gateway.ready),
            Route("/metrics", gateway.metrics),
            Route("/reports/{path:path}", pages.report),
            Route("/", pages.index),
        ],
        exception_handlers={RefusedError: refused, ClientDisconnect: disconnected},
        lifespan=gateway.lifespan,
    )
