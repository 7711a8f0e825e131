"""Webhook: MediaWiki's feeds sign nothing, so whoever passes a feed on signs it in the form of WebSub."""

from pipelines.platforms.mediawiki.export import RECENT_CHANGE
from pipelines.shared.signed_webhook import SignedWebhook

WEBHOOK = SignedWebhook(type=RECENT_CHANGE, header="X-Hub-Signature-256", prefix="sha256=")
