"""Behaviour: one community in motion; everything that it begins in a week."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from pipelines.simulator.actions import Action, Kind, Meeting
from pipelines.simulator.calendar import DAY_MS, HOUR_MS, MINUTE_MS, Calendar
from pipelines.simulator.population import COLD, NEWCOMER_DAYS, SPECS, Person, Plan

WELCOMED_BUT_ONE_IN = 16
ANSWERED_BUT_ONE_IN = 10
SLOWEST_ANSWER_HOURS = 20
CIRCLE_SEATS = 12
NEWCOMER_MEETS = {1: 4, 2: 2}
"""Weeks in which a newcomer of the first 28 days can ask, by weeks a beat."""


@dataclass(frozen=True, slots=True)
class ColdShoulder:
    """Where and when newcomers are left without an answer: weeks of the play, `until` exclusive."""

    community: int
    since: int
    until: int


class Behaviour:
    """One community in motion."""

    def __init__(
        self,
        community: int,
        people: list[Person],
        calendar: Calendar,
        seed: int,
        cold: ColdShoulder | None,
        numbers: Iterator[int],
    ) -> None:
        """`numbers` gives every action and meeting of the play its own number; behaviours share it."""
        self.community, self.spec = community, SPECS[community]
        self.calendar, self.seed, self.cold, self.numbers = calendar, seed, cold, numbers
        self.to_come = sorted(people, key=lambda p: (p.arrives, p.number), reverse=True)
        self.here: list[Person] = []
        self.seats = max((p.seat for p in people), default=0) + 1
        newcomers = sum(1 for p in people if p.arrives >= 4) or 1  # noqa: PLR2004 - who came later than the starters
        per_week = newcomers / max(1, calendar.weeks)
        wanted = 3.2 if self.spec.slug == COLD else 1.4
        # One in three arrivals asks once and goes; the others ask the rest, spread over their four weeks.
        self.questions = min(6, max(1, round((wanted / per_week - 0.3) / 0.7)))
        self.size = sum(1 for p in people if p.core_spells() and p.arrives == 0)
        self.opened = [0, 0]
        self.pages = 0
        self.page_of: dict[int, int] = {}
        self.actions: list[Action] = []
        self.threads_of: dict[int, list[Action]] = {}
        self.rng = Random()  # noqa: S311 - a play, no secret

    # --- who is there ----------------------------------------------------------------------------------------------

    def week(self, week: int) -> list[Action]:
        """Everything that this community begins in a week."""
        self.rng = Random(f"{self.seed}/{self.spec.slug}/{week}")  # noqa: S311 - a play, no secret
        self.actions = []
        self.threads_of.clear()
        self.monday = self.calendar.ms(week)
        self.no = week
        while self.to_come and self.to_come[-1].arrives <= week:
            self.here.append(self.to_come.pop())
        self.here = [p for p in self.here if p.spells and p.spells[-1][2] > week]
        if self.calendar.resting(week):
            self._bots(1)
            return self.actions
        if not self.calendar.meets(week, self.spec.beat_weeks):
            self._quiet_week()
            return self.actions
        self._meeting_week(week)
        return self.actions

    def _present(self, person: Person, plan: Plan, beat: int) -> bool:
        turn = beat + 5 * person.number
        match plan:
            case Plan.CORE:
                return turn % 8 != 0
            case Plan.ACTIVE:
                return turn * 5 % 12 < 5  # noqa: PLR2004 - five of twelve weeks, evenly spread
            case Plan.EASING:
                return turn % 3 == 0
            case Plan.OCCASIONAL:
                return self.rng.random() < 0.1  # noqa: PLR2004
            case Plan.PERIPHERAL:
                return turn % 4 == 0
        return True  # newcomers and one-off askers, while they are here

    def _meeting_week(self, week: int) -> None:
        rng, volume = self.rng, self.calendar.volume(week)
        beat = (self.calendar.weeks - 1 - week) // self.spec.beat_weeks
        there: dict[Plan, list[Person]] = {plan: [] for plan in Plan}
        for person in self.here:
            plan = person.plan(week)
            if plan is not None and self._present(person, plan, beat):
                there[plan].append(person)
        core = sorted(there[Plan.CORE], key=lambda p: p.seat)
        circles = self._circles(core)
        helpers = core or there[Plan.ACTIVE]
        for circle in circles:
            self._exchange(circle, beat, volume)
        for person in there[Plan.ACTIVE] + there[Plan.EASING]:
            buddies = self._buddies(person, circles) or helpers[:2]
            self._active(person, buddies, volume)
        for person in there[Plan.OCCASIONAL]:
            self._occasional(person, helpers)
        for person in there[Plan.NEWCOMER] + there[Plan.ONE_OFF]:
            self._newcomer(person, week, helpers)
        regulars = core + there[Plan.ACTIVE]
        if len(core) > 1:
            for _ in range(max(1, round(len(core) * self.spec.bursts * volume))):
                self._burst(rng.sample(core, min(len(core), rng.randint(2, 3))), there[Plan.ACTIVE])
        self._reactions(regulars + there[Plan.PERIPHERAL], 0.15)
        self._meetings(core, there, week)
        self._bots(max(1, round(self.size * 0.5)))
        self._noise(regulars)

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

    # --- what they do ----------------------------------------------------------------------------------------------

    def _moment(self) -> int:
        """A moment in working hours, Monday to Friday."""
        rng = self.rng
        return self.monday + rng.randrange(5) * DAY_MS + 7 * HOUR_MS + rng.randrange(10 * HOUR_MS)

    def _delay(self) -> int:
        hours = min(SLOWEST_ANSWER_HOURS, self.rng.lognormvariate(0.7, 1.0))
        return int(hours * HOUR_MS) + MINUTE_MS

    def _do(self, at: int, kind: Kind, who: Person | None, space: str = "", *, platform: str = "slack") -> Action:
        action = Action(at, next(self.numbers), kind, self.community, who, space, platform=platform)
        self.actions.append(action)
        return action

    def _say(self, at: int, who: Person, space: str, thread: Action | None = None, *, question: bool = False) -> Action:
        action = self._do(at, Kind.REPLY if thread else Kind.POST, who, space)
        action.thread, action.question = thread, question
        if not who.first_ms:
            who.first_ms = at
        rng = self.rng
        chance = rng.random()
        if chance < 0.035:  # noqa: PLR2004
            self._do(at + MINUTE_MS + rng.randrange(HOUR_MS), Kind.EDIT, who, space).ref = action
        elif chance < 0.06:  # noqa: PLR2004
            self._do(at - 4_000, Kind.TYPING, who, space)
        return action

    def _thread(self, who: Person, at: int, space: str, answerers: list[Person], *, question: bool = True) -> Action:
        """Somebody opens a thread; mostly others answer within hours, and not where a cold shoulder is planted."""
        rng = self.rng
        opening = self._say(at, who, space, question=question)
        self.threads_of.setdefault(who.number, []).append(opening)
        newcomer = at < who.first_ms + NEWCOMER_DAYS * DAY_MS
        self.opened[newcomer] += 1
        answered = self.opened[newcomer] % (WELCOMED_BUT_ONE_IN if newcomer else ANSWERED_BUT_ONE_IN) != 0
        cold = self.cold
        if newcomer and cold and cold.community == self.community and cold.since <= self.no < cold.until:
            answered = self.opened[newcomer] % 12 == 0
        others = [p for p in answerers if p is not who]
        if answered:
            for other in others:
                self._say(at + self._delay(), other, space, opening)
        if newcomer or rng.random() < 0.4:  # noqa: PLR2004
            # The asker adds a detail: a thread of its own even where nobody answers, and no answer.
            self._say(at + 2 * MINUTE_MS + rng.randrange(HOUR_MS), who, space, opening)
        elif answered and others and rng.random() < 0.5:  # noqa: PLR2004
            self._say(at + 26 * HOUR_MS, who, space, opening)
        if newcomer and not answered and others and rng.random() < 0.2:  # noqa: PLR2004
            self._say(at + 80 * HOUR_MS + rng.randrange(30 * HOUR_MS), others[0], space, opening)
        return opening

    def _exchange(self, circle: list[Person], beat: int, volume: float) -> None:
        """Everybody of a circle opens a thread, and by rotation everybody answers everybody in turn."""
        rng, k = self.rng, len(circle)
        for i, who in enumerate(circle):
            extra = self.spec.threads * volume - 1
            for n in range(1 + (rng.random() < extra)):
                turns = {(beat + n) % (k - 1) + 1, (beat * 2 + n) % (k - 1) + 1} if k > 1 else set()
                answerers = [circle[(i + turn) % k] for turn in sorted(turns)]
                if rng.random() < 0.6:  # noqa: PLR2004
                    answerers.append(rng.choice(circle))
                space = "questions" if rng.random() < 0.4 else "general"  # noqa: PLR2004
                self._thread(who, self._moment(), space, list(dict.fromkeys(answerers)), question=rng.random() < 0.6)  # noqa: PLR2004
            for _ in range(self._poisson(self.spec.edits * volume)):
                self._edit_page(who, self._moment(), rng.randrange(self.pages) if self.pages and rng.random() < 0.9 else None)  # noqa: PLR2004

    def _active(self, who: Person, buddies: list[Person], volume: float) -> None:
        rng = self.rng
        if rng.random() < 0.75 * max(volume, 0.8):
            self._thread(who, self._moment(), "questions", buddies, question=True)
        threads = [action for buddy in buddies for action in self.threads_of.get(buddy.number, ())]
        for action in threads[: 1 + (rng.random() < volume)]:
            self._say(action.at + self._delay(), who, action.space, action)
        for _ in range(self._poisson(1.8 * volume)):
            self._edit_page(who, self._moment(), self.page_of.get(who.number))

    def _occasional(self, who: Person, helpers: list[Person]) -> None:
        rng = self.rng
        threads = [d for d in self.actions[:200] if d.kind is Kind.POST]
        if threads and rng.random() < 0.5:  # noqa: PLR2004
            action = rng.choice(threads)
            self._say(action.at + self._delay(), who, action.space, action)
        elif helpers and rng.random() < 0.6:  # noqa: PLR2004
            self._thread(who, self._moment(), "questions", [rng.choice(helpers)])
        else:
            self._edit_page(who, self._moment(), self.page_of.get(who.number))

    def _newcomer(self, who: Person, week: int, helpers: list[Person]) -> None:
        rng = self.rng
        since = week - who.arrives
        if since == 0:
            self._do(self.monday + rng.randrange(6 * HOUR_MS), Kind.TEAM_JOIN, who)
        weeks = NEWCOMER_MEETS[self.spec.beat_weeks]
        turn = since // self.spec.beat_weeks
        count = 1 if who.plan(week) is Plan.ONE_OFF else (self.questions * (turn + 1) // weeks - self.questions * turn // weeks)
        at = self._moment()
        for n in range(max(count, since == 0)):
            answerers = rng.sample(helpers, min(len(helpers), 1 + (rng.random() < 0.5)))  # noqa: PLR2004
            self._thread(who, at + n * 3 * HOUR_MS, "questions", answerers)
        after = max(at, who.first_ms) + HOUR_MS
        if count == 0 or rng.random() < 0.4:  # noqa: PLR2004
            threads = [d for d in self.actions[:200] if d.kind is Kind.POST and d.who is not who]
            action = rng.choice(threads) if threads else None
            if action is not None:
                self._say(max(after, action.at) + self._delay(), who, action.space, action)
        if rng.random() < 0.35 and who.linked:  # noqa: PLR2004 - an unlinked wiki account would be a second newcomer
            self._edit_page(who, after + rng.randrange(8 * HOUR_MS), self.page_of.get(who.number))

    def _burst(self, speakers: list[Person], actives: list[Person]) -> None:
        """A few people talk without a thread, minutes apart."""
        rng, at = self.rng, self._moment()
        cast_of = speakers + ([rng.choice(actives)] if actives and rng.random() < 0.3 else [])  # noqa: PLR2004
        last: Person | None = None
        for n in range(rng.randint(3, 6)):
            who = cast_of[n] if n < len(cast_of) else rng.choice([p for p in cast_of if p is not last])
            action = self._say(at, who, "general")
            action.ref = 1  # chatter: nobody is asked, so nobody answers in a thread
            if n > 0 and rng.random() < 0.03:  # noqa: PLR2004
                self._do(at + 2 * HOUR_MS, Kind.DELETE, who, "general").ref = action
            last = who
            at += 20_000 + rng.randrange(6 * MINUTE_MS)

    def _reactions(self, people: list[Person], share: float) -> None:
        rng = self.rng
        if not people:
            return
        for action in [d for d in self.actions if d.kind in {Kind.POST, Kind.REPLY}]:
            if rng.random() < share:
                who = rng.choice(people)
                if who is not action.who:
                    self._do(action.at + MINUTE_MS + rng.randrange(5 * HOUR_MS), Kind.REACT, who, action.space).ref = action

    def _edit_page(self, who: Person, at: int, page: int | None) -> None:
        if page is None:
            page = self.pages
            self.pages += 1
            self.page_of.setdefault(who.number, page)
            kind = Kind.WIKI_NEW
        else:
            kind = Kind.WIKI_EDIT
        self._do(at, kind, who, platform="mediawiki").ref = page
        if not who.first_ms:
            who.first_ms = at

    def _undo(self, core: list[Person]) -> None:
        """Some edits of others are undone within hours."""
        rng = self.rng
        for action in [d for d in self.actions if d.kind is Kind.WIKI_EDIT]:
            who = rng.choice(core)
            if rng.random() < 0.025 and who is not action.who:  # noqa: PLR2004
                self._do(action.at + 10 * MINUTE_MS, Kind.WIKI_REVERT, who, platform="mediawiki").ref = action

    def _meetings(self, core: list[Person], there: dict[Plan, list[Person]], week: int) -> None:
        rng = self.rng
        if core:
            self._undo(core)
        hosts = [p for p in core if p.seat < 2] or core[:1]  # noqa: PLR2004 - seats 0 and 1 facilitate
        if not hosts or (self.calendar.weeks - 1 - week) % self.spec.meeting_every:
            return
        groups = max(1, round(len(core) / CIRCLE_SEATS))
        for group in range(groups):
            host = hosts[group % len(hosts)] if groups == 1 else core[group % len(core)]
            chances = (
                (core, 0.85),
                (there[Plan.ACTIVE], 0.7),
                (there[Plan.EASING], 0.5),
                (there[Plan.OCCASIONAL], 0.3),
                (there[Plan.NEWCOMER], 0.25),
                (there[Plan.PERIPHERAL], 0.8),
            )
            guests = [p for people, chance in chances for p in people[group::groups] if p is not host and rng.random() < chance]
            self._meet(
                host, [p for p in guests if p.first_ms or p.plan(week) is not Plan.NEWCOMER], [p for p in guests if p in core]
            )

    def _meet(self, host: Person, guests: list[Person], core: list[Person]) -> None:
        rng = self.rng
        begins = self.monday + 3 * DAY_MS + 15 * HOUR_MS + self.community * HOUR_MS - rng.randrange(4 * MINUTE_MS)
        meeting = Meeting(next(self.numbers), self.community, begins, host)
        meeting.ends = begins + 52 * MINUTE_MS + rng.randrange(20 * MINUTE_MS)

        def zoom(at: int, kind: Kind, who: Person | None) -> None:
            self._do(at // 1000 * 1000, kind, who, platform="zoom").ref = meeting

        zoom(begins, Kind.STARTED, host)
        zoom(begins + 3_000, Kind.JOINED, host)
        zoom(meeting.ends - 2_000, Kind.LEFT, host)
        for guest in guests:
            joined = begins + 20_000 + rng.randrange(9 * MINUTE_MS)
            left = meeting.ends - 5_000 - (rng.randrange(20 * MINUTE_MS) if rng.random() < 0.3 else 0)  # noqa: PLR2004
            if rng.random() < 0.08:  # noqa: PLR2004
                zoom(joined - 9_000, Kind.WAITING, guest)
            zoom(joined, Kind.JOINED, guest)
            if rng.random() < 0.12:  # noqa: PLR2004 - the line drops and comes back
                dropped = joined + rng.randrange(5 * MINUTE_MS, 20 * MINUTE_MS)
                zoom(dropped, Kind.LEFT, guest)
                zoom(dropped + 15_000 + rng.randrange(2 * MINUTE_MS), Kind.JOINED, guest)
            zoom(left, Kind.LEFT, guest)
        for presenter in core[:1]:
            shares = begins + 11 * MINUTE_MS + rng.randrange(5 * MINUTE_MS)
            zoom(shares, Kind.SHARE, presenter)
            zoom(shares + 12 * MINUTE_MS, Kind.UNSHARE, presenter)
        speakers = [host, *core]
        for _ in range(rng.randint(3, 9)):
            zoom(begins + 10 * MINUTE_MS + rng.randrange(40 * MINUTE_MS), Kind.MEETING_CHAT, rng.choice(speakers))
        zoom(meeting.ends, Kind.ENDED, host)
        if rng.random() < 0.3:  # noqa: PLR2004
            zoom(meeting.ends + 14 * MINUTE_MS, Kind.RECORDED, host)

    # --- what is nobody's participation -------------------------------------------------------------------------------

    def _quiet_week(self) -> None:
        """Between two meetings of a fortnightly community two people tidy the wiki; that is no living week."""
        core = [p for p in self.here if p.plan(self.no) is Plan.CORE and p.seat < 2]  # noqa: PLR2004
        for person in core:
            for _ in range(self._poisson(2)):
                self._edit_page(person, self._moment(), self.rng.randrange(self.pages) if self.pages else None)
        self._bots(max(1, self.size // 3))

    def _bots(self, count: int) -> None:
        rng = self.rng
        for n in range(count):
            if n % 2 == 0 and self.pages:
                self._do(self._moment(), Kind.WIKI_BOT, None, platform="mediawiki").ref = rng.randrange(self.pages)
            else:
                self._do(self._moment(), Kind.BOT_POST, None, "general")

    def _noise(self, people: list[Person]) -> None:
        """What a platform also sends: another channel, a private word, things nobody did to anybody."""
        rng = self.rng
        if not people:
            return
        for kind, rate in ((Kind.ELSEWHERE, 0.14), (Kind.DIRECT, 0.1), (Kind.UNKNOWN, 0.1)):
            for _ in range(self._poisson(rate * len(people))):
                self._do(self._moment(), kind, rng.choice(people), "lunch" if kind is Kind.ELSEWHERE else "")
        for kind, rate in ((Kind.WIKI_LOG, 0.04), (Kind.WIKI_CATEGORY, 0.1)):
            for _ in range(self._poisson(rate * len(people)) if self.pages else 0):
                self._do(self._moment(), kind, rng.choice(people), platform="mediawiki").ref = rng.randrange(self.pages)

    def _poisson(self, mean: float) -> int:
        """How often, for a mean below ten or so, and for large ones near enough."""
        if mean > 12:  # noqa: PLR2004
            return max(0, round(self.rng.gauss(mean, mean**0.5)))
        left, count = 2.718281828459045**-mean, 0
        product = self.rng.random()
        while product > left:
            count += 1
            product *= self.rng.random()
        return count
