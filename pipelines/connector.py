"""Platform: what one module under `pipelines/platforms` must offer, and the plain values it speaks in.

A platform knows its own payloads and nothing of communities, keys or Kafka: `normalise` turns a raw event into actions with
the platform's own ids; `pipelines.understand.understand` maps spaces, keys people, reads features and drops the text.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from events.errors import GuildhallError
from events.interaction import ActorKind, Change, Medium, ObjectKind, SizeUnit, Visibility
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb


@dataclass(slots=True, kw_only=True)  # frozen would cost a fifth of all understanding; nobody keeps one
class Action:
    """One person did one thing, in the platform's own ids. Becomes an Interaction.

    `key` and `revises` are natural keys within platform and tenant (`C024BE91L:1355517523.000005`); `object_id`, `thread_id`,
    and `reply_to_id` are native ids within platform and tenant (`events.identity.title_object` where there is only a title);
    `actor` and `mentions` are native account ids (`events.identity.name_account` where there is only a name). `refs` are links
    (http…) or native object ids.
    """

    key: str
    tenant: str
    space: str
    occurred_at: datetime
    verb: Verb
    actor: str
    object_id: str
    object_kind: ObjectKind
    medium: Medium
    actor_kind: ActorKind = ActorKind.HUMAN
    visibility: Visibility = Visibility.MEMBERS
    thread_id: str | None = None
    reply_to_id: str | None = None
    mentions: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    revises: str | None = None
    change: Change | None = None
    revision: int | None = None
    size: int | None = None
    size_unit: SizeUnit | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSeen:
    """What the platform says of an account, in its own ids."""

    tenant: str
    native_id: str
    said_at: datetime
    handle: str | None = None
    display_name: str | None = None
    email: str | None = None
    kind: ActorKind | None = None
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Deliberately not an interaction."""

    reason: Reason = Reason.NOT_PARTICIPATION
    tenant: str | None = None
    space: str | None = None


@dataclass(frozen=True, slots=True)
class Handshake:
    """The platform asked whether we are there. Understood, with nothing in it."""


Found = Action | AccountSeen | Ignored | Handshake
Normalise = Callable[[RawEvent], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook request as it came: header names in lower case, the body byte for byte."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accept:
    """The request is the platform's own. The gateway keeps the body and answers 200 with `answer` once it is durable."""

    type: str
    answer: bytes = b""
    content_type: str = "application/json"
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A handshake: answered with 200 at once and noted as a sign of life; nothing is kept."""

    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not the platform's own. Nothing enters; `why` names the check, never the secret."""

    why: str
    status: int = 401


Verify = Callable[[Request, tuple[str, ...], float], Accept | Answer | Refuse]
"""(request, the source's secrets, now in epoch seconds) -> verdict. Any one of the secrets may match (rotation)."""

Sign = Callable[[bytes, str, float], dict[str, str]]
"""(body, secret, now) -> the headers with which the platform would send it. For tests and the player."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What a reader of exports may be told. `time_zone` (IANA) is that of clocks which name none."""

    tenant: str | None = None
    community: str | None = None
    time_zone: str | None = None


ReadExport = Callable[[Path, ImportOptions], Iterator["ExportedEvent"]]
"""Reads an export lazily. Raises ExportError for a file that is not what it should be, before the first event if it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedEvent:
    """One action of an export: what becomes a raw event.

    `id` tells it apart within the export for ever (channel and ts, not a line number where there is anything better).
    """

    id: str
    type: str
    payload: bytes
    tenant: str
    time: datetime | None = None


class ExportError(GuildhallError):
    """An export that cannot be read."""


class Arrival(StrEnum):
    """How events of a platform reach us."""

    PUSH = "push"
    IMPORT = "import"
    EMIT = "emit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One row of PLATFORMS: everything the rest of the house may know of a platform.

    `imports` maps the KIND of `guildhall import KIND PATH` to its reader. A platform with a webhook has `verify` and `sign`.
    """

    slug: str
    title: str
    medium: Medium
    reference: str
    setup: str
    version: int
    normalise: Normalise
    verify: Verify | None = None
    sign: Sign | None = None
    imports: Mapping[str, ReadExport] = field(default_factory=dict)
    emits: bool = False

    @property
    def arrives(self) -> tuple[Arrival, ...]:
        """How events of this platform can arrive."""
        ways = ((self.verify, Arrival.PUSH), (self.imports, Arrival.IMPORT), (self.emits, Arrival.EMIT))
        return tuple(way for has, way in ways if has)
