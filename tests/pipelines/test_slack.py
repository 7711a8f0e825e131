"""Slack's own: signatures, the handshake, exports, and payloads that were bent."""

import hashlib
import hmac
import json
import zipfile
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
from pipelines.platforms import slack
from pipelines.platforms.slack.webhook import WEBHOOK
from pipelines.understand.understand import Context, Outcome, understand
from tests.pipelines.bending import bent, raws_of, values

REPOSITORY = Path(__file__).parents[2]
HISTORY = REPOSITORY.parent / "shared" / "data" / "histories" / "freecodecamp-slack-export.zip"
FIXTURES = sorted((REPOSITORY / "tests" / "fixtures" / "slack").glob("*.json"))
NOW = 1_772_450_000.0
SECRET = "an invented signing secret"
BODY = b'{"type":"event_callback","team_id":"T0"}'
RECEIVED_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
_RULE = SpaceRule(platform="slack", workspace="*", spaces=("*",))
CONTEXT = Context(
    key=b"k",
    communities=Communities({"gardeners": Community(slug="gardeners", title="Gardeners", space=(_RULE,))}),
    platforms={"slack": slack.PLATFORM},
)


def request(body: bytes = BODY, **headers: str) -> Request:
    signed = WEBHOOK.sign(BODY, SECRET, NOW)
    return Request(method="POST", path="/hooks/slack/main", headers={**signed, **headers}, body=body)


def outcome(
    payload: bytes, kind: str = "slack.event", source: str = "webhook/slack/main", community: str | None = None
) -> Outcome:
    raw = RawEvent(
        id="1",
        sender="/t",
        type=kind,
        source=source,
        received_at=RECEIVED_AT,
        payload=payload,
        tenant="T0",
        community=community,
    )
    return understand(raw.payload, raw.headers(), 0, 0, CONTEXT)


# --- signatures


def test_what_slack_signed_is_accepted() -> None:
    assert WEBHOOK.verify(request(), (SECRET,), NOW) == Accept("slack.event")


def test_the_signature_is_the_one_that_slack_documents() -> None:
    expected = hmac.new(SECRET.encode(), b"v0:1772450000:" + BODY, hashlib.sha256).hexdigest()
    assert WEBHOOK.sign(BODY, SECRET, NOW)["x-slack-signature"] == f"v0={expected}"


def test_any_of_several_secrets_may_match_while_they_are_rotated() -> None:
    assert WEBHOOK.verify(request(), ("a new one", SECRET), NOW) == Accept("slack.event")


@pytest.mark.parametrize("secrets", [(), ("",), ("another",)])
def test_without_the_right_secret_nothing_is_accepted(secrets: tuple[str, ...]) -> None:
    assert isinstance(WEBHOOK.verify(request(), secrets, NOW), Refuse)


def test_an_empty_secret_matches_nothing_even_when_signed_with_it() -> None:
    forged = Request(method="POST", path="/", headers=WEBHOOK.sign(BODY, "", NOW), body=BODY)
    assert isinstance(WEBHOOK.verify(forged, ("",), NOW), Refuse)


@pytest.mark.parametrize(("late", "accepted"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_signature_is_good_for_300_seconds_either_way(late: int, accepted: bool) -> None:
    assert isinstance(WEBHOOK.verify(request(), (SECRET,), NOW + late), Accept) is accepted


@pytest.mark.parametrize("stamp", ["", "soon", "1772450000.0", "-1772450000", " 1772450000", "１７７２４５００００", "1" * 400])
def test_a_timestamp_that_is_no_number_of_seconds_is_refused(stamp: str) -> None:
    signed = "v0=" + hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + BODY, hashlib.sha256).hexdigest()
    refused = WEBHOOK.verify(request(**{"x-slack-request-timestamp": stamp, "x-slack-signature": signed}), (SECRET,), NOW)
    assert isinstance(refused, Refuse)
    assert refused.status == 401


def test_a_request_without_signature_is_refused_and_the_secret_is_not_named() -> None:
    refused = WEBHOOK.verify(Request(method="POST", path="/", headers={}, body=BODY), (SECRET,), NOW)
    assert isinstance(refused, Refuse)
    assert SECRET not in refused.why


@given(place=st.integers(0, len(BODY) - 1), byte=st.integers(1, 255))
def test_a_body_with_one_byte_changed_is_refused(place: int, byte: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= byte
    assert isinstance(WEBHOOK.verify(request(bytes(changed)), (SECRET,), NOW), Refuse)


@given(signature=st.text(max_size=80))
def test_an_invented_signature_is_refused(signature: str) -> None:
    assert isinstance(WEBHOOK.verify(request(**{"x-slack-signature": signature}), (SECRET,), NOW), Refuse)


@given(place=st.integers(0, 66), letter=st.sampled_from("0123456789abcdefvG="))
def test_a_signature_with_one_letter_changed_is_refused(place: int, letter: str) -> None:
    good = WEBHOOK.sign(BODY, SECRET, NOW)["x-slack-signature"]
    changed = good[:place] + letter + good[place + 1 :]
    assert isinstance(WEBHOOK.verify(request(**{"x-slack-signature": changed}), (SECRET,), NOW), Accept) is (changed == good)


CHALLENGE = b'{"type":"url_verification","token":"t","challenge":"3eZ\\u00e9"}'


def test_the_handshake_is_answered_with_its_challenge() -> None:
    asked = Request(method="POST", path="/", headers=WEBHOOK.sign(CHALLENGE, SECRET, NOW), body=CHALLENGE)
    answer = WEBHOOK.verify(asked, (SECRET,), NOW)
    assert isinstance(answer, Answer)
    assert json.loads(answer.body) == {"challenge": "3eZé"}


def test_a_handshake_that_is_not_signed_is_refused() -> None:
    assert isinstance(WEBHOOK.verify(Request(method="POST", path="/", headers={}, body=CHALLENGE), (SECRET,), NOW), Refuse)


def test_a_message_that_speaks_of_the_handshake_is_no_handshake() -> None:
    body = b'{"type":"event_callback","event":{"type":"message","text":"what is url_verification?"}}'
    asked = Request(method="POST", path="/", headers=WEBHOOK.sign(body, SECRET, NOW), body=body)
    assert WEBHOOK.verify(asked, (SECRET,), NOW) == Accept("slack.event")


# --- what must hold beyond the fixtures


def test_a_message_is_the_same_interaction_through_webhook_and_export() -> None:
    message = {
        "type": "message",
        "user": "U1",
        "text": "The beans are up. <@U2>",
        "ts": "1772450000.000100",
        "thread_ts": "1.0",
    }
    event = {**message, "channel": "C1", "channel_type": "channel", "event_ts": message["ts"]}
    live = outcome(json.dumps({"type": "event_callback", "team_id": "T0", "event": event}).encode())
    wrapped = {"team": "T0", "channel": "C1", "private": False, "message": message}
    exported = outcome(json.dumps(wrapped).encode(), "slack.export", "import/slack/slack-export")
    assert len(live.interactions) == 1
    assert live.interactions == exported.interactions


def test_no_text_of_a_message_is_in_the_interaction() -> None:
    event = {
        "type": "message",
        "user": "U1",
        "text": "marigold <https://a.example.org/rhubarb|sorrel>",
        "ts": "1772450000.000100",
    }
    found = outcome(json.dumps({"type": "event_callback", "team_id": "T1", "event": {**event, "channel": "C1"}}).encode())
    kept = found.interactions[0].model_dump_json()
    assert not [word for word in ("marigold", "rhubarb", "sorrel", '"U1"') if word in kept]


# --- bent payloads

_RAWS = raws_of(FIXTURES[0].parent)
_VALUES = values("message", "message_changed", "99999999999.999999", "D1", "im")


@settings(max_examples=2_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_bent_payload_is_never_a_fault_of_ours(data: st.DataObject) -> None:
    for raw, payload in bent(data, _RAWS, _VALUES):
        found = outcome(json.dumps(payload).encode(), raw["type"], raw["source"], "gardeners")
        assert found.record.reason is not Reason.NORMALISER_FAILED, (payload, found.record.detail)


@given(st.binary(max_size=200))
def test_bytes_are_never_a_fault_of_ours(body: bytes) -> None:
    assert outcome(body).record.reason is Reason.UNREADABLE_PAYLOAD


def test_a_thousand_brackets_are_unreadable() -> None:
    assert outcome(b"[" * 100_000).record.reason is Reason.UNREADABLE_PAYLOAD


# --- exports

CHANNELS = [{"id": "C1", "name": "soil"}, {"id": "C2", "name": "seeds"}, {"id": "C3", "name": "silent"}]
USERS = [
    {
        "id": "U1",
        "team_id": "T7",
        "name": "rosa",
        "updated": 1_700_000_000,
        "profile": {"email": "rosa@example.org", "phone": "000"},
    },
    {"id": "U2", "team_id": "T7", "name": "gauge", "is_bot": True},
    {"id": "U", "team_id": "T8", "name": ""},
    {"name": "no id"},
]
PLAIN = {"type": "message", "user": "U1", "text": "Hello", "ts": "1500000000.000001"}
FILE = {"id": "F1", "url_private": "https://files.example.org/?t=xoxe-secret"}
ROOT: dict[str, Any] = {
    "channels.json": CHANNELS,
    "users.json": USERS,
    "groups.json": [{"id": "G1", "name": "board"}],
    "dms.json": [{"id": "D1"}],
    "integration_logs.json": [{"text": "ignored"}],
    "soil/2017-07-14.json": [PLAIN, {**PLAIN, "ts": "1500000001.000001", "user": "U2"}],
    "soil/2017-07-15.json": [{**PLAIN, "ts": "1500100000.000001", "files": [FILE], "blocks": [1], "user_profile": {"x": 1}}],
    "soil/canvas.json": {"ignored": True},
    "seeds/2017-07-14.json": [{**PLAIN, "ts": "1500000002.000001"}, {"type": "message", "text": "no ts"}],
    "board/2017-07-14.json": [{**PLAIN, "text": "a secret of the board"}],
    "D1/2017-07-14.json": [{**PLAIN, "text": "a secret of two"}],
    "FC:F1:canvas/2017-07-14.json": [{**PLAIN, "text": "a secret of a canvas"}],
}


def folder(at: Path, tree: dict[str, Any]) -> Path:
    for name, content in tree.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return at


def zipped(at: Path, tree: dict[str, Any], prefix: str = "") -> Path:
    with zipfile.ZipFile(at, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in tree.items():
            archive.writestr(prefix + name, content if isinstance(content, str) else json.dumps(content))
    return at


def read(path: Path, **options: str) -> list[PlatformEvent]:
    return list(slack.PLATFORM.exports["slack-export"](path, ImportOptions(**options)))


def test_a_zip_a_folder_and_a_zip_of_the_folder_are_the_same_export(tmp_path: Path) -> None:
    plain = read(zipped(tmp_path / "a.zip", ROOT))
    assert read(folder(tmp_path / "a", ROOT)) == plain
    assert read(zipped(tmp_path / "b.zip", ROOT, "Gardeners Slack export/")) == plain


def test_every_user_and_every_message_is_one_event_with_an_id_for_ever(tmp_path: Path) -> None:
    ids = [event.id for event in read(zipped(tmp_path / "a.zip", ROOT))]
    assert ids == [
        *("user:U1", "user:U2", "user:U", "user:None"),
        *("C1:1500000000.000001", "C1:1500000001.000001", "C1:1500100000.000001"),
        *("C2:1500000002.000001", "C2:2017-07-14:1"),
        *("G1:1500000000.000001", "D1:1500000000.000001", "FC:F1:canvas:1500000000.000001"),
    ]


def test_the_workspace_is_the_option_else_the_team_of_most_users_else_export(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ROOT)
    nameless = zipped(tmp_path / "b.zip", {**ROOT, "users.json": [{"id": "U1"}]})
    assert {event.tenant for event in read(path)} == {"T7"}
    assert {event.tenant for event in read(path, tenant="T9")} == {"T9"}
    assert {event.tenant for event in read(nameless)} == {"export"}


def test_of_private_channels_direct_messages_and_unlisted_folders_nothing_is_taken(tmp_path: Path) -> None:
    events = read(zipped(tmp_path / "a.zip", ROOT))
    assert not [event for event in events if b"secret" in event.payload]
    closed = [event for event in events if json.loads(event.payload).get("message") == {}]
    records = [outcome(event.payload, event.type, "import/slack/slack-export").record for event in closed]
    assert [(record.reason, record.space) for record in records] == [
        *[(Reason.PRIVATE, None)] * 2,
        (Reason.UNKNOWN_PRIVACY, "FC:F1:canvas"),
    ]


def test_addresses_that_open_files_and_telephone_numbers_stay_in_the_export(tmp_path: Path) -> None:
    payloads = [json.loads(event.payload) for event in read(zipped(tmp_path / "a.zip", ROOT))]
    with_file = next(payload for payload in payloads if payload.get("message", {}).get("files"))
    assert with_file["message"] == {**PLAIN, "ts": "1500100000.000001", "files": [{"id": "F1"}]}
    assert payloads[0]["user"] == {
        "id": "U1",
        "name": "rosa",
        "updated": 1_700_000_000,
        "profile": {"email": "rosa@example.org"},
    }


def test_a_bot_of_the_user_list_is_a_bot_in_its_messages(tmp_path: Path) -> None:
    events = read(zipped(tmp_path / "a.zip", ROOT))
    outcomes = [
        outcome(event.payload, event.type, "import/slack/slack-export") for event in events if event.id.startswith("C1:")
    ]
    assert [found.interactions[0].actor_kind for found in outcomes] == ["human", "bot", "human"]


def test_the_first_join_of_the_general_channel_is_a_join_of_the_workspace_and_no_other_is(tmp_path: Path) -> None:
    def joining(ts: str) -> dict[str, Any]:
        return {"type": "message", "subtype": "channel_join", "user": "U1", "text": "<@U1> has joined the channel", "ts": ts}

    tree = {
        "channels.json": [{"id": "C1", "name": "hall", "is_general": True}, {"id": "C2", "name": "seeds", "is_general": False}],
        "users.json": USERS,
        "hall/2017-07-14.json": [joining("1500000000.000001")],
        "hall/2017-07-16.json": [joining("1500200000.000001")],
        "seeds/2017-07-14.json": [joining("1500000001.000001")],
    }
    outcomes = [outcome(event.payload, event.type, "import/slack/slack-export") for event in read(folder(tmp_path, tree))]
    joins = [one for found in outcomes for one in found.interactions]
    assert [(one.verb, one.space, one.occurred_at.timestamp()) for one in joins] == [("join", "workspace", 1_500_000_000.0)]


def test_what_the_export_does_not_date_is_dated_by_its_last_day(tmp_path: Path) -> None:
    events = read(zipped(tmp_path / "a.zip", ROOT))
    accounts = [outcome(event.payload, event.type, "import/slack/slack-export").accounts for event in events[:3]]
    assert [found[0].seen_at for found in accounts] == [
        datetime.fromtimestamp(1_700_000_000, UTC),
        datetime(2017, 7, 15, tzinfo=UTC),
        datetime(2017, 7, 15, tzinfo=UTC),
    ]


def test_users_and_messages_without_what_names_them_are_rejected_one_by_one(tmp_path: Path) -> None:
    events = read(zipped(tmp_path / "a.zip", ROOT))
    bad = [
        event.id
        for event in events
        if outcome(event.payload, event.type, "import/slack/slack-export").record.reason is Reason.UNREADABLE_PAYLOAD
    ]
    assert bad == ["user:None", "C2:2017-07-14:1"]


def _without(name: str) -> dict[str, Any]:
    return {each: content for each, content in ROOT.items() if each != name}


@pytest.mark.parametrize(
    ("tree", "named"),
    [
        (_without("channels.json"), "no channels.json"),
        (_without("users.json"), "no users.json"),
        ({"channels.json": CHANNELS, "users.json": USERS}, "no <channel>/<day>.json"),
        ({"README.txt": "hello"}, "no channels.json"),
        ({**ROOT, "soil/2017-13-41.json": []}, "2017-13-41"),
    ],
)
def test_an_export_in_another_layout_is_refused_with_what_to_do(tmp_path: Path, tree: dict[str, Any], named: str) -> None:
    with pytest.raises(ExportError) as zip_error:
        read(zipped(tmp_path / "a.zip", tree))
    with pytest.raises(ExportError) as folder_error:
        read(folder(tmp_path / "a", tree))
    for error in (zip_error.value, folder_error.value):
        assert named in error.why
        assert error.what
        assert error.todo


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_truncated_zip_is_refused_before_the_first_event(tmp_path: Path, share: float) -> None:
    whole = zipped(tmp_path / "a.zip", ROOT).read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ExportError, match="cut off"):
        next(slack.PLATFORM.exports["slack-export"](tmp_path / "b.zip", ImportOptions()))


def test_a_zip_damaged_inside_names_the_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ROOT)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("soil/2017-07-14.json")
    whole = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    whole[start : start + 20] = bytes(20)
    path.write_bytes(whole)
    faults = [event.fault for event in read(path) if event.fault]
    assert faults == ["soil/2017-07-14.json: the zip is damaged there, or encrypted"]
    assert "C2:1500000002.000001" in {event.id for event in read(path)}, "the other channels are read"


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no file nowhere\.zip"):
        read(tmp_path / "nowhere.zip")


def test_a_file_larger_than_memory_allows_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.imports.archive.MOST_BYTES", 2**20)
    events = read(zipped(tmp_path / "a.zip", {**ROOT, "soil/2017-07-15.json": " " * (2**20 + 1)}))
    assert [event.fault for event in events if event.fault] == ["soil/2017-07-15.json: it has more than 1 MiB"]


@pytest.mark.histories
@pytest.mark.skipif(not HISTORY.is_file(), reason="the folder shared/data lies beside the repository only where we measure")
def test_two_years_of_a_real_community_are_211983_messages_of_7502_people_and_one_bot() -> None:
    people: dict[str, str] = {}
    ids: set[str] = set()
    accounts = messages = 0
    for event in slack.PLATFORM.exports["slack-export"](HISTORY, ImportOptions()):
        found = outcome(event.payload, event.type, "import/slack/slack-export", "gardeners")
        assert found.record.verdict == "understood", found.record.detail
        accounts += len(found.accounts)
        messages += event.type == "slack.export"
        for interaction in found.interactions:
            ids.add(interaction.event_id)
            people[interaction.actor] = interaction.actor_kind
    kinds = list(people.values())
    assert (messages, len(ids), accounts) == (211_983, 211_983, 7_503)
    assert (kinds.count("human"), kinds.count("bot")) == (7_502, 1)
