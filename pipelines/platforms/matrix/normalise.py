"""Matrix: messages, edits, redactions and reactions, from transactions, `/sync` and room exports.

What becomes of what:

* The tenant is that of the source or of --tenant, otherwise `matrix`: ids are the same on every homeserver, so leave it out.
  A space is a room. An action's key is its event id, so that two homeservers, or live and past, give one interaction.
* `m.room.message` is a message: text, emote, file, image, audio, video, place. A notice is a program's. A server's notice, and
  the request to verify a device, are no participation. `m.sticker` and the start of a poll are messages without a text.
* `m.in_reply_to` is an answer; within `m.thread` only where it is no fallback, otherwise the thread's root is answered. The
  quotation that clients put before an answer is not the sender's text.
* `m.replace` is an edit, with the text of `m.new_content`, and no message. Its `* ` fallback is never read.
* A redaction deletes the event that it names: a message with all of its edits, an edit, or a reaction. An event that arrives
  redacted is the deletion of itself where it shows the redaction, and suppressed where it does not; it is never a message.
* `m.reaction` is a reaction.
* An encrypted event shows neither its type nor whether it is an edit: it is ignored as private. An export that Element
  decrypted holds the messages.
* Accounts that bridges make (`accounts.py`) stand for people without an account: anonymous, never members. Bridges' own
  accounts are bots. What a person writes elsewhere under the own account (double puppeting) is that person's.
* Joining a room is no membership: after a split of servers hundreds of accounts join again, and nobody came. The name in it is
  passed on. Leaving, invitations, bans, calls, keys, receipts, typing, presence, policies, the state of rooms and spaces, and
  every type that is not named here are not participation.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored, UnreadableError
from pipelines.platforms.matrix import payloads
from pipelines.platforms.matrix.accounts import kind_of
from pipelines.platforms.matrix.export import MATRIX
from pipelines.platforms.matrix.markup import pills_in, refs_in, without_fallback
from pipelines.platforms.matrix.payloads import Content, Event, Relation
from pipelines.shared.payload import at_milliseconds, read_object
from pipelines.shared.revisions import deleted, edited

_WITHOUT_TEXT = frozenset({"m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start"})
_BY_THE_SERVER = frozenset({"m.server_notice", "m.key.verification.request"})
_NOTICE = "m.notice"


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in one event. Raises ValueError for what is not Matrix's."""
    payload, tenant = read_object(raw.payload), raw.tenant or MATRIX
    kind = payloads.Envelope.model_validate(payload).type
    if kind == "m.room.encrypted":
        yield Ignored(Reason.PRIVATE, tenant)
    elif kind == "m.room.redaction":
        yield _redaction(tenant, Event.model_validate(payload))
    elif kind == "m.room.member":
        yield from _member(tenant, Event.model_validate(payload))
    elif kind in {"m.room.message", "m.reaction", *_WITHOUT_TEXT}:
        yield _act(tenant, Event.model_validate(payload))
    else:
        yield Ignored(tenant=tenant)


def _act(tenant: str, event: Event) -> Found:
    if not event.content or "redacted_because" in event.unsigned:
        return _redacted(tenant, event)
    relation = payloads.Related.model_validate(event.content).relation
    if event.type == "m.reaction":
        return _reaction(tenant, event, relation)
    if event.type in _WITHOUT_TEXT:
        return _related(_about(tenant, event, event.event_id), relation)
    content = Content.model_validate(event.content)
    if content.msgtype in _BY_THE_SERVER:
        return Ignored(tenant=tenant, space=event.room_id)
    if relation.rel_type == "m.replace":
        return _edit(tenant, event, relation)
    return _with(_related(_about(tenant, event, event.event_id, content.msgtype), relation), content, relation)


def _about(tenant: str, event: Event, message: str, msgtype: str | None = None) -> Action:
    """An act of the event's sender on a message."""
    kind = kind_of(event.sender)
    return Action(
        key=event.event_id,
        tenant=tenant,
        space=event.room_id,
        medium=Medium.CHAT,
        occurred_at=at_milliseconds(event.origin_server_ts),
        verb=Verb.POST,
        actor=event.sender,
        actor_kind=ActorKind.BOT if msgtype == _NOTICE else kind,
        object_id=message,
        object_kind=ObjectKind.MESSAGE,
    )


def _related(action: Action, relation: Relation) -> Action:
    """The action as an answer, where it is one."""
    root = relation.event_id if relation.rel_type == "m.thread" else None
    answered = relation.answered.event_id if relation.answered and not (root and relation.is_falling_back) else root
    if answered is None:
        return action
    return replace(action, verb=Verb.REPLY, reply_to_id=answered, thread_id=root)


def _with(action: Action, content: Content, relation: Relation) -> Action:
    text = without_fallback(content.text) if relation.answered else content.text
    mentioned = content.mentions.user_ids if content.mentions else pills_in(content.formatted_body or "")
    return replace(
        action,
        mentions=tuple(account for account in mentioned if account != action.actor),
        refs=refs_in(text) + content.files,
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )


def _edit(tenant: str, event: Event, relation: Relation) -> Action:
    if relation.event_id is None:
        raise UnreadableError("an edit without the event that it replaces")
    content = payloads.Edit.model_validate(event.content).new
    original = replace(_about(tenant, event, relation.event_id, content.msgtype), key=relation.event_id)
    changed = _with(original, content, relation)
    return edited(changed, event.event_id, original.occurred_at, event.origin_server_ts)


def _reaction(tenant: str, event: Event, relation: Relation) -> Found:
    if relation.rel_type != "m.annotation" or relation.event_id is None:
        return Ignored(tenant=tenant, space=event.room_id)
    given = _about(tenant, event, relation.event_id)
    return replace(given, verb=Verb.REACT, reply_to_id=relation.event_id)


def _redaction(tenant: str, event: Event) -> Found:
    if "redacted_because" in event.unsigned:
        return Ignored(Reason.SUPPRESSED, tenant, event.room_id)
    gone = event.redacts or payloads.Redaction.model_validate(event.content).redacts
    if gone is None:
        raise UnreadableError("a redaction without the event that it redacts")
    original = replace(_about(tenant, event, gone), key=gone)
    return deleted(original, event.event_id, original.occurred_at, event.origin_server_ts)


def _redacted(tenant: str, event: Event) -> Found:
    """An event that arrives without its content: its own deletion, under the id that its redaction has live."""
    found: Any = event.unsigned.get("redacted_because")
    if not isinstance(found, dict) or not found.get("event_id"):
        return Ignored(Reason.SUPPRESSED, tenant, event.room_id)
    because = payloads.Because.model_validate(found)
    original = replace(_about(tenant, event, event.event_id), actor=because.sender, actor_kind=kind_of(because.sender))
    return deleted(original, because.event_id, at_milliseconds(because.origin_server_ts), because.origin_server_ts)


def _member(tenant: str, event: Event) -> Iterator[Found]:
    member = payloads.Membership.model_validate(event.content) if event.content else None
    if member is None or member.membership != "join" or not event.state_key or not member.displayname:
        yield Ignored(tenant=tenant, space=event.room_id)
        return
    account = event.state_key
    kind = kind_of(account)
    yield AccountSeen(
        tenant=tenant,
        native_id=account,
        seen_at=at_milliseconds(event.origin_server_ts),
        handle=account.removeprefix("@").partition(":")[0],
        display_name=member.displayname,
        kind=None if kind is ActorKind.HUMAN else kind,
    )
