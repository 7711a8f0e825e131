"""Discord: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.discord.export import channel_names, read_export
from pipelines.platforms.discord.normalise import normalise
from pipelines.platforms.discord.poll import poll
from pipelines.platforms.discord.webhook import sign, verify

PLATFORM = Platform(
    slug="discord",
    title="Discord",
    medium=Medium.CHAT,
    reference="https://docs.discord.com/developers/resources/message",
    setup=(
        "History: export the channels, with their threads, with DiscordChatExporter in the format Json.",
        "Run `guildhall import discord-export FOLDER`. The tenant is the server's id, unless --tenant names another.",
        "Live: give the source kind = 'poll', a bot's token as secret, and `url` https://discord.com/api/v10/guilds/<id>.",
        "The bot needs View Channels, Read Message History and the intent MESSAGE_CONTENT. It reads what all members may view.",
        (
            "Deletions, reactions and joining need Discord's gateway, a permanent connection that Guildhall does not hold yet. "
            "A bot can emit what it receives as `discord.event`, with events.sdk.emitter or POST /v1/events, and the tenant."
        ),
        "To an event in a thread that bot adds `parent_id`, the channel of the thread: Discord does not send it.",
        (
            "Webhook: enter <gateway>/hooks/discord/<source> as the app's Interactions Endpoint URL and as its Webhook Events "
            "endpoint. Both show that the app is alive; neither carries messages of a server."
        ),
        "Give the source the app's public key as its secret (`secret_env` or `secret_file` in [source.NAME]).",
        (
            "In a community's space, `workspace` is the server's id and `spaces` are ids of channels, or `server` for joining. "
            "Name channels that every member reads: no event shows who can."
        ),
        "This platform was tried with the samples of Discord's documentation, not with the real service.",
    ),
    reads=(
        (
            "Who posts, replies, edits, deletes, reacts, joins or leaves in a server, in which channel or thread, when, and "
            "whom they mention."
        ),
        "Accounts: user name and nickname in the server.",
    ),
    does_not_read=(
        "Direct messages, private threads, lobbies and messages of games: they are ignored.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "Voice channels, presence, typing, votes in polls, and the reactions of an export.",
        "Files: only that one was attached.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    poll=poll,
    exports={"discord-export": read_export},
    space_titles=channel_names,
    snapshots=frozenset({"discord-export"}),
    emits=True,
)
