"""Discord: messages, reactions and membership, from REST, the gateway's events, webhooks and channel exports.

What becomes of what:

* The tenant is that of the source or of --tenant, otherwise the server's id. A message's key is its id, in every way.
* A space is a channel; a thread or a forum post belongs to its channel. REST and an export name it; an event does not, so
  whoever emits gateway events adds `parent_id`. Without it the thread is a space of its own.
* In a thread a message answers the opening one, whose id is the thread's. A forum's opening message is a post. A thread's own
  starter (type 21) repeats the message from which it was opened, and is ignored.
* A reply (type 19) answers `message_reference`, also when the answered message was deleted (`referenced_message` null) or is
  not shown (absent); in an export also where its id is null. A forwarded message is no reply; it refers. A crosspost is a copy
  from another server and is ignored.
* A slash command's answer (types 20 and 23) is a bot's. `GuildMemberJoin` (type 7) and GUILD_MEMBER_ADD are the same joining.
  Every other type is Discord's own notice (pins, boosts, new threads, calls, polls that ended) and is ignored.
* One webhook writes under many names, so its account is its id and the name. It is a bot; but what PluralKit or Tupperbox
  post again for somebody is a person's, and the original that they deleted is a deleted message.
* MESSAGE_UPDATE is an edit only with `edited_timestamp`: Discord also sends it for an unfurled link or a pin.
* A deletion names no author, so Discord itself deletes. MESSAGE_DELETE_BULK is one deletion per message.
* A reaction has no time of its own: that of its event, or of its receipt, stands in. Removing all reactions of a message names
  nobody and is ignored. An export's reactions have neither time nor account and are not read.
* Direct messages, private threads, game messages and lobbies are private. A text channel shows nowhere who can read it.
* Interactions (commands, buttons) address a program and are ignored, as are entitlements, authorisations, voice states (a leave
  names no channel), typing, presence, scheduled events and everything else that the gateway sends.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from events.identity import account_in_key
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Handshake, Ignored, UnreadableError
from pipelines.platforms.discord import payloads
from pipelines.platforms.discord.accounts import DELETED_USER, DISCORD
from pipelines.platforms.discord.export import EXPORTED
from pipelines.platforms.discord.exported import as_message
from pipelines.platforms.discord.markup import refs_in
from pipelines.platforms.discord.payloads import Message, Snowflake
from pipelines.platforms.discord.poll import POLLED
from pipelines.platforms.discord.webhook import LIVE
from pipelines.shared.membership import membership
from pipelines.shared.payload import milliseconds_of, read_object
from pipelines.shared.revisions import deleted, edited

SERVER = "server"
"""The space of what concerns the whole server."""
_DISPATCH, _HEARTBEAT_ACKNOWLEDGED = 0, 11
_REPLY, _JOINED = 19, 7
_WRITTEN = frozenset({0, _REPLY, 20, 23})
_FORWARD = 1
_CROSSPOSTED = 1 << 1


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something took place. `parent` is the channel of a thread."""

    tenant: str
    channel: Snowflake
    parent: Snowflake | None = None

    @property
    def space(self) -> str:
        return self.parent or self.channel


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in a webhook's body, a gateway event or a message of REST or an export. Raises ValueError for others."""
    payload = read_object(raw.payload)
    if raw.type == EXPORTED:
        yield from _exported(payload, raw)
    elif raw.type == POLLED:
        polled = payloads.Exported.model_validate(payload)
        place = _Place(raw.tenant or polled.guild, polled.channel, polled.parent)
        yield from _message(place, Message.model_validate(polled.message))
    elif raw.type == LIVE:
        yield _hook(payloads.Hook.model_validate(payload), raw)
    else:
        yield from _dispatched(payloads.Dispatch.model_validate(payload), raw)


def _hook(hook: payloads.Hook, raw: RawEvent) -> Ignored:
    kind = hook.event.type if hook.event else ""
    closed = kind.startswith(("GAME_DIRECT_MESSAGE", "LOBBY_MESSAGE"))
    return Ignored(Reason.PRIVATE if closed else Reason.NOT_PARTICIPATION, raw.tenant or hook.guild_id)


def _dispatched(event: payloads.Dispatch, raw: RawEvent) -> Iterator[Found]:
    if event.op == _HEARTBEAT_ACKNOWLEDGED:
        yield Handshake()
        return
    if event.op != _DISPATCH:
        yield Ignored(tenant=raw.tenant)
        return
    match event.t:
        case "MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK":
            yield from _message_event(event, raw)
        case "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE":
            yield from _reaction(event, raw)
        case "GUILD_MEMBER_ADD" | "GUILD_MEMBER_REMOVE" | "GUILD_MEMBER_UPDATE":
            yield from _member(event.t, payloads.Membership.model_validate(event.d), raw)
        case None:
            raise UnreadableError("t: a dispatched event without its name")
        case _:
            yield Ignored(tenant=raw.tenant)


def _message_event(event: payloads.Dispatch, raw: RawEvent) -> Iterator[Found]:
    where = payloads.Where.model_validate(event.d)
    if where.guild_id is None:
        yield Ignored(Reason.PRIVATE, raw.tenant)
        return
    place = _Place(raw.tenant or where.guild_id, where.channel_id, event.parent_id)
    if event.t in {"MESSAGE_DELETE", "MESSAGE_DELETE_BULK"}:
        yield from _deleted(place, payloads.Deleted.model_validate(event.d), raw.time or raw.received_at)
    elif event.t == "MESSAGE_CREATE":
        yield from _message(place, Message.model_validate(event.d))
    elif payloads.Changed.model_validate(event.d).edited_timestamp is None:
        yield Ignored(tenant=place.tenant, space=place.space)
    else:
        found = list(_message(place, Message.model_validate(event.d)))
        changes = [one for one in found if isinstance(one, Action) and one.change]
        yield from changes
        if not changes:
            yield Ignored(tenant=place.tenant, space=place.space)


def _message(place: _Place, message: Message) -> Iterator[Found]:
    if message.type == _JOINED:
        yield membership(place.tenant, SERVER, message.account, message.timestamp, message.kind, joined=True)
        yield from _account(place.tenant, message.author, message.timestamp, message.kind)
        return
    if message.type not in _WRITTEN or message.flags & _CROSSPOSTED:
        yield Ignored(tenant=place.tenant, space=place.space)
        return
    written = _written(place, message)
    yield written
    if message.edited_timestamp is not None:
        at = message.edited_timestamp
        yield edited(written, f"{message.id}:edit:{milliseconds_of(at)}", at, milliseconds_of(at))
    nick = message.member.nick if message.member else None
    yield from _account(place.tenant, message.author, message.timestamp, message.kind, message.account, nick)


def _written(place: _Place, message: Message) -> Action:
    reference = message.message_reference
    forwarded = reference.message_id if reference and reference.type == _FORWARD else None
    answered = reference.message_id if reference and message.type == _REPLY and not forwarded else None
    opens = place.parent is not None and message.id == place.channel
    if place.parent is not None and not opens:
        answered = answered or place.channel
    refs = refs_in(message.content, place.tenant) + tuple(file.id for file in message.attachments)
    return replace(
        _about(place, message.id, message.timestamp, message.account, message.kind),
        verb=Verb.REPLY if answered or message.type == _REPLY else Verb.POST,
        reply_to_id=answered,
        mentions=tuple(one.id for one in message.mentions),
        refs=refs + ((forwarded,) if forwarded else ()),
        size=len(message.content),
        size_unit=SizeUnit.CHARACTERS,
        text=message.content,
    )


def _about(place: _Place, message: str, at: datetime, actor: str, kind: ActorKind) -> Action:
    return Action(
        key=message,
        tenant=place.tenant,
        space=place.space,
        medium=Medium.CHAT,
        occurred_at=at,
        verb=Verb.POST,
        actor=actor,
        actor_kind=kind,
        object_id=message,
        object_kind=ObjectKind.MESSAGE,
        thread_id=place.channel if place.parent else None,
    )


def _deleted(place: _Place, found: payloads.Deleted, at: datetime) -> Iterator[Found]:
    numbers = found.ids or ((found.id,) if found.id else ())
    if not numbers:
        raise UnreadableError("a deletion without messages")
    for number in dict.fromkeys(numbers):
        gone = _about(place, number, at, DISCORD, ActorKind.SYSTEM)
        yield deleted(gone, f"{number}:delete", at, milliseconds_of(at))


def _reaction(event: payloads.Dispatch, raw: RawEvent) -> Iterator[Found]:
    reaction = payloads.Reaction.model_validate(event.d)
    if reaction.guild_id is None:
        yield Ignored(Reason.PRIVATE, raw.tenant)
        return
    emoji = reaction.emoji.id or reaction.emoji.name
    if not emoji:
        raise UnreadableError("a reaction without its emoji")
    place = _Place(raw.tenant or reaction.guild_id, reaction.channel_id, event.parent_id)
    at = raw.time or raw.received_at
    user = _user_of(reaction)
    kind = ActorKind.BOT if user.get("bot") is True else ActorKind.HUMAN
    given = replace(
        _about(place, reaction.message_id, at, reaction.user_id, kind),
        key=f"{reaction.message_id}:reaction:{account_in_key(f'{reaction.user_id}:{emoji}')}",
        verb=Verb.REACT,
        thread_id=None,
        reply_to_id=reaction.message_id,
    )
    if event.t == "MESSAGE_REACTION_ADD":
        yield given
    else:
        yield deleted(given, f"{given.key}:delete", at, milliseconds_of(at))


def _user_of(reaction: payloads.Reaction) -> dict[str, Any]:
    user = (reaction.member or {}).get("user")
    return user if isinstance(user, dict) else {}


def _member(what: str, found: payloads.Membership, raw: RawEvent) -> Iterator[Found]:
    tenant, now = raw.tenant or found.guild_id, raw.time or raw.received_at
    kind = ActorKind.BOT if found.user.bot else ActorKind.HUMAN
    joined = what == "GUILD_MEMBER_ADD"
    if what != "GUILD_MEMBER_UPDATE":
        at = (found.joined_at or now) if joined else now
        yield membership(tenant, SERVER, found.user.id, at, kind, joined=joined)
    yield from _account(tenant, found.user, now, kind, nick=found.nick)
    if not (found.user.username or found.nick):
        yield Ignored(tenant=tenant)


def _account(
    tenant: str, user: payloads.User, at: datetime, kind: ActorKind, account: str | None = None, nick: str | None = None
) -> Iterator[AccountSeen]:
    if (user.username or nick) and user.id != DELETED_USER:
        yield AccountSeen(
            tenant=tenant,
            native_id=account or user.id,
            seen_at=at,
            handle=user.username,
            display_name=nick or user.global_name or user.username,
            kind=kind,
        )


def _exported(payload: dict[str, Any], raw: RawEvent) -> Iterator[Found]:
    exported = payloads.Exported.model_validate(payload)
    tenant = raw.tenant or exported.guild
    if exported.closed:
        yield Ignored(Reason.PRIVATE, tenant)
        return
    message = as_message(payloads.ExportedMessage.model_validate(exported.message), exported.channel)
    yield from _message(_Place(tenant, exported.channel, exported.parent), message)
