"""World: the ids, accounts and texts of a simulation, each a function of the seed and a number."""

import hashlib

from pipelines.simulator.actions import Action, Kind
from pipelines.simulator.population import SPECS, Person, name, token

SLACK, ZOOM, WIKI = "slack", "zoom", "mediawiki"
CHANNELS = ("general", "questions", "lunch")
MAPPED_CHANNELS = ("general", "questions")
"""`lunch` belongs to no community."""

_QUESTIONS = (
    "How do you handle the {} when nobody wrote it down?",
    "Has anybody got an example of a {} that worked?",
    "What would you check first in a {}?",
    "Is there a page about the {} yet?",
)
_NOTES = (
    "I wrote up what we learned about the {} this week.",
    "The {} from last month is finished, and it held.",
    "Two of us looked at the {} again: smaller steps helped.",
    "A short note on the {}, before I forget it.",
)
_ANSWERS = (
    "We did it in two rounds: first the {}, then the rest.",
    "Have a look at the page about the {}; the second part is what you need.",
    "I had the same with a {} last spring. Start small.",
    "Thanks, that solved the {} for me!",
    "Somebody from the other group knows more about the {}, but this much is certain: do not rush it.",
)
_CHATTER = ("Anyone near a {} today?", "The {} is behaving.", "Same here with the {}.", "Back later, the {} calls.")


class World:
    """Ids, names and texts."""

    def __init__(self, seed: int) -> None:
        """Every id follows from the seed."""
        self.seed = seed
        self.zoom_account = self.id("zoom-account", 0, 20)
        self.slack_app = "A" + self.id("slack-app", 0, 8)
        self.own_bot = "U" + self.id("own-bot", 0, 8)
        self.teams = tuple("T" + self.id("team", i, 8) for i in range(len(SPECS)))
        self.channels = tuple({space: "C" + self.id(f"channel-{space}", i, 8) for space in CHANNELS} for i in range(len(SPECS)))
        self.series = tuple(str(80_000_000_000 + int(self.id("series", i, 6), 36) % 9_000_000_000) for i in range(len(SPECS)))
        self.wikis = tuple(f"{spec.slug}wiki" for spec in SPECS)
        self.domains = tuple(f"{spec.slug}.wiki.example" for spec in SPECS)

    def id(self, kind: str, number: int, length: int) -> str:
        """Return an id of upper-case letters and digits."""
        return token(self.seed, kind, number, length)

    def uuid(self, kind: str, number: int) -> str:
        """Return a UUID as platforms write it."""
        found = hashlib.blake2b(f"{self.seed}/{kind}/{number}".encode(), digest_size=16).hexdigest()
        return f"{found[:8]}-{found[8:12]}-8{found[13:16]}-8{found[17:20]}-{found[20:]}"

    def slack_user(self, person: Person) -> str:
        """Return the person's account in their community's workspace."""
        return "U" + self.id("slack", person.number, 10)

    def zoom_user(self, person: Person) -> str:
        """Return the person's account at Zoom."""
        return self.id("zoom", person.number, 20)

    def wiki_user(self, person: Person) -> str:
        """Return the person's user name on their community's wiki."""
        return " ".join(name(person.number))

    def full_name(self, person: Person) -> str:
        """Return the person's name in chat and meetings."""
        return " ".join(name(person.number))

    def email(self, person: Person) -> str:
        """Return the person's address, at a domain that cannot exist."""
        first, last = name(person.number)
        return f"{first}.{last}.{person.number}@members.example".lower()

    def accounts(self, person: Person) -> list[tuple[str, str, str]]:
        """Return (platform, tenant, native account) of every account of the person."""
        return [
            (SLACK, self.teams[person.community], self.slack_user(person)),
            (WIKI, self.domains[person.community], self.wiki_user(person)),
            (ZOOM, self.zoom_account, self.zoom_user(person)),
            # A chat message in a meeting names its sender by address only.
            (ZOOM, self.zoom_account, self.email(person)),
        ]

    def text(self, action: Action) -> str:
        """Return the invented text of a message."""
        mixed = action.number * 2_654_435_761 % (1 << 32)
        texts: tuple[str, ...]
        if action.question:
            texts = _QUESTIONS
        elif action.kind is Kind.REPLY:
            texts = _ANSWERS
        elif action.ref is not None:
            texts = _CHATTER
        else:
            texts = _NOTES
        subjects = SPECS[action.community].subjects
        return texts[mixed % len(texts)].format(subjects[mixed // 64 % len(subjects)])
