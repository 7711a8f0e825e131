"""Teams' own: the validation, clientState, and attendance CSVs of several layouts and languages."""

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipelines.connector import Accept, Answer, ExportError, ImportOptions, Refuse, Request
from pipelines.platforms.teams.export import read_files
from pipelines.platforms.teams.report_csv import read_report
from pipelines.platforms.teams.webhook import verify
from tests.cases.installation import SETTINGS, Installation

SECRET = "an invented clientState"
OSLO = ZoneInfo("Europe/Oslo")


def request(body: bytes = b"", **query: str) -> Request:
    return Request("POST", "/hooks/teams/main", {}, body, query)


def notified(*states: str | None) -> bytes:
    return json.dumps(
        {"value": [{"clientState": state, "changeType": "created", "tenantId": "dir-1"} for state in states]}
    ).encode()


def test_the_validation_token_comes_back_as_plain_text():
    assert verify(request(validationToken="Validation: Testing client"), (SECRET,), 0) == Answer(
        b"Validation: Testing client", content_type="text/plain"
    )
    assert isinstance(verify(request(validationToken="x" * 3000), (SECRET,), 0), Refuse)
    assert isinstance(verify(request(validationToken="a\nb"), (SECRET,), 0), Refuse)


def test_every_notification_needs_the_client_state():
    assert verify(request(notified(SECRET, SECRET)), ("another", SECRET), 0) == Accept("teams.notification", tenant="dir-1")
    for body in (notified(SECRET, "wrong"), notified(None), notified(""), notified(), b"{}", b"no", b'{"value": [1]}'):
        assert isinstance(verify(request(body), (SECRET,), 0), Refuse)
    assert isinstance(verify(request(notified("")), ("",), 0), Refuse)


# --- attendance CSVs


def sections(titles: tuple[str, ...], start: str, end: str, joined: str, left: str, organizer: str) -> str:
    one, two, three, *heads = titles
    return "\n".join(
        [
            f"1. {one}", f"{heads[0]}\tBeetplanung", f"{heads[1]}\t2", f"{heads[2]}\t{start}", f"{heads[3]}\t{end}", f"{heads[4]}\t1h 2m 5s",
            "", f"2. {two}", "N\tF\tL\tD\tE\tU\tR", f"Rosa Meadow\t{start}\t{end}\t1h\trosa@example.org\trosa@example.org\t{organizer}",
            f"Abel Fern (Guest)\t{joined}\t{left}\t20m\t\t\tX", "", f"3. {three}", "N\tJ\tL\tD\tE\tR",
            f"Rosa Meadow\t{start}\t{joined}\t5m\trosa@example.org\t{organizer}",
            f"Rosa Meadow\t{left}\t{end}\t5m\trosa@example.org\t{organizer}", f"Abel Fern (Guest)\t{joined}\t{left}\t20m\t\tX",
        ]
    )  # fmt: skip


ENGLISH = (
    "Summary",
    "Participants",
    "In-Meeting activities",
    "Meeting title",
    "Attended participants",
    "Start time",
    "End time",
    "D",
)
GERMAN = ("Zusammenfassung", "Teilnehmer", "Aktivitäten", "Titel", "Teilnehmer", "Startzeit", "Endzeit", "Dauer")
JAPANESE = ("概要", "参加者", "会議中のアクティビティ", "会議のタイトル", "出席した参加者", "開始時刻", "終了時刻", "期間")
LAYOUTS = {
    "american": sections(ENGLISH, "3/2/26, 9:00:00 AM", "3/2/26, 10:02:05 AM", "3/2/26, 9:10:00 AM", "3/2/26, 9:30:00 AM", "Organizer"),
    "british": sections(ENGLISH, "02/03/2026, 09:00:00", "02/03/2026, 10:02:05", "02/03/2026, 09:10:00", "02/03/2026, 09:30:00", "Organizer"),
    "australian": sections(ENGLISH, "2/3/26, 9:00:00 am", "2/3/26, 10:02:05 am", "2/3/26, 9:10:00 am", "2/3/26, 9:30:00 am", "Organiser"),
    "german": sections(GERMAN, "02.03.26, 09:00:00", "02.03.26, 10:02:05", "02.03.26, 09:10:00", "02.03.26, 09:30:00", "Organisator"),
    "swedish": sections(GERMAN, "2026-03-02, 09:00:00", "2026-03-02, 10:02:05", "2026-03-02, 09:10:00", "2026-03-02, 09:30:00", "Arrangör"),
    "japanese": sections(JAPANESE, "2026/03/02 9:00:00", "2026/03/02 10:02:05", "2026/03/02 9:10:00", "2026/03/02 9:30:00", "開催者"),
    "korean": sections(
        JAPANESE, "26. 3. 2. 오전 9:00:00", "26. 3. 2. 오전 10:02:05", "26. 3. 2. 오전 9:10:00", "26. 3. 2. 오전 9:30:00", "이끌이"
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_report_is_read_whatever_its_language_and_dates(tmp_path, layout, encoding):
    (tmp_path / "report.csv").write_bytes(LAYOUTS[layout].encode(encoding))
    made = Installation(tmp_path, SETTINGS.format(platform="teams"))
    assert made.imports("teams-files", tmp_path / "report.csv", tenant="dir-1", time_zone="Europe/Oslo") == {
        ("understood", None): 2
    }
    made.refresh()
    assert made.rows("select round(minutes, 2), hosted from core.attendance order by 1") == [(20, False), (42.08, True)]
    assert made.one("select started_at from core.meetings") == datetime(2026, 3, 2, 8)  # noqa: DTZ001 - the warehouse's naive UTC
    kept = made.rows("select * from core.interactions")
    assert not [word for word in ("Rosa", "Abel", "Beetplanung", "example.org") if word in str(kept)]
    made.close()


def test_a_later_report_of_the_same_meeting_counts_once(tmp_path):
    made = Installation(tmp_path, SETTINGS.format(platform="teams"))
    for name in ("first.csv", "again.csv"):
        (tmp_path / name).write_text(LAYOUTS["german"])
        made.imports("teams-files", tmp_path / name, tenant="dir-1", time_zone="Europe/Oslo")
    made.refresh()
    assert made.one("select count(*) from core.interactions where verb = 'attend'") == 3
    made.close()


def test_the_layout_of_2021_and_the_list_of_a_running_meeting():
    older = (
        "Meeting Summary\nTotal Number of Participants\t2\nMeeting Title\tBeds\nMeeting Start Time\t3/2/2026, 9:00:00 AM\n"
        "Meeting End Time\t3/2/2026, 10:00:00 AM\nMeeting Id\t7a1b\n\nFull Name\tJoin Time\tLeave Time\tDuration\tEmail\tRole\n"
        "Rosa Meadow\t3/2/2026, 9:00:05 AM\t3/2/2026, 9:20:00 AM\t19m\trosa@example.org\tOrganizer\n"
        "Rosa Meadow\t3/2/2026, 9:30:00 AM\t3/2/2026, 10:00:00 AM\t30m\trosa@example.org\tOrganizer\n"
    )
    meeting, (rosa,) = read_report("older.csv", older.encode("utf-16"), OSLO)
    assert len(rosa["attendanceIntervals"]) == 2
    assert rosa["role"] == "Organizer"
    assert (meeting["start"], meeting["end"]) == ("2026-03-02T08:00:00+00:00", "2026-03-02T09:00:00+00:00")
    running = (
        "Full Name\tUser Action\tTimestamp\nRosa Meadow\tJoined\t3/2/2026, 9:00:05 AM\nAbel Fern\tJoined before\t3/2/2026, 9:01:00 AM\n"
        "Rosa Meadow\tLeft\t3/2/2026, 9:20:00 AM\nRosa Meadow\tJoined\t3/2/2026, 9:25:00 AM\n"
    )
    _, (rosa, abel) = read_report("running.csv", running.encode("utf-16"), OSLO)
    assert [[one["leaveDateTime"] for one in who["attendanceIntervals"]] for who in (rosa, abel)] == [
        ["2026-03-02T08:20:00+00:00", None],
        [None],
    ]


def test_two_telephones_with_one_masked_number_are_two():
    text = (
        LAYOUTS["german"].replace("Abel Fern (Guest)", "+47 99*****12")
        + "\n+47 99*****12\t02.03.26, 09:11:00\t02.03.26, 09:12:00\t1m\t\tX"
    )
    _, records = read_report("report.csv", text.encode(), OSLO)
    assert len(records) == 3


@pytest.mark.parametrize(
    "text", ["a\tb\n1\t2\n", "1. Summary\nMeeting title\tBeds\n", "Name\tJoin\tLeave\nRosa\t99/99/26, 09:00\t99/99/26, 10:00\n"]
)
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(ExportError):
        list(read_files(tmp_path / "other.csv", ImportOptions(time_zone="Europe/Oslo")))


def test_without_a_zone_a_report_is_refused(tmp_path):
    (tmp_path / "report.csv").write_text(LAYOUTS["german"])
    for zone in (None, "Europe/Atlantis"):
        with pytest.raises(ExportError):
            list(read_files(tmp_path / "report.csv", ImportOptions(time_zone=zone)))


# --- Graph's JSON


def test_replies_in_a_page_of_messages_are_read_and_a_page_per_line_too(tmp_path: Path):
    fixture = json.loads((Path(__file__).parents[1] / "fixtures" / "teams" / "exported_message.json").read_text())["raw"][
        "payload"
    ]
    page = {"@odata.context": "…", "value": [{**fixture, "replies": [{**fixture, "id": "2", "replyToId": fixture["id"]}]}]}
    (tmp_path / "page.json").write_text(json.dumps(page, indent=1))
    (tmp_path / "lines.jsonl").write_text(json.dumps(page) + "\n" + json.dumps(fixture) + "\nnoise\n")
    whole, lines = (list(read_files(tmp_path / name, ImportOptions(tenant="dir-1"))) for name in ("page.json", "lines.jsonl"))
    assert [one.fault is None for one in whole] == [True, True]
    assert [one.fault is None for one in lines] == [False, True, True, True]
    assert whole[0].time == datetime(2026, 3, 2, 10, 0, 0, 123000, UTC)


def test_a_report_without_its_records_is_a_rejected_record(tmp_path):
    (tmp_path / "report.json").write_text(
        json.dumps({"id": "r", "meetingStartDateTime": "2026-03-02T10:00:00Z", "attendanceRecords": {}})
    )
    assert [bool(one.fault) for one in read_files(tmp_path / "report.json", ImportOptions())] == [True]
