"""Payloads: the neutral event `guildhall.action`, one person's action on any platform."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from events.interaction import ActorKind, Change, Visibility
from events.verb import Verb
from pipelines.connector import UnreadableError
from pipelines.shared.payload import Moment
from pipelines.shared.text import repaired_payload

MAX_MENTIONS = 1000
NativeId = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\u0000-\u001f\u007f]+$")]
"""An id of the sender, without control characters."""


class Place(StrEnum):
    """The kind of place. A forum counts as chat."""

    CHAT = "chat"
    WIKI = "wiki"
    MEETING = "meeting"
    FORUM = "forum"


class Strict(BaseModel):
    """A part of the event. An unknown field and a value of another type are errors, so that a typo is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Actor(Strict):
    """The account that acts."""

    id: NativeId = Field(description="of the account on your platform; it never changes")
    name: str | None = Field(
        default=None, min_length=1, max_length=1024, description="shown to facilitators only, and used to merge accounts"
    )
    kind: Literal[ActorKind.HUMAN, ActorKind.BOT, ActorKind.ANONYMOUS] = Field(
        default=ActorKind.HUMAN, description="anonymous: somebody without an account, who is counted and never a member"
    )


class GivenFeatures(Strict):
    """What a sender that reads its own texts sends instead of a text."""

    is_question: bool
    thanks: bool


class NeutralAction(Strict):
    """One person did one thing. Ids are your platform's own and the same whenever you name the same thing."""

    verb: Verb = Field(description="what was done; events/README.md lists the meaning of each verb")
    actor: Actor
    space: NativeId = Field(
        description="the category, room, page group or series of meetings; the settings map it to a community"
    )
    time: Moment = Field(description="when it happened: ISO 8601 with a time zone, from the year 2000")
    id: NativeId | None = Field(
        default=None,
        description="of the action, without names of people: the same action sent twice counts once. "
        "Without it, the content is the id",
    )
    medium: Place | None = Field(
        default=None,
        description="without it: meeting for attend, speak, present and host; wiki for create, edit, revert, "
        "view and download; otherwise chat",
    )
    thread: NativeId | None = Field(default=None, description="the conversation: the topic of a forum")
    reply_to: NativeId | None = Field(default=None, description="the object that is answered, or reverted")
    object: NativeId | None = Field(
        default=None,
        description="what it was done to: the post that a reaction is for, the page, the one meeting. Without it: "
        "in a wiki the title, for a revision what it revises, otherwise the id",
    )
    mentions: tuple[NativeId, ...] = Field(
        default=(), max_length=MAX_MENTIONS, description="ids of accounts that are addressed"
    )
    title: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="of a page, which identifies it; elsewhere it is read with the text. It is not stored",
    )
    text: str | None = Field(default=None, description="what was written. Only features of it are stored; the text is dropped")
    features: GivenFeatures | None = Field(default=None, description="instead of text: what your platform reads in it")
    size: int | None = Field(
        default=None,
        description="characters; in a wiki, bytes, as the difference of the edit. Without it: the length of the text",
    )
    started_at: Moment | None = Field(default=None, description="attend: when the person came")
    ended_at: Moment | None = Field(default=None, description="attend: when the person left")
    revises: NativeId | None = Field(default=None, description="the id of the earlier action that this changes")
    change: Change | None = Field(default=None, description="with revises: edit, delete, restore or move")
    visibility: Visibility = Field(
        default=Visibility.MEMBERS, description="who can read the space. Send nothing of private spaces"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.features is not None and self.text is not None:
            raise UnreadableError("features: not together with text")
        if (self.revises is None) != (self.change is None):
            raise UnreadableError("revises and change: one needs the other")
        if self.revises is not None and self.revises == self.id:
            raise UnreadableError("id: a revision has its own, other than revises")
        if self.verb is Verb.ATTEND:
            if self.object is None:
                raise UnreadableError("object: attend needs the one meeting that was attended")
            if self.started_at is None and self.ended_at is None:
                raise UnreadableError("started_at or ended_at: attend needs one of them")
        elif self.started_at is not None or self.ended_at is not None:
            raise UnreadableError("started_at and ended_at: for attend only")
        if self.started_at is not None and self.ended_at is not None and self.ended_at < self.started_at:
            raise UnreadableError("ended_at: before started_at")
        return self


def read_action(payload: bytes) -> NeutralAction:
    """The event in a payload. Raises ValidationError with the fields that are wrong, missing or unknown."""
    try:
        return NeutralAction.model_validate_json(payload)
    except ValidationError:
        repaired = repaired_payload(payload)
        if repaired == payload:
            raise
        return NeutralAction.model_validate_json(repaired)
