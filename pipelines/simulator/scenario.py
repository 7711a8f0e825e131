"""Scenario: all actions of a simulation, lazily and in order of delivery; the same for the same arguments."""

from collections.abc import Iterator
from itertools import count
from random import Random

from pipelines.simulator.actions import Action, Kind
from pipelines.simulator.behaviour import Behaviour, ColdShoulder
from pipelines.simulator.calendar import DAY_MS, HOUR_MS, Calendar
from pipelines.simulator.population import COLD, SPECS, populate

GARBAGE = 30
GARBAGE_NUMBERS = 10**12
"""Garbage has numbers of its own, so that it changes no other action."""
REPEATED = 0.015
"""Share of live actions that a platform delivers twice."""
COLD_WEEKS = 10
COLD_FROM = 0.7


def cold_shoulder(calendar: Calendar) -> ColdShoulder | None:
    """Return the planted cold shoulder; None when the simulation is too short to show one."""
    since = round(calendar.weeks * COLD_FROM)
    if calendar.weeks - since < COLD_WEEKS:
        return None
    return ColdShoulder([spec.slug for spec in SPECS].index(COLD), since, since + COLD_WEEKS)


class Scenario:
    """One simulation. Iterating twice gives the same actions."""

    def __init__(self, seed: int, calendar: Calendar, members: int) -> None:
        """Create the people. Actions are generated when `actions` is iterated."""
        self.seed, self.calendar, self.members = seed, calendar, members
        self.people = populate(members, calendar)
        self.cold = cold_shoulder(calendar)

    def actions(self) -> Iterator[Action]:
        """Yield every action in order of delivery, one week in memory at a time. Actions after the end are left out."""
        for people in self.people:
            for person in people:
                person.first_ms = 0
        run = _Run(self)
        waiting: list[Action] = []
        for week in range(self.calendar.weeks):
            waiting += run.week(week)
            waiting.sort(key=lambda action: (action.due, action.number, action.again))
            until = self.calendar.ms(week + 1)
            ready = next((i for i, action in enumerate(waiting) if action.due >= until), len(waiting))
            yield from waiting[:ready]
            waiting = waiting[ready:]


class _Run:
    """The state of one iteration: the numbers, and one behaviour per community."""

    def __init__(self, scenario: Scenario) -> None:
        self.seed, self.calendar = scenario.seed, scenario.calendar
        self.numbers = count(1)
        self.behaviours = [
            Behaviour(community, people, scenario.calendar, scenario.seed, scenario.cold, self.numbers)
            for community, people in enumerate(scenario.people)
        ]

    def week(self, week: int) -> list[Action]:
        """Return everything that begins in a week, unordered. Answers may fall into the next week."""
        found = [action for behaviour in self.behaviours for action in behaviour.actions(week)]
        found += self._garbage(week)
        live = self.calendar.ms(self.calendar.live_week)
        rng = Random(f"{self.seed}/repeat/{week}")  # noqa: S311 - a simulation, no secret
        again = []
        for action in found:
            action.due = action.at
            if action.at >= live and action.kind is not Kind.GARBAGE and rng.random() < REPEATED:
                action.repeats = True
                again.append(_again(action, rng.randrange(1_000, 300_000)))
        return found + again

    def _garbage(self, week: int) -> list[Action]:
        """Return broken payloads, such as a proxy may send: a few in all, spread over the live weeks."""
        first, weeks = self.calendar.live_week, self.calendar.weeks
        if week < first:
            return []
        since, until = ((week + i - first) * GARBAGE // (weeks - first) for i in (0, 1))
        platforms = ("slack", "zoom", "mediawiki")
        return [
            Action(
                self.calendar.ms(week) + DAY_MS + i * HOUR_MS % DAY_MS,
                GARBAGE_NUMBERS + i,
                Kind.GARBAGE,
                -1,
                None,
                platform=platforms[i % 3],
            )
            for i in range(since, until)
        ]


def _again(action: Action, later: int) -> Action:
    return Action(
        action.at,
        action.number,
        action.kind,
        action.community,
        action.who,
        action.space,
        action.ref,
        action.thread,
        action.question,
        action.platform,
        again=True,
        due=action.at + later,
    )
