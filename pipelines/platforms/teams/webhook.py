"""Webhook: Microsoft Graph signs nothing. Each notification repeats the secret `clientState` of its subscription.

When a subscription is made, Graph sends a `validationToken` in the address and wants it back as plain text.
"""

import hmac

from pipelines.connector import Accept, Answer, Refuse, Request
from pipelines.platforms.teams.payloads import Notifications
from pipelines.shared.text import parse_payload

LIVE = "teams.notification"
MAX_TOKEN = 2048


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:  # noqa: ARG001 - no timestamp in it
    """Answer a validation; check the `clientState` of every notification. See `pipelines.connector.Verify`."""
    token = request.query.get("validationToken", "")
    if token:
        # Whoever asks gets the own text back, and nothing enters: Graph proves nothing here.
        if len(token) > MAX_TOKEN or not token.isprintable():
            return Refuse("the validationToken is no token", status=400)
        return Answer(token.encode("utf-8", "replace"), content_type="text/plain")
    try:
        found = Notifications.model_validate(parse_payload(request.body))
    except (ValueError, RecursionError):
        return Refuse("no list of notifications in a JSON body", status=400)
    valid = [secret.encode() for secret in secrets if secret]
    for notification in found.value:
        given = (notification.clientState or "").encode("utf-8", "replace")
        # Every secret is compared, so that the time of the answer does not depend on which one matches.
        matches = [hmac.compare_digest(secret, given) for secret in valid]
        if not any(matches):
            return Refuse("clientState does not match")
    return Accept(LIVE, tenant=found.value[0].tenantId)


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:  # noqa: ARG001 - the secret is in the body
    """The headers with which Graph sends this body. The secret is in the body, as `clientState`."""
    return {"content-type": "application/json"}
