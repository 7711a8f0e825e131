"""Zoom's own: signatures, the URL validation, files of kept webhooks, and payloads that were bent."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.communities import Communities, Community, SpaceRule
from events.outcome import Reason
from events.raw import RawEvent
from pipelines.connector import Accept, Answer, ExportError, ImportOptions, PlatformEvent, Refuse, Request
from pipelines.platforms import zoom
from pipelines.platforms.zoom.webhook import WEBHOOK
from pipelines.understand.understand import Context, Outcome, understand
from tests.pipelines.bending import bent, raws_of, values

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "zoom").glob("*.json"))
NOW = 1_772_450_000.0
SECRET = "an invented secret token"
BODY = b'{"event":"meeting.started","payload":{}}'
VALIDATION = b'{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,"event":"endpoint.url_validation"}'
_RULE = SpaceRule(platform="zoom", workspace="*", spaces=("*",))
CONTEXT = Context(
    key=b"k",
    communities=Communities({"gardeners": Community(slug="gardeners", title="Gardeners", space=(_RULE,))}),
    platforms={"zoom": zoom.PLATFORM},
)


def request(body: bytes = BODY, **headers: str) -> Request:
    return Request(method="POST", path="/hooks/zoom/main", headers={**WEBHOOK.sign(BODY, SECRET, NOW), **headers}, body=body)


def signed(body: bytes, secret: str = SECRET) -> Request:
    return Request(method="POST", path="/hooks/zoom/main", headers=WEBHOOK.sign(body, secret, NOW), body=body)


def outcome(payload: bytes, source: str = "import/zoom/zoom-webhooks") -> Outcome:
    received_at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    raw = RawEvent(id="1", sender="/t", type="zoom.webhook", source=source, received_at=received_at, payload=payload)
    return understand(raw.payload, raw.headers(), 0, 0, CONTEXT)


def fixture(name: str) -> dict[str, Any]:
    path = next(path for path in FIXTURES if path.stem == name)
    return json.loads(path.read_text())["raw"]["payload"]


# --- signatures


def test_what_zoom_signed_is_accepted() -> None:
    assert WEBHOOK.verify(request(), (SECRET,), NOW) == Accept("zoom.webhook")


def test_the_signature_is_the_one_that_zoom_documents() -> None:
    expected = hmac.new(SECRET.encode(), b"v0:1772450000:" + BODY, hashlib.sha256).hexdigest()
    assert WEBHOOK.sign(BODY, SECRET, NOW)["x-zm-signature"] == f"v0={expected}"


def test_several_accounts_mean_several_secrets_and_any_may_match() -> None:
    assert WEBHOOK.verify(request(), ("another account's", SECRET), NOW) == Accept("zoom.webhook")


@pytest.mark.parametrize("secrets", [(), ("",), ("another",)])
def test_without_the_right_secret_nothing_is_accepted(secrets: tuple[str, ...]) -> None:
    assert isinstance(WEBHOOK.verify(request(), secrets, NOW), Refuse)


def test_an_empty_secret_matches_nothing_even_when_signed_with_it() -> None:
    assert isinstance(WEBHOOK.verify(signed(BODY, ""), ("",), NOW), Refuse)


@pytest.mark.parametrize(("late", "accepted"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_signature_is_good_for_300_seconds_either_way(late: int, accepted: bool) -> None:
    assert isinstance(WEBHOOK.verify(request(), (SECRET,), NOW + late), Accept) is accepted


@pytest.mark.parametrize("stamp", ["", "soon", "1772450000.0", "-1772450000", "１７７２４５００００", "1" * 400])
def test_a_timestamp_that_is_no_number_of_seconds_is_refused(stamp: str) -> None:
    mac = "v0=" + hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + BODY, hashlib.sha256).hexdigest()
    refused = WEBHOOK.verify(request(**{"x-zm-request-timestamp": stamp, "x-zm-signature": mac}), (SECRET,), NOW)
    assert isinstance(refused, Refuse)
    assert refused.status == 401


@given(place=st.integers(0, len(BODY) - 1), byte=st.integers(1, 255))
def test_a_body_with_one_byte_changed_is_refused(place: int, byte: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= byte
    assert isinstance(WEBHOOK.verify(request(bytes(changed)), (SECRET,), NOW), Refuse)


@given(signature=st.text(max_size=80))
def test_an_invented_signature_is_refused(signature: str) -> None:
    assert isinstance(WEBHOOK.verify(request(**{"x-zm-signature": signature}), (SECRET,), NOW), Refuse)


@given(place=st.integers(0, 66), letter=st.sampled_from("0123456789abcdefvG="))
def test_a_signature_with_one_letter_changed_is_refused(place: int, letter: str) -> None:
    good = WEBHOOK.sign(BODY, SECRET, NOW)["x-zm-signature"]
    changed = good[:place] + letter + good[place + 1 :]
    assert isinstance(WEBHOOK.verify(request(**{"x-zm-signature": changed}), (SECRET,), NOW), Accept) is (changed == good)


def test_the_url_validation_is_answered_with_the_secret_that_signed_it() -> None:
    answer = WEBHOOK.verify(signed(VALIDATION), ("another account's", SECRET), NOW)
    assert isinstance(answer, Answer)
    encrypted = hmac.new(SECRET.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert json.loads(answer.body) == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": encrypted}


def test_a_url_validation_that_is_not_signed_is_refused() -> None:
    assert isinstance(WEBHOOK.verify(request(VALIDATION), (SECRET,), NOW), Refuse)


def test_a_message_that_speaks_of_the_validation_is_no_validation() -> None:
    body = b'{"event":"chat_message.sent","payload":{"object":{"message":"endpoint.url_validation"}}}'
    assert WEBHOOK.verify(signed(body), (SECRET,), NOW) == Accept("zoom.webhook")


# --- what must hold beyond the fixtures


def test_a_meeting_on_two_days_is_one_space_and_two_occurrences() -> None:
    first, second = fixture("meeting_started"), fixture("meeting_started")
    second["payload"]["object"]["uuid"] = "another=="
    found = [outcome(json.dumps(payload).encode()).interactions[0] for payload in (first, second)]
    assert len({interaction.space for interaction in found}) == 1
    assert len({interaction.object_id for interaction in found}) == len({interaction.event_id for interaction in found}) == 2


def test_a_note_taker_that_joins_with_its_owners_address_does_not_make_the_owner_a_bot() -> None:
    payload = fixture("participant_joined")
    payload["payload"]["object"]["participant"]["user_name"] = "Abel's OtterPilot"
    owner, program = (outcome(json.dumps(body).encode()).interactions[0] for body in (fixture("participant_joined"), payload))
    assert (owner.actor_kind, program.actor_kind) == ("human", "bot")
    assert owner.actor != program.actor


def test_accounts_that_one_payload_names_together_are_stated_to_be_one() -> None:
    payload = fixture("participant_joined")
    payload["payload"]["object"]["participant"]["registrant_id"] = "REGabel"
    accounts = outcome(json.dumps(payload).encode()).accounts
    assert [(one.native_id, one.same_as) for one in accounts] == [
        ("zAbel", None), ("abel@example.org", accounts[0].actor), ("registrant:REGabel", accounts[0].actor),
    ]  # fmt: skip


def test_the_end_of_a_meeting_revises_its_start() -> None:
    (started,) = outcome(json.dumps(fixture("meeting_started")).encode()).interactions
    hosted, ended = outcome(json.dumps(fixture("meeting_ended")).encode()).interactions
    assert (hosted.event_id, hosted.started_at, hosted.revises) == (started.event_id, started.started_at, None)
    assert ended.revises == started.event_id


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_no_name_address_number_or_topic_reaches_an_interaction(path: Path) -> None:
    raw = json.loads(path.read_text())["raw"]
    body = json.dumps(raw["payload"]) if "payload" in raw else raw["payload_text"]
    private = ("abel", "fern", "rosa", "example.org/", "555", "pruning", "prune", "thanks", "rain", "zabel")
    for interaction in outcome(body.encode()).interactions:
        kept = interaction.model_dump_json(exclude={"features"}).casefold()
        assert not [word for word in private if word in kept]


# --- bent payloads

_RAWS = raws_of(FIXTURES[0].parent)
_VALUES = values("meeting.ended")


@settings(max_examples=2_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_bent_payload_is_never_a_fault_of_ours(data: st.DataObject) -> None:
    for _, payload in bent(data, _RAWS, _VALUES):
        found = outcome(json.dumps(payload).encode())
        assert found.record.reason is not Reason.NORMALISER_FAILED, (payload, found.record.detail)


@given(st.binary(max_size=200))
def test_bytes_are_never_a_fault_of_ours(body: bytes) -> None:
    assert outcome(body).record.reason is Reason.UNREADABLE_PAYLOAD


# --- files of kept webhooks


def read(path: Path, **options: str) -> list[PlatformEvent]:
    return list(zoom.PLATFORM.exports["zoom-webhooks"](path, ImportOptions(**options)))


def test_every_line_is_one_webhook_byte_for_byte(tmp_path: Path) -> None:
    lines = [json.dumps(fixture(name)).encode() for name in ("meeting_started", "participant_joined", "meeting_ended")]
    (tmp_path / "kept.jsonl").write_bytes(lines[0] + b"\n\n" + lines[1] + b"\r\n" + lines[2])
    events = read(tmp_path / "kept.jsonl")
    assert [event.payload for event in events] == lines
    assert {event.tenant for event in events} == {"ACCGARDEN"}
    assert len({event.id for event in events}) == 3
    assert events[0].time == datetime(2026, 3, 2, 11, 13, 20, tzinfo=UTC)


def test_the_same_line_has_the_same_id_wherever_it_stands(tmp_path: Path) -> None:
    line = json.dumps(fixture("meeting_started")).encode()
    (tmp_path / "a").write_bytes(line)
    (tmp_path / "b").write_bytes(b"\n" + line + b"\n" + line)
    assert {event.id for event in read(tmp_path / "a") + read(tmp_path / "b")} == {read(tmp_path / "a")[0].id}


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"event":"meeting.started"}', b"\xff\xfe", b"[" * 5000])
def test_a_line_that_is_no_webhook_is_named_by_its_number(tmp_path: Path, line: bytes) -> None:
    good = json.dumps(fixture("meeting_started")).encode()
    (tmp_path / "kept.jsonl").write_bytes(good + b"\n" + line + b"\n")
    event, fault = read(tmp_path / "kept.jsonl")
    assert event.payload == good
    assert fault.fault is not None
    assert fault.fault.startswith("Line 2: not the JSON body")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"nowhere\.jsonl"):
        read(tmp_path / "nowhere.jsonl")
