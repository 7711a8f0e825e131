"""Google Meet's own: resources of a folder read together, and attendance reports."""

import json
from datetime import UTC, datetime

import pytest

from pipelines.connector import ExportError, ImportOptions
from pipelines.platforms.google_meet.export import read_files
from tests.cases.installation import SETTINGS, Installation

C, P = "conferenceRecords/c1", "conferenceRecords/c1/participants"
NOW = datetime(2026, 9, 20, tzinfo=UTC)
RECORDS = {
    "conferenceRecords": [
        {"name": C, "startTime": "2026-09-07T09:00:00Z", "endTime": "2026-09-07T10:00:00Z", "space": "spaces/s"}
    ]
}
PEOPLE = {
    "participants": [
        {"name": f"{P}/1", "earliestStartTime": "2026-09-07T09:00:00Z", "latestEndTime": "2026-09-07T10:00:00Z",
         "signedinUser": {"user": "users/7", "displayName": "Rosa Meadow"}},
        {"name": f"{P}/2", "earliestStartTime": "2026-09-07T09:00:00Z", "latestEndTime": "2026-09-07T09:20:00Z",
         "anonymousUser": {"displayName": "Abel Fern"}},
    ]
}  # fmt: skip
SESSIONS = {
    "participantSessions": [
        {"name": f"{P}/1/participantSessions/laptop", "startTime": "2026-09-07T09:00:00Z", "endTime": "2026-09-07T09:30:00Z"},
        {"name": f"{P}/1/participantSessions/phone", "startTime": "2026-09-07T09:20:00Z", "endTime": "2026-09-07T09:40:00Z"},
    ]
}
ENTRIES = {"transcriptEntries": [{"name": f"{C}/transcripts/t/entries/1", "participant": f"{P}/1", "text": "Sentinel?",
                                  "startTime": "2026-09-07T09:05:00Z"}]}  # fmt: skip


def test_a_folder_of_replies_is_read_together_and_two_devices_are_one_person(tmp_path):
    folder = tmp_path / "meet"
    folder.mkdir()
    for name, reply in (
        ("a", SESSIONS),
        ("b", PEOPLE),
        ("c", RECORDS),
        ("d", ENTRIES),
        ("e", {"recordings": [{"name": f"{C}/recordings/r"}]}),
    ):
        (folder / f"{name}.json").write_text(json.dumps(reply, indent=1))
    made = Installation(tmp_path, SETTINGS.format(platform="google_meet"))
    assert made.imports("google-meet", folder, tenant="garden") == {
        ("understood", None): 5,
        ("ignored", "not_participation"): 1,
    }
    made.refresh(NOW)
    assert made.rows("select minutes, spoke from core.attendance order by 1") == [(20, False), (40, True)]
    assert made.rows("select distinct space from core.interactions") == [("spaces/s",)]
    assert not [word for word in ("Rosa", "Abel", "Sentinel") if word in str(made.rows("select * from core.interactions"))]
    made.close()


REPORT = (
    "Vorname,Nachname,E-Mail,Dauer,Beitritt,Verlassen\nRosa,Meadow,rosa@example.org,1 Std.,10:00,11:00\n"
    "Rosa,Meadow,rosa@example.org,20 Min.,10:30,10:50\nAbel,Fern,a***@gmail.com,20 Min.,10:05 AM,10:25 AM\n+47 *** ** *12,,,5 Min.,10:00,10:05\n"
    "Rosa and 2 more,,,5 Min.,10:00,10:05\n"
)


def test_an_attendance_report_is_read_by_the_places_of_its_columns(tmp_path):
    file = tmp_path / "2026-03-02 abc-defg-hij Pruning - Attendance Report.csv"
    file.write_text(REPORT)
    made = Installation(tmp_path, SETTINGS.format(platform="google_meet"))
    assert made.imports("google-meet", file, tenant="garden", time_zone="Europe/Oslo") == {("understood", None): 5}
    made.refresh(NOW)
    assert made.rows("select minutes from core.attendance order by 1") == [(20,), (60,)]
    assert made.rows("select anonymous, started_at from core.meetings") == [(2, datetime(2026, 3, 2, 9))]  # noqa: DTZ001 - naive UTC
    assert made.rows("select distinct space from core.interactions") == [("spaces/abc-defg-hij",)]
    made.close()


@pytest.mark.parametrize("name", ["no date.csv", "2026-13-40.csv", "other.json"])
def test_another_file_is_refused(tmp_path, name):
    (tmp_path / name).write_text(REPORT)
    with pytest.raises(ExportError):
        list(read_files(tmp_path / name, ImportOptions(time_zone="Europe/Oslo")))
