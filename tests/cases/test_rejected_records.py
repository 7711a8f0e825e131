"""A record of an export that cannot be understood costs itself: the import goes on, exits with 1, and says where it stands."""

import json
from pathlib import Path

import pytest

from dagster_project.cli.app import run_command
from tests.cases.test_captures import own_export
from tests.cases.test_names_and_numbers import archive
from tests.cases.test_platform_links import WIKI
from tests.cases.test_shared_channels import export, message

SETTINGS = "".join(
    f'[[community.case.space]]\nplatform = "{slug}"\nworkspace = "*"\nspaces = "*"\n'
    for slug in ("slack", "zulip", "mediawiki", "zoom", "guildhall", "irc")
)


def slack(folder: Path) -> Path:
    return export(
        folder / "slack", "TFERN0001", {"CFERN0007": [message(1, "UDORA0001"), message(2, "UDORA0001", text=["no", "text"])]}
    )


def zulip_names(folder: Path) -> Path:
    made = archive(folder / "zulip", ("Dora", "one"), ("Emil", "two"))
    topic = made / "7-help" / "soil.json"
    rows = json.loads(topic.read_text())
    rows[1]["timestamp"] = "yesterday"
    topic.write_text(json.dumps(rows))
    return made


def zulip_numbers(folder: Path) -> Path:
    made = own_export(folder / "zulip", "soil")
    path = made / "messages-000001.json"
    rows = json.loads(path.read_text())
    rows["zerver_message"][1]["date_sent"] = None
    path.write_text(json.dumps(rows))
    return made


def lines(folder: Path, good: dict, bad: dict) -> Path:
    path = folder / "lines.jsonl"
    path.write_text(f"{json.dumps(good)}\n\n{json.dumps(bad)}\n")
    return path


def wiki(folder: Path) -> Path:
    good = WIKI | {
        "id": 1, "type": "edit", "namespace": 0, "title": "Beds", "timestamp": 1_788_771_600, "user": "Dora", "bot": False,
        "length": {"old": 1, "new": 9}, "revision": {"old": 1, "new": 2},
    }  # fmt: skip
    return lines(folder, good, good | {"id": 2, "namespace": "zero"})


def zoom(folder: Path) -> Path:
    person = {
        "user_name": "Dora",
        "id": "dora1",
        "participant_user_id": "dora1",
        "user_id": "1677",
        "join_time": "2026-09-07T09:00:00Z",
    }
    meeting = {
        "id": "70000000099",
        "uuid": "fern==",
        "host_id": "host1",
        "start_time": "2026-09-07T09:00:00Z",
        "participant": person,
    }
    good = {
        "event": "meeting.participant_joined", "event_ts": 1_788_771_600_000,
        "payload": {"account_id": "fern", "object": meeting},
    }  # fmt: skip
    bad = json.loads(json.dumps(good))
    bad["payload"]["object"]["participant"]["join_time"] = "soon"
    return lines(folder, good, bad)


def neutral(folder: Path) -> Path:
    good = {
        "verb": "post",
        "actor": {"id": "dora"},
        "space": "garden",
        "object": "1",
        "time": "2026-09-07T09:00:00Z",
        "text": "hello",
    }
    return lines(folder, good, good | {"verb": "shout"})


@pytest.mark.parametrize(
    ("kind", "make", "place"),
    [
        ("slack-export", slack, "cfern0007/2026-09-07.json, entry 2: message.text: string_type"),
        ("zulip-archive", zulip_names, "Stream 7, file 1, entry 2: timestamp: "),
        ("zulip-archive", zulip_numbers, "messages-000001.json, entry 2: timestamp: "),
        ("mediawiki-recentchange", wiki, "Line 3: namespace: int_parsing"),
        ("zoom-webhooks", zoom, "Line 3: "),
        ("guildhall-actions", neutral, "Line 3: verb: enum"),
    ],
)
def test_the_place_of_a_rejected_record_is_named_and_the_exit_code_is_1(tmp_path, monkeypatch, capsys, kind, make, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUILDHALL_HOME", str(tmp_path / "var"))
    (tmp_path / "guildhall.toml").write_text(f'[community.case]\ntitle = "Case"\n{SETTINGS}')
    path = make(tmp_path)
    command = ["import", kind, str(path), "--community", "case", "--tenant", "fern", "--dry-run"]
    assert run_command([*command, "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["verdicts"]["rejected"] == 1
    assert printed["verdicts"]["understood"] >= 1
    assert [one[: len(place)] for one in printed["rejected"]] == [place]
    assert run_command(command) == 1
    assert f"rejected  {place}" in capsys.readouterr().out
