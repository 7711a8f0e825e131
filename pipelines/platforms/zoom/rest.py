"""REST: replies of Zoom's API about past meetings, as the bodies of webhooks that say the same under the same ids.

A reply about participants names no meeting, and is rejected. Merged with the reply about the past meeting (one object with
`id`, `uuid` and `participants`), each stay is the joining and the leaving that the webhooks report. Replies about quality,
devices, summaries, archives, questions and planned meetings are no participation; so are lists of instances, which name nobody.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_json

from pipelines.connector import PlatformEvent
from pipelines.platforms.zoom.participants import HELD, REPORTED
from pipelines.platforms.zoom.webhook import LIVE
from pipelines.shared.lines import content_id

_LISTS = frozenset(
    {"meetings", "questions", "archive_files", "summary_details", "summary_overview", "user_qos", "satisfaction_percentage"}
)
"""Names in replies that are no participation."""
Reply = Mapping[str, Any]


def is_reply(found: object) -> bool:
    """Whether a JSON value is a reply of Zoom's API, of those that are known."""
    if not isinstance(found, dict) or "event" in found:
        return False
    return "participants" in found or bool(found.keys() & _LISTS) or {"id", "uuid"}.issubset(found)


def read_reply(found: Reply, place: str, tenant: str) -> Iterator[PlatformEvent]:
    """The events of one reply."""
    meeting = {name: found[name] for name in ("id", "uuid", "start_time") if found.get(name)}
    participants = found.get("participants")
    if isinstance(participants, list):
        stays = [one for one in participants if isinstance(one, dict) and one.get("join_time") and "user_qos" not in one]
        if not stays and not _held(found):
            yield _event("rest.participants", tenant, {}, place)
        elif not {"id", "uuid"}.issubset(meeting):
            # Each is a rejected record, which names what is missing: `id` and `uuid` of the meeting.
            yield from (_event(REPORTED, tenant, {"participant": stay}, place) for stay in stays)
            stays = []
        if _held(found):
            yield _event(HELD, tenant, _held(found), place)
        for stay in stays:
            yield from _stay(meeting, stay, place, tenant)
    elif _held(found) and not found.keys() & _LISTS:
        yield _event(HELD, tenant, _held(found), place)
    else:
        yield _event("rest.other", tenant, {}, place)


def _held(found: Reply) -> dict[str, Any]:
    """The meeting that took place: only the reply about a past one has an end."""
    host = found.get("host_id") or str(found.get("user_email") or "").strip().casefold()
    names = ("id", "uuid", "start_time", "end_time")
    return {name: found[name] for name in names} | {"host_id": host} if host and all(found.get(name) for name in names) else {}


def _stay(meeting: Reply, stay: Reply, place: str, tenant: str) -> Iterator[PlatformEvent]:
    # `participant_user_id` is the account where the reply has it; `id` may then be the participant's in this meeting.
    account = stay["participant_user_id"] if "participant_user_id" in stay else stay.get("id")
    person = {
        "id": account or None,
        "user_id": stay.get("user_id"),
        "user_name": stay.get("name") or stay.get("user_name"),
        "email": stay.get("user_email") or stay.get("email"),
        "registrant_id": stay.get("registrant_id"),
    }
    room = stay.get("bo_mtg_id")
    inside = {"breakout_room_uuid": room} if room and room != stay.get("user_id") else {}
    waits = stay.get("status") == "in_waiting_room"
    for edge, time in (("joined", "join_time"), ("left", "leave_time")):
        if stay.get(time):
            kind = f"meeting.participant_{edge}" + ("_waiting_room" if waits else "_breakout_room" if inside else "")
            yield _event(kind, tenant, {**meeting, **inside, "participant": {**person, time: stay[time]}}, place)


def _event(kind: str, tenant: str, found: Reply, place: str) -> PlatformEvent:
    payload = to_json({"event": kind, "payload": {"account_id": tenant, "object": found}})
    # The place, because one page may be as empty as another.
    identity = content_id(payload if found else payload + place.encode())
    return PlatformEvent(id=identity, type=LIVE, payload=payload, tenant=tenant, place=place)
