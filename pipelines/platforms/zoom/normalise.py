"""Zoom: meetings, webinars, what is shared and said in them, and team chat, from webhooks and from files of kept webhooks.

What becomes of what:

* A space is a meeting's number (its series), an occurrence its uuid. The tenant is the account that the webhook names.
* `started`: the host hosted the occurrence. `ended` revises that with its end, so that SQL may close what was left open; it
  gives no second credit.
* `participant_joined` and `participant_left` are edges of attendance: occurrence, participant's session, `in` or `out`, time.
  Breakout and waiting rooms, joining before the host, callouts: not participation, the meeting's own edges tell who was there.
* `sharing_started`: presented. `recording.completed`: the host brought a file, once for an occurrence.
* What is said to everyone in a meeting, and in a channel of team chat, is a post, or a reply where it names what it answers;
  an update or deletion in team chat revises. What is said to one person, or to a part of the meeting, is private.
* A participant is the Zoom account if signed in, else the e-mail address, else the registration, else the name. Telephone
  numbers, addresses and devices are never read; a telephone number given as a name is not passed on as a name.
* Registrations, roles, channel membership, quality of service, and every other type are not participation.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from events.identity import account_in_key, name_account
from events.interaction import Change, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import (
    Accept,
    AccountSeen,
    Action,
    Answer,
    ExportError,
    Found,
    Handshake,
    Ignored,
    ImportOptions,
    Platform,
    PlatformEvent,
    Refuse,
    Request,
)

WEBHOOK = "zoom.webhook"
VALIDATION = "endpoint.url_validation"
MOST_SECONDS_APART = 300
MOST_BYTES_A_LINE = 2**20
_LINK = re.compile(r"https?://[\w.~%:@-]+(?:[/?#][^\s<>\"]*)?")
_TELEPHONE = re.compile(r"[\d\s()+*#./x-]{5,}")

Id = Annotated[str, Field(min_length=1, max_length=256)]
# The years keep every conversion of time zones within what a datetime can hold.
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2999, 1, 1, tzinfo=UTC))]
Milliseconds = Annotated[int, Field(ge=946_684_800_000, le=32_000_000_000_000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class _Envelope(_Part):
    event: str
    event_ts: Milliseconds | None = None
    payload: dict[str, Any]


class _Occurrence(_Part):
    id: Id
    uuid: Id


class _Held(_Occurrence):
    host_id: Id
    start_time: Moment
    end_time: Moment | None = None


class _Sharing(_Part):
    date_time: Moment


class _Person(_Part):
    id: str | None = None
    user_id: str | None = None
    participant_user_id: str | None = None
    registrant_id: str | None = None
    user_name: str | None = None
    email: str | None = None
    join_time: Moment | None = None
    leave_time: Moment | None = None
    sharing_details: _Sharing | None = None

    @property
    def account(self) -> str:
        """The native account: what identifies the person best of what Zoom says. Raises ValueError if it says nothing."""
        registration = f"registrant:{self.registrant_id}" if self.registrant_id else None
        found = self.id or self.participant_user_id or _email(self.email) or registration or _named(self.user_name)
        if found is None:
            raise ValueError("a participant without id, email, registrant_id and user_name")
        return found

    @property
    def session(self) -> str:
        """What tells this participant's connection apart within the occurrence; never a name or an address as it stands."""
        return self.user_id or account_in_key(self.account)


class _Attended(_Occurrence):
    participant: _Person


class _File(_Part):
    recording_end: Moment | None = None


class _Recorded(_Held):
    recording_files: tuple[_File, ...] = ()


class _Said(_Part):
    date_time: Moment
    message_id: Id
    message_content: str | None = None
    sender_name: str | None = None
    sender_email: str | None = None
    recipient_type: str | None = None


class _SaidInMeeting(_Occurrence):
    chat_message: _Said


class _At(_Part):
    at_contact: str | None = None


class _Chat(_Part):
    id: Id
    type: str
    timestamp: Milliseconds
    channel_id: str | None = None
    message: str | None = None
    reply_main_message_id: str | None = None
    at_items: tuple[_At, ...] | None = None


class _ChatPayload(_Part):
    account_id: Id
    operator: str | None = None
    operator_id: Id
    object: _Chat


class _Payload(_Part):
    account_id: Id
    object: dict[str, Any]


def normalise(raw: RawEvent) -> Iterator[Found]:
    """What a webhook's body says. Raises ValueError for what is not Zoom's."""
    envelope = _Envelope.model_validate(from_json(raw.payload, allow_inf_nan=False))
    if envelope.event == VALIDATION:
        yield Handshake()
        return
    family, _, what = envelope.event.partition(".")
    if family == "chat_message":
        yield from _chat(envelope, what)
        return
    reader = _READERS.get(what if family in {"meeting", "webinar"} else envelope.event)
    if reader is None:
        yield Ignored()
        return
    payload = _Payload.model_validate(envelope.payload)
    yield from reader(payload.account_id, payload.object)


def _action(tenant: str, meeting: _Occurrence, verb: Verb, actor: str, key: str, at: datetime) -> Action:
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


def _started(tenant: str, found: dict[str, Any]) -> Iterator[Found]:
    meeting = _Held.model_validate(found)
    hosted = _action(tenant, meeting, Verb.HOST, meeting.host_id, "host", meeting.start_time)
    yield replace(hosted, started_at=meeting.start_time)


def _ended(tenant: str, found: dict[str, Any]) -> Iterator[Found]:
    meeting = _Held.model_validate(found)
    if meeting.end_time is None:
        raise ValueError("an ended meeting without end_time")
    hosted = _action(tenant, meeting, Verb.HOST, meeting.host_id, "host", meeting.end_time)
    yield replace(
        hosted,
        key=f"{hosted.key}:ended",
        revises=hosted.key,
        change=Change.EDIT,
        revision=_milliseconds(meeting.end_time),
        started_at=meeting.start_time,
        ended_at=meeting.end_time,
    )


def _joined(tenant: str, found: dict[str, Any]) -> Iterator[Found]:
    meeting = _Attended.model_validate(found)
    person, at = meeting.participant, meeting.participant.join_time
    if at is None:
        raise ValueError("a participant who joined without join_time")
    key = f"{person.session}:in:{_milliseconds(at)}"
    yield replace(_action(tenant, meeting, Verb.ATTEND, person.account, key, at), started_at=at)
    yield from _account(tenant, person.account, person.user_name, person.email, at)


def _left(tenant: str, found: dict[str, Any]) -> Iterator[Found]:
    meeting = _Attended.model_validate(found)
    person, at = meeting.participant, meeting.participant.leave_time
    if at is None:
        raise ValueError("a participant who left without leave_time")
    key = f"{person.session}:out:{_milliseconds(at)}"
    yield replace(_action(tenant, meeting, Verb.ATTEND, person.account, key, at), ended_at=at)
    yield from _account(tenant, person.account, person.user_name, person.email, at)


def _shared(tenant: str, found: dict[str, Any]) -> Iterator[Found]:
    meeting = _Attended.model_validate(found)
    person, details = meeting.participant, meeting.participant.sharing_details
    if details is None:
        raise ValueError("sharing without sharing_details")
    key = f"{person.session}:sharing:{_milliseconds(details.date_time)}"
    shared = _action(tenant, meeting, Verb.PRESENT, person.account, key, details.date_time)
    yield replace(shared, started_at=details.date_time)
    yield from _account(tenant, person.account, person.user_name, person.email, details.date_time)


def _recorded(tenant: str, found: dict[str, Any]) -> Iterator[Found]:
    meeting = _Recorded.model_validate(found)
    at = max((file.recording_end for file in meeting.recording_files if file.recording_end), default=meeting.start_time)
    uploaded = _action(tenant, meeting, Verb.UPLOAD, meeting.host_id, "recording", at)
    yield replace(uploaded, object_id=uploaded.key, object_kind=ObjectKind.FILE, refs=(meeting.uuid,))


def _said_in_meeting(tenant: str, found: dict[str, Any]) -> Iterator[Found]:
    meeting = _SaidInMeeting.model_validate(found)
    said = meeting.chat_message
    if said.recipient_type != "everyone":
        yield Ignored(Reason.PRIVATE, tenant)
        return
    actor = _email(said.sender_email) or _named(said.sender_name)
    if actor is None:
        raise ValueError("a message without sender_email and sender_name")
    text = said.message_content or ""
    post = _action(tenant, meeting, Verb.POST, actor, said.message_id, said.date_time)
    yield replace(
        post,
        object_id=post.key,
        object_kind=ObjectKind.MESSAGE,
        refs=(meeting.uuid, *_LINK.findall(text)),
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )
    yield from _account(tenant, actor, said.sender_name, said.sender_email, said.date_time)


def _chat(envelope: _Envelope, what: str) -> Iterator[Found]:
    if what not in {"sent", "updated", "deleted"}:
        yield Ignored()
        return
    payload = _ChatPayload.model_validate(envelope.payload)
    tenant, chat = payload.account_id, payload.object
    if chat.type != "to_channel" or not chat.channel_id:
        yield Ignored(Reason.PRIVATE, tenant)
        return
    key = f"{chat.channel_id}:{chat.id}"
    thread = f"{chat.channel_id}:{chat.reply_main_message_id}" if chat.reply_main_message_id else None
    text = chat.message or ""
    sent = Action(
        key=key,
        tenant=tenant,
        space=chat.channel_id,
        medium=Medium.CHAT,
        occurred_at=datetime.fromtimestamp(chat.timestamp / 1000, UTC),
        verb=Verb.REPLY if thread else Verb.POST,
        actor=payload.operator_id,
        object_id=key,
        object_kind=ObjectKind.MESSAGE,
        thread_id=thread,
        reply_to_id=thread,
        mentions=tuple(at.at_contact.strip().casefold() for at in chat.at_items or () if at.at_contact),
        refs=tuple(_LINK.findall(text)),
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )
    if what != "sent":
        revision = envelope.event_ts or chat.timestamp
        sent = replace(
            sent,
            key=f"{key}:edit:{revision}" if what == "updated" else f"{key}:delete",
            occurred_at=datetime.fromtimestamp(revision / 1000, UTC),
            revises=key,
            change=Change.EDIT if what == "updated" else Change.DELETE,
            revision=revision,
        )
    if what == "deleted":
        sent = replace(sent, mentions=(), refs=(), size=None, size_unit=None, text=None)
    yield sent
    yield from _account(tenant, payload.operator_id, None, payload.operator, sent.occurred_at)


_READERS: dict[str, Callable[[str, dict[str, Any]], Iterator[Found]]] = {
    "started": _started,
    "ended": _ended,
    "participant_joined": _joined,
    "participant_left": _left,
    "sharing_started": _shared,
    "chat_message_sent": _said_in_meeting,
    "recording.completed": _recorded,
}
"""By the event's name, without `meeting.` or `webinar.`, which are the same to us."""


def _account(tenant: str, account: str, name: str | None, email: str | None, at: datetime) -> Iterator[AccountSeen]:
    display = name.strip() if name and not _TELEPHONE.fullmatch(name) else None
    if display or _email(email):
        yield AccountSeen(tenant=tenant, native_id=account, said_at=at, display_name=display, email=_email(email))


def _email(found: str | None) -> str | None:
    return found.strip().casefold() if found and "@" in found else None


def _named(found: str | None) -> str | None:
    return name_account(found) if found and found.strip() else None


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:
    """Check Zoom's signature (`v0`, HMAC-SHA-256 over time and body, 300 s apart at most); answer its URL validation."""
    stamp = request.headers.get("x-zm-request-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len("99999999999")):
        return Refuse("no x-zm-request-timestamp in seconds")
    if abs(now - int(stamp)) > MOST_SECONDS_APART:
        return Refuse("x-zm-request-timestamp is more than 300 seconds away")
    signature = request.headers.get("x-zm-signature", "").encode("utf-8", "replace")
    secret = next((s for s in secrets if s and hmac.compare_digest(_signature(request.body, s, stamp), signature)), None)
    if secret is None:
        return Refuse("x-zm-signature does not match")
    token = _plain_token(request.body)
    if token is None:
        return Accept(WEBHOOK)
    encrypted = hmac.digest(secret.encode(), token.encode(), hashlib.sha256).hex()
    return Answer(to_json({"plainToken": token, "encryptedToken": encrypted}))


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:
    """The headers with which Zoom would send this body."""
    stamp = str(int(now))
    return {
        "content-type": "application/json",
        "x-zm-request-timestamp": stamp,
        "x-zm-signature": _signature(body, secret, stamp).decode(),
    }


def _signature(body: bytes, secret: str, stamp: str) -> bytes:
    return b"v0=" + hmac.digest(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hex().encode()


class _Token(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    plainToken: str  # noqa: N815 - the name on the wire


class _Validation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    event: str
    payload: _Token


def _plain_token(body: bytes) -> str | None:
    if VALIDATION.encode() not in body:
        return None
    try:
        asked = _Validation.model_validate_json(body)
    except ValueError:
        return None
    return asked.payload.plainToken if asked.event == VALIDATION else None


def read_webhooks(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """The webhooks kept in a file, one body a line. A record's id is its line's hash. Raises ExportError, naming the line."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MOST_BYTES_A_LINE), b""), 1):
                if line.strip():
                    yield _kept(line.strip(), number, options)
    except OSError as error:
        raise ExportError(
            "The webhooks cannot be read.", f"{path.name}: {error.strerror}.", "Check the path and who may read it."
        ) from error


def _kept(line: bytes, number: int, options: ImportOptions) -> PlatformEvent:
    try:
        envelope = _Envelope.model_validate(from_json(line, allow_inf_nan=False))
    except ValueError as error:
        raise ExportError(
            "The webhooks cannot be read to their end.",
            f"Line {number} is not the JSON body of a Zoom webhook.",
            "Mend or remove the line; what was imported so far is kept, and a second import adds only what is missing.",
        ) from error
    account = envelope.payload.get("account_id")
    return PlatformEvent(
        id=hashlib.blake2b(line, digest_size=16).hexdigest(),
        type=WEBHOOK,
        payload=line,
        tenant=account if isinstance(account, str) and account else options.tenant or "unknown",
        time=datetime.fromtimestamp(envelope.event_ts / 1000, UTC) if envelope.event_ts else None,
    )


PLATFORM = Platform(
    slug="zoom",
    title="Zoom",
    medium=Medium.MEETING,
    reference="https://developers.zoom.us/docs/api/meetings/events/",
    setup=(
        "Create a webhook-only app at https://marketplace.zoom.us.",
        (
            "Subscribe to the events of meetings and webinars: started, ended, participant joined and left, sharing started, "
            "recording completed; and to chat messages."
        ),
        "Set the endpoint to <gateway>/hooks/zoom/<source>.",
        "Give the source the secret token of the app (`secret_env` or `secret_file` in [source.NAME]).",
        "Press Validate: the gateway answers Zoom's validation by itself.",
        "Messages in meetings arrive only where the account has DLP for in-meeting chat.",
        "History: run `guildhall import zoom-webhooks FILE` with stored bodies of webhooks, one per line.",
    ),
    reads=(
        "Who hosts and attends a meeting, from when to when, and who shares a screen or has a recording.",
        "Who posts to everyone in a meeting, or in a channel of Zoom's chat.",
    ),
    does_not_read=(
        "Sound, video, transcripts and recordings: only that a recording was made.",
        "Messages to one person.",
        "Telephone numbers, network addresses and devices.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    exports={"zoom-webhooks": read_webhooks},
)
