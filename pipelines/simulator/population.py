"""Population: three invented communities, their people, and the pattern of participation of each person over time."""

import hashlib
from bisect import bisect_left
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate

from pipelines.simulator.calendar import Calendar

NEWCOMER_DAYS = 28
NEWCOMER_WEEKS = 4
FOREVER = 1 << 30


class Pattern(StrEnum):
    """How a person participates during a spell."""

    CORE = "core"
    ACTIVE = "active"
    EASING = "easing"
    OCCASIONAL = "occasional"
    PERIPHERAL = "peripheral"
    NEWCOMER = "newcomer"
    ONE_OFF = "one_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One invented community. Shares are of all people of the simulation; rates are per person or community and week."""

    slug: str
    title: str
    origin: str
    share: float
    beat_weeks: int
    window_beats: int
    core_share: float
    meeting: str
    meeting_every: int
    threads: float
    bursts: float
    edits: float
    subjects: tuple[str, ...]


SPECS = (
    Spec(
        slug="auditors",
        title="Internal audit",
        origin="created",
        share=0.30,
        beat_weeks=1,
        window_beats=12,
        core_share=0.148,
        meeting="Audit round",
        meeting_every=1,
        threads=1.05,
        bursts=0.35,
        edits=2.2,
        subjects=("sampling plan", "finding template", "risk register", "walkthrough", "control matrix", "follow-up letter"),
    ),
    Spec(
        slug="gardeners",
        title="Allotment gardeners",
        origin="organic",
        share=0.53,
        beat_weeks=1,
        window_beats=12,
        core_share=0.105,
        meeting="Plot clinic",
        meeting_every=1,
        threads=1.1,
        bursts=0.4,
        edits=2.4,
        subjects=("tomato blight", "seed swap", "rain barrel", "compost heap", "pear espalier", "slug fence", "cold frame"),
    ),
    Spec(
        slug="restorers",
        title="Instrument restorers",
        origin="organic",
        share=0.17,
        beat_weeks=2,
        window_beats=8,
        core_share=0.20,
        meeting="Bench evening",
        meeting_every=2,
        threads=1.1,
        bursts=0.4,
        edits=2.4,
        subjects=("hide glue", "reed block", "bellows leather", "peg box", "shellac", "soundboard crack"),
    ),
)
COLD = "gardeners"
"""The community in which newcomers get almost no answers for some weeks (a cold shoulder)."""


@dataclass(slots=True, eq=False)
class Person:
    """One invented person of one community; `spells` are (pattern, from week, to week), in order, without overlap."""

    number: int
    community: int
    arrives: int
    seat: int = -1
    spells: list[tuple[Pattern, int, int]] = field(default_factory=list)
    linked: bool = True
    first_ms: int = 0

    @property
    def key(self) -> str:
        """The person's id in the ground truth, people.csv and roles.csv."""
        return f"p{self.number:05d}"

    def pattern(self, week: int) -> Pattern | None:
        """Return the person's pattern in a week; None before they arrive and after they leave."""
        for pattern, since, until in self.spells:
            if since <= week < until:
                return pattern
        return None

    def cut(self, week: int) -> None:
        """End every spell at this week."""
        self.spells = [(pattern, since, min(until, week)) for pattern, since, until in self.spells if since < week]

    def core_spells(self) -> list[tuple[int, int]]:
        """Return (from week, to week) of every spell in the core."""
        return [(since, until) for pattern, since, until in self.spells if pattern is Pattern.CORE]


def _split(text: str) -> list[str]:
    return text.split()


_STARTS = _split(
    "Ba Be Bo Da De Do Fa Fe Ga Go Ha He Ja Jo Ka Ke La Le Lo Ma Me Mi Na Ne No Pa Pe Ra Re Ro Sa Se So Ta Te To Va Ve Wa Yo"
)
_MIDDLES = _split("ba da do fi ga ka la le li lo ma me mi na ne ni no ra re ri ro sa se si ta te ti va vi za")
_ENDS = _split("del den la lan lek len lin mar mir na nek nel ra rek rin ro sen ta tek ven")


def name(number: int) -> tuple[str, str]:
    """Return an invented first and last name, a different pair for each number below 12 million."""
    mixed = number * 7_368_787 % 12_000_000
    first = _STARTS[mixed % 40] + _ENDS[mixed // 40 % 20]
    last = mixed // 800
    return first, _STARTS[(last + 7 * number) % 40] + _MIDDLES[last // 20 % 30] + _MIDDLES[last // 600 % 30] + _ENDS[last % 20]


def token(seed: int, kind: str, number: int, length: int) -> str:
    """Return an id of at most 20 upper-case letters and digits, the same for the same arguments."""
    digest = hashlib.blake2b(f"{seed}/{kind}/{number}".encode(), digest_size=20).digest()
    return digest.translate(_LETTERS)[:length].decode()


_LETTERS = (b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 8)[:256]


def populate(members: int, calendar: Calendar) -> list[list[Person]]:
    """Return all people by community: those who start with it, then newcomers by week of arrival, with their spells."""
    everybody: list[list[Person]] = []
    number = 0
    for community, spec in enumerate(SPECS):
        people = _community(community, spec, max(12, round(members * spec.share)), calendar, number)
        number += len(people)
        everybody.append(people)
    return everybody


def _community(community: int, spec: Spec, size: int, calendar: Calendar, first_number: int) -> list[Person]:
    seats = max(4, round(size * spec.core_share))
    starters = [Pattern.CORE] * seats
    starters += (
        [Pattern.ACTIVE] * round(size * 0.13)
        + [Pattern.OCCASIONAL] * round(size * 0.12)
        + [Pattern.PERIPHERAL] * round(size * 0.05)
    )
    people = []
    for i, pattern in enumerate(starters):
        arrives = 0 if pattern is Pattern.CORE else i % 3
        person = Person(number=first_number + i, community=community, arrives=arrives, seat=i if i < seats else -1)
        person.spells = [(pattern, arrives, FOREVER)]
        people.append(person)
    for i, week in enumerate(_arrivals(size - len(starters), spec, calendar)):
        person = Person(number=first_number + len(starters) + i, community=community, arrives=week)
        person.spells = _newcomer(i, week)
        people.append(person)
    _change_of_core(people, seats, spec, calendar)
    for person in people:
        # The accounts of a few people stay unlinked, so each looks like several people. None of them is ever in the core.
        person.linked = bool(person.core_spells()) or person.number % 17 != 5  # noqa: PLR2004
    return people


def _arrivals(count: int, spec: Spec, calendar: Calendar) -> list[int]:
    """Return the weeks of arrival, spread over the year without chance, so that every window has newcomers."""
    weights = [
        calendar.wave(week) if week >= NEWCOMER_WEEKS and calendar.meets(week, spec.beat_weeks) else 0.0
        for week in range(calendar.weeks)
    ]
    total = list(accumulate(weights))
    if count <= 0 or not total[-1]:
        return []
    return [bisect_left(total, (i + 0.5) / count * total[-1]) for i in range(count)]


def _newcomer(i: int, week: int) -> list[tuple[Pattern, int, int]]:
    after = week + NEWCOMER_WEEKS
    fate = i % 10
    if fate in {0, 4, 7}:
        return [(Pattern.ONE_OFF, week, week + 1)]
    begin = (Pattern.NEWCOMER, week, after)
    if fate in {1, 5}:
        return [begin]
    if fate in {2, 6, 8}:
        return [begin, (Pattern.OCCASIONAL, after, after + 20 + 7 * (i % 6))]
    return [begin, (Pattern.ACTIVE if fate == 3 else Pattern.OCCASIONAL, after, FOREVER)]  # noqa: PLR2004


def _change_of_core(people: list[Person], seats: int, spec: Spec, calendar: Calendar) -> None:
    """Some people leave the core, and a person who has been active for a while takes each seat a week later."""
    changes = round(seats * calendar.weeks / 104 * 0.6)
    holders = {person.seat: person for person in people if person.seat >= 0}
    candidates = [
        p
        for p in people
        if p.seat < 0 and p.spells[-1][0] in {Pattern.ACTIVE, Pattern.OCCASIONAL} and p.spells[-1][2] == FOREVER
    ]
    candidates.sort(key=lambda p: (p.arrives, p.number))
    stride = next(s for s in range(max(2, seats // 3), seats + 2) if _coprime(s, seats))
    for i in range(changes):
        seat = i * stride % seats
        week = round(calendar.weeks * (0.2 + 0.75 * (i + 0.5) / changes))
        leaver = holders[seat]
        leaver.cut(week)
        pattern = (None, Pattern.OCCASIONAL, Pattern.EASING)[i % 3]
        if pattern is not None:
            leaver.spells.append((pattern, week, FOREVER))
        ripe = week + 1 - 14 * spec.beat_weeks
        heir = next((p for p in candidates if p.arrives <= ripe), None)
        if heir is not None:
            candidates.remove(heir)
            heir.cut(week + 1)
            heir.spells.append((Pattern.CORE, week + 1, FOREVER))
            heir.seat = seat
            holders[seat] = heir


def _coprime(a: int, b: int) -> bool:
    while b:
        a, b = b, a % b
    return a == 1
