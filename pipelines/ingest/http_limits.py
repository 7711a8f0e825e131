"""HTTP for the poller: bounded answers, and when to try again."""

from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from pipelines.connector import PlatformBusy

MOST_ANSWER_BYTES = 64 << 20
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
EVENT_STREAM = "text/event-stream"


class AnswerTooLargeError(httpx.TransportError):
    """An answer has more bytes than any page of events needs."""


class BoundedTransport(httpx.BaseTransport):
    """Passes requests on, and breaks off an answer that grows above a size. Event streams have no end, hence no bound."""

    def __init__(self, inner: httpx.BaseTransport, most_bytes: int = MOST_ANSWER_BYTES) -> None:
        """`inner` makes the requests."""
        self._inner, self._most = inner, most_bytes

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        response = self._inner.handle_request(request)
        if not response.headers.get("content-type", "").startswith(EVENT_STREAM):
            assert isinstance(response.stream, httpx.SyncByteStream)
            response.stream = _Bounded(response.stream, self._most)
        return response

    def close(self) -> None:
        """See httpx."""
        self._inner.close()


class _Bounded(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, most: int) -> None:
        self._inner, self._left = inner, most

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                raise AnswerTooLargeError("the answer is too large")
            yield chunk

    def close(self) -> None:
        self._inner.close()


def make_client(version: str) -> httpx.Client:
    """A client for one source. It follows no redirect: a moved address belongs into the settings."""
    agent = f"guildhall-poller/{version}"
    return httpx.Client(
        transport=BoundedTransport(httpx.HTTPTransport(retries=1)), timeout=TIMEOUT, headers={"user-agent": agent}
    )


def pause_of(error: Exception, now: datetime) -> float | bool:
    """Whether a failed pass may be repeated: False; True for the usual back-off; or the seconds that the platform asks for."""
    match error:
        case PlatformBusy():
            return _seconds(error.retry_after, now) or True
        case httpx.HTTPStatusError() if error.response.status_code in RETRIED_STATUSES:
            return _seconds(error.response.headers.get("retry-after"), now) or True
        case httpx.HTTPStatusError() | AnswerTooLargeError():
            return False
        case httpx.TransportError():
            return True
        case _:
            return False


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    """Retry-After as seconds: a number, or an HTTP date. None for what is neither or past."""
    if not retry_after:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9]) or None
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds()) or None
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return None
