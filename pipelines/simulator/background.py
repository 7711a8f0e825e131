"""Background: what platforms also send and what is nobody's participation: bots, other channels, private messages, logs."""

from pipelines.simulator.actions import Kind
from pipelines.simulator.population import Person
from pipelines.simulator.week import Week
from pipelines.simulator.wiki import Wiki

_CHAT_RATES = ((Kind.ELSEWHERE, 0.14), (Kind.DIRECT, 0.1), (Kind.UNKNOWN, 0.1))
_WIKI_RATES = ((Kind.WIKI_LOG, 0.04), (Kind.WIKI_CATEGORY, 0.1))
"""Actions per person and week."""


def add_bots(week: Week, count: int, wiki: Wiki) -> None:
    """Add posts and edits by bots."""
    for n in range(count):
        if n % 2 == 0 and wiki.pages:
            week.add(week.moment(), Kind.WIKI_BOT, None, platform="mediawiki").ref = wiki.any_page(week)
        else:
            week.add(week.moment(), Kind.BOT_POST, None, "general")


def add_noise(week: Week, people: list[Person], wiki: Wiki) -> None:
    """Add what people do that is not participation: an unmapped channel, private messages, unknown events, wiki logs."""
    rng = week.rng
    if not people:
        return
    for kind, rate in _CHAT_RATES:
        for _ in range(week.poisson(rate * len(people))):
            week.add(week.moment(), kind, rng.choice(people), "lunch" if kind is Kind.ELSEWHERE else "")
    for kind, rate in _WIKI_RATES:
        for _ in range(week.poisson(rate * len(people)) if wiki.pages else 0):
            week.add(week.moment(), kind, rng.choice(people), platform="mediawiki").ref = wiki.any_page(week)
