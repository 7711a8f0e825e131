"""Folders of meeting logs: each file that is not taken is named with the reason and what to do; scribes write for every nick."""

import json
from pathlib import Path

import pytest

from dagster_project.cli.app import run_command
from tests.cases.installation import SETTINGS, Installation

TALK = "[17:00:00] <dora> hi\n[17:01:00] <emil> hello\n[17:02:00] <dora> shall we begin?\n"
FILES = {
    "2026-09-07-garden.log": TALK,
    "#garden.2026-09-07.log": TALK,
    "garden.2026-W41.log": TALK,
    "garden.log": TALK,
    "2026-09-14-garden.rtf": "{\\rtf1\\ansi dora: hi}",
    "2026-09-21-garden.log": "{\\rtf1\\ansi dora: hi}",
    "2026-09-28-garden.txt": "Dora Finch  5:02 PM\nhi all\nEmil Grau  5:03 PM\nhello\n",
    "2026-10-05-garden.log": "[INFO] 10:02 server started\n[INFO] 10:03 ready\n",
    "2026-10-12-garden.html": "<!doctype html><p>dora: hi</p>",
    "README.md": "Logs of our meetings, since 2026-09-07.",
}
WHY = {
    "#garden.2026-09-07.log": None,
    "garden.2026-W41.log": "has the day",
    "garden.log": "has the day",
    "2026-09-14-garden.rtf": "save it as plain text",
    "2026-09-21-garden.log": "it is RTF; save it as plain text",
    "2026-09-28-garden.txt": "write pasted chat in that form",
    "2026-10-05-garden.log": "0 of its 2 lines",
    "2026-10-12-garden.html": "save it as plain text",
    "README.md": "not that of a log",
}


@pytest.fixture
def logs(tmp_path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def test_every_file_that_is_not_taken_is_named_with_what_to_do(tmp_path, monkeypatch, capsys, logs):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUILDHALL_HOME", str(tmp_path / "var"))
    (tmp_path / "guildhall.toml").write_text(SETTINGS.format(platform="irc"))
    command = ["import", "irc-meetings", str(logs), "--community", "case", "--tenant", "fern", "--dry-run"]
    assert run_command([*command, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["records"] == 1
    copies = {"#garden.2026-09-07.log", "2026-09-07-garden.log"} & set(printed["left_out"])
    assert len(copies) == 1
    assert "the same meeting as" in printed["left_out"][copies.pop()]
    for name, why in WHY.items():
        assert why is None or why in printed["left_out"][name], name
    assert run_command(command) == 0
    output = capsys.readouterr().out
    assert "left out  garden.log: neither its name" in output


MINUTES = """[17:00:00] <emil> scribe: emil
[17:00:10] <dora[m]> hi
[17:00:20] <fenn/away> hi
[17:00:30] <gil(7)> hi
[17:01:00] <emil> dora[m]: we have seeds
[17:01:10] <emil> fenn/away: and soil
[17:01:20] <emil> ... and sand
[17:01:30] <emil> gil(7): no pots
[17:01:40] <emil> Hanna Moss (Fern Garden): I bring some
[17:01:50] <emil> and/or: both are fine
"""


def test_what_a_scribe_writes_for_a_nick_with_brackets_or_a_slash_is_not_the_scribes_turn(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "2026-09-07-garden.log").write_text(MINUTES)
    made = Installation(tmp_path, SETTINGS.format(platform="irc"))
    made.imports("irc-meetings", tmp_path / "logs", tenant="fern")
    made.refresh()
    turns = dict(made.rows("select member, count(*) from core.interactions where verb = 'speak' group by all"))
    made.close()
    assert sorted(turns.values()) == [1, 1, 2, 2, 3], "emil once, Hanna once, dora and gil twice, fenn three times"
