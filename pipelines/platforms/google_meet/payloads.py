"""Payloads: Meet's resources, each with what the reader of exports joins to it."""

from pipelines.shared.payload import Id, Moment, Part


class SignedIn(Part):
    """Somebody with a Google account."""

    user: str | None = None
    displayName: str | None = None  # noqa: N815 - the names on the wire, here and below


class Named(Part):
    """Somebody of whom only a name or a part of a telephone number is known."""

    displayName: str | None = None  # noqa: N815


class Participant(Part):
    """Somebody in a conference: one of the three kinds. `email` is a report's."""

    name: Id
    earliestStartTime: Moment | None = None  # noqa: N815
    latestEndTime: Moment | None = None  # noqa: N815
    signedinUser: SignedIn | None = None  # noqa: N815
    anonymousUser: Named | None = None  # noqa: N815
    phoneUser: Named | None = None  # noqa: N815
    email: str | None = None


class Session(Part):
    """One stay of a participant."""

    name: Id
    startTime: Moment  # noqa: N815
    endTime: Moment | None = None  # noqa: N815


class Entry(Part):
    """One turn of a transcript."""

    name: Id
    startTime: Moment  # noqa: N815
    endTime: Moment | None = None  # noqa: N815
    text: str | None = None


class Conference(Part):
    """One meeting in a space."""

    name: Id
    startTime: Moment | None = None  # noqa: N815
    endTime: Moment | None = None  # noqa: N815


class Resource(Part):
    """What the reader makes of one resource: a conference, or one with a participant, and perhaps a session or an entry."""

    space: Id
    conference: Conference
    participant: Participant | None = None
    session: Session | None = None
    entry: Entry | None = None
    other: str | None = None
