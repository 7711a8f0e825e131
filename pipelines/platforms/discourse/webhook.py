"""Webhook: Discourse signs the body with an HMAC, and names the event in a header only: so it becomes the raw type."""

import re
from dataclasses import replace
from urllib.parse import urlsplit

from pipelines.connector import Accept, Answer, Refuse, Request
from pipelines.shared.payload import MAX_HOST_CHARACTERS
from pipelines.shared.signed_webhook import SignedWebhook

PLATFORM = "discourse"
_EVENT = "x-discourse-event"
_INSTANCE = "x-discourse-instance"
_NAME = re.compile(r"[a-z][a-z_]{1,60}")
_SIGNED = SignedWebhook(type=PLATFORM, header="X-Discourse-Event-Signature", prefix="sha256=")


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:
    """Check the signature, then read the event's name. See `pipelines.connector.Verify`."""
    verdict = _SIGNED.verify(request, secrets, now)
    if not isinstance(verdict, Accept):
        return verdict
    name = request.headers.get(_EVENT, "")
    if name == "ping":
        return Answer(b"{}")
    if not _NAME.fullmatch(name):
        return Refuse("no X-Discourse-Event", status=400)
    return replace(verdict, type=f"{PLATFORM}.{name}", tenant=_host(request.headers.get(_INSTANCE, "")))


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:
    """The headers with which Discourse sends this body, as a new post."""
    return _SIGNED.sign(body, secret, now) | {_EVENT: "post_created", _INSTANCE: "https://forum.example.org"}


def _host(address: str) -> str | None:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return None
    return host if 0 < len(host) <= MAX_HOST_CHARACTERS else None
