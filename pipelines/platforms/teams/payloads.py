"""Payloads: the parts of Microsoft Graph's messages, notifications and attendance records that are read."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipelines.shared.payload import Id, Moment, Part


class Account(Part):
    """A person, an app or a guest, as an identity set names them."""

    id: str | None = None
    displayName: str | None = None  # noqa: N815 - the names on the wire, here and below
    userIdentityType: str | None = None  # noqa: N815


class Identities(Part):
    """Who did it: one of these."""

    user: Account | None = None
    application: Account | None = None


class Body(Part):
    """The text of a message."""

    contentType: str | None = None  # noqa: N815
    content: str | None = None


class Channel(Part):
    """Where a message stands."""

    channelId: Id  # noqa: N815
    teamId: str | None = None  # noqa: N815


class Mention(Part):
    """Whom a message mentions."""

    mentioned: Identities | None = None


class Reaction(Part):
    """A reaction to a message."""

    reactionType: Id  # noqa: N815
    createdDateTime: Moment  # noqa: N815
    user: Identities


class Message(Part):
    """A message of a channel or a chat."""

    id: Id
    messageType: str = "message"  # noqa: N815
    replyToId: str | None = None  # noqa: N815
    createdDateTime: Moment  # noqa: N815
    lastEditedDateTime: Moment | None = None  # noqa: N815
    lastModifiedDateTime: Moment | None = None  # noqa: N815
    deletedDateTime: Moment | None = None  # noqa: N815
    chatId: str | None = None  # noqa: N815
    channelIdentity: Channel | None = None  # noqa: N815
    sender: Identities | None = Field(default=None, alias="from")
    body: Body = Body()
    mentions: tuple[Mention, ...] | None = None
    reactions: tuple[Reaction, ...] | None = None


class Notification(Part):
    """One entry of the `value` of change notifications."""

    clientState: str | None = None  # noqa: N815
    changeType: str | None = None  # noqa: N815
    lifecycleEvent: str | None = None  # noqa: N815
    resource: str | None = None
    resourceData: dict[str, Any] | None = None  # noqa: N815
    tenantId: str | None = None  # noqa: N815


class Notifications(Part):
    """The body of change notifications."""

    value: Annotated[tuple[Notification, ...], Field(min_length=1, max_length=1000)]


def _none_if_empty(value: object) -> object:
    return None if value == "" or (isinstance(value, str) and value.startswith("0001-01-01")) else value


Sometimes = Annotated[Moment | None, BeforeValidator(_none_if_empty)]
"""A time that reports leave out, empty, or at the beginning of the calendar."""


class Interval(Part):
    """One stay. Either end may be unknown."""

    joinDateTime: Sometimes = None  # noqa: N815
    leaveDateTime: Sometimes = None  # noqa: N815


class Record(Part):
    """Somebody's attendance. Its totals are not read: they disagree with the intervals."""

    emailAddress: str | None = None  # noqa: N815
    upn: str | None = None
    role: str | None = None
    identity: Account | None = None
    attendanceIntervals: tuple[Interval, ...] | None = None  # noqa: N815


class Held(Part):
    """A meeting of a series. `series` and `id` are the platform's, or made by the reader of exports."""

    series: Id
    id: Id
    start: Sometimes = None
    end: Sometimes = None


class Attended(Part):
    """What the reader of exports makes of one record of a report."""

    meeting: Held
    record: Record

    @property
    def first(self) -> datetime | None:
        """The earliest time in it."""
        times = [
            each for one in self.record.attendanceIntervals or () for each in (one.joinDateTime, one.leaveDateTime) if each
        ]
        return min(times, default=self.meeting.start)
