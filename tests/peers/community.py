"""A community on a real wiki: a script acts on it, and writes down what must come out of each act.

What is expected is written from the script's own knowledge: who did what to which page, and the number of the revision that the
wiki returned. Nothing of it is read back from what is tested.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from events.identity import actor_id, event_id, object_id, title_object
from tests.peers.mediawiki import ADMIN, MediaWiki, Person

PEOPLE = ("Ines Alder", "Tomás Birch", "Xue Cedar", "Owen Elm")
DEFAULT = "MediaWiki default"
"""Whom the installer names as the author of the first page."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One interaction: native account, verb, space, title of the page, and the revision or the one it reverts where known."""

    act: str
    verb: str
    actor: str
    space: str
    title: str | None
    revision: int | None = None
    reverts: int | None = None


Row = tuple[str, str, str, str, str | None, str | None]
"""Verb, actor, space, object, event id where the script knows it, and the object that is reverted: as an interaction has them."""


def wanted(one: Expected, key: bytes, tenant: str) -> Row:
    """What an act must become."""
    return (
        one.verb,
        actor_id(key, "mediawiki", tenant, one.actor),
        one.space,
        object_id(key, "mediawiki", tenant, title_object(one.title) if one.title else tenant),
        event_id(key, "mediawiki", tenant, f"rev:{one.revision}") if one.revision else None,
        object_id(key, "mediawiki", tenant, f"rev:{one.reverts}") if one.reverts else None,
    )


@dataclass
class Page:
    title: str
    revisions: list[tuple[int, str, str]] = field(default_factory=list)
    """Number, author and text of each revision."""

    @property
    def text(self) -> str:
        return self.revisions[-1][2]


class WikiCommunity:
    """People, pages, and acts in an order that the seed decides."""

    def __init__(self, wiki: MediaWiki, seed: int, wait_until_polled: Callable[[], None]) -> None:
        """`wait_until_polled` returns when everything so far was read: deleting a page takes its changes out of the API."""
        self._random, self._wait = random.Random(seed), wait_until_polled
        self.expected = [Expected("install", "create", DEFAULT, "0", "Main Page", 1)]
        self.admin = wiki.person(ADMIN)
        for name in PEOPLE:
            self.admin.makes_account(name)
            self._note("account", "join", name, "site", None)
        self.people = [wiki.person(name) for name in PEOPLE]
        self.nobody = Person(wiki, None)
        self.pages: dict[str, Page] = {}
        self._number = 0
        self._last_talk: str | None = None
        self._deleted: str | None = None

    def act(self) -> None:
        """One act."""
        acts: list[tuple[int, Callable[[], None]]] = [
            (6, self._edit),
            (4, self._talk),
            (2, self._minor_talk),
            (2, self._undo),
            (2, self._rollback),
            (1, self._manual_revert),
            (3, self._new_page),
            (2, self._burst),
            (1, self._move),
            (1, self._delete),
            (2, self._upload),
            (1, self._protect),
            (1, self._block),
            (3, self._patrol),
            (1, self._restore),
        ]
        if len(self.pages) < 3:
            self._new_page()
            return
        self._random.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()

    def counts(self) -> Counter[str]:
        return Counter(one.act for one in self.expected)

    def _note(self, act: str, verb: str, actor: str, space: str, title: str | None, *more: int | None) -> None:
        self.expected.append(Expected(act, verb, actor, space, title, *more))

    def _person(self) -> Person:
        return self._random.choice(self.people)

    def _page(self) -> Page:
        return self._random.choice(list(self.pages.values()))

    def _text(self) -> str:
        self._number += 1
        return f"Line {self._number} about gardens."

    def _save(self, person: Person, page: Page, text: str, **more: object) -> int:
        number = person.edits(page.title, text, **more)
        page.revisions.append((number, person.name, text))
        return number

    def _new_page(self) -> None:
        self._number += 1
        page, person = Page(f"Bed {self._number}"), self._person()
        number = self._save(person, page, self._text())
        self.pages[page.title] = page
        self._note("new page", "create", person.name, "0", page.title, number)

    def _edit(self, page: Page | None = None) -> None:
        page, person = page or self._page(), self._random.choice([*self.people, self.nobody])
        number = self._save(person, page, f"{page.text}\n{self._text()}")
        self._note("edit", "edit", person.name, "0", page.title, number)

    def _burst(self) -> None:
        """Edits as fast as the wiki takes them, so that several have one timestamp."""
        page = self._page()
        for _ in range(4):
            self._edit(page)

    def _talk(self) -> None:
        page, person = self._page(), self._person()
        title = f"Talk:{page.title}"
        number = person.does("edit", title=title, appendtext=f"\n{self._text()}", summary="/* Water */ a thought")["newrevid"]
        self._note("talk", "post", person.name, "1", title, number)
        self._last_talk = title

    def _minor_talk(self) -> None:
        if self._last_talk is None:
            self._talk()
        self._number += 1
        title, person = self._last_talk, self._person()
        number = person.does("edit", title=title, appendtext=f" {self._number}", minor=1)["newrevid"]
        self._note("minor talk", "edit", person.name, "1", title, number)

    def _undo(self) -> None:
        page, person = self._page(), self._person()
        self._edit(page)
        undone, _, _ = page.revisions[-1]
        number = person.does("edit", title=page.title, undo=undone)["newrevid"]
        page.revisions.append((number, person.name, page.revisions[-2][2]))
        self._note("undo", "revert", person.name, "0", page.title, number, undone)

    def _rollback(self) -> None:
        page = self._page()
        while page.revisions[-1][1] == self.nobody.name:
            self._edit_by(self._person(), page)
        before = page.text
        for _ in range(2):
            self._edit_by(self.nobody, page)
        last = page.revisions[-1][0]
        number = self.admin.rolls_back(page.title, self.nobody.name)
        page.revisions.append((number, ADMIN, before))
        self._note("rollback", "revert", ADMIN, "0", page.title, number, last)

    def _edit_by(self, person: Person, page: Page) -> None:
        number = self._save(person, page, f"{page.text}\n{self._text()}")
        self._note("edit", "edit", person.name, "0", page.title, number)

    def _manual_revert(self) -> None:
        page, person = self._page(), self._person()
        before = page.text
        self._edit(page)
        reverted = page.revisions[-1][0]
        number = self._save(person, page, before)
        self._note("manual revert", "revert", person.name, "0", page.title, number, reverted)

    def _move(self) -> None:
        page = self._page()
        self._number += 1
        new = f"Moved {self._number}"
        self.admin.does("move", **{"from": page.title, "to": new, "reason": "a better name"})
        self._note("move", "moderate", ADMIN, "0", page.title)
        del self.pages[page.title]
        self.pages[new] = Page(new, [*page.revisions, (0, ADMIN, page.text)])
        # The move adds a revision whose number the answer does not name: an edit makes the newest one known again.
        self._edit_by(self._person(), self.pages[new])

    def _delete(self) -> None:
        page = self._page()
        self._wait()
        self.admin.does("delete", title=page.title, reason="empty")
        self._note("deletion", "moderate", ADMIN, "0", page.title)
        del self.pages[page.title]
        self._deleted = page.title

    def _restore(self) -> None:
        if self._deleted is None:
            self._delete()
        self.admin.does("undelete", title=self._deleted)
        self._note("restoring", "moderate", ADMIN, "0", self._deleted)
        self._deleted = None

    def _upload(self) -> None:
        self._number += 1
        person, name = self._person(), f"Plan {self._number % 4}.txt"
        person.uploads(name, self._text().encode())
        self._note("upload", "upload", person.name, "6", f"File:{name}")
        time.sleep(1.05)  # two versions of a file need two seconds

    def _protect(self) -> None:
        page = self._page()
        self._number += 1
        expiry = f"{self._number} days"
        self.admin.does("protect", title=page.title, protections="move=sysop", expiry=expiry)
        self._note("protection", "moderate", ADMIN, "0", page.title)

    def _block(self) -> None:
        self._number += 1
        address = f"10.1.{self._number // 250}.{self._number % 250}"
        self.admin.does("block", user=address, expiry="1 day", reason="a test")
        self._note("block", "moderate", ADMIN, "site", f"User:{address}")

    def _patrol(self) -> None:
        """Patrols are in the log and the feed only, and have no number among the recent changes."""
        page = self._page()
        person = self._person()
        self._edit_by(person, page)
        self.admin.patrols(page.revisions[-1][0])
        self._note("patrol", "moderate", ADMIN, "0", page.title)
