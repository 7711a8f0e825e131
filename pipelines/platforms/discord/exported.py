"""Exported: a message as DiscordChatExporter writes it, in the form of the API."""

from pipelines.platforms.discord.payloads import (
    NO_DISCRIMINATOR,
    ExportedMessage,
    Member,
    Message,
    Reference,
    Snowflake,
    User,
)

_TYPES = {"Default": 0, "GuildMemberJoin": 7, "Reply": 19}
_NOTICE = -1
"""Types with other names are Discord's own notices. Types that the exporter does not know are numbers."""


def as_message(exported: ExportedMessage, channel: Snowflake) -> Message:
    """The same message as the API has it. An export does not show which application a webhook belongs to."""
    author, name = exported.author, exported.type
    number = int(name) if name.isascii() and name.isdigit() and len(name) <= 3 else _NOTICE  # noqa: PLR2004 - a type
    by_webhook = author.is_bot is True and author.discriminator == NO_DISCRIMINATOR
    return Message.model_construct(
        id=exported.id,
        channel_id=channel,
        type=_TYPES.get(name, number),
        content=exported.content,
        timestamp=exported.timestamp,
        edited_timestamp=exported.edited,
        author=User(id=author.id, username=author.name, discriminator=author.discriminator, bot=author.is_bot),
        member=Member(nick=author.nickname),
        webhook_id=author.id if by_webhook else None,
        mentions=exported.mentions,
        attachments=exported.attachments,
        message_reference=Reference(message_id=exported.reference.message_id) if exported.reference else None,
    )
