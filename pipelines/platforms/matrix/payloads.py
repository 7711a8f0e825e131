"""Payloads: the parts of Matrix events that are read, live and in exports."""

from typing import Annotated, Any

from pydantic import Field

from pipelines.shared.payload import Id, Milliseconds, Part

MOST_MENTIONS = 1000
_FILES = frozenset({"m.audio", "m.file", "m.image", "m.video"})


class Envelope(Part):
    """Every event has a type."""

    type: Annotated[str, Field(min_length=1, max_length=256)]


class Event(Part):
    """An event of a room."""

    type: str
    event_id: Id
    room_id: Id
    sender: Id
    origin_server_ts: Milliseconds
    state_key: str | None = None
    content: dict[str, Any] = Field(default_factory=dict)
    redacts: Id | None = None
    unsigned: dict[str, Any] = Field(default_factory=dict)


class Answered(Part):
    """The event that a message answers."""

    event_id: Id


class Relation(Part):
    """How an event relates to another one."""

    rel_type: str | None = None
    event_id: Id | None = None
    key: str | None = None
    is_falling_back: bool = False
    answered: Annotated[Answered | None, Field(alias="m.in_reply_to")] = None


class Mentions(Part):
    """The accounts that a message addresses."""

    user_ids: Annotated[tuple[Id, ...], Field(max_length=MOST_MENTIONS)] = ()


class File(Part):
    """An encrypted file."""

    url: Id | None = None


class Content(Part):
    """The content of a message, or its new content in an edit."""

    msgtype: str
    body: str = ""
    formatted_body: str | None = None
    filename: str | None = None
    url: Id | None = None
    file: File | None = None
    mentions: Annotated[Mentions | None, Field(alias="m.mentions")] = None

    @property
    def text(self) -> str:
        """What the sender wrote. The body of a file is its name, unless it has a name of its own and a caption."""
        if self.msgtype in _FILES and self.filename in {None, self.body}:
            return ""
        return self.body

    @property
    def files(self) -> tuple[str, ...]:
        """The address of the file within Matrix."""
        address = self.url or (self.file.url if self.file else None)
        return (address,) if address else ()


class Related(Part):
    """The relation in a content of any type."""

    relation: Annotated[Relation, Field(alias="m.relates_to")] = Relation()


class Edit(Part):
    """A content that replaces another one."""

    new: Annotated[Content, Field(alias="m.new_content")]


class Redaction(Part):
    """What is redacted: within the content since room version 11."""

    redacts: Id | None = None


class Because(Part):
    """The redaction of an event that arrives redacted."""

    event_id: Id
    sender: Id
    origin_server_ts: Milliseconds


class Membership(Part):
    """The state of an account in a room."""

    membership: str
    displayname: str | None = None
