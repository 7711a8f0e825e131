"""Wiki: the pages of one community, who created them, and their edits and reverts."""

from pipelines.simulator.actions import Kind
from pipelines.simulator.calendar import MINUTE_MS
from pipelines.simulator.population import Person
from pipelines.simulator.week import Week

REVERT_CHANCE = 0.025


class Wiki:
    """The pages of one community, numbered from 0."""

    def __init__(self) -> None:
        """No page exists yet."""
        self.pages = 0
        self._first_page_of: dict[int, int] = {}

    def edit(self, week: Week, who: Person, at: int, page: int | None) -> None:
        """Edit a page; without one, create it."""
        if page is None:
            page = self.pages
            self.pages += 1
            self._first_page_of.setdefault(who.number, page)
            kind = Kind.WIKI_NEW
        else:
            kind = Kind.WIKI_EDIT
        week.add(at, kind, who, platform="mediawiki").ref = page
        if not who.first_ms:
            who.first_ms = at

    def edit_own(self, week: Week, who: Person, at: int) -> None:
        """Edit the first page that this person created; create one when there is none."""
        self.edit(week, who, at, self._first_page_of.get(who.number))

    def any_page(self, week: Week) -> int | None:
        """Return some page; None when none exists."""
        return week.rng.randrange(self.pages) if self.pages else None

    def revert_some(self, week: Week, core: list[Person]) -> None:
        """Members of the core revert a few edits of others within minutes."""
        rng = week.rng
        for action in [d for d in week.actions if d.kind is Kind.WIKI_EDIT]:
            who = rng.choice(core)
            if rng.random() < REVERT_CHANCE and who is not action.who:
                week.add(action.at + 10 * MINUTE_MS, Kind.WIKI_REVERT, who, platform="mediawiki").ref = action
