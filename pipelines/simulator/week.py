"""Week: one week of one community while it is generated: its actions so far, and the random choices that they share."""

import math
from collections.abc import Iterator
from random import Random

from pipelines.simulator.actions import Action, Kind, Meeting
from pipelines.simulator.calendar import DAY_MS, HOUR_MS, MINUTE_MS
from pipelines.simulator.population import Person

SLOWEST_ANSWER_HOURS = 20
_LARGE_MEAN = 12


class Week:
    """Collects the actions of a week. All times are milliseconds since 1970."""

    def __init__(self, community: int, number: int, monday: int, rng: Random, numbers: Iterator[int]) -> None:
        """`number` counts the weeks of the simulation; `numbers` gives every action and meeting a number of its own."""
        self.community, self.number, self.monday, self.rng = community, number, monday, rng
        self._numbers = numbers
        self.actions: list[Action] = []

    def add(self, at: int, kind: Kind, who: Person | None, space: str = "", *, platform: str = "slack") -> Action:
        """Add an action and return it."""
        action = Action(at, next(self._numbers), kind, self.community, who, space, platform=platform)
        self.actions.append(action)
        return action

    def meeting(self, starts: int, host: Person) -> Meeting:
        """Return a new meeting. Its actions are added by themselves."""
        return Meeting(next(self._numbers), self.community, starts, host)

    def moment(self) -> int:
        """Return a moment in working hours, Monday to Friday."""
        rng = self.rng
        return self.monday + rng.randrange(5) * DAY_MS + 7 * HOUR_MS + rng.randrange(10 * HOUR_MS)

    def delay(self) -> int:
        """Return the time that an answer takes, in milliseconds."""
        hours = min(SLOWEST_ANSWER_HOURS, self.rng.lognormvariate(0.7, 1.0))
        return int(hours * HOUR_MS) + MINUTE_MS

    def poisson(self, mean: float) -> int:
        """Return a Poisson number. A large mean is approximated by a normal distribution."""
        if mean > _LARGE_MEAN:
            return max(0, round(self.rng.gauss(mean, mean**0.5)))
        left, count = math.e**-mean, 0
        product = self.rng.random()
        while product > left:
            count += 1
            product *= self.rng.random()
        return count
