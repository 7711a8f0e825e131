"""Mattermost: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.mattermost.export import read_export
from pipelines.platforms.mattermost.normalise import normalise
from pipelines.platforms.mattermost.webhook import WEBHOOK

PLATFORM = Platform(
    slug="mattermost",
    title="Mattermost",
    medium=Medium.CHAT,
    reference="https://developers.mattermost.com/integrate/webhooks/outgoing/",
    setup=(
        "Live: add an outgoing webhook per public channel, with the callback <gateway>/hooks/mattermost/<source>.",
        "Leave the trigger words empty: then it sends every message of the channel.",
        "Give the source the tokens of the webhooks (`secret_env` or `secret_file` in [source.NAME], one token per line).",
        "A webhook shows no thread, no reaction, no edit and no deletion: import an export now and then, which corrects that.",
        "Mattermost's websocket, a permanent connection, is not read yet.",
        "History: `mmctl export create`, then run `guildhall import mattermost-export FILE` with the zip or the .jsonl in it.",
        "Set no tenant, or the same one for the source and for --tenant. Without one it is `mattermost`.",
        "In a community's space, `spaces` are names such as garden/soil: team, slash, channel, as in the address.",
        "This platform was tried with invented payloads only, not with a real server.",
    ),
    reads=(
        "Who posts, replies, edits, deletes or reacts in a public channel, when, and whom they mention.",
        "Accounts of an export: user name, name and email address, for the merging of one person's accounts.",
    ),
    does_not_read=(
        "Direct messages and private channels: they are ignored, even where an export has them.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "System posts, memberships of channels, and the posts of plugins.",
        "Files: only that a post has some.",
    ),
    version=1,
    normalise=normalise,
    verify=WEBHOOK.verify,
    sign=WEBHOOK.sign,
    exports={"mattermost-export": read_export},
    snapshots=frozenset({"mattermost-export"}),
)
