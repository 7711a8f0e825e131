"""Zoom's format: an action as Zoom's webhooks post it."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from pipelines.simulator.actions import Action, Kind, Meeting
from pipelines.simulator.formats.world import World
from pipelines.simulator.population import SPECS, Person

PRIVATE_ONE_IN = 9
"""One message in so many goes to one person only."""


def payload(action: Action, world: World) -> bytes:
    """Return the body of the webhook."""
    meeting = action.ref
    assert isinstance(meeting, Meeting)
    body = {
        "event": action.kind.value,
        "payload": {"account_id": world.zoom_account, "object": _object(action, meeting, world)},
        "event_ts": action.at,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def is_private(action: Action) -> bool:
    """Return whether a message in a meeting goes to one person only."""
    return action.number % PRIVATE_ONE_IN == 0


def occurrence(meeting: Meeting, world: World) -> str:
    """Return Zoom's uuid of one occurrence."""
    digest = hashlib.blake2b(f"{world.seed}/meeting/{meeting.number}".encode(), digest_size=16).digest()
    return base64.b64encode(digest).decode()


def _object(action: Action, meeting: Meeting, world: World) -> dict[str, Any]:
    spec = SPECS[meeting.community]
    held: dict[str, Any] = {
        "uuid": occurrence(meeting, world),
        "id": world.series[meeting.community],
        "host_id": world.zoom_user(meeting.host),
        "topic": spec.meeting,
        "type": 8,
        "start_time": _iso(meeting.starts),
        "duration": 60,
        "timezone": "Europe/Amsterdam",
    }
    match action.kind:
        case Kind.STARTED:
            return held
        case Kind.ENDED:
            return held | {"end_time": _iso(meeting.ends)}
        case Kind.RECORDED:
            return held | _recording(action, meeting, world)
        case Kind.MEETING_CHAT:
            return {"id": held["id"], "uuid": held["uuid"], "chat_message": _chat_message(action, world)}
    assert action.who is not None
    participant = _participant(action.who, world)
    match action.kind:
        case Kind.LEFT:
            participant |= {"leave_time": _iso(action.at), "leave_reason": "left the meeting. Reason: Host ended the meeting."}
        case Kind.SHARE | Kind.UNSHARE:
            details = {"content": "application", "link_source": "", "file_link": "", "source": "", "date_time": _iso(action.at)}
            participant |= {"sharing_details": details}
        case Kind.WAITING:
            participant |= {"date_time": _iso(action.at)}
        case _:
            participant |= {"join_time": _iso(action.at)}
    return held | {"participant": participant}


def _participant(person: Person, world: World) -> dict[str, Any]:
    return {
        "user_id": str(16_778_240 + person.number),
        "user_name": world.full_name(person),
        "id": world.zoom_user(person),
        "participant_user_id": world.zoom_user(person),
        "participant_uuid": world.uuid("participant", person.number).upper(),
        "email": world.email(person),
        "public_ip": "203.0.113.7",
        "registrant_id": "",
    }


def _chat_message(action: Action, world: World) -> dict[str, Any]:
    assert action.who is not None
    return {
        "date_time": _iso(action.at),
        "sender_session_id": str(16_778_240 + action.who.number),
        "sender_name": world.full_name(action.who),
        "sender_email": world.email(action.who),
        "sender_type": "guest",
        "recipient_type": "guest" if is_private(action) else "everyone",
        "message_id": world.uuid("meeting-chat", action.number).upper(),
        "message_content": world.text(action),
    }


def _recording(action: Action, meeting: Meeting, world: World) -> dict[str, Any]:
    file = {
        "id": world.uuid("recording", action.number),
        "meeting_id": occurrence(meeting, world),
        "recording_start": _iso(meeting.starts),
        "recording_end": _iso(meeting.ends),
        "file_type": "MP4",
        "file_extension": "MP4",
        "file_size": 48_000_000 + action.number % 9_000_000,
        "status": "completed",
        "recording_type": "shared_screen_with_speaker_view",
    }
    return {"account_id": world.zoom_account, "recording_count": 1, "total_size": file["file_size"], "recording_files": [file]}


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
