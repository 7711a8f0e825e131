"""A wiki page that is moved stays one page, with the threads of its talk page; what comes to its old title later is another."""

import json
from pathlib import Path

import pytest

from tests.cases.installation import SETTINGS, Installation
from tests.cases.test_platform_links import DAY, MONDAY, WIKI


def edit(number: int, user: str, title: str, namespace: int = 0, *, new: bool = False, comment: str = "") -> dict:
    return WIKI | {
        "id": number, "type": "new" if new else "edit", "namespace": namespace, "title": title, "timestamp": MONDAY + number * DAY // 4,
        "user": user, "bot": False, "minor": False, "comment": comment, "length": {"old": 1, "new": 9},
        "revision": {"old": 100 + number - 1, "new": 100 + number},
    }  # fmt: skip


def move(number: int, title: str, target: str, namespace: int = 0, *, second: int | None = None, key: str = "target") -> dict:
    at = MONDAY + number * DAY // 4 if second is None else second
    return WIKI | {
        "id": number, "type": "log", "namespace": namespace, "title": title, "timestamp": at, "user": "Dora", "bot": False,
        "log_id": 900 + number, "log_type": "move", "log_action": "move", "log_params": {key: target, "noredir": "0"},
    }  # fmt: skip


TWICE = [
    edit(1, "Dora", "Peat", new=True), edit(2, "Emil", "Peat"), move(3, "Peat", "Clay"), edit(4, "Emil", "Clay"),
    move(5, "Clay", "Loam", key="4::target"), edit(6, "Fenn", "Loam"), edit(7, "Fenn", "Peat", new=True),
]  # fmt: skip
SWAP = MONDAY + 3 * DAY // 4
SWAPPED = [
    edit(1, "Dora", "Peat", new=True), edit(2, "Emil", "Clay", new=True),
    move(3, "Peat", "Swap", second=SWAP), move(4, "Clay", "Peat", second=SWAP), move(5, "Swap", "Clay", second=SWAP),
    edit(6, "Dora", "Clay"), edit(7, "Emil", "Peat"), edit(8, "Emil", "Peat"),
]  # fmt: skip
TALK = [
    edit(1, "Dora", "Talk:Peat", 1, comment="/* Seeds */ where from?"), move(2, "Talk:Peat", "Talk:Clay", 1),
    edit(3, "Emil", "Talk:Clay", 1, comment="/* Seeds */ from me"), edit(4, "Fenn", "Talk:Clay", 1, comment="/* Tools */ who"),
]  # fmt: skip


@pytest.fixture
def made(tmp_path):
    installation = Installation(tmp_path, SETTINGS.format(platform="mediawiki"))
    yield installation
    installation.close()


def take(made: Installation, lines: list[dict], *, one_by_one: bool) -> None:
    for number, part in enumerate([[line] for line in lines] if one_by_one else [lines]):
        path: Path = made.folder / f"{number}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in part))
        made.imports("mediawiki-recentchange", path)
        if one_by_one:
            made.refresh()
    made.refresh()


@pytest.mark.parametrize("one_by_one", [False, True], ids=["at once", "one by one, backwards"])
def test_a_page_moved_twice_is_one_page_and_its_old_title_another(made, one_by_one):
    take(made, TWICE[::-1] if one_by_one else TWICE, one_by_one=one_by_one)
    assert made.rows("select edits, editors from core.pages order by all") == [(1, 1), (4, 3)]


def test_pages_that_change_places_keep_their_editors(made):
    take(made, SWAPPED, one_by_one=False)
    assert made.rows("select edits, editors from core.pages order by all") == [(2, 1), (3, 1)]


def test_a_talk_page_keeps_its_threads(made):
    take(made, TALK, one_by_one=False)
    threads = (
        "select count(*), count(distinct member) from core.interactions where is_contribution group by thread_id order by all"
    )
    assert made.rows(threads) == [(1, 1), (2, 2)]
