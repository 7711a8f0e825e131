"""Payloads: the parts of Rocket.Chat's payloads that are read, live, over REST and in exports of its database."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipelines.shared.payload import Id, Moment, Part, at_milliseconds

MOST_FILES = 1000
_MILLISECONDS_BEGIN = 946_684_800_000


def _moment(found: Any) -> Any:
    """A time as REST has it (ISO), as mongoexport has it (`{"$date": ...}`), or in milliseconds."""
    inner = found.get("$date") if isinstance(found, dict) else found
    if isinstance(inner, dict):
        inner = inner.get("$numberLong")
    if isinstance(inner, str) and inner.isascii() and inner.isdigit() and len(inner) <= 14:  # noqa: PLR2004 - milliseconds
        inner = int(inner)
    if isinstance(inner, int) and not isinstance(inner, bool) and _MILLISECONDS_BEGIN <= inner < 100 * _MILLISECONDS_BEGIN:
        try:
            return at_milliseconds(inner)
        except (ValueError, OverflowError):
            return None
    return inner


When = Annotated[Moment, BeforeValidator(_moment)]


class Hook(Part):
    """The body of an outgoing integration. Only a message has an id; only a new account has no channel."""

    channel_id: Id | None = None
    channel_name: str | None = None
    message_id: Id | None = None
    timestamp: When
    user_id: Id
    user_name: str | None = None
    text: str | None = None
    bot: Any = None
    alias: str | None = None
    tmid: Id | None = None
    is_edited: Annotated[bool, Field(alias="isEdited")] = False


class Author(Part):
    """Who wrote a message."""

    id: Annotated[Id, Field(alias="_id")]
    username: str | None = None
    name: str | None = None


class Message(Part):
    """A message of Rocket.Chat. `t` is the kind of a notice."""

    id: Annotated[Id, Field(alias="_id")]
    rid: Id
    ts: When
    u: Author
    t: str | None = None
    msg: str | None = None
    tmid: Id | None = None
    alias: str | None = None
    bot: Any = None
    edited_at: Annotated[When | None, Field(alias="editedAt")] = None
    hidden: Annotated[bool, Field(alias="_hidden")] = False
    files: Annotated[tuple[Any, ...] | None, Field(max_length=MOST_FILES)] = None
    attachments: Annotated[tuple[Any, ...] | None, Field(max_length=MOST_FILES)] = None


class Exported(Part):
    """A message of an export, as `export.py` wraps it. Of a closed room, only that there was one."""

    closed: bool = False
    unlisted: bool = False
    message: dict[str, Any] = Field(default_factory=dict)


def integration_of(bot: Any) -> str | None:
    """The integration that posted, where `bot` names one; an empty text for a bot account."""
    if not bot or bot == "false":  # a form has only texts
        return None
    named = bot.get("i") if isinstance(bot, dict) else None
    return named if isinstance(named, str) and len(named) <= 100 else ""  # noqa: PLR2004 - an id
