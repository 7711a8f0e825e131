"""Period: the month or the quarter that a report covers."""

import calendar
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field

from events.errors import GuildhallError

MONTHS = 12


class Period(BaseModel):
    """A month or a quarter: `2026-10` or `2026-Q3`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[0-9]{4}-([0-9]{2}|Q[1-4])$")
    first: date = Field(description="first day")
    after: date = Field(description="first day after the period")

    @property
    def title(self) -> str:
        """`October 2026` or `Q3 2026`."""
        if "Q" in self.name:
            return f"{self.name[5:]} {self.name[:4]}"
        return f"{calendar.month_name[self.first.month]} {self.first.year}"


def period_of(name: str) -> Period:
    """Read a period's name. Raises GuildhallError."""
    try:
        year, rest = int(name[:4]), name[5:]
        month, length = (3 * int(rest[1:]) - 2, 3) if rest.startswith("Q") else (int(rest), 1)
        first = date(year, month, 1)
        after = date(year + (month + length > MONTHS), (month + length - 1) % MONTHS + 1, 1)
        return Period(name=name, first=first, after=after)
    except ValueError as error:
        raise GuildhallError(
            f"`{name}` is no period.", "A period is a month or a quarter.", "Write 2026-10 or 2026-Q3."
        ) from error


def last_month(today: date) -> str:
    """The name of the last whole month before a day."""
    end = today.replace(day=1) - timedelta(days=1)
    return f"{end.year:04d}-{end.month:02d}"
