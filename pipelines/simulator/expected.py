"""Expected: the outcome that every event of a simulation must have, from its kind alone."""

from collections import Counter
from dataclasses import dataclass, field

from pipelines.simulator.actions import Action, Kind
from pipelines.simulator.formats import mediawiki, slack, zoom

UNDERSTOOD = "understood"
NOT_PARTICIPATION = "ignored:not_participation"
PRIVATE = "ignored:private"
UNMAPPED = "ignored:unmapped_space"
OWN_BOT = "ignored:own_bot"
UNREADABLE = "rejected:unreadable_payload"

_OF_KIND = {
    Kind.TYPING: NOT_PARTICIPATION,
    Kind.UNKNOWN: NOT_PARTICIPATION,
    Kind.DIRECT: PRIVATE,
    Kind.ELSEWHERE: UNMAPPED,
    Kind.WIKI_CATEGORY: NOT_PARTICIPATION,
    Kind.UNSHARE: NOT_PARTICIPATION,
    Kind.WAITING: NOT_PARTICIPATION,
    Kind.GARBAGE: UNREADABLE,
}
"""Every other kind is understood, and is one interaction."""


def verdict(action: Action) -> str:
    """Return the expected outcome of a live delivery of this action: a verdict, with its reason after a colon."""
    if action.kind is Kind.BOT_POST and slack.is_own_bot(action):
        return OWN_BOT
    if action.kind is Kind.MEETING_CHAT and zoom.is_private(action):
        return PRIVATE
    if action.kind is Kind.WIKI_LOG and mediawiki.is_automatic(action):
        return NOT_PARTICIPATION
    return _OF_KIND.get(action.kind, UNDERSTOOD)


def repeats(action: Action) -> int:
    """Return how many interactions of an action other records report as well: the end of a meeting repeats who hosts it."""
    return int(action.kind is Kind.ENDED)


@dataclass(slots=True)
class Expected:
    """Expected counts. `events` are raw records by (platform, `live` or `export`, outcome)."""

    events: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    interactions: int = 0
    duplicates: int = 0
    """Interactions that another record has already: a second delivery, or a record that repeats what an earlier one reports."""

    def count_live(self, action: Action) -> None:
        """Count one delivery."""
        outcome = verdict(action)
        self.events[action.platform, "live", outcome] += 1
        if outcome == UNDERSTOOD:
            self.interactions += 1 + repeats(action)
            self.duplicates += (1 + repeats(action)) if action.again else repeats(action)

    def count_exported(self, platform: str, outcome: str, interactions: int = 0, duplicates: int = 0) -> None:
        """Count one record of an export."""
        self.events[platform, "export", outcome] += 1
        self.interactions += interactions
        self.duplicates += duplicates

    def of_platform(self, platform: str) -> int:
        """Return the number of raw records of a platform."""
        return sum(count for (its, _, _), count in self.events.items() if its == platform)

    def total(self) -> int:
        """Return the number of raw records."""
        return sum(self.events.values())
