"""Payload: the base of every platform's models, and times that a datetime can hold."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from pipelines.connector import UnreadableError
from pipelines.shared.text import parse_payload

MAX_SECONDS = 32_503_680_000
"""The year 3000 in epoch seconds: later times would leave what a datetime can hold, in some time zone."""
MAX_HOST_CHARACTERS = 253
"""Of a name in the DNS."""

Id = Annotated[str, Field(min_length=1, max_length=256)]
"""A native id."""
Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
"""Epoch seconds."""
Milliseconds = Annotated[int, Field(ge=946_684_800_000, le=32_000_000_000_000)]
"""Epoch milliseconds, from the year 2000 to 2984."""
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2999, 1, 1, tzinfo=UTC))]
"""A time with its zone."""


class Part(BaseModel):
    """A part of a payload: only the fields that are read. Everything else in it is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def read_object(payload: bytes) -> dict[str, Any]:
    """The JSON object of a payload. Raises ValueError for anything else."""
    found = parse_payload(payload)
    if not isinstance(found, dict):
        raise UnreadableError("payload: not a JSON object")
    return found


def at_seconds(seconds: float) -> datetime:
    """The time of epoch seconds, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def at_milliseconds(milliseconds: int) -> datetime:
    """The time of epoch milliseconds, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def milliseconds_of(at: datetime) -> int:
    """Epoch milliseconds of a time."""
    return int(at.timestamp() * 1000)
