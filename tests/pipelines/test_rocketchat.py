"""Rocket.Chat's own: the token in the body, rooms over REST, its database, and the same message through webhook and export."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.connector import Accept, ExportError, ImportOptions, Refuse, Request
from pipelines.platforms.rocketchat.export import read_export
from pipelines.platforms.rocketchat.webhook import WEBHOOK
from tests.pipelines.test_platforms import everything_belongs_to_the_gardeners, outcome_of

SECRET = "an invented token"
DIRECT = "a" * 34


def message(number: str = "m1", room: str = "GENERAL", **more: Any) -> dict[str, Any]:
    author = {"_id": "u1", "username": "rosa", "name": "Rosa Alder"}
    shown = {"mentions": [{"name": "SENTINEL"}], "reactions": {":seedling:": {"usernames": ["SENTINEL"]}}, "urls": ["SENTINEL"]}
    return {
        "_id": number,
        "rid": room,
        "ts": "2026-03-02T11:58:00.000Z",
        "msg": "where are the seeds?",
        "u": author,
        **shown,
        **more,
    }


def read(path: Path, **options: Any) -> list[Any]:
    return list(read_export(path, ImportOptions(**options)))


def outcomes(events: list[Any]) -> list[Any]:
    context = everything_belongs_to_the_gardeners()
    raws = [
        {"type": one.type, "source": "import/rocketchat/x", "tenant": one.tenant, "payload_text": one.payload.decode()}
        for one in events
    ]
    return [outcome_of(raw, context) for raw in raws]


def test_a_body_with_the_token_is_accepted_and_another_one_is_not():
    body = WEBHOOK.with_token(b'{"message_id": "m1"}', SECRET)
    request = Request(method="POST", path="/hooks/rocketchat/main", headers={}, body=body)
    assert WEBHOOK.verify(request, (SECRET,), 0.0) == Accept("rocketchat.webhook", answer=b"{}")
    assert isinstance(WEBHOOK.verify(request, ("another", ""), 0.0), Refuse)


def test_rooms_over_rest_are_read_and_a_direct_room_shows_itself(tmp_path):
    rooms = {"messages": [message(), message("m2", DIRECT, msg="SENTINEL")], "count": 2, "success": True}
    (tmp_path / "soil.json").write_text(json.dumps(rooms))
    (tmp_path / "other.json").write_text('{"channels": []}')
    left: list[str] = []
    found = read(tmp_path, left_out=lambda name, _why: left.append(name))
    assert b"SENTINEL" not in b"".join(one.payload for one in found)
    assert [(one.record.verdict, one.record.reason) for one in outcomes(found)] == [
        ("understood", None),
        ("ignored", "private"),
    ]
    assert left == ["other.json"]
    assert read(tmp_path / "soil.json")[0].payload == found[0].payload


def test_a_database_is_read_by_line_and_its_rooms_show_what_is_public(tmp_path):
    rows = [message(), message("m2", "BOARD", msg="SENTINEL"), message("m3", "NEW", msg="SENTINEL")]
    dated = [{**row, "ts": {"$date": row["ts"]}} for row in rows]
    (tmp_path / "rocketchat_message.json").write_text("\n".join([*map(json.dumps, dated), "SENTINEL", ""]))
    rooms = [{"_id": "GENERAL", "t": "c", "name": "SENTINEL"}, {"_id": "BOARD", "t": "p", "name": "SENTINEL"}]
    (tmp_path / "rocketchat_room.json").write_text("\n".join(map(json.dumps, rooms)))
    found = read(tmp_path)
    assert b"SENTINEL" not in b"".join(one.payload for one in found if not one.fault)
    assert [one.fault for one in found if one.fault] == ["File 1, line 4: it is not a JSON object"]
    reasons = [one.record.reason for one in outcomes([one for one in found if not one.fault])]
    assert reasons == [None, "private", "unknown_privacy"]


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("[]")
    for path in (tmp_path, tmp_path / "x.json"):
        with pytest.raises(ExportError, match="known layout"):
            read(path)
    with pytest.raises(ExportError, match="no file"):
        read(tmp_path / "none.json")


def test_a_message_is_the_same_interaction_through_webhook_and_export(tmp_path):
    hook = {
        "channel_id": "GENERAL", "channel_name": "soil", "message_id": "m1", "timestamp": "2026-03-02T11:58:00.000Z",
        "user_id": "u1", "user_name": "rosa", "text": "where are the seeds?", "bot": False, "token": "t",
    }  # fmt: skip
    raw = {"type": "rocketchat.webhook", "source": "webhook/rocketchat/main", "payload": hook}
    (live,) = outcome_of(raw, everything_belongs_to_the_gardeners()).interactions
    (tmp_path / "soil.json").write_text(json.dumps({"messages": [message()]}))
    (past,) = outcomes(read(tmp_path))[0].interactions
    assert live.model_dump(exclude={"raw"}) == past.model_dump(exclude={"raw"})
