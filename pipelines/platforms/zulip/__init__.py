"""Zulip: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.zulip.export import read_archive
from pipelines.platforms.zulip.normalise import normalise
from pipelines.platforms.zulip.webhook import sign, verify

PLATFORM = Platform(
    slug="zulip",
    title="Zulip",
    medium=Medium.CHAT,
    reference="https://zulip.com/api/outgoing-webhook-payload",
    setup=(
        (
            "Webhook: add a bot of the type Outgoing webhook, in the Zulip format, with the endpoint "
            "<gateway>/hooks/zulip/<source>. Zulip sends only messages that mention the bot."
        ),
        "Give the source the token of the bot (`secret_env` or `secret_file` in [source.NAME]).",
        (
            "For all messages, emit the events of Zulip's real-time events API as `zulip.event`, with the "
            "tenant (events.sdk.emitter, or POST /v1/events)."
        ),
        "History: run `guildhall import zulip-archive FILE` with what zulip-archive stores, or with Zulip's own export.",
        "Give the source and --tenant the same tenant, so that live traffic and history have the same accounts.",
        (
            "In a community's space, `spaces` are numbers of streams, or `organization` for what concerns all of them. Name "
            "public streams only: a live message does not show whether its stream is private."
        ),
    ),
    reads=(
        "Who posts, replies, edits, moves or resolves in which topic of a stream, when, and whom they mention or quote.",
        "Accounts: name and email address, for the merging of one person's accounts.",
    ),
    does_not_read=(
        "Direct messages, and private streams where an export marks them: they are ignored.",
        "Reactions: they do not show whether their stream is private.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "The names of topics: they are stored as keyed hashes only.",
    ),
    version=4,
    normalise=normalise,
    verify=verify,
    sign=sign,
    exports={"zulip-archive": read_archive},
    snapshots=frozenset({"zulip-archive"}),
    emits=True,
)
