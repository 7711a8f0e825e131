"""Rocket.Chat: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.rocketchat.export import read_export
from pipelines.platforms.rocketchat.normalise import normalise
from pipelines.platforms.rocketchat.webhook import WEBHOOK

PLATFORM = Platform(
    slug="rocketchat",
    title="Rocket.Chat",
    medium=Medium.CHAT,
    reference="https://docs.rocket.chat/docs/integrations",
    setup=(
        "Live: add an outgoing integration of the event Message Sent, with the URL <gateway>/hooks/rocketchat/<source>.",
        "Name the public channels, such as #soil, or all_public_channels, and leave the trigger words empty.",
        "For new accounts add a second one of the event User Created, with the same URL and token.",
        "Give the source the integration's token (`secret_env` or `secret_file` in [source.NAME]).",
        "An integration shows no reaction and no deletion, and an edit at the time of its receipt.",
        "History: save /api/v1/channels.messages of each channel, or mongoexport's rocketchat_message and rocketchat_room.",
        "Run `guildhall import rocketchat-export FOLDER`. What members download has no ids of messages: do not use it.",
        "Set no tenant, or the same one for the source and for --tenant. Without one it is `rocketchat`.",
        "In a community's space, `spaces` are ids of rooms, such as GENERAL, or `workspace` for joining.",
        "This platform was tried with invented payloads only, not with a real server.",
    ),
    reads=(
        "Who posts, answers, edits or removes a message in a public channel, and who joins, when, and whom they mention.",
        "Accounts: user name and name, for the merging of one person's accounts.",
    ),
    does_not_read=(
        "Direct messages, private groups and encrypted rooms: they are ignored, even where an export has them.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "Reactions, notices of the system, and livechat.",
        "Files: only that a message has some.",
    ),
    version=1,
    normalise=normalise,
    verify=WEBHOOK.verify,
    sign=WEBHOOK.sign,
    exports={"rocketchat-export": read_export},
    snapshots=frozenset({"rocketchat-export"}),
)
