"""BigBlueButton: meetings and messages in them, from bbb-webhooks (raw and mapped) and from recordings' `events.xml`.

What becomes of what:

* The id of a meeting is the hash of the room's own id, a dash and the time of creation, in all three ways. A space is the
  hash (the room: its series), an occurrence the whole id, the meeting's beginning the time in it. The tenant is the source's,
  otherwise the server's domain.
* `meeting-created` and `meeting-ended`: the server, which is nobody, holds the meeting; the end revises that. So SQL closes
  the visit of somebody whose leaving was never reported. BigBlueButton names no host: everybody may be a moderator.
* `user-joined` and `user-left` are edges of attendance. The internal user id is one visit: it is the connection, and visits of
  one person that overlap, as after a reconnection, are one presence. Only the joining names the person; SQL takes a
  connection's first account for all of it.
* A person is the external user id. Where a link made it up (it equals the internal one, or is a guest's), the name is all that
  lasts; a placeholder such as `Anonymous` is an anonymous account of that visit. In a breakout room the external id is the
  internal id in the main meeting, and the platform so states that both are one person's. Breakout rooms are meetings of
  their own, because only their creation names the main meeting.
* A message of the public chat is a post. One of another chat is private.
* A recording alone shows who spoke: each `ParticipantTalkingEvent` is a turn.
* Sharing a screen is ignored: the raw and the recorded event name nobody, and bbb-webhooks puts the presenter of that moment.
  Being made presenter is a right, not an act. Reactions, raised hands, polls (of which the mapped event names the wrong
  person), cameras, microphones, notes and the processing of recordings are not participation.
* The raw and the mapped event of one act differ in their time: bbb-webhooks stamps its own. So a server sends one of them only.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from events.identity import name_account
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.outcome import Reason
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored
from pipelines.platforms.bigbluebutton.payloads import PUBLIC_CHAT, Event, What, bodies, event_of
from pipelines.shared.links import links_in
from pipelines.shared.meeting_names import is_note_taker, is_placeholder
from pipelines.shared.payload import milliseconds_of
from pipelines.shared.revisions import edited

SERVER = "server"
"""The account that holds every meeting."""
_IN_BREAKOUT = re.compile(r"(?P<main>[a-z]_[a-z0-9]+)-\d+")
_GUEST = re.compile(r"(?:gl-)?guest[-_].*|unknown|undefined|null", re.IGNORECASE)
"""External ids that front ends make up again for each visit."""


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in one request, or in one stored event. Raises ValueError for what is not BigBlueButton's."""
    tenant = raw.tenant or "unknown"
    for body in bodies(raw.payload):
        event = event_of(body)
        if event is None:
            yield Ignored(tenant=tenant)
        elif event.what in {What.CREATED, What.ENDED}:
            yield from _held(tenant, event)
        elif event.what is What.CHAT:
            yield from _message(tenant, event)
        elif event.what is What.TALKED:
            yield _by(tenant, event, Verb.SPEAK, f"{event.user}:talk:{milliseconds_of(event.at)}")
        else:
            yield from _edge(tenant, event)


def _action(tenant: str, event: Event, verb: Verb, actor: str, key: str) -> Action:
    return Action(
        key=f"{event.meeting}:{key}",
        tenant=tenant,
        space=event.room,
        medium=Medium.MEETING,
        occurred_at=event.at,
        verb=verb,
        actor=actor,
        object_id=event.meeting,
        object_kind=ObjectKind.MEETING,
    )


def _by(tenant: str, event: Event, verb: Verb, key: str) -> Action:
    assert event.user is not None
    return replace(_action(tenant, event, verb, _visit(event.user), key), connection=event.user)


def _visit(user: str) -> str:
    return f"visit:{user}"


def _held(tenant: str, event: Event) -> Iterator[Found]:
    begins = event.created_at
    if begins is None:
        yield Ignored(tenant=tenant, space=event.room)
        return
    held = _action(tenant, event, Verb.HOST, SERVER, "held")
    held = replace(held, actor_kind=ActorKind.SYSTEM, occurred_at=begins, started_at=begins)
    yield held
    if event.what is What.ENDED:
        ended = edited(held, f"{held.key}:ended", event.at, milliseconds_of(event.at))
        yield replace(ended, ended_at=event.at)


def _edge(tenant: str, event: Event) -> Iterator[Found]:
    joins, at = event.what is What.JOINED, event.at
    edge = _by(tenant, event, Verb.ATTEND, f"{event.user}:{'in' if joins else 'out'}:{milliseconds_of(at)}")
    edge = replace(edge, meeting_started_at=event.created_at)
    if not joins:
        yield replace(edge, ended_at=at)
        return
    person, kind = _person(event)
    yield replace(edge, actor=person, actor_kind=kind, started_at=at)
    yield from _seen(tenant, event, person, kind)


def _person(event: Event) -> tuple[str, ActorKind]:
    """The account of somebody who joins."""
    assert event.user is not None
    name = (event.name or "").strip()
    if is_note_taker(name):
        return name_account(name), ActorKind.BOT
    external = (event.external or "").strip()
    main = _IN_BREAKOUT.fullmatch(external)
    if main:
        return _visit(main["main"]), ActorKind.HUMAN
    if external and external != event.user and not _GUEST.fullmatch(external):
        return external, ActorKind.HUMAN
    if is_placeholder(name):
        return _visit(event.user), ActorKind.ANONYMOUS
    return name_account(name), ActorKind.HUMAN


def _seen(tenant: str, event: Event, person: str, kind: ActorKind) -> Iterator[AccountSeen]:
    """The person's account, and that the visit is theirs."""
    assert event.user is not None
    name = (event.name or "").strip()
    display = name if kind is not ActorKind.ANONYMOUS and not is_placeholder(name) else None
    other = None if kind is ActorKind.HUMAN else kind
    yield AccountSeen(tenant=tenant, native_id=person, seen_at=event.at, display_name=display, kind=other)
    if person != _visit(event.user):
        yield AccountSeen(tenant=tenant, native_id=_visit(event.user), seen_at=event.at, kind=other, same_as=person)


def _message(tenant: str, event: Event) -> Iterator[Found]:
    if event.chat != PUBLIC_CHAT:
        yield Ignored(Reason.PRIVATE, tenant, event.room)
        return
    text = event.text or ""
    key = f"chat:{event.message}" if event.message else f"{event.user}:chat:{milliseconds_of(event.at)}"
    post = _by(tenant, event, Verb.POST, key)
    yield replace(
        post,
        connection=None,
        object_id=post.key,
        object_kind=ObjectKind.MESSAGE,
        refs=(event.meeting, *links_in(text)),
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )
