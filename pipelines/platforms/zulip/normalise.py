"""Zulip: messages, topics, edits and moves, from outgoing webhooks, the events API and archives.

What becomes of what, through every source:

* A message is its number, which it keeps wherever it is moved. A space is a stream's number. The tenant is the source's or the
  importer's; where those give none, the domain of the bot's address.
* A message is a `post` in the thread of its stream and topic, the first one too: neither source tells which was first, and SQL
  knows. It is a `reply` where it quotes another (a link to a message, then a quotation); what it answers is that message.
  Topics are the same however they are cased and whether or not they are marked as resolved (`✔`); the empty topic is none.
  Topics are people's words: a thread is kept as a keyed hash.
* Features and size are of the sender's own words: quotations are left out, and for features code too.
* Who is addressed is read from the rendered message; silent mentions and those of everybody or of a group address nobody.
* An edit revises; a move revises each moved message with its new place; a topic that gets its `✔` is a `resolve` by whoever
  gave it. A deletion revises; Zulip does not say whose it was. What the server re-renders is not participation.
* An account is its number; in an archive that has only names it is the name, and so are those whom its messages address.
  Zulip's own accounts (of the realm `zulipinternal`) are the system. A bot is one where an export or an event flags it.
* A new account joins, in the space `organization`; a deactivated one leaves. What our own bot wrote is ignored.
* Private messages, and private streams where the export says so, are ignored; an archive's reader takes nothing of them. A
  live message does not say whether its stream is private: do not name private streams in the settings.
* Reactions do not say in which stream they were given, so they cannot be told from private ones. They and every other event
  are not participation; the heartbeat is a sign of life.
"""

import hmac
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from events.identity import account_in_key, name_account, title_object
from events.interaction import ActorKind, Change, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import Accept, AccountSeen, Action, Answer, Found, Handshake, Ignored, Platform, Refuse, Request
from pipelines.platforms.zulip.export import EXPORTED_MESSAGE, MOST_SECONDS, read_archive
from pipelines.platforms.zulip.markup import Content, read_html, read_typed

WEBHOOK = "zulip.webhook"
EVENT = "zulip.event"
ORGANIZATION = "organization"
"""The space of what concerns the whole organisation."""
ZULIP = "zulip"
"""The account that stands in where Zulip does not say who did it."""
INTERNAL_REALM = "zulipinternal"
RESOLVED = "✔ "
NO_TOPIC = frozenset({"", "(no topic)"})
MOST_MOVED = 10_000

Number = Annotated[int, Field(ge=0, lt=10**15)]
Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Message(_Part):
    id: Number
    stream_id: Number
    subject: str = ""
    content: str = ""
    content_type: str | None = None
    rendered_content: str | None = None
    timestamp: Seconds
    sender_id: Number | None = None
    sender_full_name: str | None = None
    sender_email: str | None = None
    sender_realm_str: str | None = None
    sender_is_bot: bool | None = None

    @property
    def account(self) -> str:
        """The native account. Raises ValueError if nothing names it."""
        if self.sender_id is not None:
            return str(self.sender_id)
        if not (self.sender_full_name and self.sender_full_name.strip()):
            raise ValueError("a message without sender_id and sender_full_name")
        return name_account(self.sender_full_name)

    @property
    def kind(self) -> ActorKind:
        """By the platform's flags."""
        if self.sender_realm_str == INTERNAL_REALM:
            return ActorKind.SYSTEM
        return ActorKind.BOT if self.sender_is_bot else ActorKind.HUMAN


class _Hook(_Part):
    bot_email: str | None = None
    message: dict[str, Any]


class _Event(_Part):
    type: str


class _Update(_Part):
    user_id: Number | None = None
    message_id: Number
    message_ids: Annotated[tuple[Number, ...], Field(max_length=MOST_MOVED)] = ()
    stream_id: Number | None = None
    new_stream_id: Number | None = None
    subject: str | None = None
    orig_subject: str | None = None
    content: str | None = None
    rendered_content: str | None = None
    edit_timestamp: Seconds
    rendering_only: bool = False


class _Deleted(_Part):
    message_type: str
    message_id: Number | None = None
    message_ids: Annotated[tuple[Number, ...], Field(max_length=MOST_MOVED)] = ()
    stream_id: Number | None = None
    topic: str = ""


class _Person(_Part):
    user_id: Number
    full_name: str | None = None
    email: str | None = None
    delivery_email: str | None = None
    is_bot: bool | None = None
    is_active: bool | None = None


class _PersonEvent(_Part):
    op: str
    person: _Person


def normalise(raw: RawEvent) -> Iterator[Found]:
    """What a webhook's body, an event, or a record of an archive says. Raises ValueError for what is not Zulip's."""
    payload = from_json(raw.payload, allow_inf_nan=False)
    if not isinstance(payload, dict):
        raise ValueError("a JSON object is wanted")  # noqa: TRY004 - unreadable is a ValueError
    if raw.type == EXPORTED_MESSAGE:
        yield from _said(raw.tenant or "export", payload)
    elif raw.type == WEBHOOK:
        hook = _Hook.model_validate(payload)
        tenant = raw.tenant or _domain(hook.bot_email)
        if hook.bot_email and hook.message.get("sender_email") == hook.bot_email:
            yield Ignored(Reason.OWN_BOT, tenant)
        else:
            yield from _said(tenant, hook.message)
    else:
        yield from _happened(raw, raw.tenant or ZULIP, payload)


def _domain(email: str | None) -> str:
    domain = (email or "").rpartition("@")[2].lower()
    return domain if 0 < len(domain) <= 253 else ZULIP  # noqa: PLR2004 - the longest name DNS knows


def _happened(raw: RawEvent, tenant: str, payload: dict[str, Any]) -> Iterator[Found]:
    match _Event.model_validate(payload).type:
        case "heartbeat":
            yield Handshake()
        case "message" if isinstance(payload.get("message"), dict):
            yield from _said(tenant, payload["message"])
        case "update_message":
            yield from _updated(tenant, _Update.model_validate(payload))
        case "delete_message":
            yield from _deleted(tenant, _Deleted.model_validate(payload), raw.time or raw.received_at)
        case "realm_user":
            yield from _person(tenant, _PersonEvent.model_validate(payload), raw.time or raw.received_at)
        case "message":
            raise ValueError("an event of a message without it")
        case _:
            yield Ignored(tenant=tenant)


def _said(tenant: str, found: dict[str, Any]) -> Iterator[Found]:
    if found.get("type") != "stream":
        yield Ignored(Reason.PRIVATE, tenant)
        return
    message = _Message.model_validate(found)
    html = message.rendered_content
    if html is None and message.content_type == "text/html":
        html = message.content
    # Where there is only a name for the sender there are only names for the addressed: else they would be two accounts.
    content = read_typed(message.content) if html is None else read_html(html, by_name=message.sender_id is None)
    said = replace(
        _about(tenant, message.id, message.stream_id, datetime.fromtimestamp(message.timestamp, UTC), message.account),
        actor_kind=message.kind,
        thread_id=_thread(message.stream_id, message.subject),
    )
    yield _with(said, content)
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


def _with(said: Action, content: Content) -> Action:
    return replace(
        said,
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


def _account(tenant: str, message: _Message) -> Iterator[AccountSeen]:
    name = (message.sender_full_name or "").strip()
    email = message.sender_email if message.sender_email and "@" in message.sender_email else None
    if name or email:
        kind = message.kind if message.kind is not ActorKind.HUMAN or message.sender_is_bot is False else None
        at = datetime.fromtimestamp(message.timestamp, UTC)
        yield AccountSeen(
            tenant=tenant, native_id=message.account, said_at=at, display_name=name or None, email=email, kind=kind
        )


def _updated(tenant: str, update: _Update) -> Iterator[Found]:
    if update.rendering_only or update.user_id is None:
        yield Ignored(tenant=tenant)
        return
    if update.stream_id is None:
        yield Ignored(Reason.PRIVATE, tenant)
        return
    at, actor = datetime.fromtimestamp(update.edit_timestamp, UTC), str(update.user_id)
    revision = int(update.edit_timestamp * 1000)
    if update.content is not None:
        edited = _about(tenant, update.message_id, update.stream_id, at, actor)
        read = (
            read_typed(update.content) if update.rendered_content is None else read_html(update.rendered_content, by_name=False)
        )
        key = f"{edited.key}:edit:{revision}"
        yield replace(_with(edited, read), key=key, revises=edited.key, change=Change.EDIT, revision=revision)
    stream = update.stream_id if update.new_stream_id is None else update.new_stream_id
    moved = update.new_stream_id is not None or (update.subject is not None and update.orig_subject is not None)
    topic = update.subject if update.subject is not None else update.orig_subject or ""
    if update.subject is not None and _is_resolving(update):
        thread = _thread(stream, topic)
        resolved = _about(tenant, update.message_id, stream, at, actor)
        key = f"{resolved.key}:resolve:{revision}"
        yield replace(resolved, key=key, verb=Verb.RESOLVE, thread_id=thread)
    elif moved:
        for number in dict.fromkeys((update.message_id, *update.message_ids)):
            there = replace(_about(tenant, number, stream, at, actor), thread_id=_thread(stream, topic))
            key = f"{number}:move:{revision}"
            yield replace(there, key=key, revises=there.key, change=Change.MOVE, revision=revision)
    elif update.content is None:
        yield Ignored(tenant=tenant, space=str(update.stream_id))


def _is_resolving(update: _Update) -> bool:
    return (
        update.new_stream_id is None
        and update.orig_subject is not None
        and update.subject == RESOLVED + update.orig_subject.removeprefix(RESOLVED)
        and not update.orig_subject.startswith(RESOLVED)
    )


def _deleted(tenant: str, deleted: _Deleted, at: datetime) -> Iterator[Found]:
    numbers = deleted.message_ids or (() if deleted.message_id is None else (deleted.message_id,))
    if deleted.message_type != "stream" or deleted.stream_id is None:
        yield Ignored(Reason.PRIVATE, tenant)
        return
    if not numbers:
        raise ValueError("a deletion without messages")
    for number in dict.fromkeys(numbers):
        gone = _about(tenant, number, deleted.stream_id, at, ZULIP)
        yield replace(
            gone,
            key=f"{number}:delete",
            actor_kind=ActorKind.SYSTEM,
            thread_id=_thread(deleted.stream_id, deleted.topic),
            revises=gone.key,
            change=Change.DELETE,
            revision=int(at.timestamp() * 1000),
        )


def _person(tenant: str, event: _PersonEvent, at: datetime) -> Iterator[Found]:
    person = event.person
    left = event.op == "remove" or (event.op == "update" and person.is_active is False)
    if event.op != "add" and not left:
        yield Ignored(tenant=tenant)
        return
    kind = None if person.is_bot is None else ActorKind.BOT if person.is_bot else ActorKind.HUMAN
    account = str(person.user_id)
    yield Action(
        # Nobody tells when it was but whoever passes the event on; an account joins once.
        key=f"member:{account_in_key(account)}:" + (f"left:{int(at.timestamp())}" if left else "joined"),
        tenant=tenant,
        space=ORGANIZATION,
        medium=Medium.CHAT,
        occurred_at=at,
        verb=Verb.LEAVE if left else Verb.JOIN,
        actor=account,
        actor_kind=kind or ActorKind.HUMAN,
        object_id=tenant,
        object_kind=ObjectKind.COMMUNITY,
    )
    name, email = person.full_name, person.delivery_email or person.email
    if name or email or kind:
        yield AccountSeen(tenant=tenant, native_id=account, said_at=at, display_name=name, email=email, kind=kind)


class _Token(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    token: Annotated[str, Field(min_length=1, max_length=256)]


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:  # noqa: ARG001 - no time in it
    """Check the bot's token, which Zulip writes into the body: it signs nothing, so trust it as far as its TLS."""
    try:
        token = _Token.model_validate(from_json(request.body, allow_inf_nan=False)).token.encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return Refuse("no token in a JSON body", status=400)
    # Every secret is compared, so that time tells nothing of which one it was.
    matches = [hmac.compare_digest(secret.encode(), token) for secret in secrets if secret]
    if not any(matches):
        return Refuse("the token does not match")
    return Accept(WEBHOOK, answer=to_json({"response_not_required": True}))


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:  # noqa: ARG001 - the secret is in the body
    """The headers with which Zulip would send this body. Its proof is in the body: see `with_token`."""
    return {"content-type": "application/json"}


def with_token(body: bytes, secret: str) -> bytes:
    """The body with the token that proves it, as Zulip would send it. Raises ValueError for what is no JSON object."""
    found = from_json(body, allow_inf_nan=False)
    if not isinstance(found, dict):
        raise ValueError("a JSON object is wanted")  # noqa: TRY004 - as from_json says it
    return to_json({**found, "token": secret})


PLATFORM = Platform(
    slug="zulip",
    title="Zulip",
    medium=Medium.CHAT,
    reference="https://zulip.com/api/outgoing-webhook-payload",
    setup=(
        (
            "Webhook: add a bot of the type Outgoing webhook, in the Zulip format, with the endpoint "
            "<gateway>/hooks/zulip/<source>. Zulip sends only messages that mention the bot."
        ),
        "Give the source the token of the bot (`secret_env` or `secret_file` in [source.NAME]).",
        (
            "For all messages, emit the events of Zulip's real-time events API as `zulip.event`, with the "
            "tenant (events.sdk.emitter, or POST /v1/events)."
        ),
        "History: run `guildhall import zulip-archive FILE` with what zulip-archive stores, or with Zulip's own export.",
        "Give the source and --tenant the same tenant, so that live traffic and history have the same accounts.",
        "Archives without accounts do not mark bots: list `name:notification bot` and `name:welcome bot` among the bots.",
        (
            "In a community's space, `spaces` are numbers of streams, or `organization` for what concerns all of them. Name "
            "public streams only: a live message does not say whether its stream is private."
        ),
    ),
    reads=(
        "Who posts, replies, edits, moves or resolves in which topic of a stream, when, and whom they mention or quote.",
        "Accounts: name and email address, for the merging of one person's accounts.",
    ),
    does_not_read=(
        "Direct messages, and private streams where an export marks them: they are ignored.",
        "Reactions: they do not say whether their stream is private.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "The names of topics: they are stored as keyed hashes only.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    exports={"zulip-archive": read_archive},
    emits=True,
)
