"""Zoom's API: a reply about a past meeting says what the webhooks say, under the same ids; other replies are no participation."""

import json
from datetime import UTC, datetime
from pathlib import Path

from pipelines.connector import ImportOptions
from pipelines.platforms.zoom.export import read_webhooks
from tests.cases.installation import SETTINGS, Installation

NOW = datetime(2026, 9, 20, tzinfo=UTC)
HELD = {
    "id": 81234567890, "uuid": "gA7/rdenQ+2a==", "host_id": "zRosa", "topic": "Pruning", "user_name": "Rosa Meadow",
    "user_email": "rosa@example.org", "start_time": "2026-09-07T09:00:00Z", "end_time": "2026-09-07T10:00:00Z",
}  # fmt: skip
ROSA = {
    "id": "x1", "participant_user_id": "zRosa", "user_id": "16778240", "name": "Rosa Meadow", "user_email": "rosa@example.org",
    "join_time": "2026-09-07T09:00:05Z", "leave_time": "2026-09-07T10:00:00Z", "duration": 3595, "status": "in_meeting",
}  # fmt: skip
ABEL = {
    "id": "", "user_id": "16778241", "name": "Abel Fern", "user_email": "", "registrant_id": "",
    "join_time": "2026-09-07T09:10:00Z", "leave_time": "2026-09-07T09:40:00Z", "status": "in_meeting",
}  # fmt: skip


def webhook(event: str, **found: object) -> dict:
    meeting = {"id": "81234567890", "uuid": HELD["uuid"], "host_id": "zRosa", "start_time": HELD["start_time"]}
    return {"event": event, "event_ts": 1_788_771_600_000, "payload": {"account_id": "ACC", "object": meeting | found}}


def person(of: dict, edge: str) -> dict:
    account = of.get("participant_user_id") or of["id"]
    return {
        "participant": {
            "id": account,
            "user_id": of["user_id"],
            "user_name": of["name"],
            "email": of["user_email"],
            edge: of[edge],
        }
    }


def read(tmp_path: Path, found: object) -> list:
    (tmp_path / "reply.json").write_text(json.dumps(found, indent=1))
    return list(read_webhooks(tmp_path / "reply.json", ImportOptions(tenant="ACC")))


def test_a_reply_and_the_webhooks_are_one_meeting(tmp_path):
    made = Installation(tmp_path, SETTINGS.format(platform="zoom"))
    live = [webhook("meeting.started"), webhook("meeting.ended", end_time=HELD["end_time"])]
    for of in (ROSA, ABEL):
        live += [webhook("meeting.participant_joined", **person(of, "join_time"))]
        live += [webhook("meeting.participant_left", **person(of, "leave_time"))]
    for body in live:
        assert made.post("zoom", json.dumps(body).encode(), now=NOW) == 200
    made.refresh(NOW)
    before = made.rows("select event_id from core.interactions order by 1")
    (tmp_path / "reply.json").write_text(json.dumps(HELD | {"participants": [ROSA, ABEL]}, indent=1))
    assert made.imports("zoom-webhooks", tmp_path / "reply.json", tenant="ACC") == {("understood", None): 5}
    made.refresh(NOW)
    assert made.rows("select event_id from core.interactions order by 1") == before
    assert made.one("select count(*) from core.interactions where has_conflict") == 0
    assert [round(minutes) for (minutes,) in made.rows("select minutes from core.attendance order by 1")] == [30, 60]
    made.close()


def test_participants_without_their_meeting_are_a_rejected_record(tmp_path):
    made = Installation(tmp_path, SETTINGS.format(platform="zoom"))
    (tmp_path / "reply.json").write_text(json.dumps({"page_size": 30, "participants": [ROSA, ABEL]}, indent=1))
    rejected = {("rejected", "unreadable_payload"): 2}
    assert made.imports("zoom-webhooks", tmp_path / "reply.json", tenant="ACC") == rejected
    made.close()


def test_a_stay_in_a_waiting_room_and_in_a_breakout_room(tmp_path):
    waiting, room = ROSA | {"status": "in_waiting_room"}, ROSA | {"bo_mtg_id": "B=="}
    kinds = [json.loads(one.payload)["event"] for one in read(tmp_path, HELD | {"participants": [waiting, room]})]
    assert kinds[1:] == [
        "meeting.participant_joined_waiting_room", "meeting.participant_left_waiting_room",
        "meeting.participant_joined_breakout_room", "meeting.participant_left_breakout_room",
    ]  # fmt: skip


def test_replies_one_per_line_and_a_webhook_over_many_lines(tmp_path):
    (tmp_path / "lines.jsonl").write_text(json.dumps(HELD) + "\n" + json.dumps(webhook("meeting.started")) + "\nnoise\n")
    found = list(read_webhooks(tmp_path / "lines.jsonl", ImportOptions(tenant="ACC")))
    assert [one.fault is None for one in found] == [True, True, False]
    assert len(read(tmp_path, webhook("meeting.started"))) == 1
