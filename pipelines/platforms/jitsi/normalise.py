"""Jitsi: who is in a room, from the posts of the event sync component of Prosody.

What becomes of what:

* The tenant is that of the source, otherwise the deployment's domain. A space is a room (its series).
* A post about somebody does not name the meeting, only when they joined. So a piece of a meeting is a room and the hour of the
  joining, of which SQL makes one meeting where less than 30 minutes lie between them. A leaving has the hour of its joining.
* `muc-room-created` and `muc-room-destroyed`: the server, which is nobody, holds the meeting; the end revises that.
* `muc-occupant-joined` and `muc-occupant-left` are edges of attendance on one connection. `muc-room-destroyed` repeats all of
  them under the same ids, so that a lost post costs nothing; who is there without having left, leaves then.
* A breakout room belongs to the main room: its edges are a second connection of the same person. That it reports a leaving
  twice changes nothing.
* Somebody is the token's id, otherwise its email address or its name. Without a token Jitsi names nobody: an anonymous account
  of that connection. The focus, recorders, telephone gateways and transcribers are occupants, and are ignored.
* `total_dominant_speaker_time` above zero is one turn per visit: Jitsi counts the loudest only, and no single turns.
* Every other event is not participation.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from events.identity import name_account
from events.interaction import ActorKind, Medium, ObjectKind
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored, UnreadableError
from pipelines.platforms.jitsi.payloads import Occupant, Post
from pipelines.shared.meeting_names import is_note_taker, is_placeholder
from pipelines.shared.payload import at_seconds
from pipelines.shared.revisions import edited
from pipelines.shared.text import parse_payload

SERVER = "server"
"""The account that holds every meeting."""
_HEALTH_CHECK = "__jicofo-health-check"
_HOUR = 3600


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in a post. Raises ValueError for what is not the component's."""
    post = Post.model_validate(parse_payload(raw.payload))
    tenant = raw.tenant or post.domain or "unknown"
    if post.room_name.startswith(_HEALTH_CHECK):
        yield Ignored(tenant=tenant)
        return
    match post.event_name:
        case "muc-room-created" | "muc-room-destroyed":
            yield from _room(tenant, post)
        case "muc-occupant-joined" | "muc-occupant-left" as what:
            if post.occupant is None:
                raise UnreadableError("occupant: missing")
            if what == "muc-occupant-left" and post.occupant.left_at is None:
                raise UnreadableError("occupant.left_at: missing")
            yield from _visit(tenant, post, post.occupant, joins=what == "muc-occupant-joined")
        case _:
            yield Ignored(tenant=tenant, space=post.room_name)


def _room(tenant: str, post: Post) -> Iterator[Found]:
    if post.created_at is None:
        raise UnreadableError("created_at: missing")
    if not post.breakout_room_id:
        begins = at_seconds(post.created_at)
        held = _action(tenant, post, Verb.HOST, SERVER, f"held:{int(post.created_at)}", begins, post.created_at)
        held = replace(held, actor_kind=ActorKind.SYSTEM, started_at=begins)
        yield held
        if post.destroyed_at is not None:
            ends = at_seconds(post.destroyed_at)
            yield replace(edited(held, f"{held.key}:ended", ends, int(post.destroyed_at * 1000)), ended_at=ends)
    elif not post.occupants:
        yield Ignored(tenant=tenant, space=post.room_name)
    for occupant in post.occupants:
        gone = occupant if occupant.left_at is not None else occupant.model_copy(update={"left_at": post.destroyed_at})
        yield from _visit(tenant, post, gone, joins=True)
        if gone.left_at is not None:
            yield from _visit(tenant, post, gone, joins=False)


def _action(tenant: str, post: Post, verb: Verb, actor: str, key: str, at: datetime, joined: float) -> Action:
    return Action(
        key=f"{post.room_name}:{key}",
        tenant=tenant,
        space=post.room_name,
        medium=Medium.MEETING,
        occurred_at=at,
        verb=verb,
        actor=actor,
        object_id=f"{post.room_name}:{int(joined) // _HOUR * _HOUR}",
        object_kind=ObjectKind.MEETING,
    )


def _visit(tenant: str, post: Post, occupant: Occupant, *, joins: bool) -> Iterator[Found]:
    if occupant.is_part_of_jitsi:
        yield Ignored(tenant=tenant, space=post.room_name)
        return
    at = at_seconds(occupant.joined_at if joins or occupant.left_at is None else occupant.left_at)
    actor, kind = _person(occupant)
    connection = occupant.connection + (f":{post.breakout_room_id}" if post.breakout_room_id else "")
    key = f"{connection}:{'in' if joins else 'out'}:{int(at.timestamp())}"
    edge = _action(tenant, post, Verb.ATTEND, actor, key, at, occupant.joined_at)
    edge = replace(edge, actor_kind=kind, connection=connection)
    yield replace(edge, started_at=at) if joins else replace(edge, ended_at=at)
    if not joins and (occupant.total_dominant_speaker_time or 0) > 0:
        yield replace(edge, key=f"{post.room_name}:{connection}:spoke:{int(occupant.joined_at)}", verb=Verb.SPEAK)
    if joins:
        yield from _seen(tenant, occupant, actor, kind, at)


def _known_by(occupant: Occupant) -> tuple[str, ...]:
    email = occupant.email.strip().casefold() if occupant.email and "@" in occupant.email else None
    identifier = str(occupant.id) if occupant.id not in {None, ""} else None
    return tuple(one for one in (identifier, email) if one)


def _person(occupant: Occupant) -> tuple[str, ActorKind]:
    name, known = (occupant.name or "").strip(), _known_by(occupant)
    if is_note_taker(name):
        return name_account(name), ActorKind.BOT
    if known:
        return known[0], ActorKind.HUMAN
    if is_placeholder(name):
        return f"connection:{occupant.connection}", ActorKind.ANONYMOUS
    return name_account(name), ActorKind.HUMAN


def _seen(tenant: str, occupant: Occupant, actor: str, kind: ActorKind, at: datetime) -> Iterator[AccountSeen]:
    if kind is ActorKind.ANONYMOUS:
        return
    known = _known_by(occupant) if kind is ActorKind.HUMAN else ()
    email = next((one for one in known if "@" in one), None)
    name = (occupant.name or "").strip()
    if name or email:
        yield AccountSeen(tenant=tenant, native_id=actor, seen_at=at, display_name=name or None, email=email)
    for other in known[1:]:
        yield AccountSeen(tenant=tenant, native_id=other, seen_at=at, same_as=actor)
