"""Webhook: an outgoing webhook's token is in the body."""

from pipelines.shared.body_token import BodyToken

LIVE = "mattermost.webhook"
WEBHOOK = BodyToken(LIVE)
