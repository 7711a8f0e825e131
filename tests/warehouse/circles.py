"""Circles: the same invented circle, with the same core, as it looks in each medium alone.

Who is there in which week, and who talks with whom about what, is drawn once by the seed; each medium only renders it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np

from tests.warehouse.landing_rows import BEGAN, Row, edited, met, posted

WEEKS = 44
CORE = frozenset(f"core{n}" for n in range(8))
REGULARS = tuple(f"regular{n}" for n in range(10))
OTHERS = tuple(f"other{n:02}" for n in range(24))
COMES = {"core": 0.9, "other": 0.1}
"""How likely somebody of each kind comes in a week. A regular comes every other week; somebody new comes each week, and not again."""


class Circle:
    """The talk of a circle: `talks[week]` holds lists of people in the order in which they speak, of whom the first one asks.

    `moments[week]` holds when each of them speaks: talks are spread over the days of the week, and some overlap.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.talks = [self._week(week) for week in range(WEEKS)]
        self.moments = [[self._moments(week, *talk) for talk in enumerate(talks)] for week, talks in enumerate(self.talks)]

    def _week(self, week: int) -> list[list[str]]:
        here = [name for name in (*sorted(CORE), *OTHERS) if self.rng.random() < COMES[name.rstrip("0123456789")]]
        here += [name for place, name in enumerate(REGULARS) if (week + place) % 2 == 0]
        talks = []
        for asks in (*here, f"new{week:02}"):
            group = [name for name in here if name != asks]
            # Who is of the core takes part in more of what others ask.
            weight = np.array([3.0 if name in CORE else 1.0 for name in group])
            size = min(len(group), 2 + self.rng.poisson(0.7))
            answers = [str(name) for name in self.rng.choice(group, size, replace=False, p=weight / weight.sum())]
            talks.append(self._turns(asks, answers))
        return talks

    def _turns(self, asks: str, answers: list[str]) -> list[str]:
        """Each one who answers goes back and forth with who asks."""
        turns = [asks]
        for answer in answers:
            turns += [answer, asks] * int(1 + self.rng.integers(0, 3))
        return turns

    def _moments(self, week: int, talk: int, turns: list[str]) -> list[datetime]:
        begins = BEGAN + timedelta(weeks=week, days=talk % 5, minutes=int(self.rng.integers(0, 480)))
        return [begins + timedelta(minutes=2 * n, seconds=int(self.rng.integers(0, 60))) for n in range(len(turns))]


def threaded(circle: Circle) -> list[Row]:
    """Chat in which every talk is a thread."""
    return [
        posted(name, at, thread_id=talk, event_id=f"{talk}:{n}" if n else talk)
        for talk, turns in _talks(circle)
        for n, (name, at) in enumerate(turns)
    ]


def unthreaded(circle: Circle) -> list[Row]:
    """Chat in one channel, in which nobody says whom they answer."""
    return [posted(name, at) for _, turns in _talks(circle) for name, at in turns]


def wiki(circle: Circle) -> list[Row]:
    """A page for each talk: who asks makes it, the others improve it."""
    return [
        edited(name, at, talk, "edit" if n else "create")
        for talk, turns in _talks(circle)
        for n, (name, at) in enumerate(turns)
    ]


def spoken(circle: Circle) -> list[Row]:
    """A meeting each week, with who said something when."""
    rows = []
    for week, talks in enumerate(circle.talks):
        turns = [name for talk in talks for name in talk]
        for number, name in enumerate(turns):
            at = BEGAN + timedelta(weeks=week, seconds=40 * number)
            rows.append(met(name, at, "speak", f"m{week}", event_id=f"m{week}.{number}"))
    return rows


def attended(circle: Circle) -> list[Row]:
    """A meeting each week, with who was there and nothing else."""
    rows = []
    for week, talks in enumerate(circle.talks):
        begins = BEGAN + timedelta(weeks=week)
        for name in sorted({name for talk in talks for name in talk}):
            late, early = (timedelta(minutes=int(circle.rng.integers(0, 12))) for _ in range(2))
            ends = begins + timedelta(hours=1) - early
            rows.append(met(name, begins + late, meeting=f"m{week}", started_at=begins + late, ended_at=ends))
    return rows


MEDIA = {"threads": threaded, "no threads": unthreaded, "wiki": wiki, "turns": spoken, "attendance": attended}


def noise(circle: Circle, medium: str) -> list[Row]:
    """A feed that nobody answers, a spammer, a bot that is not marked, and a greeter, as they come in this medium."""
    return list(_NOISE[medium](circle)) if medium in _NOISE else []


def _chat_noise(circle: Circle, threads: bool) -> Iterator[Row]:
    """The bot answers every question at once, the spammer comes into some talks between others."""
    for talk, turns in _talks(circle):
        thread = {"thread_id": talk} if threads else {}
        (asks, begins), between = turns[0], turns[int(circle.rng.integers(1, len(turns)))][1] - timedelta(seconds=1)
        yield posted("bot", begins + timedelta(seconds=2), **thread)
        if asks.startswith("new"):
            yield posted("greeter", begins + timedelta(seconds=4), mentions=[asks], **thread)
        if circle.rng.random() < 0.3:
            yield posted("spammer", between, **thread)
    for week in range(WEEKS):
        for hour in range(0, 5 * 24, 2):
            at = BEGAN + timedelta(weeks=week, hours=hour, minutes=int(circle.rng.integers(0, 60)))
            yield posted("feed", at, **({"thread_id": f"feed{at}"} if threads else {}))


def _wiki_noise(circle: Circle) -> Iterator[Row]:
    """The bot corrects the spelling when nobody works on the page any more; what the spammer writes is undone."""
    for talk, turns in _talks(circle):
        (asks, begins), (_, ends) = turns[0], turns[-1]
        if circle.rng.random() < 0.3:
            yield edited("bot", ends + timedelta(days=3), talk)
        if circle.rng.random() < 0.1:
            spam = edited("spammer", ends + timedelta(minutes=5), talk)
            yield spam
            yield edited(min(CORE), ends + timedelta(minutes=30), talk, "revert", reply_to_id=spam["event_id"])
        if asks.startswith("new"):
            yield edited("greeter", begins, f"welcome {asks}", "create")
    for week in range(WEEKS):
        yield edited("feed", BEGAN + timedelta(weeks=week), f"digest{week}", "create")


def _meeting_noise(circle: Circle) -> Iterator[Row]:
    for week, talks in enumerate(circle.talks):
        begins = BEGAN + timedelta(weeks=week)
        turns = sum(map(len, talks))
        yield met("feed", begins - timedelta(seconds=5), "speak", f"m{week}", event_id=f"feed{week}")
        yield met("greeter", begins - timedelta(seconds=4), "speak", f"m{week}", event_id=f"greeter{week}")
        yield met("bot", begins + timedelta(seconds=40 * turns), "speak", f"m{week}", event_id=f"bot{week}")
        at = begins + timedelta(seconds=int(circle.rng.integers(0, 40 * turns)))
        yield met("spammer", at, "speak", f"m{week}", event_id=f"spam{week}")


_NOISE = {
    "threads": lambda circle: _chat_noise(circle, threads=True),
    "no threads": lambda circle: _chat_noise(circle, threads=False),
    "wiki": _wiki_noise,
    "turns": _meeting_noise,
}


def _talks(circle: Circle) -> Iterator[tuple[str, list[tuple[str, datetime]]]]:
    """Each talk: its name, and who speaks when."""
    for week, talks in enumerate(circle.talks):
        for number, turns in enumerate(talks):
            yield f"talk{week}.{number}", list(zip(turns, circle.moments[week][number], strict=True))
