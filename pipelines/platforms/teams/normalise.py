"""Microsoft Teams: messages of channels and attendance of meetings, from Graph notifications, Graph's JSON and attendance CSVs.

What becomes of what:

* The tenant is the source's or the import's, otherwise the notification's `tenantId`. A person is the directory's id; a report
  may know the email address or the name only. An id, an address and a user principal name in one record are one person's.
* A message is `<channel>:<id>`, in notifications and in exports. It opens a thread, or is a reply in the thread of `replyToId`,
  which is always the root message. `lastEditedDateTime` is an edit; `lastModifiedDateTime` also moves with reactions, and is
  not read. A message with `deletedDateTime` is a deletion; a deletion without a time happened when it was received.
* A reaction has a time and a key of its own. That one was taken back is not visible: the message only lacks it.
* Messages of chats are private. System messages are not participation. An app is a bot.
* A notification that holds only an id, or an encrypted message, is rejected: nobody can be read in it. Of the life of a
  subscription, `reauthorizationRequired` is no participation; `missed` and `subscriptionRemoved` are rejected, because messages
  are missing then and somebody has to act.
* A record of attendance is one stay per interval, with both ends where both are known. Its totals are not read: they disagree
  with the intervals. A record without times is an attendance of unknown length. The organizer hosts the meeting.
* A stay is `<series>:<person>:stay:<start>`. A later report of the same meeting repeats it and counts once.
* A call record of two people is private. Of a group call each session is a stay of its caller.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from events.identity import account_in_key
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored, UnreadableError
from pipelines.platforms.teams import markup
from pipelines.platforms.teams.attendance import ATTENDED, CALL, attended, called
from pipelines.platforms.teams.payloads import Identities, Message, Notification, Notifications
from pipelines.platforms.teams.webhook import LIVE
from pipelines.shared.payload import milliseconds_of
from pipelines.shared.revisions import deleted, edited
from pipelines.shared.text import parse_payload

MESSAGE = "teams.message"
_LOST = {"missed": "messages were not delivered", "subscriptionRemoved": "the subscription was removed"}


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in a body of notifications or in a record of an export. Raises ValueError for what is not Graph's."""
    payload = parse_payload(raw.payload)
    tenant = raw.tenant or "unknown"
    if raw.type == LIVE:
        yield from _notified(raw, Notifications.model_validate(payload))
    elif raw.type == ATTENDED:
        yield from attended(tenant, payload)
    elif raw.type == CALL:
        yield from called(tenant, payload)
    else:
        message = Message.model_validate(payload)
        yield from _message(tenant, message, raw.received_at, whole=True)


def _notified(raw: RawEvent, found: Notifications) -> Iterator[Found]:
    problems: list[str] = []
    understood = False
    for notification in found.value:
        try:
            for each in _one(raw, notification):
                understood = True
                yield each
        except UnreadableError as error:
            problems.append(str(error))
    if problems and not understood:
        raise UnreadableError(problems[0])


def _one(raw: RawEvent, notification: Notification) -> Iterator[Found]:
    tenant = raw.tenant or notification.tenantId or "unknown"
    if notification.lifecycleEvent:
        if notification.lifecycleEvent in _LOST:
            raise UnreadableError(f"lifecycleEvent: {_LOST[notification.lifecycleEvent]}; import the channel's messages")
        yield Ignored(tenant=tenant)
        return
    data = notification.resourceData or {}
    if not str(data.get("@odata.type", "#Microsoft.Graph.chatMessage")).casefold().endswith(".chatmessage"):
        yield Ignored(tenant=tenant)
        return
    if "createdDateTime" not in data:
        raise UnreadableError("resourceData: no message in it, or an encrypted one; pass on the decrypted message")
    yield from _message(tenant, Message.model_validate(data), raw.received_at, change=notification.changeType)


def _message(
    tenant: str, message: Message, received_at: datetime, *, change: str | None = None, whole: bool = False
) -> Iterator[Found]:
    """`whole`: an export, which has the message as it is now, and no record of how it was."""
    if message.channelIdentity is None:
        yield Ignored(Reason.PRIVATE, tenant)
        return
    channel = message.channelIdentity.channelId
    actor, kind = _sender(message.sender)
    if message.messageType != "message" or actor is None:
        yield Ignored(tenant=tenant, space=channel)
        return
    post = _post(tenant, channel, message, actor, kind)
    at = message.deletedDateTime
    if at or change == "deleted":
        at = at or received_at
        yield deleted(post, f"{post.key}:delete", at, milliseconds_of(at))
        return
    at = message.lastEditedDateTime
    if whole or at is None:
        yield post
    if at is not None:
        yield edited(post, f"{post.key}:edit:{milliseconds_of(at)}", at, milliseconds_of(at))
    yield from _reactions(post, message)
    user = message.sender.user if message.sender else None
    if user and user.displayName:
        yield AccountSeen(tenant=tenant, native_id=actor, seen_at=message.createdDateTime, display_name=user.displayName)


def _post(tenant: str, channel: str, message: Message, actor: str, kind: ActorKind) -> Action:
    key = f"{channel}:{message.id}"
    text, size, links = markup.read(message.body)
    mentioned = [_sender(one.mentioned)[0] for one in message.mentions or ()]
    root = f"{channel}:{message.replyToId}" if message.replyToId and message.replyToId != message.id else None
    return Action(
        key=key,
        tenant=tenant,
        space=channel,
        medium=Medium.CHAT,
        occurred_at=message.createdDateTime,
        verb=Verb.REPLY if root else Verb.POST,
        actor=actor,
        actor_kind=kind,
        object_id=key,
        object_kind=ObjectKind.MESSAGE,
        thread_id=root or key,
        reply_to_id=root,
        mentions=tuple(one for one in mentioned if one),
        refs=links,
        size=size,
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )


def _sender(found: Identities | None) -> tuple[str | None, ActorKind]:
    if found and found.user and found.user.id:
        return found.user.id, ActorKind.HUMAN
    if found and found.application and found.application.id:
        return f"app:{found.application.id}", ActorKind.BOT
    return None, ActorKind.SYSTEM


def _reactions(post: Action, message: Message) -> Iterator[Action]:
    for reaction in message.reactions or ():
        actor, kind = _sender(reaction.user)
        if actor is not None:
            yield replace(
                post,
                key=f"{post.key}:reaction:{account_in_key(actor)}:{reaction.reactionType}",
                occurred_at=reaction.createdDateTime,
                verb=Verb.REACT,
                actor=actor,
                actor_kind=kind,
                thread_id=None,
                reply_to_id=post.key,
                mentions=(),
                refs=(),
                size=None,
                size_unit=None,
                text=None,
            )
