"""MediaWiki: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.mediawiki.export import read_changes
from pipelines.platforms.mediawiki.normalise import normalise
from pipelines.platforms.mediawiki.poll import poll
from pipelines.platforms.mediawiki.webhook import WEBHOOK

PLATFORM = Platform(
    slug="mediawiki",
    title="MediaWiki",
    medium=Medium.WIKI,
    reference="https://www.mediawiki.org/wiki/Manual:RCFeed",
    setup=(
        'Poll: give the source kind = "poll", and the address of the wiki\'s api.php as `url`. Nothing changes on the wiki.',
        (
            "Wikimedia: set `url` to https://stream.wikimedia.org/v2/stream/recentchange, and `tenant` to the wiki's domain, "
            "such as meta.wikimedia.org."
        ),
        "A wiki that only members read needs an owner-only OAuth 2 access token as the secret of the source.",
        "To push instead of poll, a small program of yours passes the feed on, because MediaWiki does not sign it.",
        "Webhook: send every change of `$wgRCFeeds` (as JSON) or EventStreams to <gateway>/hooks/mediawiki/<source>.",
        (
            "Sign each request with the header X-Hub-Signature-256: `sha256=` and the hex HMAC-SHA-256 of the body, with the "
            "secret of the source as the key."
        ),
        "SDK or CloudEvents: emit every change as `mediawiki.recentchange` (events.sdk.emitter, or POST /v1/events).",
        (
            "Export: run `guildhall import mediawiki-recentchange FILE` with recent changes as lines or arrays of JSON, the "
            "text of an event stream, or answers of the action API (list=recentchanges), plain or compressed."
        ),
        (
            "In a community's space, `workspace` is the wiki's domain, `spaces` are numbers of namespaces, or `site` for what "
            "concerns the whole wiki. Two wikis cannot share one domain."
        ),
    ),
    reads=(
        "Who edits, creates, uploads, reverts, thanks, moderates or joins, on which page, when, and by how many bytes.",
        "The summary of an edit, for the section of a talk page and the revision that an undo names.",
    ),
    does_not_read=(
        "The text of pages.",
        "What people look at or search for.",
        "By poll: what the wiki hides, and edits of pages that were deleted before the next poll.",
        "Titles of pages: they are stored as keyed hashes only.",
    ),
    version=3,
    normalise=normalise,
    verify=WEBHOOK.verify,
    sign=WEBHOOK.sign,
    poll=poll,
    exports={"mediawiki-recentchange": read_changes},
    emits=True,
)
