"""Slack's format: an action as the Events API posts it, and a message as an export has it."""

import json
from typing import Any

from pipelines.simulator.actions import Action, Kind
from pipelines.simulator.formats.world import World
from pipelines.simulator.population import Person, name

OWN_BOT_ONE_IN = 5
"""One post by a bot in so many is by Guildhall's own app."""
_UNKNOWN = ("channel_rename", "emoji_changed", "pin_added", "user_huddle_changed", "subteam_updated")
_REACTIONS = ("+1", "seedling", "raised_hands", "eyes", "bulb")


def payload(action: Action, world: World) -> bytes:
    """Return the body of the webhook: an `event_callback` around the event."""
    team = world.teams[action.community]
    body = {
        "token": world.id("verification", 0, 20),
        "team_id": team,
        "context_team_id": team,
        "context_enterprise_id": None,
        "api_app_id": world.slack_app,
        "event": _event(action, world),
        "type": "event_callback",
        "event_id": "Ev" + world.id("event", action.number, 9),
        "event_time": action.at // 1000,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team,
                "user_id": world.own_bot,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": "4-" + world.id("context", action.number, 20),
    }
    return json.dumps(body, separators=(",", ":")).encode()


def ts(action: Action) -> str:
    """Return the `ts` of the message that this action created: its time and id."""
    return f"{action.at // 1000}.{action.number % 1_000_000:06d}"


def message(action: Action, world: World) -> dict[str, Any]:
    """Return a message as it is in events and in exports."""
    text = world.text(action)
    found: dict[str, Any] = {
        "type": "message",
        "user": world.slack_user(action.who) if action.who else None,
        "ts": ts(action),
        "client_msg_id": world.uuid("message", action.number),
        "team": world.teams[action.community],
    }
    if action.kind is Kind.BOT_POST:
        found |= _by_a_bot(action, world)
    if action.thread is not None:
        found["thread_ts"] = ts(action.thread)
        found["parent_user_id"] = world.slack_user(action.thread.who) if action.thread.who else None
        if action.number % 3 == 0 and action.thread.who and action.thread.who is not action.who:
            text = f"<@{world.slack_user(action.thread.who)}> {text}"
    found["text"] = text
    return found


def edited(action: Action, edit: Action, world: World) -> dict[str, Any]:
    """Return the message after an edit."""
    found = message(action, world)
    by = {"user": found["user"], "ts": f"{edit.at // 1000}.000000"}
    return found | {"text": found["text"] + " (edited: one word)", "edited": by}


def is_own_bot(action: Action) -> bool:
    """Return whether a bot's post is by Guildhall's own app."""
    return action.number % OWN_BOT_ONE_IN == 0


def user(person: Person, world: World, updated: int) -> dict[str, Any]:
    """Return Slack's description of a user; `updated` is in epoch seconds."""
    first, last = name(person.number)
    full = f"{first} {last}"
    return {
        "id": world.slack_user(person),
        "team_id": world.teams[person.community],
        "name": f"{first}.{last}".lower(),
        "deleted": False,
        "real_name": full,
        "tz": "Europe/Amsterdam",
        "is_admin": False,
        "is_bot": False,
        "is_app_user": False,
        "updated": updated,
        "profile": {
            "real_name": full,
            "display_name": first,
            "email": world.email(person),
            "avatar_hash": world.id("avatar", person.number, 12).lower(),
        },
    }


def _by_a_bot(action: Action, world: World) -> dict[str, Any]:
    own = is_own_bot(action)
    app = world.slack_app if own else "A" + world.id("builder-app", action.community, 8)
    return {
        "user": world.own_bot if own else "U" + world.id("builder", action.community, 8),
        "bot_id": "B" + world.id("own" if own else "builder-bot", action.community, 8),
        "app_id": app,
        "bot_profile": {"app_id": app, "name": "Guildhall" if own else "Builder", "deleted": False},
    }


def _event(action: Action, world: World) -> dict[str, Any]:
    channel = world.channels[action.community].get(action.space, "")
    spot = {"channel": channel, "event_ts": ts(action), "channel_type": "channel"}
    whose = world.slack_user(action.who) if action.who else None
    about = action.ref if isinstance(action.ref, Action) else None
    match action.kind:
        case Kind.POST | Kind.REPLY | Kind.BOT_POST | Kind.ELSEWHERE:
            return message(action, world) | spot
        case Kind.DIRECT:
            direct = {"channel": "D" + world.id("direct", action.number % 997, 8), "channel_type": "im"}
            return message(action, world) | spot | direct
        case Kind.EDIT if about is not None:
            changed = {"message": edited(about, action, world), "previous_message": message(about, world)}
            return {"type": "message", "subtype": "message_changed", "hidden": True, "ts": ts(action)} | changed | spot
        case Kind.DELETE if about is not None:
            gone = {"deleted_ts": ts(about), "previous_message": message(about, world)}
            return {"type": "message", "subtype": "message_deleted", "hidden": True, "ts": ts(action)} | gone | spot
        case Kind.REACT if about is not None:
            return {
                "type": "reaction_added",
                "user": whose,
                "reaction": _REACTIONS[action.number % len(_REACTIONS)],
                "item": {"type": "message", "channel": channel, "ts": ts(about)},
                "item_user": world.slack_user(about.who) if about.who else None,
                "event_ts": ts(action),
            }
        case Kind.TEAM_JOIN if action.who is not None:
            return {"type": "team_join", "user": user(action.who, world, action.at // 1000), "event_ts": ts(action)}
        case Kind.TYPING:
            return {"type": "user_typing", "user": whose, "channel": channel, "event_ts": ts(action)}
        case _:
            return {"type": _UNKNOWN[action.number % len(_UNKNOWN)], "event_ts": ts(action)}
