"""Rocket.Chat: messages and new accounts, from outgoing integrations, from its REST API and from exports of its database.

What becomes of what:

* The tenant is that of the source or of --tenant, otherwise `rocketchat`: no payload names the server reliably. A space is a
  room's id. A message's key is its id, which is the same in every way.
* `tmid` names the message that opened the thread: with it a message is an answer. A discussion is a room of its own.
* An integration's body does not name its event. With `message_id` it is a message (`isEdited`: an edit, at the time of
  receipt); without a channel it is a new account, hence membership in the space `workspace`; otherwise somebody entered,
  left, made or archived a room, which nobody can tell apart and which is not participation.
* A message with `t` is a notice that carries a person's name (`uj` joined, `ul` left, `au`, `ru`, `r`, `message_pinned`, ...)
  and is not participation. `rm` is what stands for a removed message: its deletion. `e2e` is encrypted, hence private. A hidden
  copy of a message (`_hidden`), as Rocket.Chat keeps for edits and deletions, is ignored: otherwise it would come twice.
* What an integration posts carries the account that was chosen for it. It is a bot's, whose account is `integration:` and the
  integration's id, or the name that it shows. A bot account's message is a bot's too.
* Mentions are user names, so a name is an account of its own (`name:`), the same person's as the id beside it.
* Direct rooms and private groups are private. Rooms that an export of the database does not list are `unknown_privacy`.
* Reactions have no time and are not read. Deletions do not reach an integration: only an export shows them, by `rm`.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from events.identity import name_account
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored
from pipelines.platforms.rocketchat.export import EXPORTED, ROCKETCHAT
from pipelines.platforms.rocketchat.payloads import Exported, Hook, Message, integration_of
from pipelines.shared.body_token import read_body
from pipelines.shared.links import links_in
from pipelines.shared.membership import membership
from pipelines.shared.payload import milliseconds_of, read_object
from pipelines.shared.revisions import deleted, edited
from pipelines.shared.typed import names_in

WORKSPACE = "workspace"
"""The space of what concerns the whole server."""
_REMOVED, _ENCRYPTED = "rm", "e2e"


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in an integration's body or a record of an export. Raises ValueError for what is not Rocket.Chat's."""
    tenant = raw.tenant or ROCKETCHAT
    if raw.type == EXPORTED:
        yield from _exported(tenant, Exported.model_validate(read_object(raw.payload)))
    else:
        yield from _hooked(tenant, Hook.model_validate(read_body(raw.payload)), raw.time or raw.received_at)


def _hooked(tenant: str, hook: Hook, now: datetime) -> Iterator[Found]:
    kind = ActorKind.BOT if integration_of(hook.bot) is not None else ActorKind.HUMAN
    if hook.channel_id is None and hook.message_id is None:
        yield membership(tenant, WORKSPACE, hook.user_id, hook.timestamp, kind, joined=True)
        yield from _accounts(tenant, hook.user_id, hook.user_name, None, hook.timestamp)
    elif hook.message_id is None or hook.channel_id is None:
        yield Ignored(tenant=tenant, space=hook.channel_id)
    elif not hook.channel_name:
        yield Ignored(Reason.PRIVATE, tenant)
    else:
        account, kind = _author(hook.user_id, hook.bot, hook.alias)
        about = _about(tenant, hook.channel_id, hook.message_id, hook.timestamp, account, kind, hook.tmid)
        written = _with(about, hook.text or "")
        yield _edit(written, now) if hook.is_edited else written
        if account == hook.user_id:
            yield from _accounts(tenant, hook.user_id, hook.user_name, None, hook.timestamp)


def _exported(tenant: str, exported: Exported) -> Iterator[Found]:
    if exported.closed or exported.unlisted:
        yield Ignored(Reason.PRIVATE if exported.closed else Reason.UNKNOWN_PRIVACY, tenant)
        return
    message = Message.model_validate(exported.message)
    account, kind = _author(message.u.id, message.bot, message.alias)
    about = _about(tenant, message.rid, message.id, message.ts, account, kind, message.tmid)
    if message.t == _ENCRYPTED:
        yield Ignored(Reason.PRIVATE, tenant)
    elif message.t == _REMOVED and not message.hidden:
        at = message.edited_at or message.ts
        yield deleted(about, f"{about.key}:delete", at, milliseconds_of(at))
    elif message.hidden or message.t:
        yield Ignored(tenant=tenant, space=message.rid)
    elif not message.msg and not message.files and not message.attachments:
        yield Ignored(Reason.SUPPRESSED, tenant, message.rid)
    else:
        written = _with(about, message.msg or "")
        yield written
        if message.edited_at:
            yield _edit(written, message.edited_at)
        if account == message.u.id:
            yield from _accounts(tenant, account, message.u.username, message.u.name, message.ts)


def _author(account: str, bot: Any, alias: str | None) -> tuple[str, ActorKind]:
    """Who wrote a message. An integration's own posts carry the account that somebody chose for it."""
    integration = integration_of(bot)
    if integration is None:
        return account, ActorKind.HUMAN
    if alias and alias.strip():
        return f"integration:{name_account(alias)}", ActorKind.BOT
    return (f"integration:{integration}" if integration else account), ActorKind.BOT


def _about(tenant: str, room: str, message: str, at: datetime, account: str, kind: ActorKind, opening: str | None) -> Action:
    return Action(
        key=message,
        tenant=tenant,
        space=room,
        medium=Medium.CHAT,
        occurred_at=at,
        verb=Verb.REPLY if opening else Verb.POST,
        actor=account,
        actor_kind=kind,
        object_id=message,
        object_kind=ObjectKind.MESSAGE,
        thread_id=opening,
        reply_to_id=opening,
    )


def _with(action: Action, text: str) -> Action:
    return replace(
        action,
        mentions=tuple(map(name_account, names_in(text))),
        refs=links_in(text),
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )


def _edit(written: Action, at: datetime) -> Action:
    return edited(written, f"{written.key}:edit:{milliseconds_of(at)}", at, milliseconds_of(at))


def _accounts(tenant: str, number: str, username: str | None, name: str | None, at: datetime) -> Iterator[AccountSeen]:
    """The account, and the same account by its name, by which messages mention it."""
    if username:
        seen = AccountSeen(tenant=tenant, native_id=number, seen_at=at, handle=username, display_name=name)
        yield seen
        yield replace(seen, native_id=name_account(username), display_name=None, same_as=number)
