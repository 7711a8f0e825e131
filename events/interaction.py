"""Interaction v1: one person did one thing, in one community, at one time. Content-free, keyed by pseudonyms."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from events.limits import MAX_CHARACTERS
from events.verb import Verb

SCHEMA_VERSION = 1


class Medium(StrEnum):
    """The kind of place where people meet."""

    WIKI = "wiki"
    CHAT = "chat"
    MEETING = "meeting"


class Visibility(StrEnum):
    """Who can read the space."""

    PUBLIC = "public"
    MEMBERS = "members"


class ActorKind(StrEnum):
    """The kind of an account, by the platform's flag, or by a platform's list of the names of well-known programs.

    Anonymous: somebody without an account, such as an address or a temporary account of a wiki, or a telephone in a meeting. An
    anonymous actor is counted where it acts and is never a member.
    """

    HUMAN = "human"
    BOT = "bot"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


class ObjectKind(StrEnum):
    """The kind of thing that an action changes or refers to."""

    MESSAGE = "message"
    PAGE = "page"
    FILE = "file"
    MEETING = "meeting"
    COMMUNITY = "community"


class Change(StrEnum):
    """How a revision changes what it revises."""

    EDIT = "edit"
    DELETE = "delete"
    RESTORE = "restore"
    MOVE = "move"


class SizeUnit(StrEnum):
    """What `size` counts."""

    CHARACTERS = "characters"
    BYTES = "bytes"
    WORDS = "words"


def _utc_ms(moment: datetime) -> datetime:
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    if not utc.microsecond % 1000:
        return utc
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


UtcMs = Annotated[AwareDatetime, AfterValidator(_utc_ms)]
"""A moment in UTC, cut to the millisecond."""
Text = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]


class Features(BaseModel):
    """What is read from a text before the text is dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_question: bool
    thanks: bool
    version: int


class RawPosition(BaseModel):
    """The raw record that an interaction came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class Interaction(BaseModel):
    """One person did one thing, in one community, at one time.

    Facts are immutable; change arrives as a revision (`revises`, `change`, `revision`), possibly before what it revises.
    The same action has the same `event_id` through every source. The order of records has no meaning; ties break on
    `(occurred_at, event_id)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: Text = Field(description="platform:tenant:natural key of the action[:what]; never made from the delivery")
    platform: Text = Field(description="slug of the platform")
    tenant: Text = Field(description="workspace, site or account on the platform")
    medium: Medium = Field(description="wiki, chat or meeting")
    community: Text = Field(description="the community that the space belongs to, from the settings")
    space: Text = Field(description="channel, namespace or meeting series")
    visibility: Visibility = Field(description="who can read the space")
    occurred_at: UtcMs = Field(description="when it happened, by the platform")
    verb: Verb = Field(description="what was done")
    actor: Text = Field(description="keyed pseudonym of an account")
    actor_kind: ActorKind = Field(description="human, bot, system or anonymous, by the platform's flag")
    object_id: Text = Field(description="what it was done to: platform:tenant:native id")
    object_kind: ObjectKind = Field(description="message, page, file, meeting or community")
    thread_id: Text | None = Field(default=None, description="explicit threads only; SQL infers the others")
    reply_to_id: Text | None = Field(default=None, description="the object answered or reverted")
    mentions: tuple[Text, ...] = Field(default=(), description="pseudonyms of the accounts addressed")
    refs: tuple[Text, ...] = Field(default=(), description="objects and links referred to; links as keyed hash and domain")
    revises: Text | None = Field(default=None, description="event_id of what this revises")
    change: Change | None = Field(default=None, description="edit, delete, restore or move")
    revision: int | None = Field(default=None, description="the platform's revision number, or milliseconds of the change")
    size: int | None = Field(default=None, description="how much, in size_unit")
    size_unit: SizeUnit | None = Field(default=None, description="characters, bytes (a difference) or words")
    started_at: UtcMs | None = Field(default=None, description="attendance: when it began, where known")
    ended_at: UtcMs | None = Field(default=None, description="attendance: when it ended, where known")
    connection: Text | None = Field(
        default=None, description="attendance: the platform's id of the connection, within the meeting"
    )
    meeting_started_at: UtcMs | None = Field(
        default=None, description="attendance: when the meeting began, where the platform states it"
    )
    features: Features | None = Field(default=None, description="read from the text that is then dropped")
    captured_at: UtcMs | None = Field(
        default=None,
        description="newest moment of the export that shows it; absent for live records, which show their own moment",
    )
    raw: RawPosition = Field(description="the raw record it came from")
    schema_version: int = Field(default=SCHEMA_VERSION, description="version of this contract")
    normaliser_version: int = Field(description="version of the platform's module")
