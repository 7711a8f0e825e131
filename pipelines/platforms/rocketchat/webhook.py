"""Webhook: an outgoing integration's token is in the body."""

from pipelines.shared.body_token import BodyToken

LIVE = "rocketchat.webhook"
WEBHOOK = BodyToken(LIVE)
