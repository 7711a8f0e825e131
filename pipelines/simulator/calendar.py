"""Calendar: the weeks of a simulation, its breaks, and how activity and arrivals vary over the year. Dates only."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

WEEK_MS = 7 * 86_400_000
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
MOST_LIVE_WEEKS = 55
"""Live sources refuse events older than 400 days; 55 weeks leave two weeks of margin."""
BREAK_WEEKS = 2


@dataclass(frozen=True, slots=True)
class Calendar:
    """The weeks of a simulation, numbered from 0; `end` is the Monday after the last one.

    The last `live_weeks` come through live sources, those before them in exports.
    """

    end: date
    weeks: int
    live_weeks: int = MOST_LIVE_WEEKS

    def __post_init__(self) -> None:
        """Raise ValueError for an end that is not a Monday: evaluations are on Mondays, 00:00 UTC."""
        if self.end.weekday() != 0:
            raise ValueError(f"{self.end} is not a Monday; a simulation ends on one, because evaluations are on Mondays")
        if self.weeks < 1:
            raise ValueError("a simulation has at least one week")
        if not 1 <= self.live_weeks <= MOST_LIVE_WEEKS:
            raise ValueError(f"a simulation has 1 to {MOST_LIVE_WEEKS} live weeks")

    def day(self, week: int) -> date:
        """Return the Monday on which a week begins."""
        return self.end - timedelta(weeks=self.weeks - week)

    def ms(self, week: int) -> int:
        """Return the start of a week in milliseconds since 1970."""
        day = self.day(week)
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000

    @property
    def live_week(self) -> int:
        """The first week that comes through live sources; the weeks before it are in exports."""
        return max(0, self.weeks - self.live_weeks)

    def resting(self, week: int) -> bool:
        """Return whether a week is in the announced Christmas break."""
        return any(start <= self.day(week) < until for start, until in self.breaks())

    def breaks(self) -> list[tuple[date, date]]:
        """Return the Christmas breaks within the simulation, in whole weeks: (first Monday, Monday after)."""
        found = []
        for year in range(self.day(0).year - 1, self.end.year + 1):
            christmas = date(year, 12, 25)
            start = christmas - timedelta(days=christmas.weekday())
            until = start + timedelta(weeks=BREAK_WEEKS)
            if until > self.day(0) and start < self.end:
                found.append((start, until))
        return found

    def meets(self, week: int, every: int) -> bool:
        """Return whether a community with a beat of `every` weeks meets in this week. It meets in the last week."""
        return (self.weeks - 1 - week) % every == 0 and not self.resting(week)

    def volume(self, week: int) -> float:
        """Return the level of activity; 1 is usual."""
        if self.resting(week):
            return 0.0
        month = self.day(week).month
        return {7: 0.7, 8: 0.6, 9: 1.1, 10: 1.15, 11: 1.1}.get(month, 1.0)

    def wave(self, week: int) -> float:
        """Return the rate of arrivals; 1 is usual. More in January and September, fewer in summer, none in the break."""
        if self.resting(week):
            return 0.0
        return {1: 1.5, 7: 0.8, 8: 0.8, 9: 1.5}.get(self.day(week).month, 1.0)
