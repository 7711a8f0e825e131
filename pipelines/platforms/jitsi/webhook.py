"""Webhook: the event sync component signs nothing. It sends the headers of its settings, among them a bearer token."""

import hmac

from pipelines.connector import Accept, Answer, Refuse, Request

LIVE = "jitsi.event"


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:  # noqa: ARG001 - no timestamp in it
    """Check the token. See `pipelines.connector.Verify`."""
    given = request.headers.get("authorization", "").encode("utf-8", "replace")
    # Every secret is compared, so that the time of the answer does not depend on which one matches.
    matches = [hmac.compare_digest(f"Bearer {secret}".encode(), given) for secret in secrets if secret]
    return Accept(LIVE) if any(matches) else Refuse("the token does not match")


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:  # noqa: ARG001 - the token is all
    """The headers with which the component sends this body."""
    return {"content-type": "application/json", "authorization": f"Bearer {secret}"}
