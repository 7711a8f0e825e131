"""Slack: messages, threads, reactions and membership, from Events API webhooks and from workspace exports.

What becomes of what, through both sources:

* A message is `<channel>:<ts>`. It is a reply when it names another message's `thread_ts`; `thread_ts` equal to `ts` only says
  that answers exist, which an export knows and a webhook cannot, so the opening message carries no thread from either source.
* An edit revises (`<channel>:<ts>:edit:<ts of the edit>`); Slack's own changes, such as an unfurled link, have no newer
  `edited` and are ignored. A deletion revises, and so does the tombstone that stands where a thread's opening was deleted.
* A file comes with its message and is a reference of it: one act, one contribution. `app_mention`, `link_shared` and
  `file_shared` tell again what the message tells, and are ignored.
* A reaction is `<channel>:<ts>:reaction:<account>:<name>`; taking it back revises it, for good. Reactions of an export have no
  time of their own and are not taken: never guessed.
* Joining the workspace (`team_join`) and being deactivated (`user_change`) are membership, in the space `workspace`. Joining or
  leaving a channel is neither.
* What an app wrote (`bot_id`, `bot_message`, a bot's account) is a bot's; what our own app wrote is ignored.
* Direct messages, group messages and private channels are ignored; the reader of exports takes from them only that there was a
  message. A reaction does not say whether its channel is private: do not name private channels in the settings.
* Every other type is not participation.
* The tenant is the source's in the settings, otherwise the team id.
"""

import hashlib
import hmac
import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from events.identity import account_in_key, name_account
from events.interaction import ActorKind, Change, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import Accept, AccountSeen, Action, Answer, Found, Handshake, Ignored, Platform, Refuse, Request
from pipelines.platforms.slack.export import EXPORTED_MESSAGE, EXPORTED_USER, TS, read_export

LIVE = "slack.event"
SLACKBOT = "USLACKBOT"
WORKSPACE = "workspace"
"""The space of what concerns the whole workspace."""
MOST_SECONDS_APART = 300
_SAID = frozenset({None, "bot_message", "file_share", "me_message", "thread_broadcast"})
"""Subtypes of messages in which somebody said something."""
_PRIVATE = frozenset({"im", "mpim", "group", "app_home"})

_MENTION = re.compile(r"<@([UWB][A-Z0-9]*)(?:\|[^>]*)?>")
_ADDRESS = r"https?://[\w.~%:@-]+(?:[/?#][^|>\s]*)?"
_LINK = re.compile(rf"<({_ADDRESS})(?:\|[^>]*)?>|({_ADDRESS})")
_MESSAGE_LINK = re.compile(r"https://[\w-]+\.slack\.com/archives/([A-Z0-9]+)/p([0-9]{10})([0-9]{6})")

Ts = Annotated[str, Field(pattern=rf"^{TS.pattern}$")]
"""Slack's time and name of a message within its channel: seconds, a dot, a counter."""
Id = Annotated[str, Field(min_length=1)]
Epoch = Annotated[int, Field(ge=0, le=99_999_999_999)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Envelope(_Part):
    type: str


class _Authorization(_Part):
    user_id: str | None = None
    is_bot: bool = False


class _Callback(_Part):
    team_id: Id
    api_app_id: str | None = None
    authorizations: tuple[_Authorization, ...] = ()
    event: dict[str, Any]

    def is_own(self, account: str | None, app: str | None = None) -> bool:
        """Whether our own app did it."""
        if app is not None and app == self.api_app_id:
            return True
        return account is not None and any(ours.is_bot and ours.user_id == account for ours in self.authorizations)


class _Edited(_Part):
    ts: Ts


class _File(_Part):
    id: Id


class _BotProfile(_Part):
    app_id: str | None = None


class _Message(_Part):
    ts: Ts
    subtype: str | None = None
    user: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    bot_profile: _BotProfile | None = None
    username: str | None = None
    text: str | None = None
    thread_ts: Ts | None = None
    edited: _Edited | None = None
    files: tuple[_File, ...] | None = None

    @property
    def app(self) -> str | None:
        """The app that wrote it, where an app did."""
        return self.app_id or (self.bot_profile.app_id if self.bot_profile else None)


class _MessageEvent(_Part):
    channel: Id
    channel_type: str | None = None
    subtype: str | None = None


class _Changed(_Part):
    message: _Message
    previous_message: Any = None
    event_ts: Ts


class _Deleted(_Part):
    deleted_ts: Ts
    previous_message: Any = None
    event_ts: Ts


class _Item(_Part):
    type: str
    channel: Id | None = None
    ts: Ts | None = None


class _Reaction(_Part):
    user: Id
    reaction: Id
    item: _Item
    event_ts: Ts


class _Profile(_Part):
    email: str | None = None
    display_name: str | None = None
    real_name: str | None = None


class _User(_Part):
    id: Id
    name: str | None = None
    real_name: str | None = None
    is_bot: bool | None = None
    deleted: bool = False
    updated: Epoch | None = None
    profile: _Profile = _Profile()


class _UserEvent(_Part):
    user: _User
    event_ts: Ts | None = None


class _PrivateMessage(_Part):
    team: Id


class _ExportedMessage(_Part):
    team: Id
    channel: Id
    private: bool
    bot: bool = False
    message: _Message


class _ExportedUser(_Part):
    team: Id
    said_at: Epoch
    user: _User


def normalise(raw: RawEvent) -> Iterator[Found]:
    """What a webhook's body, or a record of an export, says. Raises ValueError for what is not Slack's."""
    payload = from_json(raw.payload, allow_inf_nan=False)
    if raw.type == EXPORTED_MESSAGE:
        yield from _exported_message(payload)
    elif raw.type == EXPORTED_USER:
        exported = _ExportedUser.model_validate(payload)
        yield _account(exported.user, exported.team, datetime.fromtimestamp(exported.user.updated or exported.said_at, UTC))
    else:
        yield from _delivered(payload, raw)


def _delivered(payload: Any, raw: RawEvent) -> Iterator[Found]:
    kind = _Envelope.model_validate(payload).type
    if kind == "url_verification":
        yield Handshake()
        return
    if kind != "event_callback":
        yield Ignored()
        return
    callback = _Callback.model_validate(payload)
    if raw.tenant:  # the settings' tenant of the source: an import of the workspace gets the same
        callback = callback.model_copy(update={"team_id": raw.tenant})
    match _Envelope.model_validate(callback.event).type:
        case "message":
            yield from _message_event(callback)
        case "reaction_added" | "reaction_removed" as what:
            yield from _reaction(callback, removed=what == "reaction_removed")
        case "team_join" | "user_change" | "user_profile_changed" as what:
            yield from _user(callback, what, raw.received_at)
        case _:
            yield Ignored(tenant=callback.team_id)


def _message_event(callback: _Callback) -> Iterator[Found]:
    event = _MessageEvent.model_validate(callback.event)
    tenant, channel = callback.team_id, event.channel
    if event.channel_type in _PRIVATE or channel.startswith(("D", "G")):
        yield Ignored(Reason.PRIVATE, tenant)
    elif event.subtype == "message_changed":
        yield _changed(callback, channel)
    elif event.subtype == "message_deleted":
        yield _deleted(callback, channel)
    elif event.subtype not in _SAID or "message" in callback.event:  # `message_replied` may come without its subtype
        yield Ignored(tenant=tenant, space=channel)
    else:
        message = _Message.model_validate(callback.event)
        if callback.is_own(message.user, message.app):
            yield Ignored(Reason.OWN_BOT, tenant, channel)
        else:
            yield from _said(tenant, channel, message)


def _changed(callback: _Callback, channel: str) -> Found:
    change = _Changed.model_validate(callback.event)
    message, previous, tenant = change.message, _previous(change.previous_message), callback.team_id
    if callback.is_own(message.user, message.app):
        return Ignored(Reason.OWN_BOT, tenant, channel)
    if message.subtype == "tombstone":
        return _deletion(callback, channel, message.ts, previous, change.event_ts)
    is_an_edit = message.edited is not None and (previous is None or previous.edited != message.edited)
    if message.subtype not in _SAID or message.edited is None or not is_an_edit:
        return Ignored(tenant=tenant, space=channel)
    return _edit(_message(tenant, channel, message), message.edited)


def _deleted(callback: _Callback, channel: str) -> Found:
    deleted = _Deleted.model_validate(callback.event)
    return _deletion(callback, channel, deleted.deleted_ts, _previous(deleted.previous_message), deleted.event_ts)


def _previous(found: object) -> _Message | None:
    return _Message.model_validate(found) if isinstance(found, dict) and found else None  # Slack sends [] for nothing


def _deletion(callback: _Callback, channel: str, ts: str, previous: _Message | None, at: str) -> Found:
    tenant = callback.team_id
    if previous is not None and previous.subtype not in _SAID:
        return Ignored(tenant=tenant, space=channel)
    if previous is not None and callback.is_own(previous.user, previous.app):
        return Ignored(Reason.OWN_BOT, tenant, channel)
    gone = _message(tenant, channel, previous.model_copy(update={"ts": ts}) if previous else _Message(ts=ts, user=SLACKBOT))
    return replace(
        gone,
        key=f"{gone.key}:delete",
        occurred_at=_moment(at),
        revises=gone.key,
        change=Change.DELETE,
        revision=_milliseconds(at),
        mentions=(),
        refs=(),
        size=None,
        size_unit=None,
        text=None,
    )


def _said(tenant: str, channel: str, message: _Message, *, bot: bool = False) -> Iterator[Found]:
    original = _message(tenant, channel, message, bot=bot)
    yield original
    if message.edited is not None:
        yield _edit(original, message.edited)


def _message(tenant: str, channel: str, message: _Message, *, bot: bool = False) -> Action:
    actor, kind = _author(message, bot=bot)
    key = f"{channel}:{message.ts}"
    thread = f"{channel}:{message.thread_ts}" if message.thread_ts and message.thread_ts != message.ts else None
    text = message.text or ""
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
        mentions=tuple(_MENTION.findall(text)) if "<@" in text else (),
        refs=_links(text) + tuple(file.id for file in message.files or ()),
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )


def _edit(original: Action, edited: _Edited) -> Action:
    return replace(
        original,
        key=f"{original.key}:edit:{edited.ts}",
        occurred_at=_moment(edited.ts),
        revises=original.key,
        change=Change.EDIT,
        revision=_milliseconds(edited.ts),
    )


def _author(message: _Message, *, bot: bool) -> tuple[str, ActorKind]:
    account = message.user or message.bot_id or (name_account(message.username) if message.username else None)
    if account is None:
        raise ValueError("a message without user, bot_id and username")
    if account == SLACKBOT:
        return account, ActorKind.SYSTEM
    by_app = bot or message.bot_id is not None or message.subtype == "bot_message"
    return account, ActorKind.BOT if by_app else ActorKind.HUMAN


def _links(text: str) -> tuple[str, ...]:
    if "://" not in text:
        return ()
    links = (html.unescape(bracketed or bare) for bracketed, bare in _LINK.findall(text))
    return tuple(_MESSAGE_LINK.sub(r"\1:\2.\3", link) if _MESSAGE_LINK.fullmatch(link) else link for link in links)


def _reaction(callback: _Callback, *, removed: bool) -> Iterator[Found]:
    reaction = _Reaction.model_validate(callback.event)
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
    # Emoji of a workspace's own are often named after people.
    key = f"{message}:reaction:{account_in_key(f'{reaction.user}:{reaction.reaction}')}"
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
    yield replace(given, key=f"{key}:delete", revises=key, change=Change.DELETE, revision=revision)


def _user(callback: _Callback, what: str, received_at: datetime) -> Iterator[Found]:
    event, tenant = _UserEvent.model_validate(callback.event), callback.team_id
    user = event.user
    updated = datetime.fromtimestamp(user.updated, UTC) if user.updated else None
    told_at = _moment(event.event_ts) if event.event_ts else received_at
    seen = _account(user, tenant, updated or told_at)
    yield seen
    joined, left = what == "team_join", what == "user_change" and user.deleted
    if not (joined or left):
        return
    at = told_at if joined else updated or told_at
    yield Action(
        key=f"member:{account_in_key(user.id)}:" + ("joined" if joined else f"left:{int(at.timestamp())}"),
        tenant=tenant,
        space=WORKSPACE,
        medium=Medium.CHAT,
        occurred_at=at,
        verb=Verb.JOIN if joined else Verb.LEAVE,
        actor=user.id,
        actor_kind=seen.kind or ActorKind.HUMAN,
        object_id=tenant,
        object_kind=ObjectKind.COMMUNITY,
    )


def _account(user: _User, tenant: str, said_at: datetime) -> AccountSeen:
    kind = None if user.is_bot is None else ActorKind.BOT if user.is_bot else ActorKind.HUMAN
    return AccountSeen(
        tenant=tenant,
        native_id=user.id,
        said_at=said_at,
        handle=user.name,
        display_name=user.profile.display_name or user.profile.real_name or user.real_name,
        email=user.profile.email,
        kind=ActorKind.SYSTEM if user.id == SLACKBOT else kind,
    )


def _exported_message(payload: Any) -> Iterator[Found]:
    if isinstance(payload, dict) and payload.get("private"):  # its message is left empty by the reader
        yield Ignored(Reason.PRIVATE, _PrivateMessage.model_validate(payload).team)
        return
    exported = _ExportedMessage.model_validate(payload)
    message = exported.message
    if message.subtype not in _SAID:
        yield Ignored(tenant=exported.team, space=exported.channel)
    else:
        yield from _said(exported.team, exported.channel, message, bot=exported.bot)


def _moment(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts), UTC)


def _milliseconds(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds + fraction[:3].ljust(3, "0"))


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:
    """Check Slack's signature (`v0`, HMAC-SHA-256 over time and body, 300 s apart at most); answer its handshake."""
    stamp = request.headers.get("x-slack-request-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len("99999999999")):
        return Refuse("no X-Slack-Request-Timestamp in seconds")
    if abs(now - int(stamp)) > MOST_SECONDS_APART:
        return Refuse("X-Slack-Request-Timestamp is more than 300 seconds away")
    signature = request.headers.get("x-slack-signature", "").encode("utf-8", "replace")
    if not any(hmac.compare_digest(_signature(request.body, secret, stamp), signature) for secret in secrets if secret):
        return Refuse("X-Slack-Signature does not match")
    challenge = _challenge(request.body)
    return Accept(LIVE) if challenge is None else Answer(to_json({"challenge": challenge}))


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:
    """The headers with which Slack would send this body."""
    stamp = str(int(now))
    return {
        "content-type": "application/json",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": _signature(body, secret, stamp).decode(),
    }


def _signature(body: bytes, secret: str, stamp: str) -> bytes:
    return b"v0=" + hmac.digest(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hex().encode()


class _Challenge(_Part):
    type: str
    challenge: str


def _challenge(body: bytes) -> str | None:
    if b"url_verification" not in body:
        return None
    try:
        asked = _Challenge.model_validate_json(body)
    except ValueError:
        return None
    return asked.challenge if asked.type == "url_verification" else None


PLATFORM = Platform(
    slug="slack",
    title="Slack",
    medium=Medium.CHAT,
    reference="https://docs.slack.dev/reference/events",
    setup=(
        "Create a Slack app at https://api.slack.com/apps and install it in the workspace.",
        "Under Event Subscriptions, set the request URL to <gateway>/hooks/slack/<source>.",
        "Subscribe to message.channels, reaction_added, reaction_removed, team_join and user_change.",
        "Give the source the signing secret of the app (`secret_env` or `secret_file` in [source.NAME]).",
        (
            "Invite the app to every channel that a community uses. Name public channels only: a reaction does not say "
            "whether its channel is private."
        ),
        "History: run `guildhall import slack-export FILE` with the zip that an owner of the workspace exports, or its folder.",
        "The tenant of an export is --tenant; without it the team id that most of its users have, otherwise `export`.",
    ),
    reads=(
        "Who posts, replies, reacts or uploads in the public channels that the app is in, when, and whom they mention.",
        "Accounts of the workspace: name and email address, for the merging of one person's accounts.",
    ),
    does_not_read=(
        "Direct messages and private channels: they are ignored, even where an export has them.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "Files: only that one was uploaded. Their links, and telephone numbers of users, stay in the export.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    exports={"slack-export": read_export},
)
