"""Actions: what the people of a simulation do, independent of any platform's format. Plain values."""

from dataclasses import dataclass
from enum import StrEnum

from pipelines.simulator.population import Person


class Kind(StrEnum):
    """What an action is. The value is the platform's own name of the event where it has one."""

    POST = "post"
    REPLY = "reply"
    EDIT = "message_changed"
    DELETE = "message_deleted"
    REACT = "reaction_added"
    TYPING = "user_typing"
    UNKNOWN = "unknown"
    DIRECT = "direct_message"
    ELSEWHERE = "unmapped_space"
    BOT_POST = "bot_post"
    TEAM_JOIN = "team_join"
    WIKI_EDIT = "edit"
    WIKI_NEW = "new"
    WIKI_REVERT = "revert"
    WIKI_LOG = "log"
    WIKI_CATEGORY = "categorize"
    WIKI_BOT = "bot_edit"
    STARTED = "meeting.started"
    ENDED = "meeting.ended"
    JOINED = "meeting.participant_joined"
    LEFT = "meeting.participant_left"
    SHARE = "meeting.sharing_started"
    UNSHARE = "meeting.sharing_ended"
    MEETING_CHAT = "meeting.chat_message_sent"
    RECORDED = "recording.completed"
    WAITING = "meeting.participant_joined_waiting_room"
    GARBAGE = "garbage"


@dataclass(slots=True, eq=False)
class Action:
    """One action. `ref` is its object: a message, the number of a page, or a meeting; `thread` is the opening message.

    `at` and `due` are milliseconds since 1970: when it happens and when it is delivered. They differ for a re-delivery
    (`again`), which has the same number and therefore the same body. `repeats` marks an action that has a re-delivery.
    """

    at: int
    number: int
    kind: Kind
    community: int
    who: Person | None
    space: str = ""
    ref: "Action | Meeting | int | None" = None
    thread: "Action | None" = None
    question: bool = False
    platform: str = "slack"
    repeats: bool = False
    again: bool = False
    due: int = 0


@dataclass(slots=True, eq=False)
class Meeting:
    """One occurrence of a meeting series."""

    number: int
    community: int
    starts: int
    host: Person
    ends: int = 0
