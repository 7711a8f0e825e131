"""Matrix's own: the homeserver's token, transactions, exports, redactions, and the same event through two sources."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from events.raw import RawEvent
from events.source import Source, SourceKind
from pipelines.connector import Accept, Answer, ExportError, ImportOptions, Refuse, Request
from pipelines.ingest.gateway import ConfiguredSource, make_app
from pipelines.platforms import PLATFORMS
from pipelines.platforms.matrix.export import read_export
from pipelines.platforms.matrix.webhook import sign, verify
from tests.pipelines.test_gateway import NOW
from tests.pipelines.test_platforms import everything_belongs_to_the_gardeners, outcome_of

SECRET = "an invented hs_token"
PATH = "/hooks/matrix/main/_matrix/app/v1/transactions/17"


def event(number: str = "$a1", **more: Any) -> dict[str, Any]:
    content = {"msgtype": "m.text", "body": "where are the seeds?"}
    base = {"type": "m.room.message", "event_id": number, "room_id": "!soil:g.example", "sender": "@rosa:g.example"}
    return {**base, "origin_server_ts": 1772452680000, "content": content, **more}


def put(body: dict[str, Any] | bytes, path: str = PATH, secret: str = SECRET, **more: Any) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(method="PUT", path=path, headers=sign(content, secret, 0.0), body=content, **more)


def test_each_event_of_a_transaction_becomes_a_record_of_its_own():
    body = {"events": [event(), event("$a2")], "ephemeral": [{"type": "m.typing"}], "to_device": [{"type": "m.room_key"}]}
    verdict = verify(put(body), ("another", SECRET), 0.0)
    assert isinstance(verdict, Accept)
    assert [json.loads(part).get("event_id") for part in verdict.parts] == ["$a1", "$a2", None]
    assert verdict.answer == b"{}"


def test_an_empty_transaction_and_a_ping_are_answered_and_nothing_is_stored():
    assert verify(put({"events": []}), (SECRET,), 0.0) == Answer(b"{}")
    assert verify(put({"transaction_id": "x"}, PATH.partition("transactions")[0] + "ping"), (SECRET,), 0.0) == Answer(b"{}")


def test_an_old_homeserver_sends_its_token_in_the_query():
    old = Request(
        "PUT", "/hooks/matrix/main/transactions/1", {}, json.dumps({"events": [event()]}).encode(), {"access_token": SECRET}
    )
    assert isinstance(verify(old, (SECRET,), 0.0), Accept)


@given(st.text(max_size=40))
def test_an_invented_token_is_refused(token):
    if token.strip() != SECRET:
        request = Request("PUT", PATH, {"authorization": f"Bearer {token}"}, b'{"events": []}', {"access_token": token})
        assert isinstance(verify(request, ("", SECRET), 0.0), Refuse)


@pytest.mark.parametrize(("body", "path", "status"), [
    (b"[]", PATH, 400), (b"{", PATH, 400), (b'{"events": {}}', PATH, 400), (b"{}", "/hooks/matrix/main/_matrix/app/v1/users/x", 404),
])  # fmt: skip
def test_what_is_no_transaction_is_refused(body, path, status):
    verdict = verify(put(body, path), (SECRET,), 0.0)
    assert isinstance(verdict, Refuse)
    assert verdict.status == status


class Kept:
    """A publisher that keeps what it gets."""

    healthy = True

    def __init__(self) -> None:
        self.events: list[RawEvent] = []

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def publish(self, events: list[RawEvent]) -> None:
        self.events += events


def test_the_gateway_takes_transactions_below_the_address_of_the_source():
    kept = Kept()
    sources = [
        ConfiguredSource(source=Source(SourceKind.WEBHOOK, slug, "main"), secrets=(SECRET,)) for slug in ("matrix", "slack")
    ]
    client = TestClient(make_app(sources, PLATFORMS, kept, lambda: NOW))  # type: ignore[arg-type]
    body = json.dumps({"events": [event(), event("$a2")]}).encode()
    answer = client.put(PATH, content=body, headers=sign(body, SECRET, 0.0))
    assert (answer.status_code, answer.json()) == (200, {})
    assert [(one.type, json.loads(one.payload)["event_id"]) for one in kept.events] == [
        ("matrix.event", "$a1"),
        ("matrix.event", "$a2"),
    ]
    assert len({one.id for one in kept.events}) == 2
    assert client.put(PATH, content=body).status_code == 403
    for elsewhere in ("/hooks/matrix/main", PATH.replace("matrix", "slack", 1)):
        assert client.post(elsewhere, content=body, headers=sign(body, SECRET, 0.0)).status_code == 404
    assert len(kept.events) == 2


# --- exports


def room(*events: dict[str, Any], **head: Any) -> str:
    described = {
        "room_name": "SENTINEL",
        "room_creator": "SENTINEL",
        "topic": "SENTINEL",
        "export_date": "x",
        "exported_by": "SENTINEL",
    }
    return json.dumps({**described, **head, "messages": list(events)}, indent=4)


def read(path: Path, **options: Any) -> list[Any]:
    return list(read_export(path, ImportOptions(**options)))


def interactions(found: list[Any]) -> list[Any]:
    context = everything_belongs_to_the_gardeners()
    raws = [
        {"type": one.type, "source": "import/matrix/x", "tenant": one.tenant, "payload_text": one.payload.decode()}
        for one in found
    ]
    return [made for raw in raws for made in outcome_of(raw, context).interactions]


def test_an_event_is_the_same_interaction_through_transaction_and_export(tmp_path):
    (tmp_path / "room.json").write_text(room(event(unsigned={"age": 5})))
    found = read(tmp_path / "room.json")
    assert b"SENTINEL" not in b"".join(one.payload for one in found)
    raw = {"type": "matrix.event", "source": "webhook/matrix/main", "payload": event()}
    (live,) = outcome_of(raw, everything_belongs_to_the_gardeners()).interactions
    (past,) = interactions(found)
    assert live.model_dump(exclude={"raw"}) == past.model_dump(exclude={"raw"})


def test_a_redaction_is_the_same_interaction_live_and_in_an_export_that_shows_the_message_redacted(tmp_path):
    redaction = event("$r1", type="m.room.redaction", redacts="$a1", content={"reason": "x"})
    because = {"redacted_because": {**redaction, "unsigned": {}}}
    (tmp_path / "room.json").write_text(room(event(content={}, unsigned=because), event("$a2")))
    raw = {"type": "matrix.event", "source": "webhook/matrix/main", "payload": redaction}
    (live,) = outcome_of(raw, everything_belongs_to_the_gardeners()).interactions
    past, _ = interactions(read(tmp_path))
    assert live.model_dump(exclude={"raw"}) == past.model_dump(exclude={"raw"})


def test_the_parts_of_an_encrypted_event_stay_in_the_export(tmp_path):
    (tmp_path / "room.json").write_text(room(event(type="m.room.encrypted", content={"ciphertext": "SENTINEL"})))
    (found,) = read(tmp_path)
    assert b"SENTINEL" not in found.payload


def test_what_is_no_room_is_refused_and_named(tmp_path):
    (tmp_path / "other.json").write_text('{"messages": []}')
    left: list[str] = []
    with pytest.raises(ExportError, match="known layout"):
        read(tmp_path, left_out=lambda name, _why: left.append(name))
    assert left == ["other.json"]
