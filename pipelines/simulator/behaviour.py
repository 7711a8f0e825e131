"""Behaviour: what the people of one community do in a week."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from pipelines.simulator.actions import Action, Kind
from pipelines.simulator.background import add_bots, add_noise
from pipelines.simulator.calendar import DAY_MS, HOUR_MS, MINUTE_MS, Calendar
from pipelines.simulator.meetings import hold_meetings
from pipelines.simulator.population import COLD, NEWCOMER_DAYS, NEWCOMER_WEEKS, SPECS, Pattern, Person
from pipelines.simulator.week import Week
from pipelines.simulator.wiki import Wiki

NEWCOMER_UNANSWERED_ONE_IN = 16
UNANSWERED_ONE_IN = 10
COLD_ANSWERED_ONE_IN = 12
"""So many of the threads, by newcomers or by others, get no answer; in a cold shoulder so many get one."""
CIRCLE_SEATS = 12
KNOWN_PAGE_SHARE = 0.9
"""Share of edits by the core that go to a page that exists."""
NEWCOMER_MEETS = {1: 4, 2: 2}
"""Weeks with a meeting in a newcomer's first 28 days, by weeks per beat."""


@dataclass(frozen=True, slots=True)
class ColdShoulder:
    """The weeks in which the newcomers of a community get almost no answers. `until` is exclusive."""

    community: int
    since: int
    until: int


class Behaviour:
    """The state of one community from week to week."""

    def __init__(
        self,
        community: int,
        people: list[Person],
        calendar: Calendar,
        seed: int,
        cold: ColdShoulder | None,
        numbers: Iterator[int],
    ) -> None:
        """`numbers` gives every action and meeting its own number; all behaviours of a simulation share it."""
        self.community, self.spec = community, SPECS[community]
        self.calendar, self.seed, self.cold, self.numbers = calendar, seed, cold, numbers
        self.future = sorted(people, key=lambda p: (p.arrives, p.number), reverse=True)
        self.current: list[Person] = []
        self.seats = max((p.seat for p in people), default=0) + 1
        newcomers = sum(1 for p in people if p.arrives >= NEWCOMER_WEEKS) or 1  # without those who are there from the start
        per_week = newcomers / max(1, calendar.weeks)
        wanted = 3.2 if self.spec.slug == COLD else 1.4
        # One in three arrivals asks one question and leaves. The others ask the rest, spread over their four weeks.
        self.questions = min(6, max(1, round((wanted / per_week - 0.3) / 0.7)))
        self.size = sum(1 for p in people if p.core_spells() and p.arrives == 0)
        self.opened = [0, 0]
        self.wiki = Wiki()
        self.threads_of: dict[int, list[Action]] = {}

    def actions(self, week: int) -> list[Action]:
        """Return everything that this community begins in a week."""
        rng = Random(f"{self.seed}/{self.spec.slug}/{week}")  # noqa: S311 - a simulation, no secret
        self.week = Week(self.community, week, self.calendar.ms(week), rng, self.numbers)
        self.threads_of.clear()
        while self.future and self.future[-1].arrives <= week:
            self.current.append(self.future.pop())
        self.current = [p for p in self.current if p.spells and p.spells[-1][2] > week]
        if self.calendar.resting(week):
            add_bots(self.week, 1, self.wiki)
            return self.week.actions
        if not self.calendar.meets(week, self.spec.beat_weeks):
            self._quiet_week()
        else:
            self._meeting_week(week)
        return self.week.actions

    def _is_present(self, person: Person, pattern: Pattern, beat: int) -> bool:
        turn = beat + 5 * person.number
        match pattern:
            case Pattern.CORE:
                return turn % 8 != 0
            case Pattern.ACTIVE:
                return turn * 5 % 12 < 5  # noqa: PLR2004 - five of twelve weeks, evenly spread
            case Pattern.EASING:
                return turn % 3 == 0
            case Pattern.OCCASIONAL:
                return self.week.rng.random() < 0.1  # noqa: PLR2004
            case Pattern.PERIPHERAL:
                return turn % 4 == 0
        return True  # newcomers and people with a single question, while they are here

    def _meeting_week(self, week: int) -> None:
        rng, volume = self.week.rng, self.calendar.volume(week)
        beat = (self.calendar.weeks - 1 - week) // self.spec.beat_weeks
        present = self._people_present(week, beat)
        core = sorted(present[Pattern.CORE], key=lambda p: p.seat)
        circles = self._circles(core)
        helpers = core or present[Pattern.ACTIVE]
        for circle in circles:
            self._exchange(circle, beat, volume)
        for person in present[Pattern.ACTIVE] + present[Pattern.EASING]:
            buddies = self._buddies(person, circles) or helpers[:2]
            self._active(person, buddies, volume)
        for person in present[Pattern.OCCASIONAL]:
            self._occasional(person, helpers)
        for person in present[Pattern.NEWCOMER] + present[Pattern.ONE_OFF]:
            self._newcomer(person, week, helpers)
        regulars = core + present[Pattern.ACTIVE]
        if len(core) > 1:
            for _ in range(max(1, round(len(core) * self.spec.bursts * volume))):
                self._burst(rng.sample(core, min(len(core), rng.randint(2, 3))), present[Pattern.ACTIVE])
        self._reactions(regulars + present[Pattern.PERIPHERAL], 0.15)
        if core:
            self.wiki.revert_some(self.week, core)
        if (self.calendar.weeks - 1 - week) % self.spec.meeting_every == 0:
            hold_meetings(self.week, core, present)
        add_bots(self.week, max(1, round(self.size * 0.5)), self.wiki)
        add_noise(self.week, regulars, self.wiki)

    def _people_present(self, week: int, beat: int) -> dict[Pattern, list[Person]]:
        present: dict[Pattern, list[Person]] = {pattern: [] for pattern in Pattern}
        for person in self.current:
            pattern = person.pattern(week)
            if pattern is not None and self._is_present(person, pattern, beat):
                present[pattern].append(person)
        return present

    def _circles(self, core: list[Person]) -> list[list[Person]]:
        count = -(-self.seats // CIRCLE_SEATS)
        circles: list[list[Person]] = [[] for _ in range(count)]
        for person in core:
            circles[person.seat % count].append(person)
        return [circle for circle in circles if circle]

    def _buddies(self, person: Person, circles: list[list[Person]]) -> list[Person]:
        if not circles:
            return []
        circle = circles[person.number % len(circles)]
        return [circle[(person.number + i) % len(circle)] for i in range(min(2, len(circle)))]

    def _post(self, at: int, who: Person, space: str, thread: Action | None = None, *, question: bool = False) -> Action:
        action = self.week.add(at, Kind.REPLY if thread else Kind.POST, who, space)
        action.thread, action.question = thread, question
        if not who.first_ms:
            who.first_ms = at
        rng = self.week.rng
        chance = rng.random()
        if chance < 0.035:  # noqa: PLR2004
            self.week.add(at + MINUTE_MS + rng.randrange(HOUR_MS), Kind.EDIT, who, space).ref = action
        elif chance < 0.06:  # noqa: PLR2004
            self.week.add(at - 4_000, Kind.TYPING, who, space)
        return action

    def _thread(self, who: Person, at: int, space: str, answerers: list[Person], *, question: bool = True) -> Action:
        """Open a thread. Most are answered within hours; in a cold shoulder, most threads of newcomers are not."""
        rng = self.week.rng
        opening = self._post(at, who, space, question=question)
        self.threads_of.setdefault(who.number, []).append(opening)
        newcomer = at < who.first_ms + NEWCOMER_DAYS * DAY_MS
        self.opened[newcomer] += 1
        answered = self.opened[newcomer] % (NEWCOMER_UNANSWERED_ONE_IN if newcomer else UNANSWERED_ONE_IN) != 0
        cold = self.cold
        if newcomer and cold and cold.community == self.community and cold.since <= self.week.number < cold.until:
            answered = self.opened[newcomer] % COLD_ANSWERED_ONE_IN == 0
        others = [p for p in answerers if p is not who]
        if answered:
            for other in others:
                self._post(at + self.week.delay(), other, space, opening)
        if newcomer or rng.random() < 0.4:  # noqa: PLR2004
            # The author adds a detail. It makes a thread even where nobody answers, and does not count as an answer.
            self._post(at + 2 * MINUTE_MS + rng.randrange(HOUR_MS), who, space, opening)
        elif answered and others and rng.random() < 0.5:  # noqa: PLR2004
            self._post(at + 26 * HOUR_MS, who, space, opening)
        if newcomer and not answered and others and rng.random() < 0.2:  # noqa: PLR2004
            self._post(at + 80 * HOUR_MS + rng.randrange(30 * HOUR_MS), others[0], space, opening)
        return opening

    def _exchange(self, circle: list[Person], beat: int, volume: float) -> None:
        """Everybody in a circle opens a thread; who answers rotates, so that in time everybody answers everybody."""
        rng, k = self.week.rng, len(circle)
        for i, who in enumerate(circle):
            extra = self.spec.threads * volume - 1
            for n in range(1 + (rng.random() < extra)):
                turns = {(beat + n) % (k - 1) + 1, (beat * 2 + n) % (k - 1) + 1} if k > 1 else set()
                answerers = [circle[(i + turn) % k] for turn in sorted(turns)]
                if rng.random() < 0.6:  # noqa: PLR2004
                    answerers.append(rng.choice(circle))
                space = "questions" if rng.random() < 0.4 else "general"  # noqa: PLR2004
                self._thread(who, self.week.moment(), space, list(dict.fromkeys(answerers)), question=rng.random() < 0.6)  # noqa: PLR2004
            for _ in range(self.week.poisson(self.spec.edits * volume)):
                self.wiki.edit(
                    self.week,
                    who,
                    self.week.moment(),
                    self.wiki.any_page(self.week) if self.wiki.pages and rng.random() < KNOWN_PAGE_SHARE else None,
                )

    def _active(self, who: Person, buddies: list[Person], volume: float) -> None:
        rng = self.week.rng
        if rng.random() < 0.75 * max(volume, 0.8):
            self._thread(who, self.week.moment(), "questions", buddies, question=True)
        threads = [action for buddy in buddies for action in self.threads_of.get(buddy.number, ())]
        for action in threads[: 1 + (rng.random() < volume)]:
            self._post(action.at + self.week.delay(), who, action.space, action)
        for _ in range(self.week.poisson(1.8 * volume)):
            self.wiki.edit_own(self.week, who, self.week.moment())

    def _occasional(self, who: Person, helpers: list[Person]) -> None:
        rng = self.week.rng
        threads = [d for d in self.week.actions[:200] if d.kind is Kind.POST]
        if threads and rng.random() < 0.5:  # noqa: PLR2004
            action = rng.choice(threads)
            self._post(action.at + self.week.delay(), who, action.space, action)
        elif helpers and rng.random() < 0.6:  # noqa: PLR2004
            self._thread(who, self.week.moment(), "questions", [rng.choice(helpers)])
        else:
            self.wiki.edit_own(self.week, who, self.week.moment())

    def _newcomer(self, who: Person, week: int, helpers: list[Person]) -> None:
        rng = self.week.rng
        since = week - who.arrives
        if since == 0:
            self.week.add(self.week.monday + rng.randrange(6 * HOUR_MS), Kind.TEAM_JOIN, who)
        weeks = NEWCOMER_MEETS[self.spec.beat_weeks]
        turn = since // self.spec.beat_weeks
        count = self.questions * (turn + 1) // weeks - self.questions * turn // weeks
        if who.pattern(week) is Pattern.ONE_OFF:
            count = 1
        at = self.week.moment()
        for n in range(max(count, since == 0)):
            answerers = rng.sample(helpers, min(len(helpers), 1 + (rng.random() < 0.5)))  # noqa: PLR2004
            self._thread(who, at + n * 3 * HOUR_MS, "questions", answerers)
        after = max(at, who.first_ms) + HOUR_MS
        if count == 0 or rng.random() < 0.4:  # noqa: PLR2004
            threads = [d for d in self.week.actions[:200] if d.kind is Kind.POST and d.who is not who]
            action = rng.choice(threads) if threads else None
            if action is not None:
                self._post(max(after, action.at) + self.week.delay(), who, action.space, action)
        if rng.random() < 0.35 and who.linked:  # noqa: PLR2004 - an unlinked wiki account would be a second newcomer
            self.wiki.edit_own(self.week, who, after + rng.randrange(8 * HOUR_MS))

    def _burst(self, speakers: list[Person], actives: list[Person]) -> None:
        """A few people chat without a thread, minutes apart."""
        rng, at = self.week.rng, self.week.moment()
        people = speakers + ([rng.choice(actives)] if actives and rng.random() < 0.3 else [])  # noqa: PLR2004
        last: Person | None = None
        for n in range(rng.randint(3, 6)):
            who = people[n] if n < len(people) else rng.choice([p for p in people if p is not last])
            action = self._post(at, who, "general")
            action.ref = 1  # marks chat, whose text asks nothing and is not answered in a thread
            if n > 0 and rng.random() < 0.03:  # noqa: PLR2004
                self.week.add(at + 2 * HOUR_MS, Kind.DELETE, who, "general").ref = action
            last = who
            at += 20_000 + rng.randrange(6 * MINUTE_MS)

    def _reactions(self, people: list[Person], share: float) -> None:
        rng = self.week.rng
        if not people:
            return
        for action in [d for d in self.week.actions if d.kind in {Kind.POST, Kind.REPLY}]:
            if rng.random() < share:
                who = rng.choice(people)
                if who is not action.who:
                    self.week.add(
                        action.at + MINUTE_MS + rng.randrange(5 * HOUR_MS), Kind.REACT, who, action.space
                    ).ref = action

    def _quiet_week(self) -> None:
        """In a week without a meeting of a fortnightly community, two people edit the wiki: too little for a live week."""
        core = [p for p in self.current if p.pattern(self.week.number) is Pattern.CORE and p.seat < 2]  # noqa: PLR2004
        for person in core:
            for _ in range(self.week.poisson(2)):
                self.wiki.edit(self.week, person, self.week.moment(), self.wiki.any_page(self.week))
        add_bots(self.week, max(1, self.size // 3), self.wiki)
