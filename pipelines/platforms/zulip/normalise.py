"""Zulip: messages, topics, edits and moves, from outgoing webhooks, the events API and archives.

What becomes of what, in all ways:

* A message is its number, which stays when the message is moved. A space is a stream's number. The tenant is that of the source
  or of the import; where those have none, the domain of the bot's address.
* A message is a `post` in the thread of its stream and topic. The first one is too: no source shows which was first, and SQL
  finds it. It is a `reply` where it quotes another (a link to a message, then a quotation); it answers that message. Topics are
  equal regardless of case and of the mark `✔` of resolved ones; the empty topic (general chat) is none. People write
  the names of topics, so a thread is stored as a keyed hash.
* Features and size are those of the sender's own text: without quotations, and for features without code.
* Mentions are read from the rendered message. Silent mentions, and those of everybody or of a group, mention nobody.
* An edit revises. A move revises every moved message with its new place. A topic that gets its `✔` is a `resolve` by whoever
  sets it. A deletion revises; Zulip does not show who deleted. What the server renders again is not participation.
* An account is its number. In an archive that has only names the account is the name, and so are those whom its messages
  mention. A name that only one account of an archive has, by its table of users or by the numbers in its rendered mentions, is
  that account's: an archive with names and an export with numbers have the same people. Zulip's own accounts (of the realm
  `zulipinternal`, otherwise by `accounts.py`) are the system. A bot is one that an export or an event flags. In an archive
  that has only names, a placeholder such as `(deleted)` is nobody: anonymous.
* A new account joins, in the space `organization`; a deactivated one leaves. Zulip's own export shows when an account was made:
  those made since its first public message joined then. What our own bot writes is ignored.
* A folder of an archive that shows no stream, and a stream of which an export does not show who can read it, are ignored
  (`unknown_privacy`).
* Private messages, and private streams where the export marks them, are ignored: the reader of archives takes nothing of their
  content. A live message does not show whether its stream is private: do not name private streams in the settings.
* Reactions do not show in which stream they were given, so a private stream cannot be excluded. They and every other event are
  not participation. The heartbeat shows that the source is alive.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from events.identity import name_account, title_object
from events.interaction import ActorKind, Change, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Handshake, Ignored, UnreadableError
from pipelines.platforms.zulip.export import EXPORTED_JOIN, EXPORTED_MESSAGE, EXPORTED_NAME, UNLISTED
from pipelines.platforms.zulip.markup import Content, read_html, read_typed
from pipelines.platforms.zulip.payloads import Deleted, Event, Hook, Joined, Message, Named, PersonEvent, Update
from pipelines.platforms.zulip.webhook import LIVE
from pipelines.shared.membership import membership
from pipelines.shared.payload import MAX_HOST_CHARACTERS, at_seconds, milliseconds_of, read_object
from pipelines.shared.revisions import deleted, edited

EVENT = "zulip.event"
ORGANIZATION = "organization"
"""The space of what concerns the whole organisation."""
ZULIP = "zulip"
"""The account that is used where Zulip does not show who acts."""
_OF_STREAMS = frozenset({"stream", "channel"})
"""Types of messages that are not private. Zulip renames streams to channels."""
RESOLVED = "✔ "
NO_TOPIC = frozenset({"", "(no topic)", "general chat"})
"""Messages without a topic. Zulip shows the empty topic as `general chat`, and clients of old versions as `(no topic)`."""


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in a webhook's body, an event, or a record of an archive. Raises ValueError for what is not Zulip's."""
    payload = read_object(raw.payload)
    if raw.type == EXPORTED_MESSAGE:
        yield from _message(raw.tenant or "export", payload)
    elif raw.type == EXPORTED_NAME:
        named = Named.model_validate(payload)
        yield AccountSeen(
            tenant=raw.tenant or "export",
            native_id=name_account(named.name),
            seen_at=at_seconds(named.seen_at),
            display_name=named.name,
            same_as=str(named.id),
        )
    elif raw.type == EXPORTED_JOIN:
        made = Joined.model_validate(payload)
        at = at_seconds(made.date_joined)
        yield membership(raw.tenant or "export", ORGANIZATION, str(made.user_id), at, _kind(made.is_bot), joined=True)
    elif raw.type == LIVE:
        hook = Hook.model_validate(payload)
        tenant = raw.tenant or _domain(hook.bot_email)
        if hook.bot_email and hook.message.get("sender_email") == hook.bot_email:
            yield Ignored(Reason.OWN_BOT, tenant)
        else:
            yield from _message(tenant, hook.message)
    else:
        yield from _event(raw, raw.tenant or ZULIP, payload)


def _domain(email: str | None) -> str:
    domain = (email or "").rpartition("@")[2].lower()
    return domain if 0 < len(domain) <= MAX_HOST_CHARACTERS else ZULIP


def _event(raw: RawEvent, tenant: str, payload: dict[str, Any]) -> Iterator[Found]:
    match Event.model_validate(payload).type:
        case "heartbeat":
            yield Handshake()
        case "message" if isinstance(payload.get("message"), dict):
            yield from _message(tenant, payload["message"])
        case "update_message":
            yield from _updated(tenant, Update.model_validate(payload))
        case "delete_message":
            yield from _deleted(tenant, Deleted.model_validate(payload), raw.time or raw.received_at)
        case "realm_user":
            yield from _person(tenant, PersonEvent.model_validate(payload), raw.time or raw.received_at)
        case "message":
            raise UnreadableError("an event of a message without the message")
        case _:
            yield Ignored(tenant=tenant)


def _message(tenant: str, found: dict[str, Any]) -> Iterator[Found]:
    if not isinstance(found.get("type"), str | None):
        raise UnreadableError("type: not a text")
    if found.get("type") == UNLISTED:
        yield Ignored(Reason.UNKNOWN_PRIVACY, tenant, str(found.get("space")))
        return
    if found.get("type") not in _OF_STREAMS:
        yield Ignored(Reason.PRIVATE, tenant)
        return
    message = Message.model_validate(found)
    html = message.rendered_content
    if html is None and message.content_type == "text/html":
        html = message.content
    # Where the sender has only a name, the mentioned have only names too: otherwise one person would have two accounts.
    content = read_typed(message.content or "") if html is None else read_html(html, by_name=message.sender_id is None)
    post = replace(
        _about(tenant, message.id, message.stream_id, at_seconds(message.timestamp), message.account),
        actor_kind=message.kind,
        thread_id=_thread(message.stream_id, message.subject or ""),
    )
    yield _with(post, content)
    yield from _account(tenant, message)


def _about(tenant: str, message: int, stream: int, at: datetime, actor: str) -> Action:
    return Action(
        key=str(message),
        tenant=tenant,
        space=str(stream),
        medium=Medium.CHAT,
        occurred_at=at,
        verb=Verb.POST,
        actor=actor,
        object_id=str(message),
        object_kind=ObjectKind.MESSAGE,
    )


def _with(action: Action, content: Content) -> Action:
    return replace(
        action,
        verb=Verb.REPLY if content.answers else Verb.POST,
        reply_to_id=content.answers,
        mentions=content.mentions,
        refs=content.refs,
        size=content.size,
        size_unit=SizeUnit.CHARACTERS,
        text=content.own,
    )


def _thread(stream: int, topic: str) -> str | None:
    plain = topic.removeprefix(RESOLVED).strip().casefold()
    return None if plain in NO_TOPIC else title_object(f"{stream}:{plain}")


def _account(tenant: str, message: Message) -> Iterator[AccountSeen]:
    name = (message.sender_full_name or "").strip()
    email = message.sender_email if message.sender_email and "@" in message.sender_email else None
    if name or email:
        kind = message.kind if message.kind is not ActorKind.HUMAN or message.sender_is_bot is False else None
        at = at_seconds(message.timestamp)
        yield AccountSeen(
            tenant=tenant, native_id=message.account, seen_at=at, display_name=name or None, email=email, kind=kind
        )


def _updated(tenant: str, update: Update) -> Iterator[Found]:
    if update.rendering_only or update.user_id is None:
        yield Ignored(tenant=tenant)
        return
    if update.stream_id is None:
        yield Ignored(Reason.PRIVATE, tenant)
        return
    at, actor = at_seconds(update.edit_timestamp), str(update.user_id)
    revision = int(update.edit_timestamp * 1000)
    if update.content is not None:
        original = _about(tenant, update.message_id, update.stream_id, at, actor)
        html = update.rendered_content
        content = read_typed(update.content) if html is None else read_html(html, by_name=False)
        yield edited(_with(original, content), f"{original.key}:edit:{revision}", at, revision)
    stream = update.stream_id if update.new_stream_id is None else update.new_stream_id
    moved = update.new_stream_id is not None or (update.subject is not None and update.orig_subject is not None)
    topic = update.subject if update.subject is not None else update.orig_subject or ""
    if update.subject is not None and _is_resolving(update):
        resolved = _about(tenant, update.message_id, stream, at, actor)
        key = f"{resolved.key}:resolve:{revision}"
        yield replace(resolved, key=key, verb=Verb.RESOLVE, thread_id=_thread(stream, topic))
    elif moved:
        for number in dict.fromkeys((update.message_id, *update.message_ids)):
            there = replace(_about(tenant, number, stream, at, actor), thread_id=_thread(stream, topic))
            key = f"{number}:move:{revision}"
            yield replace(there, key=key, revises=there.key, change=Change.MOVE, revision=revision)
    elif update.content is None:
        yield Ignored(tenant=tenant, space=str(update.stream_id))


def _is_resolving(update: Update) -> bool:
    return (
        update.new_stream_id is None
        and update.orig_subject is not None
        and update.subject == RESOLVED + update.orig_subject.removeprefix(RESOLVED)
        and not update.orig_subject.startswith(RESOLVED)
    )


def _deleted(tenant: str, found: Deleted, at: datetime) -> Iterator[Found]:
    numbers = found.message_ids or (() if found.message_id is None else (found.message_id,))
    if found.message_type not in _OF_STREAMS or found.stream_id is None:
        yield Ignored(Reason.PRIVATE, tenant)
        return
    if not numbers:
        raise UnreadableError("a deletion without messages")
    for number in dict.fromkeys(numbers):
        gone = replace(
            _about(tenant, number, found.stream_id, at, ZULIP),
            actor_kind=ActorKind.SYSTEM,
            thread_id=_thread(found.stream_id, found.topic),
        )
        yield deleted(gone, f"{number}:delete", at, milliseconds_of(at))


def _person(tenant: str, event: PersonEvent, at: datetime) -> Iterator[Found]:
    person = event.person
    left = event.op == "remove" or (event.op == "update" and person.is_active is False)
    if event.op != "add" and not left:
        yield Ignored(tenant=tenant)
        return
    kind, account = _kind(person.is_bot), str(person.user_id)
    yield membership(tenant, ORGANIZATION, account, at, kind, joined=not left)
    name, email = person.full_name, person.delivery_email or person.email
    if name or email or kind:
        yield AccountSeen(tenant=tenant, native_id=account, seen_at=at, display_name=name, email=email, kind=kind)


def _kind(is_bot: bool | None) -> ActorKind | None:
    return None if is_bot is None else ActorKind.BOT if is_bot else ActorKind.HUMAN
