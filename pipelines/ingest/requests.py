"""Requests: the limits of one HTTP request to the gateway, its body within them, and who sent it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from events.limits import MAX_BATCH_EVENTS, MAX_BODIES_BYTES, MAX_BODY_BYTES, MAX_JSON_DEPTH, MAX_SMALL_BODY_BYTES
from pipelines.ingest.tokens import holds_token

LOOPBACK = frozenset({"127.0.0.1", "::1"})
_LENGTH_DIGITS = 20
"""More digits than any length has: an endless number is not parsed."""


class BodiesInFlight:
    """How many bytes of bodies are in memory while they are received, over all requests."""

    def __init__(self, most: int = MAX_BODIES_BYTES) -> None:
        """`most` bounds bodies larger than MAX_SMALL_BODY_BYTES; smaller ones are bounded by the number of connections."""
        self._most, self.bytes = most, 0

    def refuses(self, body: int) -> bool:
        """Whether a body of this size must go, because all together are too large."""
        return body > MAX_SMALL_BODY_BYTES and self.bytes > self._most


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may cost, and what all may cost together."""

    body_bytes: int = MAX_BODY_BYTES
    batch_events: int = MAX_BATCH_EVENTS
    json_depth: int = MAX_JSON_DEPTH
    body_seconds: float = 10.0
    in_flight: BodiesInFlight = field(default_factory=BodiesInFlight)


class RefusedError(Exception):
    """The request is answered with this status and reason, and nothing else happens."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        """`why` is shown to the sender."""
        super().__init__(why)
        self.response = JSONResponse({"error": why}, status, dict(headers or {}))


async def refused(_: Request, error: Exception) -> Response:
    """Answer a RefusedError."""
    assert isinstance(error, RefusedError)
    return error.response


async def disconnected(_: Request, __: Exception) -> Response:
    """Answer a sender that left in the middle of its body. Nothing was stored, and nobody reads the answer."""
    return Response(status_code=400)


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return the body. Raises RefusedError for one that is compressed, too large or too slow."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedError(415, "send the body uncompressed")
    too_large = RefusedError(413, f"a body has at most {limits.body_bytes} bytes", {"Connection": "close"})
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:_LENGTH_DIGITS]) > limits.body_bytes:
        raise too_large
    body, in_flight = bytearray(), limits.in_flight
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                body += chunk
                in_flight.bytes += len(chunk)
                if len(body) > limits.body_bytes:
                    raise too_large
                if in_flight.refuses(len(body)):
                    raise RefusedError(503, "too many large bodies at once", {"Connection": "close", "Retry-After": "5"})
    except TimeoutError as error:
        raise RefusedError(408, "the body came too slowly", {"Connection": "close"}) from error
    finally:
        in_flight.bytes -= len(body)
    return bytes(body)


def headers_of(request: Request) -> dict[str, str]:
    """Return the headers by lower-case name. A header that comes twice is joined: two signatures match no check."""
    found: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        found.setdefault(name, []).append(value)
    return {name: ", ".join(values) for name, values in found.items()}


def check_token(request: Request, tokens: tuple[str, ...], scheme: str = "Bearer") -> None:
    """Raise RefusedError unless the request holds one of these tokens. `scheme` is what the answer asks for."""
    if not holds_token(request.headers.get("authorization", ""), tokens):
        raise RefusedError(401, "a token is needed", {"WWW-Authenticate": f'{scheme} realm="Guildhall"'})
