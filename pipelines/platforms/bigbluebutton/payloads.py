"""Payloads: BigBlueButton's three ways of stating one event, read into one.

A raw event is what the server's parts send each other, a mapped event is what bbb-webhooks makes of it, and a recorded event
is an element of a recording's `events.xml`, which the reader of exports turns into JSON.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

from pydantic import ConfigDict, Field

from pipelines.connector import UnreadableError
from pipelines.shared.payload import Id, Milliseconds, at_milliseconds
from pipelines.shared.payload import Part as _Part
from pipelines.shared.text import parse_payload

PUBLIC_CHAT = "MAIN-PUBLIC-GROUP-CHAT"
_MEETING = re.compile(r"(?P<room>.+)-(?P<created>[1-9]\d{12})")


class What(StrEnum):
    """What an event reports, of that which is read."""

    CREATED = "meeting-created"
    ENDED = "meeting-ended"
    JOINED = "user-joined"
    LEFT = "user-left"
    CHAT = "chat-group-message-sent"
    TALKED = "user-talked"


_RAW = {
    "MeetingCreatedEvtMsg": What.CREATED,
    "MeetingDestroyedEvtMsg": What.ENDED,
    "UserJoinedMeetingEvtMsg": What.JOINED,
    "UserLeftMeetingEvtMsg": What.LEFT,
    "GroupChatMessageBroadcastEvtMsg": What.CHAT,
}
_RECORDED = {
    "ParticipantJoinEvent": What.JOINED,
    "ParticipantLeftEvent": What.LEFT,
    "PublicChatEvent": What.CHAT,
    "ParticipantTalkingEvent": What.TALKED,
    "EndAndKickAllEvent": What.ENDED,
}
RECORDED_NAMES = frozenset(_RECORDED)


class Part(_Part):
    """A part of a payload, whose names have dashes. Some numbers are ids."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class _User(Part):
    internal: Id = Field(alias="internal-user-id")
    external: str | None = Field(default=None, alias="external-user-id")
    name: str | None = None


class _Meeting(Part):
    internal: Id = Field(alias="internal-meeting-id")


class _Sender(Part):
    internal: Id = Field(alias="internal-user-id")
    name: str | None = None
    time: Milliseconds | None = None


class _Message(Part):
    id: Id
    message: str | None = None
    sender: _Sender


class _Attributes(Part):
    meeting: _Meeting
    user: _User | None = None
    message: _Message | None = Field(default=None, alias="chat-message")
    chat: str | None = Field(default=None, alias="chat-id")


class _Stamp(Part):
    ts: Milliseconds


class _RawUser(Part):
    intId: Id  # noqa: N815 - the name on the wire
    extId: str | None = None  # noqa: N815
    name: str | None = None


class _RawSender(Part):
    id: Id
    name: str | None = None


class _RawMessage(Part):
    id: Id
    timestamp: Milliseconds | None = None
    sender: _RawSender
    message: str | None = None


class _RawChat(Part):
    chatId: Id  # noqa: N815
    msg: _RawMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a meeting. `user` is the internal id: of one visit, not of a person."""

    what: What
    meeting: str
    at: datetime
    user: str | None = None
    external: str | None = None
    name: str | None = None
    chat: str | None = None
    message: str | None = None
    text: str | None = None

    @property
    def room(self) -> str:
        """The room: the hash of the room's own id, with which the meeting's id begins. Raw events have no other."""
        found = _MEETING.fullmatch(self.meeting)
        return found["room"] if found else self.meeting

    @property
    def created_at(self) -> datetime | None:
        """When the server created the meeting, which is the rest of its id."""
        found = _MEETING.fullmatch(self.meeting)
        return at_milliseconds(int(found["created"])) if found else None


def bodies(payload: bytes) -> list[dict[str, Any]]:
    """The events of a request's form (`event=[…]`), of a JSON array or of one JSON object. Raises ValueError."""
    content = payload
    if payload.lstrip()[:1] not in {b"{", b"["}:
        fields = parse_qs(payload.decode("utf-8", "replace"), max_num_fields=32)
        content = fields.get("event", [""])[0].encode("utf-8", "replace")
    found = parse_payload(content)
    events = found if isinstance(found, list) else [found]
    if not events or not all(isinstance(event, dict) for event in events):
        raise UnreadableError("event: not a list of objects")
    return events


def event_of(body: dict[str, Any]) -> Event | None:
    """The event of a body; None for one that is not read. Raises ValueError for what is none of BigBlueButton's."""
    if isinstance(body.get("envelope"), dict):
        return _raw(body)
    if isinstance(body.get("recorded"), dict):
        return _recorded(body["recorded"])
    if isinstance(body.get("data"), dict):
        return _mapped(body)
    if isinstance(body.get("header"), dict):  # a step of processing a recording, in the older form
        return None
    raise UnreadableError("event: neither envelope nor data")


def _mapped(body: dict[str, Any]) -> Event | None:
    data = body["data"]
    name = data.get("id")
    if not isinstance(name, str):
        raise UnreadableError("data.id: missing")
    if name not in frozenset(What) or name == What.TALKED:
        return None
    found = _Attributes.model_validate(data.get("attributes"))
    # The stamp is a member of data; of some events of older versions it stands beside data.
    at = at_milliseconds(_Stamp.model_validate(data.get("event") or body.get("event")).ts)
    what, meeting = What(name), found.meeting.internal
    if what in {What.JOINED, What.LEFT}:
        if found.user is None:
            raise UnreadableError("data.attributes.user: missing")
        user = found.user
        return Event(what=what, meeting=meeting, at=at, user=user.internal, external=user.external, name=user.name)
    if what is What.CHAT:
        if found.message is None:
            raise UnreadableError("data.attributes.chat-message: missing")
        message, sender = found.message, found.message.sender
        return Event(
            what=what,
            meeting=meeting,
            at=at_milliseconds(sender.time) if sender.time else at,
            user=sender.internal,
            name=sender.name,
            chat=found.chat or PUBLIC_CHAT,
            message=message.id,
            text=message.message,
        )
    return Event(what=what, meeting=meeting, at=at)


def _raw(body: dict[str, Any]) -> Event | None:
    envelope, core = body["envelope"], body.get("core")
    what = _RAW.get(str(envelope.get("name")))
    if what is None:
        return None
    content = core.get("body") if isinstance(core, dict) else None
    if not isinstance(content, dict):
        raise UnreadableError("core.body: missing")
    at = at_milliseconds(_Stamp.model_validate({"ts": envelope.get("timestamp")}).ts)
    routing = envelope.get("routing")
    meeting = routing.get("meetingId") if isinstance(routing, dict) else None
    if what is What.CREATED:
        meeting = ((content.get("props") or {}).get("meetingProp") or {}).get("intId")
    found = _Meeting.model_validate({"internal-meeting-id": meeting or content.get("meetingId")})
    if what in {What.JOINED, What.LEFT}:
        user = _RawUser.model_validate(content)
        return Event(what=what, meeting=found.internal, at=at, user=user.intId, external=user.extId, name=user.name)
    if what is What.CHAT:
        chat = _RawChat.model_validate(content)
        return Event(
            what=what,
            meeting=found.internal,
            at=at_milliseconds(chat.msg.timestamp) if chat.msg.timestamp else at,
            user=chat.msg.sender.id,
            name=chat.msg.sender.name,
            chat=chat.chatId,
            message=chat.msg.id,
            text=chat.msg.message,
        )
    return Event(what=what, meeting=found.internal, at=at)


class _Recorded(Part):
    name: str
    meeting: Id
    at: Milliseconds
    fields: dict[str, str]


def _recorded(body: dict[str, Any]) -> Event | None:
    found = _Recorded.model_validate(body)
    what, fields = _RECORDED.get(found.name), found.fields
    if what is None or (what is What.TALKED and fields.get("talking") != "true"):
        return None
    user = fields.get("userId") or fields.get("senderId") or fields.get("participant")
    if user is None and what is not What.ENDED:
        raise UnreadableError(f"{found.name}: without a user")
    return Event(
        what=what,
        meeting=found.meeting,
        at=at_milliseconds(found.at),
        user=user,
        external=fields.get("externalUserId"),
        name=fields.get("name") or fields.get("sender"),
        chat=(fields.get("chatId") or PUBLIC_CHAT) if what is What.CHAT else None,
        message=fields.get("id"),
        text=fields.get("message"),
    )
