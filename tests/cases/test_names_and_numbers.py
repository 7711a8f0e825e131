"""Zulip archives that name people: numbers in rendered mentions and in tables of users link the names of one account."""

import json
from pathlib import Path

import pytest

from tests.cases.installation import SETTINGS, Installation
from tests.cases.test_captures import own_export

FIRST = 1_788_771_600
PEOPLE = "select count(*), count(distinct member) from core.interactions where is_contribution"


def archive(folder: Path, *said: tuple[str, str]) -> Path:
    """zulip-archive's folder of one topic: (sender's name, rendered content)."""
    topic = folder / "7-help" / "soil.json"
    topic.parent.mkdir(parents=True)
    rows = [
        {"id": 500 + number, "content": f"<p>{content}</p>", "sender_full_name": sender, "timestamp": FIRST + 60 * number}
        for number, (sender, content) in enumerate(said)
    ]
    topic.write_text(json.dumps(rows))
    (folder / "stream_index.json").write_text(json.dumps({"streams": {"help": {"id": 7}}}))
    return folder


def at(number: int, name: str, more: str = "") -> str:
    return f'<span class="user-mention{more}" data-user-id="{number}">@{name}</span> hi'


@pytest.fixture
def made(tmp_path):
    installation = Installation(tmp_path, SETTINGS.format(platform="zulip"))
    yield installation
    installation.close()


def test_a_person_who_is_mentioned_by_two_names_and_one_number_is_one(made, tmp_path):
    said = [
        ("Dora Finch", "hello"),
        ("Emil", at(31, "Dora Finch")),
        ("Dora Grau", "hi"),
        ("Emil", at(31, "Dora Grau", " silent")),
    ]
    made.imports("zulip-archive", archive(tmp_path / "a", *said), tenant="fern")
    made.refresh()
    assert made.rows(PEOPLE) == [(4, 2)]
    assert {link.linked_by for link in made.warehouse.identity.links()} == {"platform"}


def test_two_names_that_send_by_turns_are_two_people_although_mentions_show_one_number(made, tmp_path):
    said = [
        ("Dora Finch", "hello"),
        ("Emil Grau", "hi"),
        ("Dora Finch", at(31, "Emil Grau")),
        ("Emil Grau", at(31, "Dora Finch")),
    ]
    made.imports("zulip-archive", archive(tmp_path / "a", *said), tenant="fern")
    made.refresh()
    assert made.rows(PEOPLE) == [(4, 2)]


def test_a_name_that_two_accounts_have_links_nobody(made, tmp_path):
    said = [("Dora", "hello"), ("Emil", at(31, "Dora")), ("Emil", at(32, "Dora")), ("Dora Grau", at(31, "Dora Grau"))]
    made.imports("zulip-archive", archive(tmp_path / "a", *said), tenant="fern")
    made.refresh()
    assert made.rows(PEOPLE) == [(4, 3)]


def test_an_archive_with_names_and_an_export_with_numbers_have_the_same_people_also_where_their_messages_differ(made, tmp_path):
    said = [("Dora Finch", "one"), ("Emil Grau", "two"), ("Dora Finch", "three")]
    names = archive(tmp_path / "a", *said)
    later = own_export(tmp_path / "b", "soil")
    messages = json.loads((later / "messages-000001.json").read_text())
    for row in messages["zerver_message"]:
        row["id"] += 100
    (later / "messages-000001.json").write_text(json.dumps(messages))
    made.imports("zulip-archive", names, tenant="fern")
    made.imports("zulip-archive", later, tenant="fern")
    made.refresh()
    assert made.rows(PEOPLE) == [(7, 2)]
