"""Zoom: meetings, webinars, sharing and messages in them, and team chat, from webhooks and from files of stored webhooks.

What becomes of what:

* A space is a meeting's number (its series), an occurrence its uuid. The tenant is the account that the webhook names.
* `started`: the host hosts the occurrence. `ended` states the same and revises it with the end, so that SQL can close
  attendance that was left open; it is not a second contribution, and a lost `started` costs nothing. To be the host is a
  right: SQL counts it where the host was there.
* `participant_joined` and `participant_left` are edges of attendance: occurrence, connection, `in` or `out`, time. The edges of
  a breakout room are edges of a second connection of the same person; leaving the meeting for a room opens it.
  Waiting rooms, joining before the host and callouts are not participation: the meeting's own edges show who was there.
* A row of the participants report is a stay with both ends, on a connection of its own.
* An edge or an end without its time takes the time of the event.
* `sharing_started` is `present`. `recording.completed` is one upload by the host per occurrence.
* A message to everyone in a meeting, or in a channel of team chat (`chat_message.*`, `team_chat.channel_message_*`), is a
  post, or a reply where it names what it answers. An update or deletion in team chat revises. A message to one person, or to a
  part of the meeting, is private.
* A participant is the Zoom account if signed in, otherwise the email address, the registration, or the name. A name that is a
  placeholder (a device, a telephone number, `Guest`) is an anonymous account of that connection only. A well-known program that
  takes notes is a bot by its name. Accounts, addresses and registrations that one payload names together are one person's,
  who may be signed in or not. Telephone numbers, network addresses and devices are never read.
* Registrations, roles, channel membership, quality of service, and every other type are not participation.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Handshake, Ignored, UnreadableError
from pipelines.platforms.zoom.payloads import (
    Attended,
    ChatPayload,
    Envelope,
    Held,
    MessageInMeeting,
    Occurrence,
    Payload,
    Recorded,
    email_of,
    named,
)
from pipelines.platforms.zoom.webhook import VALIDATION
from pipelines.shared.links import links_in
from pipelines.shared.meeting_names import is_placeholder
from pipelines.shared.payload import at_milliseconds, milliseconds_of
from pipelines.shared.revisions import deleted, edited

_OF_A_CHAT = re.compile(r"(?:(?:channel_|(?P<direct>dm_))?message_)?(?P<what>sent|posted|replied|updated|deleted)")
_TO_BREAKOUT = "breakout"
"""In the reason why somebody left the meeting: they went to a room of it."""


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in the body of a webhook. Raises ValueError for what is not Zoom's."""
    envelope = Envelope.model_validate(from_json(raw.payload, allow_inf_nan=False))
    if envelope.event == VALIDATION:
        yield Handshake()
        return
    family, _, what = envelope.event.partition(".")
    if family in {"chat_message", "team_chat"}:
        yield from _chat(envelope, what)
        return
    reader = _READERS.get(what if family in {"meeting", "webinar"} else envelope.event)
    if reader is None:
        yield Ignored()
        return
    payload = Payload.model_validate(envelope.payload)
    yield from reader(payload.account_id, payload.object, at_milliseconds(envelope.event_ts) if envelope.event_ts else None)


def _action(tenant: str, meeting: Occurrence, verb: Verb, actor: str, key: str, at: datetime) -> Action:
    return Action(
        key=f"{meeting.uuid}:{key}",
        tenant=tenant,
        space=meeting.id,
        medium=Medium.MEETING,
        occurred_at=at,
        verb=verb,
        actor=actor,
        object_id=meeting.uuid,
        object_kind=ObjectKind.MEETING,
    )


def _hosted(tenant: str, meeting: Held) -> Action:
    hosted = _action(tenant, meeting, Verb.HOST, meeting.host_id, "host", meeting.start_time)
    return replace(hosted, started_at=meeting.start_time)


def _started(tenant: str, found: dict[str, Any], _: datetime | None) -> Iterator[Found]:
    yield _hosted(tenant, Held.model_validate(found))


def _ended(tenant: str, found: dict[str, Any], sent_at: datetime | None) -> Iterator[Found]:
    meeting = Held.model_validate(found)
    hosted = _hosted(tenant, meeting)
    yield hosted
    at = meeting.end_time or sent_at
    if at is not None:
        ended = edited(hosted, f"{hosted.key}:ended", at, milliseconds_of(at))
        yield replace(ended, ended_at=at)


def _joined(tenant: str, found: dict[str, Any], sent_at: datetime | None) -> Iterator[Found]:
    meeting = Attended.model_validate(found)
    at = meeting.participant.join_time or sent_at
    if at is None:
        raise UnreadableError("a participant who joined without join_time")
    yield replace(_edge(tenant, meeting, "in", at), started_at=at)
    yield from _seen(tenant, meeting, at)


def _left(tenant: str, found: dict[str, Any], sent_at: datetime | None) -> Iterator[Found]:
    meeting = Attended.model_validate(found)
    person, at = meeting.participant, meeting.participant.leave_time or sent_at
    if at is None:
        raise UnreadableError("a participant who left without leave_time")
    yield replace(_edge(tenant, meeting, "out", at), ended_at=at)
    if not meeting.breakout_room_uuid and _TO_BREAKOUT in (person.leave_reason or "").casefold():
        yield replace(_edge(tenant, meeting, "to-room", at, room=True), started_at=at)
    yield from _seen(tenant, meeting, at)


def _reported(tenant: str, found: dict[str, Any], _: datetime | None) -> Iterator[Found]:
    meeting = Attended.model_validate(found)
    came, left = meeting.participant.join_time, meeting.participant.leave_time
    if came is None:
        raise UnreadableError("a row of the participants report without join_time")
    yield replace(_edge(tenant, meeting, "stay", came), started_at=came, ended_at=left)
    yield from _seen(tenant, meeting, came)


def _edge(tenant: str, meeting: Attended, what: str, at: datetime, *, room: bool = False) -> Action:
    """A join or a leave. The rooms of a meeting are one connection per person beside the meeting's own."""
    person = meeting.participant
    session, connection, key = person.session(meeting.uuid), person.connection, ""
    if meeting.breakout_room_uuid or room:
        # Some senders put the meeting's number there, which would be the same for everybody.
        main = person.parent_user_id if person.parent_user_id not in {None, "", meeting.id} else person.connection
        connection = f"{main}:rooms" if main else None
        key = f"room:{meeting.breakout_room_uuid}:" if meeting.breakout_room_uuid else ""
    edge = _by(tenant, meeting, Verb.ATTEND, f"{session}:{key}{what}:{milliseconds_of(at)}", at)
    return replace(edge, connection=connection, meeting_started_at=meeting.start_time)


def _by(tenant: str, meeting: Attended, verb: Verb, key: str, at: datetime) -> Action:
    person = meeting.participant
    return replace(_action(tenant, meeting, verb, person.account(meeting.uuid), key, at), actor_kind=person.kind)


def _shared(tenant: str, found: dict[str, Any], _: datetime | None) -> Iterator[Found]:
    meeting = Attended.model_validate(found)
    person, details = meeting.participant, meeting.participant.sharing_details
    if details is None:
        raise UnreadableError("sharing without sharing_details")
    key = f"{person.session(meeting.uuid)}:sharing:{milliseconds_of(details.date_time)}"
    shared = _by(tenant, meeting, Verb.PRESENT, key, details.date_time)
    yield replace(shared, started_at=details.date_time, connection=person.connection)
    yield from _seen(tenant, meeting, details.date_time)


def _recorded(tenant: str, found: dict[str, Any], _: datetime | None) -> Iterator[Found]:
    meeting = Recorded.model_validate(found)
    at = max((file.recording_end for file in meeting.recording_files if file.recording_end), default=meeting.start_time)
    uploaded = _action(tenant, meeting, Verb.UPLOAD, meeting.host_id, "recording", at)
    yield replace(uploaded, object_id=uploaded.key, object_kind=ObjectKind.FILE, refs=(meeting.uuid,))


def _message_in_meeting(tenant: str, found: dict[str, Any], _: datetime | None) -> Iterator[Found]:
    meeting = MessageInMeeting.model_validate(found)
    message = meeting.chat_message
    if message.recipient_type != "everyone":
        yield Ignored(Reason.PRIVATE, tenant)
        return
    actor = email_of(message.sender_email) or named(message.sender_name)
    if actor is None:
        raise UnreadableError("a message without sender_email and sender_name")
    text = message.message_content or ""
    post = _action(tenant, meeting, Verb.POST, actor, message.message_id, message.date_time)
    yield replace(
        post,
        object_id=post.key,
        object_kind=ObjectKind.MESSAGE,
        refs=(meeting.uuid, *links_in(text)),
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )
    yield from _account(tenant, actor, message.sender_name, message.sender_email, message.date_time)


def _chat(envelope: Envelope, what: str) -> Iterator[Found]:
    kind = _OF_A_CHAT.fullmatch(what)
    if kind is None:
        yield Ignored()
        return
    what = kind["what"]
    payload = ChatPayload.model_validate(envelope.payload)
    tenant, chat = payload.account_id, payload.object
    if kind["direct"] or chat.type not in {None, "to_channel"} or not chat.channel_id:
        yield Ignored(Reason.PRIVATE, tenant)
        return
    key = f"{chat.channel_id}:{chat.number}"
    thread = f"{chat.channel_id}:{chat.answers}" if chat.answers else None
    text = chat.message or ""
    sent = Action(
        key=key,
        tenant=tenant,
        space=chat.channel_id,
        medium=Medium.CHAT,
        occurred_at=at_milliseconds(chat.timestamp),
        verb=Verb.REPLY if thread else Verb.POST,
        actor=payload.operator_id,
        object_id=key,
        object_kind=ObjectKind.MESSAGE,
        thread_id=thread,
        reply_to_id=thread,
        mentions=tuple(at.at_contact.strip().casefold() for at in chat.at_items or () if at.at_contact),
        refs=links_in(text),
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )
    if what in {"updated", "deleted"}:
        revision = envelope.event_ts or chat.timestamp
        at = at_milliseconds(revision)
        if what == "updated":
            sent = edited(sent, f"{key}:edit:{revision}", at, revision)
        else:
            sent = deleted(sent, f"{key}:delete", at, revision)
    yield sent
    yield from _account(tenant, payload.operator_id, None, payload.operator, sent.occurred_at)


_READERS: dict[str, Callable[[str, dict[str, Any], datetime | None], Iterator[Found]]] = {
    "started": _started,
    "ended": _ended,
    "participant_joined": _joined,
    "participant_left": _left,
    "participant_joined_breakout_room": _joined,
    "participant_left_breakout_room": _left,
    "participant_reported": _reported,
    "reported": _ended,
    "sharing_started": _shared,
    "chat_message_sent": _message_in_meeting,
    "recording.completed": _recorded,
}
"""By the event's name without `meeting.` or `webinar.`, which are read in one way. The moment is when Zoom sent the event."""


def _seen(tenant: str, meeting: Attended, at: datetime) -> Iterator[AccountSeen]:
    """What the payload shows of a participant's accounts: those that it names together are one person's.

    Of an anonymous one it shows nothing that lasts, and a program joins with an address that is not its own.
    """
    person = meeting.participant
    account = person.account(meeting.uuid)
    if person.kind is ActorKind.HUMAN:
        yield from _account(tenant, account, person.user_name, person.email, at)
        for other in person.known_by[1:]:
            yield AccountSeen(tenant=tenant, native_id=other, seen_at=at, same_as=account)
    elif person.kind is ActorKind.BOT:
        yield from _account(tenant, account, person.user_name, None, at)


def _account(tenant: str, account: str, name: str | None, email: str | None, at: datetime) -> Iterator[AccountSeen]:
    display = name.strip() if name and not is_placeholder(name) else None
    if display or email_of(email):
        yield AccountSeen(tenant=tenant, native_id=account, seen_at=at, display_name=display, email=email_of(email))
