"""Slack: messages, threads, reactions and membership, from Events API webhooks and from workspace exports.

What becomes of what, in both ways:

* The tenant is that of the source in the settings, otherwise the workspace where the app is installed. In a channel that
  workspaces share, an author of another workspace has the same tenant, so the channel has one home.
  Where both workspaces report the channel, the warehouse counts it once (`shares`), so authors in such a channel, and authors
  whom no list of an export has, are passed on as accounts.
* In an Enterprise Grid organisation a user is `enterprise_user` too, which is one person in all of its workspaces.
* A message is `<channel>:<ts>`. It is a reply when its `thread_ts` names another message. `thread_ts` equal to `ts` means that
  the message has answers. An export knows that and a webhook cannot, so the opening message has no thread in either way.
* An edit revises its message (`<channel>:<ts>:edit:<ts of the edit>`). Slack's own changes, such as an unfurled link, have no
  newer `edited` and are ignored. A deletion revises, and so does the tombstone in place of a deleted opening of a thread.
* A file comes with its message and is a reference of it: one act, one contribution. `app_mention`, `link_shared` and
  `file_shared` repeat what the message contains, and are ignored.
* A reaction is `<channel>:<ts>:reaction:<account>:<name>`. Its removal revises it and is final. Reactions of an export have no
  time of their own and are not read.
* Joining the workspace (`team_join`) and being deactivated (`user_change`) are membership, in the space `workspace`. An export
  shows the joining as the first `channel_join` of an account in the general channel, where everybody is from the beginning.
  Joining or leaving another channel is no membership.
* What an app writes (`bot_message`, a bot's account, `bot_id`) is a bot's; but where the list of users of an export calls the
  author a person, a message with `bot_id` is that person's, who posts through an app. A `bot_message` without any id or name is
  the bot `bot:unnamed`. What our own app writes is ignored. Slack's own accounts (`accounts.py`) are the system.
* `file_comment` (until August 2018) is a message of who commented, with the text of the comment. `file_mention` is a message.
* Direct messages, group messages and private channels are ignored: from these the reader of exports takes only that there was
  a message. So are folders that no list of the export names (`unknown_privacy`). A reaction does not show whether its channel
  is private: do not name private channels in the settings.
* Every other type is not participation, nor is any other subtype of messages: what Slack writes about a channel
  (`channel_join`, `channel_topic`, `pinned_item`, `bot_add`, `reminder_add`, ...), copies (`reply_broadcast`,
  `message_replied`), and what it shows in place of a message (`ekm_access_denied`, `huddle_thread`).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from events.identity import account_in_key, name_account
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Handshake, Ignored, UnreadableError
from pipelines.platforms.slack import payloads
from pipelines.platforms.slack.accounts import SLACKBOT, SYSTEM_ACCOUNTS
from pipelines.platforms.slack.export import EXPORTED_MESSAGE, EXPORTED_USER
from pipelines.platforms.slack.markup import mentions_in, refs_in
from pipelines.platforms.slack.payloads import Callback, Edited, Message, Profile, User
from pipelines.platforms.slack.webhook import URL_VERIFICATION
from pipelines.shared.membership import membership
from pipelines.shared.payload import at_seconds
from pipelines.shared.revisions import deleted, edited
from pipelines.shared.text import parse_payload

UNNAMED_BOT = "bot:unnamed"
"""The account of bots that nothing names."""
WORKSPACE = "workspace"
"""The space of what concerns the whole workspace."""
_WRITTEN = frozenset(
    {None, "bot_message", "file_comment", "file_mention", "file_share", "me_message", "slackbot_response", "thread_broadcast"}
)
"""Subtypes of messages that somebody wrote."""
_BY_SLACK = frozenset({"file_share", "file_mention"})
"""Subtypes whose text Slack began."""
_PRIVATE = frozenset({"im", "mpim", "group", "app_home"})


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in a webhook's body or in a record of an export. Raises ValueError for what is not Slack's."""
    payload = parse_payload(raw.payload)
    if raw.type == EXPORTED_MESSAGE:
        yield from _exported_message(payload)
    elif raw.type == EXPORTED_USER:
        exported = payloads.ExportedUser.model_validate(payload)
        yield from _accounts(exported.user, exported.team, at_seconds(exported.user.updated or exported.seen_at))
    else:
        yield from _delivered(payload, raw)


def _delivered(payload: Any, raw: RawEvent) -> Iterator[Found]:
    kind = payloads.Envelope.model_validate(payload).type
    if kind == URL_VERIFICATION:
        yield Handshake()
        return
    if kind != "event_callback":
        yield Ignored()
        return
    callback = Callback.model_validate(payload)
    # That of the source in the settings comes first: an import of the workspace has the same.
    callback = callback.model_copy(update={"team_id": raw.tenant or callback.installed_in})
    match payloads.Envelope.model_validate(callback.event).type:
        case "message":
            yield from _message_event(callback)
        case "reaction_added" | "reaction_removed" as what:
            yield from _reaction(callback, removed=what == "reaction_removed")
        case "team_join" | "user_change" | "user_profile_changed" as what:
            yield from _user(callback, what, raw.received_at)
        case _:
            yield Ignored(tenant=callback.team_id)


def _message_event(callback: Callback) -> Iterator[Found]:
    event = payloads.MessageEvent.model_validate(callback.event)
    tenant, channel = callback.team_id, event.channel
    if event.channel_type in _PRIVATE or channel.startswith(("D", "G")):
        yield Ignored(Reason.PRIVATE, tenant)
    elif event.subtype == "message_changed":
        yield _changed(callback, channel)
    elif event.subtype == "message_deleted":
        yield _deleted(callback, channel)
    elif event.subtype not in _WRITTEN or "message" in callback.event:  # `message_replied` may come without its subtype
        yield Ignored(tenant=tenant, space=channel)
    else:
        message = Message.model_validate(callback.event)
        if callback.is_own(message.user, message.app):
            yield Ignored(Reason.OWN_BOT, tenant, channel)
        else:
            yield from _written(tenant, channel, message)
            if callback.is_ext_shared_channel:
                yield from _stranger(tenant, message)


def _changed(callback: Callback, channel: str) -> Found:
    change = payloads.Changed.model_validate(callback.event)
    message, previous, tenant = change.message, _previous(change.previous_message), callback.team_id
    if callback.is_own(message.user, message.app):
        return Ignored(Reason.OWN_BOT, tenant, channel)
    if message.subtype == "tombstone":
        return _deletion(callback, channel, message.ts, previous, change.event_ts)
    is_an_edit = message.edited is not None and (previous is None or previous.edited != message.edited)
    if message.subtype not in _WRITTEN or message.edited is None or not is_an_edit:
        return Ignored(tenant=tenant, space=channel)
    return _edit(_message(tenant, channel, message), message.edited)


def _deleted(callback: Callback, channel: str) -> Found:
    found = payloads.Deleted.model_validate(callback.event)
    return _deletion(callback, channel, found.deleted_ts, _previous(found.previous_message), found.event_ts)


def _previous(found: object) -> Message | None:
    return Message.model_validate(found) if isinstance(found, dict) and found else None  # Slack sends [] for nothing


def _deletion(callback: Callback, channel: str, ts: str, previous: Message | None, at: str) -> Found:
    tenant = callback.team_id
    if previous is not None and previous.subtype not in _WRITTEN:
        return Ignored(tenant=tenant, space=channel)
    if previous is not None and callback.is_own(previous.user, previous.app):
        return Ignored(Reason.OWN_BOT, tenant, channel)
    gone = _message(tenant, channel, previous.model_copy(update={"ts": ts}) if previous else Message(ts=ts, user=SLACKBOT))
    return deleted(gone, f"{gone.key}:delete", _moment(at), _milliseconds(at))


def _written(tenant: str, channel: str, message: Message, *, bot: bool | None = None) -> Iterator[Found]:
    original = _message(tenant, channel, message, bot=bot)
    yield original
    if message.edited is not None:
        yield _edit(original, message.edited)


def _message(tenant: str, channel: str, message: Message, *, bot: bool | None = None) -> Action:
    actor, kind = _author(message, bot=bot)
    key = f"{channel}:{message.ts}"
    thread = f"{channel}:{message.thread_ts}" if message.thread_ts and message.thread_ts != message.ts else None
    text = message.own_text
    return Action(
        key=key,
        tenant=tenant,
        space=channel,
        medium=Medium.CHAT,
        occurred_at=_moment(message.ts),
        verb=Verb.REPLY if thread else Verb.POST,
        actor=actor,
        actor_kind=kind,
        object_id=key,
        object_kind=ObjectKind.MESSAGE,
        thread_id=thread,
        reply_to_id=thread,
        # Slack began the text of a shared file with the author's name.
        mentions=tuple(one for one in mentions_in(text) if one != actor or message.subtype not in _BY_SLACK),
        refs=refs_in(text) + message.file_ids,
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )


def _edit(original: Action, edit: Edited) -> Action:
    return edited(original, f"{original.key}:edit:{edit.ts}", _moment(edit.ts), _milliseconds(edit.ts))


def _author(message: Message, *, bot: bool | None) -> tuple[str, ActorKind]:
    """The account that wrote a message, and its kind. `bot`: what the list of users says of it, where there is one."""
    name = name_account(message.username) if message.username and message.username.strip() else None
    by_itself = message.subtype == "bot_message"
    # A bot_message for a person whom the list of users knows is the app's own, not that person's.
    author = None if by_itself and bot is False else message.author
    account = author or message.bot_id or name or (UNNAMED_BOT if by_itself else None)
    if account is None:
        raise UnreadableError("a message without user, bot_id and username")
    if account in SYSTEM_ACCOUNTS:
        return account, ActorKind.SYSTEM
    by_app = by_itself or bot or (bot is None and message.bot_id is not None)
    return account, ActorKind.BOT if by_app else ActorKind.HUMAN


def _reaction(callback: Callback, *, removed: bool) -> Iterator[Found]:
    reaction = payloads.Reaction.model_validate(callback.event)
    tenant, channel, ts = callback.team_id, reaction.item.channel, reaction.item.ts
    if reaction.item.type != "message" or channel is None or ts is None:
        yield Ignored(tenant=tenant)
        return
    if channel.startswith(("D", "G")):
        yield Ignored(Reason.PRIVATE, tenant)
        return
    if callback.is_own(reaction.user):
        yield Ignored(Reason.OWN_BOT, tenant, channel)
        return
    message = f"{channel}:{ts}"
    # The name is hashed with the account: a workspace often names its own emoji after people.
    given_by = account_in_key(f"{reaction.user}:{reaction.reaction}", everywhere=callback.is_ext_shared_channel)
    key = f"{message}:reaction:{given_by}"
    given = Action(
        key=key,
        tenant=tenant,
        space=channel,
        medium=Medium.CHAT,
        occurred_at=_moment(reaction.event_ts),
        verb=Verb.REACT,
        actor=reaction.user,
        object_id=message,
        object_kind=ObjectKind.MESSAGE,
        reply_to_id=message,
    )
    if not removed:
        yield given
        return
    revision = _milliseconds(reaction.event_ts)
    yield deleted(given, f"{key}:delete", given.occurred_at, revision)


def _user(callback: Callback, what: str, received_at: datetime) -> Iterator[Found]:
    event, tenant = payloads.UserEvent.model_validate(callback.event), callback.team_id
    user = event.user
    updated = at_seconds(user.updated) if user.updated else None
    sent_at = _moment(event.event_ts) if event.event_ts else received_at
    seen, *others = _accounts(user, tenant, updated or sent_at)
    yield from (seen, *others)
    joined, left = what == "team_join", what == "user_change" and user.deleted is True
    if not (joined or left):
        return
    at = sent_at if joined else updated or sent_at
    yield membership(tenant, WORKSPACE, user.id, at, seen.kind, joined=joined)


def _accounts(user: User, tenant: str, seen_at: datetime) -> Iterator[AccountSeen]:
    kind = None if user.is_bot is None else ActorKind.BOT if user.is_bot else ActorKind.HUMAN
    profile = user.profile or Profile()
    enterprise = user.enterprise_user
    seen = AccountSeen(
        tenant=tenant,
        native_id=user.id,
        seen_at=seen_at,
        handle=user.name,
        display_name=profile.display_name or profile.real_name or user.real_name,
        email=profile.email,
        kind=ActorKind.SYSTEM if user.id in SYSTEM_ACCOUNTS else kind,
        same_as=enterprise.id if enterprise else None,
        same_as_tenant=enterprise.enterprise_id if enterprise else None,
    )
    yield seen
    if enterprise and enterprise.id != user.id:  # messages of the workspace may name either
        yield replace(seen, native_id=enterprise.id)


def _stranger(tenant: str, message: Message) -> Iterator[AccountSeen]:
    """The author in a channel that workspaces share: its number is the same in each."""
    if message.author is not None:
        yield AccountSeen(tenant=tenant, native_id=message.author, seen_at=_moment(message.ts))


def _exported_message(payload: Any) -> Iterator[Found]:
    if isinstance(payload, dict) and (payload.get("private") or payload.get("unlisted")):  # the reader leaves its message empty
        closed = payloads.ClosedMessage.model_validate(payload)
        if closed.private:
            yield Ignored(Reason.PRIVATE, closed.team)
        else:
            yield Ignored(Reason.UNKNOWN_PRIVACY, closed.team, closed.channel)
        return
    exported = payloads.ExportedMessage.model_validate(payload)
    message = exported.message
    if exported.joins and message.user and not exported.stranger:
        kind = ActorKind.SYSTEM if message.user in SYSTEM_ACCOUNTS else ActorKind.BOT if exported.bot else None
        yield membership(exported.team, WORKSPACE, message.user, _moment(message.ts), kind, joined=True)
    elif message.subtype not in _WRITTEN:
        yield Ignored(tenant=exported.team, space=exported.channel)
    else:
        yield from _written(exported.team, exported.channel, message, bot=exported.bot)
        if exported.stranger:
            yield from _stranger(exported.team, message)


def _moment(ts: str) -> datetime:
    return at_seconds(float(ts))


def _milliseconds(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds + fraction[:3].ljust(3, "0"))
