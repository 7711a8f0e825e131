"""Files that a community manager has of Zoom: participants reports, arrays, logged bodies, folders."""

import json
from pathlib import Path

import pytest

from pipelines.connector import ExportError, ImportOptions
from pipelines.platforms import zoom
from tests.cases.installation import Installation

WITH_BLOCK = """Meeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants
700 0000 0021,Weavers,07/06/2026 05:00:00 PM,07/06/2026 06:00:00 PM,Hal@example.org,60,4

Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest,In Waiting Room
Hal Hol,hal@example.org,07/06/2026 05:00:00 PM,07/06/2026 06:00:00 PM,60,No,No
Ana (Ana Berg),,07/06/2026 04:58:00 PM,07/06/2026 05:02:00 PM,4,Yes,Yes
Ana (Ana Berg),,07/06/2026 05:02:00 PM,07/06/2026 05:20:00 PM,18,Yes,No
Ana Berg,,07/06/2026 05:10:00 PM,07/06/2026 05:40:00 PM,30,Yes,No
iPhone,,07/06/2026 05:00:00 PM,07/06/2026 05:30:00 PM,30,Yes,No
iPhone,,07/06/2026 05:00:00 PM,07/06/2026 05:45:00 PM,45,Yes,No
Otter.ai,,07/06/2026 05:00:00 PM,07/06/2026 06:00:00 PM,60,Yes,No
"""
WITHOUT_BLOCK = """Name (original name),Email,Join time,Leave time,Duration (minutes),Guest
Hal Hol,hal@example.org,07/06/2026 05:00:00 PM,07/06/2026 06:00:00 PM,60,No
Ana Berg,,07/06/2026 05:02:00 PM,07/06/2026 05:40:00 PM,38,Yes
"""
NEWER_BLOCK = """Topic,ID,Host,Duration (minutes),Start time,End time,Participants
Weavers,700 0000 0021,Hal Hol (hal@example.org),60,07/06/2026 05:00:00 PM,07/06/2026 06:00:00 PM,2

"""
SETTINGS = """
[community.weavers]
title = "Weavers"
[[community.weavers.space]]
platform = "zoom"
workspace = "*"
spaces = "*"
"""
BODY = {
    "event": "meeting.started",
    "event_ts": 1772450000000,
    "payload": {
        "account_id": "ACCWEAVE",
        "object": {"id": "70000000021", "uuid": "u==", "host_id": "zHal", "start_time": "2026-03-02T10:00:00Z"},
    },
}


def read(path: Path, **options: str) -> list[dict]:
    return [json.loads(event.payload) for event in zoom.PLATFORM.exports["zoom-webhooks"](path, ImportOptions(**options))]


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("kind", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_participants_report_is_attendance_in_its_time_zone(tmp_path, kind):
    path = tmp_path / "participants_70000000021.csv"
    path.write_bytes(WITH_BLOCK.encode(kind))
    made = Installation(tmp_path, SETTINGS)
    found = made.imports("zoom-webhooks", path, tenant="ACCWEAVE", time_zone="Europe/Oslo")
    assert found == {("understood", None): 7, ("ignored", "not_participation"): 1}
    made.refresh()
    assert made.rows("select minutes, hosted from core.attendance order by minutes") == [(38.0, False), (60.0, True)]
    meeting = made.one("select started_at::varchar, ended_at::varchar, series, attendees, anonymous, hosts from core.meetings")
    assert meeting == ("2026-07-06 15:00:00", "2026-07-06 16:00:00", "70000000021", 4, 2, 1)
    made.close()


@pytest.mark.parametrize("text", [WITHOUT_BLOCK, NEWER_BLOCK + WITHOUT_BLOCK])
def test_each_layout_of_the_report_is_read(tmp_path, text):
    rows = read(written(tmp_path, "participants_70000000021.csv", text), time_zone="UTC")
    people = [row["payload"]["object"] for row in rows if row["event"] == "meeting.participant_reported"]
    assert {held["id"] for held in people} == {"70000000021"}
    assert [held["participant"]["join_time"] for held in people] == ["2026-07-06T17:00:00+00:00", "2026-07-06T17:02:00+00:00"]


def test_a_report_without_a_time_zone_asks_for_one(tmp_path):
    with pytest.raises(ExportError, match="names no zone") as error:
        read(written(tmp_path, "participants_70000000021.csv", WITH_BLOCK))
    assert "--time-zone" in error.value.todo


def test_a_report_of_unique_users_says_how_to_export_stays(tmp_path):
    text = "Name (Original Name),User Email,Total Duration (Minutes),Guest\nHal,hal@example.org,60,No\n"
    with pytest.raises(ExportError, match="without a join time") as error:
        read(written(tmp_path, "participants_70000000021.csv", text), time_zone="UTC")
    assert "unique users" in error.value.todo


def test_a_time_of_another_form_is_named(tmp_path):
    text = WITHOUT_BLOCK.replace("07/06/2026 05:02:00 PM", "late afternoon")
    with pytest.raises(ExportError, match="late afternoon"):
        read(written(tmp_path, "participants_70000000021.csv", text), time_zone="UTC")


def test_an_array_a_log_and_lines_hold_the_same_bodies(tmp_path):
    line = json.dumps(BODY)
    files = {
        "a.jsonl": line + "\n",
        "b.log": f"2026-03-02T10:00:01Z INFO webhook {line}\n",
        "c.json": json.dumps([BODY], indent=2),
        "d.json": "\ufeff" + line,
    }
    for name, text in files.items():
        assert read(written(tmp_path, name, text)) == [BODY]
    assert read(tmp_path) == [BODY] * len(files)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.json", '[{"event": "meeting.started"}]', "Element 1 of the array"),
        ("a.json", "[{", "The array, entry 1"),
        ("a.log", '10:00 {"event": "meeting.started"}', "before its first brace"),
        ("a.csv", "a,b\n1,2\n", "Name \\(Original Name\\)"),
        ("a.txt", "hello\n", "Line 1: not the JSON body"),
    ],
)
def test_a_refusal_names_the_kind_of_file_that_is_wanted(tmp_path, name, text, why):
    with pytest.raises(ExportError, match=why) as error:
        read(written(tmp_path, name, text), time_zone="UTC")
    assert "Zoom" in error.value.todo


def test_a_folder_without_a_file_that_is_read(tmp_path):
    with pytest.raises(ExportError, match="no file of a kind"):
        read(tmp_path)
