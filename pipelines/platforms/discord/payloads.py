"""Payloads: the parts of Discord's objects that are read, live and in exports."""

from typing import Annotated, Any

from pydantic import Field

from events.identity import name_account
from events.interaction import ActorKind
from pipelines.platforms.discord.accounts import DELETED_USER, PROXIES
from pipelines.shared.payload import Moment, Part

MOST_AT_ONCE = 1000
"""Parts of a message, and messages of one deletion."""
NO_DISCRIMINATOR = "0000"
"""Of webhooks. An account has another one, or `0`."""

Snowflake = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
"""A native id: the same everywhere, and a moment in its upper bits."""


class Dispatch(Part):
    """An event of Discord's gateway. `parent_id` is added by who emits it: the channel of the thread in which it took place."""

    op: int
    t: str | None = None
    d: Any = None
    parent_id: Snowflake | None = None


class Member(Part):
    """An account's membership of a server."""

    nick: str | None = None
    joined_at: Moment | None = None


class User(Part):
    """An account, or the name that a webhook has in one message."""

    id: Snowflake
    username: str | None = None
    global_name: str | None = None
    discriminator: str | None = None
    bot: bool | None = None
    system: bool | None = None


class Attached(Part):
    """A file, or an account that a message mentions."""

    id: Snowflake


class Reference(Part):
    """The message that a message answers, forwards or repeats."""

    type: int = 0
    message_id: Snowflake | None = None


class Message(Part):
    """A message of the API."""

    id: Snowflake
    channel_id: Snowflake
    guild_id: Snowflake | None = None
    type: int = 0
    flags: int = 0
    content: str = ""
    timestamp: Moment
    edited_timestamp: Moment | None = None
    author: User
    member: Member | None = None
    webhook_id: Snowflake | None = None
    application_id: Snowflake | None = None
    mentions: Annotated[tuple[Attached, ...], Field(max_length=MOST_AT_ONCE)] = ()
    attachments: Annotated[tuple[Attached, ...], Field(max_length=MOST_AT_ONCE)] = ()
    message_reference: Reference | None = None

    @property
    def by_webhook(self) -> bool:
        """Whether a webhook wrote it. One webhook writes under many names."""
        return self.webhook_id is not None and self.webhook_id == self.author.id

    @property
    def account(self) -> str:
        """The native account. A webhook's is its id and the name in this message, so that many people are not one."""
        name = self.author.username
        return f"{self.author.id}:{name_account(name)}" if self.by_webhook and name else self.author.id

    @property
    def kind(self) -> ActorKind:
        """The kind of its author, by the platform's flags and the applications that post for people."""
        if self.author.system:
            return ActorKind.SYSTEM
        if self.author.id == DELETED_USER:
            return ActorKind.ANONYMOUS
        if self.by_webhook:
            return ActorKind.HUMAN if self.application_id in PROXIES else ActorKind.BOT
        return ActorKind.BOT if self.author.bot else ActorKind.HUMAN


class Where(Part):
    """What an event of a message has, whatever it is about."""

    guild_id: Snowflake | None = None
    channel_id: Snowflake


class Changed(Where):
    """A message was changed, by a person or by Discord. It may be a part of a message only."""

    edited_timestamp: Moment | None = None


class Deleted(Where):
    """One message or several were deleted."""

    id: Snowflake | None = None
    ids: Annotated[tuple[Snowflake, ...], Field(max_length=MOST_AT_ONCE)] = ()


class Emoji(Part):
    """An emoji: Discord's own have only a name."""

    id: str | None = None
    name: str | None = None


class Reaction(Where):
    """A reaction was added or removed."""

    user_id: Snowflake
    message_id: Snowflake
    emoji: Emoji
    member: dict[str, Any] | None = None


class Membership(Part):
    """An account joined a server, left it, or changed in it."""

    guild_id: Snowflake
    user: User
    nick: str | None = None
    joined_at: Moment | None = None


class Happened(Part):
    """The inner part of a webhook event."""

    type: str


class Hook(Part):
    """The body of an interaction or of a webhook event."""

    type: int
    guild_id: Snowflake | None = None
    event: Happened | None = None


class ExportedUser(Part):
    """An author in an export."""

    id: Snowflake
    name: str | None = None
    nickname: str | None = None
    discriminator: str | None = None
    is_bot: Annotated[bool | None, Field(alias="isBot")] = None


class ExportedReference(Part):
    """What a message of an export answers or forwards. An id may be null."""

    message_id: Annotated[Snowflake | None, Field(alias="messageId")] = None


class ExportedMessage(Part):
    """A message as DiscordChatExporter writes it."""

    id: Snowflake
    type: str
    timestamp: Moment
    edited: Annotated[Moment | None, Field(alias="timestampEdited")] = None
    content: str = ""
    author: ExportedUser
    mentions: Annotated[tuple[Attached, ...], Field(max_length=MOST_AT_ONCE)] = ()
    attachments: Annotated[tuple[Attached, ...], Field(max_length=MOST_AT_ONCE)] = ()
    reference: ExportedReference | None = None


class Exported(Part):
    """A message of an export or of REST, as `export.py` or `poll.py` wraps it. Of a closed channel, only that there was one."""

    guild: Snowflake
    channel: Snowflake
    parent: Snowflake | None = None
    closed: bool = False
    message: dict[str, Any]
