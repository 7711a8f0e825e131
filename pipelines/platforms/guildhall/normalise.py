"""Normalise: the neutral event `guildhall.action`, which any platform can send.

What becomes of what:

* An event is one action. Its id is the natural key; without one the key is a keyed hash of the content, so that the same
  content sent twice counts once.
* The tenant is that of the event's envelope, the source or the import; without one it is `main`.
* The object is the event's own; otherwise the title of a wiki page (stored as a keyed hash), the action that is revised, the
  community for `join` and `leave`, or the id.
* A forum is chat. Sizes are characters, in a wiki bytes.
* Features are read from title and text; in a wiki from the text only. A sender that reads its texts itself sends features.
* A revision has the time of the change. Nothing of the content of a deletion is read.
* A name of the actor becomes an account seen.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from events.identity import account_in_key, title_object
from events.interaction import Change, Features, Medium, ObjectKind, SizeUnit
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, UnreadableError
from pipelines.platforms.guildhall.payloads import GivenFeatures, NeutralAction, Place, read_action
from pipelines.shared.payload import milliseconds_of
from pipelines.shared.revisions import deleted, edited

ACTION = "guildhall.action"
MAIN_TENANT = "main"
READ_BY_SENDER = 0
"""The version of features that the sender read."""
_MEETING = frozenset({Verb.ATTEND, Verb.SPEAK, Verb.PRESENT, Verb.HOST})
_WIKI = frozenset({Verb.CREATE, Verb.EDIT, Verb.REVERT, Verb.VIEW, Verb.DOWNLOAD})
_KINDS = {
    Verb.UPLOAD: ObjectKind.FILE,
    Verb.DOWNLOAD: ObjectKind.FILE,
    Verb.JOIN: ObjectKind.COMMUNITY,
    Verb.LEAVE: ObjectKind.COMMUNITY,
}
_KINDS_BY_MEDIUM = {Medium.WIKI: ObjectKind.PAGE, Medium.CHAT: ObjectKind.MESSAGE, Medium.MEETING: ObjectKind.MEETING}


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The action of a neutral event, and the account where it names one. Raises ValueError for any other payload."""
    if raw.type != ACTION:
        raise UnreadableError(f"type: not {ACTION}")
    event = read_action(raw.payload)
    tenant = raw.tenant or MAIN_TENANT
    yield _action(event, tenant)
    if event.actor.name is not None:
        yield AccountSeen(
            tenant=tenant,
            native_id=event.actor.id,
            seen_at=event.time,
            display_name=event.actor.name,
            kind=event.actor.kind if "kind" in event.actor.model_fields_set else None,
        )


def _action(event: NeutralAction, tenant: str) -> Action:
    medium = _medium(event)
    is_wiki = medium is Medium.WIKI
    content = hashlib.sha256(event.model_dump_json(exclude_defaults=True).encode()).hexdigest()
    read = [event.text] if is_wiki else [event.title, event.text]
    text = "\n".join(part for part in read if part) if event.features is None and any(read) else None
    size = event.size if event.size is not None or event.text is None else len(event.text)
    unit = SizeUnit.BYTES if is_wiki and event.size is not None else SizeUnit.CHARACTERS
    action = Action(
        key=event.id or account_in_key(content),  # as an account: the content names the actor, and ids are published
        tenant=tenant,
        space=event.space,
        occurred_at=event.time,
        verb=event.verb,
        actor=event.actor.id,
        actor_kind=event.actor.kind,
        object_id=_object(event, tenant, content, is_wiki=is_wiki),
        object_kind=_KINDS.get(event.verb, _KINDS_BY_MEDIUM[medium]),
        medium=medium,
        visibility=event.visibility,
        thread_id=event.thread,
        reply_to_id=event.reply_to,
        mentions=event.mentions,
        size=size,
        size_unit=None if size is None else unit,
        started_at=event.started_at,
        ended_at=event.ended_at,
        text=text,
        features=_features(event.features),
    )
    return action if event.revises is None else _revision(action, event.revises, event.change)


def _revision(action: Action, revises: str, change: Change | None) -> Action:
    original, at = replace(action, key=revises), action.occurred_at
    make = deleted if change is Change.DELETE else edited
    return replace(make(original, action.key, at, milliseconds_of(at)), change=change)


def _features(given: GivenFeatures | None) -> Features | None:
    return None if given is None else Features(is_question=given.is_question, thanks=given.thanks, version=READ_BY_SENDER)


def _medium(event: NeutralAction) -> Medium:
    match event.medium:
        case Place.FORUM:
            return Medium.CHAT
        case None:
            return Medium.MEETING if event.verb in _MEETING else Medium.WIKI if event.verb in _WIKI else Medium.CHAT
        case place:
            return Medium(place.value)


def _object(event: NeutralAction, tenant: str, content: str, *, is_wiki: bool) -> str:
    if event.object is not None:
        return event.object
    if is_wiki and event.title is not None:
        return title_object(event.title)
    if event.verb in {Verb.JOIN, Verb.LEAVE}:
        return tenant
    return event.revises or event.id or title_object(content)  # the hash of the content is keyed like a title
