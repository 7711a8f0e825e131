"""Webhook: the bot's token is in the body. Zulip signs nothing, so a request is as safe as its TLS."""

import hmac
from typing import Annotated

from pydantic import Field
from pydantic_core import from_json, to_json

from pipelines.connector import Accept, Answer, Refuse, Request
from pipelines.shared.payload import Part, read_object

LIVE = "zulip.webhook"


class _Token(Part):
    token: Annotated[str, Field(min_length=1, max_length=256)]


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:  # noqa: ARG001 - no timestamp in it
    """Check the bot's token. See `pipelines.connector.Verify`."""
    try:
        token = _Token.model_validate(from_json(request.body, allow_inf_nan=False)).token.encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return Refuse("no token in a JSON body", status=400)
    # Every secret is compared, so that the time of the answer does not depend on which one matches.
    matches = [hmac.compare_digest(secret.encode(), token) for secret in secrets if secret]
    if not any(matches):
        return Refuse("the token does not match")
    return Accept(LIVE, answer=to_json({"response_not_required": True}))


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:  # noqa: ARG001 - the token is in the body
    """The headers with which Zulip sends this body. The token is in the body: see `with_token`."""
    return {"content-type": "application/json"}


def with_token(body: bytes, secret: str) -> bytes:
    """The body with its token, as Zulip sends it. Raises ValueError for anything but a JSON object."""
    return to_json({**read_object(body), "token": secret})
