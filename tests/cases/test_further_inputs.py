"""One further input of each kind of fault, in another shape or on another platform than the cases of `../shared/data/cases`.

| kind | here | and in |
| --- | --- | --- |
| A names inside archives | a folder with its channel's former name | tests/pipelines/test_shapes_of_exports.py |
| B whose workspace | | test_shared_channels.py |
| C links that the platform states | | test_platform_links.py, test_moved_pages.py, test_names_and_numbers.py |
| D old and new record of one thing | | test_captures.py |
| E bot or human | accounts of the software itself; programs in meetings | test_programs.py, tests/warehouse/test_kinds.py |
| F known shapes | two events of one message of team chat | tests/fixtures/ |
| G one bad record | | test_rejected_records.py |
| H impossible times | a message of 1970 in an archive of Zulip | tests/warehouse/test_core_beginnings.py |
| I neighbouring forms | an export that did not finish; JSON for a zip | tests/pipelines/test_shapes_of_exports.py, test_zoom_files.py |
| J one meeting, several pieces | a log for each day; a lost end | tests/warehouse/test_meeting_pieces.py |
| K which week | a log over Sunday midnight | tests/warehouse/test_meeting_pieces.py |
| L joined and left | a reconnection that overlaps; there before the host | tests/warehouse/test_meeting_pieces.py |
| M unknown is not small | nobody leaves and nothing ends | test_meeting_pieces.py |
| N who is who | guests and rooms; `(deleted)` in an archive of names | tests/pipelines/test_zoom_names.py |
| O styles of logs | Quassel, a chat saved today; a transcript is named | tests/pipelines/test_irc_clients.py, test_left_out_files.py |
| P first year | | tests/warehouse/test_core_first_seen.py |
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from events.errors import GuildhallError
from pipelines.connector import ImportOptions
from pipelines.platforms.irc.export import read_export
from tests.cases.installation import SETTINGS, Installation
from tests.cases.test_captures import own_export
from tests.cases.test_platform_links import edit
from tests.cases.test_shared_channels import OURS, message
from warehouse.build.catalog import catalog

CORE = [model for model in catalog() if model.layer == "core"]
FIVE = datetime(2026, 10, 5, 17, tzinfo=UTC)
KINDS = "select actor_kind, count(*) from core.interactions group by all order by all"
COUNTS = "select count(*), count(distinct member) from core.interactions where is_contribution and actor_kind = 'human'"
MEETINGS = "select attendees, pieces from core.meetings order by started_at"


@pytest.fixture
def make(tmp_path):
    homes: list[Installation] = []

    def made(platform: str) -> Installation:
        folder = tmp_path / f"home{len(homes)}"
        folder.mkdir()
        homes.append(Installation(folder, SETTINGS.format(platform=platform), models=CORE))
        return homes[-1]

    yield made
    for home in homes:
        home.close()


Make = Callable[[str], Installation]


def slack(folder: Path, channel: dict, day: str) -> Path:
    folder.mkdir()
    (folder / "users.json").write_text(json.dumps([{"id": "UDORA0001", "team_id": OURS, "name": "dora"}]))
    (folder / "channels.json").write_text(json.dumps([channel]))
    (folder / day).mkdir()
    (folder / day / "2026-09-07.json").write_text(json.dumps([message(1, "UDORA0001")]))
    return folder


def test_a_folder_with_the_former_name_of_a_channel_is_that_channels(make, tmp_path):
    made = make("slack")
    made.imports("slack-export", slack(tmp_path / "a", {"id": "CBEDS0001", "name": "beds"}, "beds"))
    made.imports("slack-export", slack(tmp_path / "b", {"id": "CBEDS0001", "name": "beds", "previous_names": ["soil"]}, "soil"))
    made.refresh()
    assert made.rows("select space, count(*) from core.interactions where is_contribution group by all") == [("CBEDS0001", 1)]


def test_accounts_of_the_software_itself_are_the_system_and_never_people(make, tmp_path):
    names = ["Dora", "Command line script", "System messenger", "MediaWiki spam cleanup", "Proxy blocker", "Redirect fixer"]
    path = tmp_path / "changes.jsonl"
    path.write_text("".join(json.dumps(edit(number, name)) + "\n" for number, name in enumerate(names)))
    made = make("mediawiki")
    made.imports("mediawiki-recentchange", path)
    made.refresh()
    assert made.rows(KINDS) == [("human", 1), ("system", 5)]


def archive(folder: Path, senders: list[str], times: list[int] | None = None) -> Path:
    """zulip-archive's folder of one topic."""
    (folder / "7-help").mkdir(parents=True)
    moments = times or [1_788_771_600 + 60 * number for number in range(len(senders))]
    rows = [
        {"id": number, "sender_full_name": name, "timestamp": at, "content": "<p>hello</p>"}
        for number, (name, at) in enumerate(zip(senders, moments, strict=True), 1)
    ]
    (folder / "7-help" / "soil.json").write_text(json.dumps(rows))
    return folder


def test_whoever_is_gone_from_an_archive_of_names_is_nobody_and_a_number_keeps_people_apart(make, tmp_path):
    gone = ["(deleted)", "Deleted User", "[removed]", "Unknown user", "(deleted)"]
    made = make("zulip")
    made.imports("zulip-archive", archive(tmp_path / "z", ["Dora", *gone, "Deleted user 12"]), tenant="fern")
    made.refresh()
    assert made.rows(KINDS) == [("anonymous", 5), ("human", 2)]


def test_a_message_of_1970_begins_no_community_of_zulip_either(make, tmp_path):
    times = [0, *(1_788_771_600 + 60 * number for number in range(20))]
    made = make("zulip")
    made.imports("zulip-archive", archive(tmp_path / "z", ["Dora"] * 21, times), tenant="fern")
    made.refresh()
    assert made.rows("select set_apart, reason from core.beginnings") == [(1, "gap")]
    assert made.one("select min(window_end) from core.windows") >= datetime(2026, 9, 7)  # noqa: DTZ001 - naive UTC


def test_an_export_that_did_not_finish_and_a_file_that_is_no_archive_are_named(make, tmp_path):
    unfinished = own_export(tmp_path / "z", "soil")
    (unfinished / "messages-000001.json").rename(unfinished / "messages-000001.json.partial")
    with pytest.raises(GuildhallError, match="no messages") as refused:
        make("zulip").imports("zulip-archive", unfinished)
    assert "messages-000001.json.partial" in refused.value.why
    (tmp_path / "talk.json").write_text('{"messages": []}')
    with pytest.raises(GuildhallError, match="cannot be read") as refused:
        make("slack").imports("slack-export", tmp_path / "talk.json")
    assert "a file of JSON" in refused.value.why


def team_chat(event: str, number: str, **fields: object) -> dict:
    found = {"channel_id": "chanBeds", "timestamp": int(FIVE.timestamp() * 1000), "message": "who has seeds?"} | fields
    payload = {"account_id": "ZFERN0001", "operator": "dora@fern.example", "operator_id": "zdora", "object": found}
    found["message_id" if event.startswith("team_chat") else "id"] = number
    return {"event": event, "event_ts": int(FIVE.timestamp() * 1000), "payload": payload}


def test_a_message_of_team_chat_that_two_events_report_is_one(make, tmp_path):
    bodies = [
        team_chat("chat_message.sent", "{A}", type="to_channel"),
        team_chat("team_chat.channel_message_posted", "{A}", reply_main_message_id="{A}"),
        team_chat("chat_message.replied", "{B}", type="to_channel", parent_msg_id="{A}"),
        team_chat("team_chat.channel_message_posted", "{B}", reply_main_message_id="{A}"),
        team_chat("team_chat.dm_message_posted", "{C}"),
    ]
    made = make("zoom")
    found = zoom(made, bodies)
    assert made.rows("select verb, count(*) from core.interactions group by all order by all") == [("post", 1), ("reply", 1)]
    assert found["ignored", "private"] == 1


def at(minute: int) -> str:
    return (FIVE + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def held(event: str, minute: int, uuid: str = "one", begins: int = 0, **fields: object) -> dict:
    found = {"uuid": uuid, "id": "8100000007", "host_id": "zhal", "start_time": at(begins)} | fields
    moment = int((FIVE + timedelta(minutes=minute)).timestamp() * 1000)
    return {"event": f"meeting.{event}", "event_ts": moment, "payload": {"account_id": "ZFERN0001", "object": found}}


def edge(what: str, minute: int, connection: int, name: str, mail: str = "", **more: object) -> dict:
    who = {
        "user_id": str(connection),
        "user_name": name,
        "email": mail,
        "join_time" if what == "joined" else "leave_time": at(minute),
    }
    return held(f"participant_{what}", minute, participant=who, **more)  # type: ignore[arg-type]


def zoom(made: Installation, bodies: list[dict]):
    path = made.folder / "stored.jsonl"
    path.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    found = made.imports("zoom-webhooks", path)
    made.refresh()
    return found


HAL, ANA = ("Hal", "hal@fern.example"), ("Ana", "ana@fern.example")
MINUTES = "select round(minutes)::int from core.attendance order by 1"


@pytest.mark.parametrize("backwards", [False, True])
def test_a_reconnection_that_overlaps_and_somebody_before_the_host_have_their_minutes(make, backwards):
    bodies = [
        held("started", 0), edge("joined", 0, 1, *HAL), edge("joined", -5, 2, *ANA), edge("joined", 30, 3, *ANA),
        edge("left", 32, 2, *ANA), edge("left", 60, 3, *ANA), edge("left", 60, 1, *HAL), held("ended", 60, end_time=at(60)),
    ]  # fmt: skip
    made = make("zoom")
    zoom(made, bodies[::-1] if backwards else bodies)
    assert made.rows(MINUTES) == [(60,), (65,)]


def test_a_meeting_whose_first_piece_has_no_end_is_one_with_the_piece_after_it(make):
    bodies = [
        held("started", 0), edge("joined", 0, 1, *HAL), edge("left", 55, 1, *HAL), held("started", 65, "two", 65),
        edge("joined", 65, 1, *HAL, uuid="two", begins=65), edge("left", 90, 1, *HAL, uuid="two", begins=65),
        held("ended", 90, "two", 65, end_time=at(90)),
    ]  # fmt: skip
    made = make("zoom")
    zoom(made, bodies)
    assert made.rows(MEETINGS) == [(1, 2)]


def test_minutes_are_unknown_where_nobody_leaves_and_nothing_ends(make):
    made = make("zoom")
    zoom(made, [edge("joined", 1, 1, *ANA), edge("joined", 3, 2, "Bo")])
    assert made.rows("select attendees, unknown_minutes, ended_at from core.meetings") == [(2, 2, None)]


def test_guests_rooms_and_programs_count_in_a_meeting_and_are_no_members(make):
    nobody = ["Gast", "Invité 2", "ゲスト", "Conference Room 3", "Board Room", "iPhone", "iPhone"]
    programs = ["Hal’s AI Notetaker", "Attention Notetaker", "Winn.ai"]
    bodies = [held("started", 0), edge("joined", 0, 1, *HAL)]
    bodies += [edge("joined", 1, number, name) for number, name in enumerate(nobody + programs, 10)]
    bodies += [edge("left", 50, number, name) for number, name in enumerate(nobody + programs, 10)]
    made = make("zoom")
    zoom(made, [*bodies, edge("left", 60, 1, *HAL), held("ended", 60, end_time=at(60))])
    assert made.rows("select attendees, anonymous from core.meetings") == [(8, 7)]
    assert made.one("select count(*) from core.attendance") == 1


def logs(made: Installation, files: dict[str, str]):
    folder = made.folder / "logs"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    made.imports("irc-meetings", folder, tenant="fern")
    made.refresh()


SUNDAY = "[23:30:00] <hal> hello\n[23:31:00] <ana> hi\n[23:59:00] <hal> on we go\n"
MONDAY = "[00:01:00] <ana> yes\n[00:10:00] <bo> late, sorry\n[00:20:00] <hal> bye\n"


@pytest.mark.parametrize("in_one_file", [False, True])
def test_a_log_over_sunday_midnight_is_one_meeting_in_the_week_in_which_it_began(make, in_one_file):
    made = make("irc")
    files = (
        {"2026-10-04-fern.log": SUNDAY + MONDAY}
        if in_one_file
        else {"2026-10-04-fern.log": SUNDAY, "2026-10-05-fern.log": MONDAY}
    )
    logs(made, files)
    assert made.rows("select attendees, week from core.meetings") == [(3, date(2026, 9, 28))]
    assert made.rows("select distinct week from core.attendance") == [(date(2026, 9, 28),)]


QUASSEL = (
    "[17:00:00] --> dora has joined #fern\n[17:00:10] <emil> hi\n[17:01:00] <@dora> hello\n[17:02:00] * fenn waves\n"
    "[17:03:00] <-> fenn is now known as fenn_away\n[17:50:00] <-- dora has quit (Quit: bye)\n"
)
SAVED = (
    "17:00:10 From Emil Grau to Everyone:\n\thi\n17:01:00 From Dora to Everyone:\n\thello\n"
    "17:02:00 From Fenn to Dora(Direct Message):\n\tfor you only\n17:03:00 From Fenn to Everyone:\n\tall\n"
)


@pytest.mark.parametrize("log", [QUASSEL, SAVED], ids=["Quassel", "Zoom's chat"])
def test_three_people_speak_once_each_in_every_style(make, log):
    made = make("irc")
    logs(made, {"2026-10-05-fern.log": log})
    assert made.rows(COUNTS) == [(3, 3)]


@pytest.mark.parametrize(
    ("log", "form"),
    [("WEBVTT\n\n00:00:01.000 --> 00:00:04.000\n<v Emil Grau>hi</v>\n", "WebVTT"), ("<html><body>hi</body></html>", "HTML")],
)
def test_a_file_of_another_format_is_named_and_its_tags_are_nobody(tmp_path, log, form):
    (tmp_path / "2026-10-05-fern.log").write_text(QUASSEL)
    (tmp_path / "2026-10-12-fern.log").write_text(log)
    left: dict[str, str] = {}
    events = list(read_export(tmp_path, ImportOptions(tenant="fern", left_out=left.setdefault)))
    assert len(events) == 1
    assert form in left["2026-10-12-fern.log"]
