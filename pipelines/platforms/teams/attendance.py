"""Attendance: the stays in an attendance record, and in the record of a group call."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from events.identity import account_in_key, name_account
from events.interaction import ActorKind, Medium, ObjectKind
from events.outcome import Reason
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored, UnreadableError
from pipelines.platforms.teams.payloads import Attended, Held, Interval, Record
from pipelines.shared.meeting_names import is_note_taker, is_placeholder
from pipelines.shared.payload import milliseconds_of

ATTENDED = "teams.attendance"
CALL = "teams.call"
_ORGANIZER = re.compile(
    r"organi[sz]|veranstalter|arrang|järjest|szervez|开催|組織者|组织者|開催者|主催者|이끌이|организатор|διοργαν", re.IGNORECASE
)
_OUTSIDER = re.compile(r"\s*\((?:guest|unverified|external|ext)\)\s*$", re.IGNORECASE)
_THREAD = re.compile(r"19(?::|%3a)meeting_[\w-]+(?:@|%40)thread\.v2", re.IGNORECASE)


def attended(tenant: str, payload: Any) -> Iterator[Found]:
    """The actions in one record of a report."""
    found = Attended.model_validate(payload)
    meeting, record = found.meeting, found.record
    actor, kind = _person(meeting, record)
    at = found.first
    if at is None:
        raise UnreadableError("record: without a time, of a meeting without a time")
    if kind is ActorKind.HUMAN and _ORGANIZER.search(record.role or "") and meeting.start:
        host = _action(tenant, meeting, Verb.HOST, actor, kind, f"{meeting.id}:host", meeting.start)
        yield replace(host, started_at=meeting.start, ended_at=meeting.end)
    stays = [one for one in record.attendanceIntervals or () if one.joinDateTime or one.leaveDateTime]
    for stay in stays or [Interval()]:
        yield _stay(tenant, meeting, actor, kind, stay, stay.joinDateTime or stay.leaveDateTime or at)
    yield from _seen(tenant, record, actor, kind, at)


def _stay(tenant: str, meeting: Held, actor: str, kind: ActorKind, stay: Interval, at: datetime) -> Action:
    key = f"{account_in_key(actor)}:stay:{milliseconds_of(at)}"
    edge = _action(tenant, meeting, Verb.ATTEND, actor, kind, key, at)
    return replace(edge, started_at=stay.joinDateTime, ended_at=stay.leaveDateTime, meeting_started_at=meeting.start)


def _action(tenant: str, meeting: Held, verb: Verb, actor: str, kind: ActorKind, key: str, at: datetime) -> Action:
    return Action(
        key=f"{meeting.series}:{key}",
        tenant=tenant,
        space=meeting.series,
        medium=Medium.MEETING,
        occurred_at=at,
        verb=verb,
        actor=actor,
        actor_kind=kind,
        object_id=meeting.id,
        object_kind=ObjectKind.MEETING,
    )


def _name(record: Record) -> str:
    shown = record.identity.displayName if record.identity else None
    return _OUTSIDER.sub("", shown or "").strip()


def _known_by(record: Record) -> tuple[str, ...]:
    """The accounts in a record, the most reliable first."""
    directory = record.identity.id if record.identity else None
    addresses = [one.strip().casefold() for one in (record.emailAddress, record.upn) if one and "@" in one]
    return tuple(dict.fromkeys([*([directory] if directory else []), *addresses]))


def _person(meeting: Held, record: Record) -> tuple[str, ActorKind]:
    name, known = _name(record), _known_by(record)
    if is_note_taker(name):
        return name_account(name), ActorKind.BOT
    if known:
        return known[0], ActorKind.HUMAN
    if is_placeholder(name):
        # Each row is somebody of their own: nothing else tells two telephones apart.
        first = next((one for one in record.attendanceIntervals or () if one.joinDateTime), Interval())
        stamp = milliseconds_of(first.joinDateTime) if first.joinDateTime else 0
        return f"nameless:{meeting.id}:{name_account(name)}:{stamp}", ActorKind.ANONYMOUS
    return name_account(name), ActorKind.HUMAN


def _seen(tenant: str, record: Record, actor: str, kind: ActorKind, at: datetime) -> Iterator[AccountSeen]:
    name, known = _name(record), _known_by(record)
    if kind is ActorKind.ANONYMOUS:
        return
    email = next((one for one in known if "@" in one), None)
    own = email if kind is ActorKind.HUMAN else None
    yield AccountSeen(tenant=tenant, native_id=actor, seen_at=at, display_name=name or None, email=own)
    if kind is ActorKind.HUMAN:
        for other in known[1:]:
            yield AccountSeen(tenant=tenant, native_id=other, seen_at=at, same_as=actor)


def called(tenant: str, payload: Any) -> Iterator[Found]:
    """The actions in a call record: each session is a stay of its caller."""
    if not isinstance(payload, dict) or not isinstance(payload.get("id"), str):
        raise UnreadableError("id: missing")
    if payload.get("type") != "groupCall":
        yield Ignored(Reason.PRIVATE, tenant)
        return
    thread = _THREAD.search(str(payload.get("joinWebUrl") or ""))
    series = thread[0].replace("%3a", ":").replace("%40", "@") if thread else payload["id"]
    held = {"series": series, "id": payload["id"], "start": payload.get("startDateTime"), "end": payload.get("endDateTime")}
    organizer = _user((payload.get("organizer_v2") or {}).get("identity") or payload.get("organizer"))
    found = False
    for session in payload.get("sessions") or ():
        caller = session.get("caller") if isinstance(session, dict) else None
        if not isinstance(caller, dict):
            continue
        user = caller.get("associatedIdentity") or _user(caller.get("identity"))
        if isinstance(user, dict) and user.get("id"):
            found = True
            stay = {"joinDateTime": session.get("startDateTime"), "leaveDateTime": session.get("endDateTime")}
            role = "Organizer" if isinstance(organizer, dict) and organizer.get("id") == user["id"] else None
            record = {"identity": user, "upn": user.get("userPrincipalName"), "role": role, "attendanceIntervals": [stay]}
            yield from attended(tenant, {"meeting": held, "record": record})
    if not found:
        yield Ignored(tenant=tenant, space=series)


def _user(identities: Any) -> Any:
    return identities.get("user") if isinstance(identities, dict) else None
