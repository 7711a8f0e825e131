"""Webhook: Slack signs with `v0` over timestamp and body; `url_verification` asks whether the endpoint is there."""

from pydantic_core import to_json

from pipelines.connector import Answer
from pipelines.shared.payload import Part
from pipelines.shared.signed_webhook import SignedWebhook

LIVE = "slack.event"
URL_VERIFICATION = "url_verification"


class _Challenge(Part):
    type: str
    challenge: str


def _handshake(body: bytes, _secret: str) -> Answer | None:
    if URL_VERIFICATION.encode() not in body:
        return None
    try:
        found = _Challenge.model_validate_json(body)
    except ValueError:
        return None
    return Answer(to_json({"challenge": found.challenge})) if found.type == URL_VERIFICATION else None


WEBHOOK = SignedWebhook(
    type=LIVE,
    header="X-Slack-Signature",
    prefix="v0=",
    template="v0:{timestamp}:{body}",
    timestamp_header="X-Slack-Request-Timestamp",
    handshake=_handshake,
)
