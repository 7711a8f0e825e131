"""Mattermost's own: the token in the body, bulk exports, and the same post through webhook and export."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipelines.connector import Accept, ExportError, ImportOptions, Refuse, Request
from pipelines.platforms.mattermost.export import read_export
from pipelines.platforms.mattermost.webhook import WEBHOOK
from tests.pipelines.test_platforms import everything_belongs_to_the_gardeners, outcome_of

SECRET = "an invented token"
T = 1_772_452_680_000
HOOK = {
    "team_domain": "garden", "channel_name": "soil", "timestamp": T, "user_name": "rosa", "text": "where are the seeds?", "post_id": "p",
}  # fmt: skip


def asked(body: bytes) -> Request:
    return Request(method="POST", path="/hooks/mattermost/main", headers=WEBHOOK.sign(body, SECRET, 0.0), body=body)


@pytest.mark.parametrize("form", [False, True])
def test_a_body_with_the_token_is_accepted_as_json_and_as_a_form(form):
    body = WEBHOOK.with_token(json.dumps(HOOK).encode(), SECRET, form=form)
    assert WEBHOOK.verify(asked(body), ("another", SECRET), 0.0) == Accept("mattermost.webhook", answer=b"{}")
    assert isinstance(WEBHOOK.verify(asked(body), ("another", ""), 0.0), Refuse)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"token", b'{"token": ""}', b'{"token": 1}', b"token=%ff&x", b"\xff=1"])
def test_a_body_without_a_token_is_refused(body):
    assert isinstance(WEBHOOK.verify(asked(body), (SECRET, ""), 0.0), Refuse)


# --- exports


def lines(*more: dict[str, Any]) -> list[dict[str, Any]]:
    channel = {"team": "garden", "name": "soil", "type": "O", "display_name": "SENTINEL", "header": "SENTINEL"}
    user = {"username": "rosa", "email": "rosa@garden.example", "first_name": "Rosa", "notify_props": {"x": "SENTINEL"}}
    return [
        {"type": "version", "version": 1},
        {"type": "team", "team": {"name": "garden", "display_name": "SENTINEL"}},
        {"type": "channel", "channel": channel},
        {"type": "channel", "channel": {**channel, "name": "board", "type": "P"}},
        {"type": "user", "user": user},
        *more,
    ]


def post(**more: Any) -> dict[str, Any]:
    base = {"team": "garden", "channel": "soil", "user": "rosa", "message": "where are the seeds?", "create_at": T}
    return {"type": "post", "post": {**base, "attachments": [], **more}}


def written(path: Path, found: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in found))
    return path


def read(path: Path, **options: Any) -> list[Any]:
    return list(read_export(path, ImportOptions(**options)))


def outcomes(events: list[Any]) -> list[Any]:
    context = everything_belongs_to_the_gardeners()
    raws = [
        {"type": one.type, "source": "import/mattermost/x", "tenant": one.tenant, "payload_text": one.payload.decode()}
        for one in events
    ]
    return [outcome_of(raw, context) for raw in raws]


def test_a_thread_becomes_a_record_for_the_post_and_each_reply(tmp_path):
    replies = [
        {"user": "emil", "message": "in the shed", "create_at": T + 1000, "attachments": [{"path": "SENTINEL.pdf"}]},
        {"user": "dora", "message": "thanks", "create_at": T + 2000, "type": "system_add_to_channel"},
    ]
    found = read(written(tmp_path / "export.jsonl", lines(post(replies=replies, props={"SENTINEL": 1}))))
    assert b"SENTINEL" not in b"".join(one.payload for one in found)
    made = [(i.verb, i.reply_to_id is not None) for outcome in outcomes(found) for i in outcome.interactions]
    assert made == [("post", False), ("reply", True)]
    assert [one.place for one in found] == ["Line 5", "Line 6", "Line 6, reply 1", "Line 6, reply 2"]
    assert len({one.id for one in found}) == 4
    assert not any("rosa" in one.id for one in found)


def test_of_private_channels_and_direct_messages_no_content_is_read(tmp_path):
    direct = {
        "type": "direct_post",
        "direct_post": {"channel_members": ["rosa", "emil"], "user": "rosa", "message": "SENTINEL", "create_at": T},
    }
    found = read(
        written(
            tmp_path / "e.jsonl",
            lines(post(channel="board", message="SENTINEL"), post(channel="new", message="SENTINEL"), direct),
        )
    )
    assert b"SENTINEL" not in b"".join(one.payload for one in found)
    assert [outcome.record.reason for outcome in outcomes(found[1:])] == ["private", "unknown_privacy", "private"]


def test_a_zip_and_its_file_hold_the_same(tmp_path):
    plain = written(tmp_path / "export.jsonl", lines(post()))
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as zipped:
        zipped.write(plain, "import.jsonl")
        zipped.writestr("data/20260302/notes.jsonl", "x")
    assert read(tmp_path / "export.zip", tenant="g") == read(plain, tenant="g")


def test_a_broken_line_costs_itself_only(tmp_path):
    path = written(tmp_path / "e.jsonl", lines(post()))
    path.write_text(
        path.read_text().replace('"garden", "name": "board"', '"garden", "name"') + '\n["x"]\n{"type": "soil", "soil": {}}'
    )
    found = read(path)
    assert [one.fault for one in found if one.fault] == ["Line 4: it is not a JSON object", "Line 7: it is not a JSON object"]
    assert outcomes([one for one in found if not one.fault])[-1].record.reason == "not_participation"


def test_another_file_is_refused(tmp_path):
    for text in ('{"type": "post"}', "", "x"):
        path = tmp_path / "e.jsonl"
        path.write_text(text)
        with pytest.raises(ExportError, match="bulk export"):
            read(path)
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as zipped:
        zipped.writestr("x.txt", "x")
    with pytest.raises(ExportError, match="bulk export"):
        read(tmp_path / "e.zip")


def test_a_post_is_the_same_interaction_through_webhook_and_export(tmp_path):
    raw = {"type": "mattermost.webhook", "source": "webhook/mattermost/main", "payload": HOOK}
    (live,) = outcome_of(raw, everything_belongs_to_the_gardeners()).interactions
    found = read(written(tmp_path / "e.jsonl", lines(post())))
    (past,) = outcomes(found)[-1].interactions
    assert live.model_dump(exclude={"raw"}) == past.model_dump(exclude={"raw"})
    assert "rosa" not in live.model_dump_json()
