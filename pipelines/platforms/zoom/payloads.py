"""Payloads: the parts of Zoom's payloads that are read."""

from typing import Any

from pydantic import ConfigDict

from events.identity import account_in_key, name_account
from events.interaction import ActorKind
from pipelines.connector import UnreadableError
from pipelines.shared.meeting_names import is_note_taker, is_placeholder
from pipelines.shared.payload import Id, Milliseconds, Moment
from pipelines.shared.payload import Part as _Part


class Part(_Part):
    """A part of a payload. Zoom sends some ids as numbers."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class Envelope(Part):
    """Every webhook."""

    event: str
    event_ts: Milliseconds | None = None
    payload: dict[str, Any]


class Payload(Part):
    """The payload of an event of a meeting or webinar."""

    account_id: Id
    object: dict[str, Any]


class Occurrence(Part):
    """One occurrence of a meeting or webinar."""

    id: Id
    uuid: Id


class Held(Occurrence):
    """An occurrence that started, and perhaps ended."""

    host_id: Id
    start_time: Moment
    end_time: Moment | None = None


class Sharing(Part):
    """When a participant began to share."""

    date_time: Moment


class Person(Part):
    """A participant."""

    id: str | None = None
    user_id: str | None = None
    parent_user_id: str | None = None
    participant_uuid: str | None = None
    participant_user_id: str | None = None
    registrant_id: str | None = None
    user_name: str | None = None
    email: str | None = None
    join_time: Moment | None = None
    leave_time: Moment | None = None
    leave_reason: str | None = None
    sharing_details: Sharing | None = None

    @property
    def known_by(self) -> tuple[str, ...]:
        """The native accounts that Zoom states of this person, the most reliable one first. A name is none."""
        registration = f"registrant:{self.registrant_id}" if self.registrant_id else None
        found = (self.id or self.participant_user_id, email_of(self.email), registration)
        return tuple(account for account in found if account)

    @property
    def kind(self) -> ActorKind:
        """A bot by a well-known name; anonymous where nothing but a placeholder stands for the name."""
        if is_note_taker(self.user_name):
            return ActorKind.BOT
        return ActorKind.ANONYMOUS if not self.known_by and is_placeholder(self.user_name) else ActorKind.HUMAN

    def account(self, occurrence: str) -> str:
        """The native account: the most reliable identity that Zoom gives, or of an anonymous person the connection.

        A program that takes notes is its name: it may join with its owner's address, and the owner is no program.
        """
        name = named(self.user_name)
        if self.known_by and (name is None or self.kind is not ActorKind.BOT):
            return self.known_by[0]
        if name is None or self.kind is ActorKind.ANONYMOUS:
            return f"connection:{occurrence}:{self.connection or name or ''}"
        return name

    @property
    def connection(self) -> str | None:
        """Zoom's number of this participant's connection within the occurrence, where it gives one."""
        return self.user_id or self.participant_uuid or None

    def session(self, occurrence: str) -> str:
        """What identifies the connection in the keys of its edges. A name or an email address is hashed."""
        return self.user_id or account_in_key(self.account(occurrence))


class Attended(Occurrence):
    """An occurrence, and one participant of it."""

    start_time: Moment | None = None
    breakout_room_uuid: str | None = None
    participant: Person


class RecordingFile(Part):
    """One file of a recording."""

    recording_end: Moment | None = None


class Recorded(Held):
    """An occurrence that was recorded."""

    recording_files: tuple[RecordingFile, ...] = ()


class MeetingMessage(Part):
    """A message in a meeting."""

    date_time: Moment
    message_id: Id
    message_content: str | None = None
    sender_name: str | None = None
    sender_email: str | None = None
    recipient_type: str | None = None


class MessageInMeeting(Occurrence):
    """An occurrence, and one message in it."""

    chat_message: MeetingMessage


class Mention(Part):
    """Somebody whom a message of team chat mentions."""

    at_contact: str | None = None


class ChatMessage(Part):
    """A message of team chat."""

    id: Id | None = None
    message_id: Id | None = None
    type: str | None = None
    timestamp: Milliseconds
    channel_id: str | None = None
    message: str | None = None
    reply_main_message_id: str | None = None
    parent_msg_id: str | None = None
    at_items: tuple[Mention, ...] | None = None

    @property
    def number(self) -> str:
        """The message's id, in whichever field this event has it. Raises ValueError where it has none."""
        found = self.id or self.message_id
        if found is None:
            raise UnreadableError("a message without id and message_id")
        return found

    @property
    def answers(self) -> str | None:
        """The opening message of the thread; some events name the message itself there when it opens one."""
        found = self.reply_main_message_id or self.parent_msg_id
        return found if found and found != self.number else None


class ChatPayload(Part):
    """The payload of an event of team chat."""

    account_id: Id
    operator: str | None = None
    operator_id: Id
    object: ChatMessage


def email_of(found: str | None) -> str | None:
    """An email address as an account: without blanks, in lower case. None for anything else."""
    return found.strip().casefold() if found and "@" in found else None


def named(found: str | None) -> str | None:
    """The account of somebody of whom only a name is known. None without a name."""
    return name_account(found) if found and found.strip() else None
