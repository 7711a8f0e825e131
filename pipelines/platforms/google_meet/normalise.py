"""Google Meet: conferences, stays and turns, from the API's resources and from attendance reports.

What becomes of what:

* The tenant is the import's. A space is Meet's space (its series: one code for all its meetings), an occurrence the conference.
  Where no file has the conference, the conference is a series of its own.
* A conference record: the server, which is nobody, holds the meeting; its end revises that. The API names no host.
* A participant's session is a stay with both ends; a session that goes on has a start. Telephone and laptop of one account are
  two sessions of one person, and overlap. A participant without sessions is one stay from the first start to the last end.
* A participant is the Google account, the address of a report, or the name. A telephone, a placeholder, and a row such as
  `Rosa and 2 more` is an anonymous account of that participant. A masked address is none.
* An entry of a transcript is a turn. Its text is dropped.
* Recordings, transcripts as such, notes and spaces are no participation.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from events.identity import account_in_key, name_account
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored, UnreadableError
from pipelines.platforms.google_meet.payloads import Participant, Resource
from pipelines.shared.meeting_names import is_note_taker, is_placeholder
from pipelines.shared.payload import milliseconds_of
from pipelines.shared.revisions import edited
from pipelines.shared.text import parse_payload

SERVER = "server"
"""The account that holds every meeting."""
_MORE = re.compile(
    r".*\b(?:and|und|et|y|e|en|og|och) \d+ (?:more|others?|weitere|autres?|más|altri|mais|meer|flere|fler)\b.*", re.IGNORECASE
)


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions in one resource. Raises ValueError for what is not Meet's."""
    found = Resource.model_validate(parse_payload(raw.payload))
    tenant = raw.tenant or "unknown"
    if found.other:
        yield Ignored(tenant=tenant, space=found.space)
    elif found.participant is None:
        yield from _held(tenant, found)
    elif found.entry is not None:
        entry, (actor, kind) = found.entry, _person(found.participant)
        spoke = _action(tenant, found, Verb.SPEAK, actor, kind, f"entry:{entry.name.rpartition('/')[2]}", entry.startTime)
        text = entry.text or ""
        yield replace(spoke, text=text, size=len(text), size_unit=SizeUnit.CHARACTERS)
    else:
        yield from _stay(tenant, found, found.participant)


def _action(tenant: str, found: Resource, verb: Verb, actor: str, kind: ActorKind, key: str, at: datetime) -> Action:
    conference = found.conference.name.removeprefix("conferenceRecords/")
    return Action(
        key=f"{conference}:{key}",
        tenant=tenant,
        space=found.space,
        medium=Medium.MEETING,
        occurred_at=at,
        verb=verb,
        actor=actor,
        actor_kind=kind,
        object_id=conference,
        object_kind=ObjectKind.MEETING,
    )


def _held(tenant: str, found: Resource) -> Iterator[Found]:
    begins, ends = found.conference.startTime, found.conference.endTime
    if begins is None:
        raise UnreadableError("startTime: missing")
    held = replace(_action(tenant, found, Verb.HOST, SERVER, ActorKind.SYSTEM, "held", begins), started_at=begins)
    yield held
    if ends is not None:
        yield replace(edited(held, f"{held.key}:ended", ends, milliseconds_of(ends)), ended_at=ends)


def _stay(tenant: str, found: Resource, participant: Participant) -> Iterator[Found]:
    came, went = participant.earliestStartTime, participant.latestEndTime
    number = participant.name.rpartition("/")[2]
    if found.session is not None:
        came, went = found.session.startTime, found.session.endTime
        number = f"{number}:{found.session.name.rpartition('/')[2]}"
    at = came or went
    if at is None:
        raise UnreadableError("participant: without a time")
    actor, kind = _person(participant)
    who = account_in_key(actor) if participant.name.startswith("report/") else number
    stay = _action(tenant, found, Verb.ATTEND, actor, kind, f"{who}:stay:{milliseconds_of(at)}", at)
    yield replace(stay, started_at=came, ended_at=went, meeting_started_at=found.conference.startTime)
    if kind is not ActorKind.ANONYMOUS:
        email = _email(participant) if kind is ActorKind.HUMAN else None
        yield AccountSeen(tenant=tenant, native_id=actor, seen_at=at, display_name=_name(participant) or None, email=email)
        if email and email != actor:
            yield AccountSeen(tenant=tenant, native_id=email, seen_at=at, same_as=actor)


def _name(participant: Participant) -> str:
    shown = participant.signedinUser or participant.anonymousUser or participant.phoneUser
    return ((shown.displayName if shown else None) or "").strip()


def _email(participant: Participant) -> str | None:
    email = (participant.email or "").strip().casefold()
    return email if "@" in email and "*" not in email and "•" not in email else None


def _person(participant: Participant) -> tuple[str, ActorKind]:
    name, account = _name(participant), participant.signedinUser.user if participant.signedinUser else None
    if is_note_taker(name):
        return name_account(name), ActorKind.BOT
    known = account or _email(participant)
    if known:
        return known, ActorKind.HUMAN
    if participant.phoneUser or is_placeholder(name) or _MORE.fullmatch(name):
        return f"nameless:{participant.name}", ActorKind.ANONYMOUS
    return name_account(name), ActorKind.HUMAN
