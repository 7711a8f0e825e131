"""Webhook: Zoom signs with `v0` over timestamp and body; `endpoint.url_validation` asks for an encrypted token."""

import hashlib
import hmac

from pydantic_core import to_json

from pipelines.connector import Answer
from pipelines.shared.payload import Part
from pipelines.shared.signed_webhook import SignedWebhook

LIVE = "zoom.webhook"
VALIDATION = "endpoint.url_validation"


class _Token(Part):
    plainToken: str  # noqa: N815 - the name on the wire


class _Validation(Part):
    event: str
    payload: _Token


def _handshake(body: bytes, secret: str) -> Answer | None:
    if VALIDATION.encode() not in body:
        return None
    try:
        found = _Validation.model_validate_json(body)
    except ValueError:
        return None
    if found.event != VALIDATION:
        return None
    token = found.payload.plainToken
    encrypted = hmac.digest(secret.encode(), token.encode(), hashlib.sha256).hex()
    return Answer(to_json({"plainToken": token, "encryptedToken": encrypted}))


WEBHOOK = SignedWebhook(
    type=LIVE,
    header="X-Zm-Signature",
    prefix="v0=",
    template="v0:{timestamp}:{body}",
    timestamp_header="X-Zm-Request-Timestamp",
    handshake=_handshake,
)
