"""Payloads: the parts of Zulip's payloads that are read, live and in archives."""

from typing import Annotated, Any

from pydantic import Field

from events.identity import name_account
from events.interaction import ActorKind
from pipelines.connector import UnreadableError
from pipelines.platforms.zulip.accounts import is_system
from pipelines.shared.nobody import is_nobody
from pipelines.shared.payload import Part, Seconds

INTERNAL_REALM = "zulipinternal"
MAX_MOVED = 10_000
"""Messages in one event."""

Number = Annotated[int, Field(ge=0, lt=10**15)]
"""A native id."""


class Message(Part):
    """A message of a stream."""

    id: Number
    stream_id: Number
    subject: str | None = None
    content: str | None = None
    content_type: str | None = None
    rendered_content: str | None = None
    timestamp: Seconds
    sender_id: Number | None = None
    sender_full_name: str | None = None
    sender_email: str | None = None
    sender_realm_str: str | None = None
    sender_is_bot: bool | None = None

    @property
    def account(self) -> str:
        """The native account. Raises ValueError where the message names none."""
        if self.sender_id is not None:
            return str(self.sender_id)
        if not (self.sender_full_name and self.sender_full_name.strip()):
            raise UnreadableError("a message without sender_id and sender_full_name")
        return name_account(self.sender_full_name)

    @property
    def kind(self) -> ActorKind:
        """The kind of its sender, by the platform's flags and the accounts that are Zulip's own."""
        by_name = self.account if self.sender_id is None else None
        if self.sender_realm_str == INTERNAL_REALM or is_system(by_name, self.sender_email):
            return ActorKind.SYSTEM
        if self.sender_is_bot:
            return ActorKind.BOT
        # Whoever is gone from an archive of names shares one placeholder; a number would keep them apart.
        return ActorKind.ANONYMOUS if by_name and is_nobody(self.sender_full_name or "") else ActorKind.HUMAN


class Named(Part):
    """A name that one account of an archive has."""

    name: str
    id: Number
    seen_at: Seconds


class Hook(Part):
    """The body of an outgoing webhook."""

    bot_email: str | None = None
    message: dict[str, Any]


class Event(Part):
    """Every event of the real-time events API has a type."""

    type: str


class Update(Part):
    """A message was edited, or messages were moved."""

    user_id: Number | None = None
    message_id: Number
    message_ids: Annotated[tuple[Number, ...], Field(max_length=MAX_MOVED)] = ()
    stream_id: Number | None = None
    new_stream_id: Number | None = None
    subject: str | None = None
    orig_subject: str | None = None
    content: str | None = None
    rendered_content: str | None = None
    edit_timestamp: Seconds
    rendering_only: bool = False


class Deleted(Part):
    """Messages were deleted."""

    message_type: str
    message_id: Number | None = None
    message_ids: Annotated[tuple[Number, ...], Field(max_length=MAX_MOVED)] = ()
    stream_id: Number | None = None
    topic: str = ""


class Person(Part):
    """An account."""

    user_id: Number
    full_name: str | None = None
    email: str | None = None
    delivery_email: str | None = None
    is_bot: bool | None = None
    is_active: bool | None = None


class Joined(Part):
    """An account of an export, and when it was made."""

    user_id: Number
    is_bot: bool | None = None
    date_joined: Seconds


class PersonEvent(Part):
    """An account was added, changed or removed."""

    op: str
    person: Person
