"""Vocabulary: the closed lists that a metric's header chooses from, and what each entry implies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter of a report: its title and the question that its metrics answer."""

    title: str
    question: str


CHAPTERS: Mapping[str, Chapter] = {
    "rhythm": Chapter("Aliveness and rhythm", "Does it still meet, at its own pace?"),
    "participation": Chapter("Participation", "Is there a core, and can people move?"),
    "newcomers": Chapter("Newcomers", "What happens to somebody who turns up?"),
    "help": Chapter("Mutual help", "Do people get help?"),
    "practice": Chapter("Shared practice", "Does something remain, and get used?"),
    "relationships": Chapter("Relationships", "Are there ties, in both directions?"),
    "staying": Chapter("Staying", "Who comes back?"),
    "domain": Chapter("Domain", "Is it about something?"),
    "boundaries": Chapter("Boundaries", "Is it open to others?"),
    "data": Chapter("What the numbers are made of", "How much of it did people do?"),
}
"""Name in a header -> chapter, in the order of a report."""

_CHAT_OR_WIKI_TALK = "a chat source (such as Slack) or a wiki source with talk pages (such as MediaWiki)"
NEEDS: Mapping[str, str] = {
    "any interaction": "any source",
    "contributions": "a chat, wiki or meeting source",
    "contributions or attendance": "a chat, wiki or meeting source",
    "chat or wiki talk": _CHAT_OR_WIKI_TALK,
    "replies or mentions": _CHAT_OR_WIKI_TALK,
    "meeting": "a meeting source (such as Zoom)",
    "sources in the settings": "at least one source in the settings",
}
"""Data that a metric needs -> the sources that provide it, with an example; README.md lists all platforms."""


@dataclass(frozen=True, slots=True)
class Count:
    """What a numerator and a denominator count. `grouped`: numbers below five could point at somebody, so they are withheld."""

    title: str
    grouped: bool


COUNTS: Mapping[str, Count] = {
    "people": Count("people", grouped=True),
    "threads": Count("threads", grouped=True),
    "pairs": Count("pairs", grouped=True),
    "events": Count("interactions", grouped=True),
    "beats": Count("beats", grouped=False),
    "meetings": Count("meetings", grouped=False),
    "sources": Count("sources", grouped=False),
}

Rule = Literal["count", "cells", "share", "ratio", "index", "measurement"]
RULES: Mapping[Rule, str] = {
    "count": "A grouped count below five is withheld; others are shown as their group of five.",
    "cells": "As `count`, from 15 contributors on; with a withheld cell one of `hides_first` hides, so no total reveals it.",
    "share": "Withheld below 15 contributors, a denominator of 20 and 5 people; rounded, never to a side with fewer than five.",
    "ratio": "Withheld and rounded as a share; its interval is rounded to two digits, because it is not limited to 0 to 1.",
    "index": "Withheld below 15 contributors and a denominator of 20; rounded as a share, without its interval.",
    "measurement": "Shown to two digits from the metric's own `smallest` denominator on, and from 5 people on.",
}
"""How a value of a small group is withheld from sponsors; `reports.estimates` applies it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of measure: how a value is written, which upright axis a chart has, how small groups are withheld."""

    meaning: str
    written: Literal["percent", "points", "hours", "days", "number"]
    axis: Literal["share", "points", "hours", "days", "people", "counted"]
    rule: Rule


KINDS: Mapping[str, Kind] = {
    "share": Kind("a part of a whole, 0 to 1", "percent", "share", "share"),
    "people": Kind("a number of people", "number", "people", "count"),
    "count": Kind("a number of what the measure counts", "number", "counted", "count"),
    "hours": Kind("a duration in hours", "hours", "hours", "measurement"),
    "days": Kind("a duration in days", "days", "days", "measurement"),
    "ratio": Kind("one number divided by another, 0 or more", "number", "counted", "ratio"),
    "index": Kind("a difference of two shares, or a change over a mean", "points", "points", "index"),
    "distribution": Kind("numbers of people, one for each part of a whole", "number", "people", "cells"),
}
"""Name in a header -> kind of measure."""


def one_of(value: str, choices: Mapping[str, object], field: str) -> str:
    """The value. Raises ValueError, which lists the choices, where it is none of them."""
    if value not in choices:
        raise ValueError(f"`{field}` has no value `{value}`; choose one of: {', '.join(choices)}")
    return value
