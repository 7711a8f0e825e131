"""A second export of one place revises the first as a whole, whatever differs between them and whichever was imported first."""

import json
from pathlib import Path

import pytest

from tests.cases.installation import SETTINGS, Installation

FIRST, SECOND = 1_788_771_600, 1_788_775_200
PEOPLE = {31: "Dora Finch", 32: "Emil Grau"}


@pytest.fixture
def made(tmp_path):
    installation = Installation(tmp_path, SETTINGS.format(platform="zulip"))
    yield installation
    installation.close()


def own_export(folder: Path, topic: str, *, messages: int = 4, names: dict[int, str] = PEOPLE) -> Path:
    """Zulip's own export of one stream: messages of two people in turn, all in one topic."""
    folder.mkdir()
    users = [
        {"id": number, "full_name": name, "email": f"user{number}@fern.example", "is_bot": False}
        for number, name in names.items()
    ]
    realm = {
        "zerver_realm": [{"id": 1, "string_id": "fern"}],
        "zerver_stream": [{"id": 7, "name": "help", "invite_only": False, "realm": 1}],
        "zerver_recipient": [{"id": 70, "type": 2, "type_id": 7}],
        "zerver_userprofile": users,
    }
    rows = [
        {
            "id": 500 + number, "sender": list(names)[number % len(names)], "recipient": 70, "subject": topic, "content": "hello",
            "rendered_content": "<p>hello</p>", "date_sent": FIRST + 60 * number,
        }
        for number in range(messages)
    ]  # fmt: skip
    (folder / "realm.json").write_text(json.dumps(realm))
    (folder / "messages-000001.json").write_text(json.dumps({"zerver_message": rows}))
    return folder


def threads(made: Installation) -> list[tuple]:
    made.refresh()
    return made.rows("select thread_id, count(*) from core.interactions where is_contribution group by all")


def test_a_topic_renamed_without_a_new_message_is_one_thread(made, tmp_path):
    for number, topic in enumerate(("soil", "soil and seeds", "compost")):
        made.imports("zulip-archive", own_export(tmp_path / str(number), topic))
    alone = Installation(_folder(tmp_path), SETTINGS.format(platform="zulip"))
    alone.imports("zulip-archive", tmp_path / "2")
    assert threads(made) == threads(alone)
    assert [count for _, count in threads(alone)] == [4]
    alone.close()


def test_an_older_export_that_is_imported_later_changes_nothing_that_the_newer_one_shows(made, tmp_path):
    made.imports("zulip-archive", own_export(tmp_path / "new", "compost", messages=5))
    before = threads(made)
    made.imports("zulip-archive", own_export(tmp_path / "old", "soil", messages=3))
    assert threads(made) == before
    assert [count for _, count in before] == [5]


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "alone").mkdir()
    return tmp_path / "alone"
