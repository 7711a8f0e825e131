"""Connector: what a package under `pipelines/platforms` declares, and the plain values that it takes and returns.

A platform knows its own payloads and nothing about communities, keys or Kafka. `normalise` turns a raw event into actions
with the platform's own ids; `pipelines.understand.understand` maps spaces, keys people, reads features and drops the text.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from events.errors import GuildhallError
from events.interaction import ActorKind, Change, Features, Medium, ObjectKind, SizeUnit, Visibility
from events.outcome import Reason
from events.raw import RawEvent
from events.source import SourceKind
from events.verb import Verb

if TYPE_CHECKING:  # every process and command loads the platforms; only the poller makes requests
    import httpx


@dataclass(slots=True, kw_only=True)  # not frozen: that would cost a fifth of the time of understanding
class Action:
    """One person did one thing, in the platform's own ids. It becomes an Interaction.

    `key` and `revises` are natural keys within platform and tenant (`C024BE91L:1355517523.000005`); `object_id`, `thread_id`,
    and `reply_to_id` are native ids within platform and tenant (`events.identity.title_object` where there is only a title);
    `actor` and `mentions` are native account ids (`events.identity.name_account` where there is only a name). `refs` are links
    (http…) or native object ids. `features` are those of a platform that reads its own texts; they apply without `text` only.
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
    connection: str | None = None
    meeting_started_at: datetime | None = None
    text: str | None = None
    features: Features | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSeen:
    """What the platform shows about an account, in its own ids.

    `same_as` is another account that the platform itself states to be the same person's; of the same tenant, unless
    `same_as_tenant` names its tenant.
    """

    tenant: str
    native_id: str
    seen_at: datetime
    handle: str | None = None
    display_name: str | None = None
    email: str | None = None
    kind: ActorKind | None = None
    organisation: str | None = None
    same_as: str | None = None
    same_as_tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that is not an interaction, and why."""

    reason: Reason = Reason.NOT_PARTICIPATION
    tenant: str | None = None
    space: str | None = None


@dataclass(frozen=True, slots=True)
class Handshake:
    """The platform checks that the source is alive. The record is understood and contains nothing."""


class UnreadableError(ValueError):
    """A payload that lacks what its platform's normaliser needs.

    The message is the detail of the rejected record: it names fields and never contains values of the payload.
    """


Found = Action | AccountSeen | Ignored | Handshake
Normalise = Callable[[RawEvent], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook request: header names in lower case, the body byte for byte."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accept:
    """The request is genuine. The gateway stores the body, and answers `status` with `answer` once it is durable.

    Where one body holds many events, `parts` are these events: each is stored as a record of its own, with its own outcome.
    """

    type: str
    answer: bytes = b""
    content_type: str = "application/json"
    tenant: str | None = None
    status: int = 200
    parts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A handshake. The gateway answers `status` at once and records that the source is alive; nothing is stored."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Refuse:
    """The request is not genuine, and nothing is stored. `why` names the check, never the secret."""

    why: str
    status: int = 401


Verify = Callable[[Request, tuple[str, ...], float], Accept | Answer | Refuse]
"""(request, the source's secrets, now in epoch seconds) -> verdict. Any one of the secrets may match (rotation)."""

Sign = Callable[[bytes, str, float], dict[str, str]]
"""(body, secret, now) -> the headers with which the platform sends it. For tests and the simulator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformEvent:
    """One event that an export or a platform's API holds. It becomes a raw event.

    `id` identifies the event within its platform and tenant, and never changes: channel and ts, not a line number, where there
    is anything better. The same event read twice has the same id. `fault` is set for a place of an export that cannot be
    read (`pipelines.shared.entries.faulty`): the event becomes a rejected record with this detail. `place` is where the event
    stands (`Line 12`), for a person who looks for it: nothing of the content, and not a part of what makes two events the same.
    """

    id: str
    type: str
    payload: bytes
    tenant: str
    time: datetime | None = None
    fault: str | None = None
    place: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """Options of a reader of exports. `time_zone` (IANA) applies to clocks in the export that name none.

    A reader calls `left_out` with the name of each file that it does not take, and why.
    """

    tenant: str | None = None
    community: str | None = None
    time_zone: str | None = None
    left_out: Callable[[str, str], object] = lambda _name, _why: None


ReadExport = Callable[[Path, ImportOptions], Iterator[PlatformEvent]]
"""Reads an export lazily. Raises ExportError for a file of another format, before it yields the first event if it can."""


SpaceTitles = Callable[[Path], Mapping[str, str]]
"""Space -> its name for people, of the public spaces that an export lists. Raises ExportError as the reader does."""


class ExportError(GuildhallError):
    """An export cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOptions:
    """What a `poll` function needs to know about one configured source.

    `base_url` has no slash at its end; `secrets` are the source's, any one of which may be valid; `now` is aware.
    """

    source: str
    base_url: str
    now: datetime
    tenant: str | None = None
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of events from a platform's API. The poller stores `cursor` once Kafka has acknowledged `events`."""

    events: tuple[PlatformEvent, ...]
    cursor: str


Poll = Callable[["httpx.Client", PollOptions, str | None], Iterator[Page]]
"""(client, options, cursor) -> pages, oldest first. The cursor is the last one stored, or None on the first run.

It ends when there is nothing newer than `options.now`. It raises CursorExpired when the platform no longer has what the cursor
points to, PlatformBusy when the platform asks in its own way to come back later, and PollError for an answer of another form.
It lets errors of httpx through: the poller retries those that may pass.
"""


class CursorExpired(Exception):  # noqa: N818 - a condition that the poller handles, not a failure
    """The platform no longer has what the cursor points to.

    The poller marks a gap and starts again with `resume`: the first run's None, unless the platform names a better place.
    """

    def __init__(self, resume: str | None = None) -> None:
        super().__init__("the cursor has expired")
        self.resume = resume


class PlatformBusy(Exception):  # noqa: N818 - a condition that the poller handles, not a failure
    """The platform asks to come back later, in an answer whose status does not show it.

    `reason` is the platform's code. `retry_after` is the value of a Retry-After header: seconds or an HTTP date.
    """

    def __init__(self, reason: str, retry_after: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.retry_after = reason, retry_after


class PollError(GuildhallError):
    """A platform's API answers, but not as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One row of PLATFORMS: everything that the other packages may know about a platform.

    A platform with a webhook has `verify` and `sign`. `exports` maps the KIND of `guildhall import KIND PATH` to its reader;
    `space_titles` reads the names of the public spaces in an export, where the ids of spaces are not names themselves.
    `snapshots` are the kinds of exports that hold the state at one moment: a newer one revises everything that it has.
    With `shares`, ids of spaces, messages and accounts are the same in every workspace, and workspaces can share a space.
    With `paths_below`, the platform posts or puts to paths below the address of its webhook, and `verify` sees which.
    `setup` are lines that a person follows from top to bottom. `reads` and `does_not_read` are sentences for the privacy page.
    """

    slug: str
    title: str
    medium: Medium
    reference: str
    setup: tuple[str, ...]
    reads: tuple[str, ...]
    does_not_read: tuple[str, ...]
    version: int
    normalise: Normalise
    verify: Verify | None = None
    sign: Sign | None = None
    poll: Poll | None = None
    exports: Mapping[str, ReadExport] = field(default_factory=dict)
    space_titles: SpaceTitles | None = None
    snapshots: frozenset[str] = frozenset()
    emits: bool = False
    shares: bool = False
    paths_below: bool = False

    @property
    def arrives(self) -> tuple[SourceKind, ...]:
        """How events of this platform can arrive."""
        ways = (
            (self.verify, SourceKind.WEBHOOK),
            (self.poll, SourceKind.POLL),
            (self.exports, SourceKind.IMPORT),
            (self.emits, SourceKind.EMIT),
        )
        return tuple(way for has, way in ways if has)
