"""Transcripts: who spoke in a meeting, from when to when and after whom.

What becomes of what: a turn is `speak`, with its beginning and end. The speaker is known by the name. `Speaker 1` and other
placeholders are an anonymous account of that meeting; a program that takes notes is a bot by its name. Nothing is attendance:
who listened is not in a transcript. A turn's words are dropped.
"""

import re
from collections.abc import Iterator

from events.identity import account_in_key, name_account
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found
from pipelines.shared.meeting_names import is_note_taker, is_placeholder
from pipelines.shared.payload import Id, Moment, Part, milliseconds_of
from pipelines.shared.text import parse_payload

_UNKNOWN = re.compile(r"(?:unknown )?(?:speaker|sprecher|voice|intervenant|hablante)[ _#-]*\w{0,3}", re.IGNORECASE)


class _Meeting(Part):
    series: Id
    id: Id


class _Turn(Part):
    meeting: _Meeting
    name: Id
    start: Moment
    end: Moment
    text: str = ""


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The action in one turn. Raises ValueError for what is none."""
    turn = _Turn.model_validate(parse_payload(raw.payload))
    tenant, name = raw.tenant or "unknown", turn.name.strip()
    actor, kind = name_account(name), ActorKind.HUMAN
    if is_note_taker(name):
        kind = ActorKind.BOT
    elif is_placeholder(name) or _UNKNOWN.fullmatch(name):
        actor, kind = f"nameless:{turn.meeting.id}:{name_account(name)}", ActorKind.ANONYMOUS
    yield Action(
        key=f"{turn.meeting.id}:{account_in_key(actor)}:turn:{milliseconds_of(turn.start)}",
        tenant=tenant,
        space=turn.meeting.series,
        medium=Medium.MEETING,
        occurred_at=turn.start,
        verb=Verb.SPEAK,
        actor=actor,
        actor_kind=kind,
        object_id=turn.meeting.id,
        object_kind=ObjectKind.MEETING,
        started_at=turn.start,
        ended_at=turn.end,
        size=len(turn.text),
        size_unit=SizeUnit.CHARACTERS,
        text=turn.text,
    )
    if kind is not ActorKind.ANONYMOUS:
        yield AccountSeen(tenant=tenant, native_id=actor, seen_at=turn.start, display_name=name)
