"""BigBlueButton's own: the three ways of one meeting, checksums, recordings, and visits that overlap or never end."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.connector import Accept, AccountSeen, Action, ExportError, ImportOptions, Refuse, Request
from pipelines.platforms.bigbluebutton.export import read_events
from pipelines.platforms.bigbluebutton.normalise import normalise
from pipelines.platforms.bigbluebutton.webhook import checksum, form, sign, verify
from tests.cases.installation import SETTINGS, Installation
from tests.pipelines.test_platforms import FIXTURES
from tests.pipelines.test_real_payloads import PAYLOADS

SECRET = "an invented secret"
T0 = 1_788_771_600_000
ROOM = "0123456789abcdef0123456789abcdef01234567"
MEETING = f"{ROOM}-{T0}"
ADDRESS = "https://guildhall.example.org/hooks/bigbluebutton/main"
NOW = datetime(2026, 9, 20, tzinfo=UTC)
needs_payloads = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the folder shared/data lies beside the repository only here")


def event(name: str, minutes: float, user: str | None = None, external: str = "", person: str | None = None) -> dict:
    attributes: dict = {"meeting": {"internal-meeting-id": MEETING, "external-meeting-id": "beds"}}
    if user:
        attributes["user"] = {"internal-user-id": user, "external-user-id": external, "name": person}
    return {"data": {"type": "event", "id": name, "attributes": attributes, "event": {"ts": T0 + int(minutes * 60_000)}}}


def found_in(*events: dict) -> list:
    raw = type("Raw", (), {"payload": json.dumps(events).encode(), "tenant": "bbb.example.org"})
    return list(normalise(raw))  # type: ignore[arg-type] # of a raw event it reads these two


def posted(tmp_path: Path, *events: dict) -> Installation:
    made = Installation(tmp_path, SETTINGS.format(platform="bigbluebutton"))
    for one in events:
        body = form(json.dumps([one]).encode(), "bbb.example.org", T0)
        assert made.post("bigbluebutton", body, now=NOW) == 200
    made.refresh(NOW)
    return made


# --- three ways of one meeting


def without_time(action: Action) -> Action:
    """An action without what depends on its time, which bbb-webhooks sets again in a mapped event."""
    key = action.key if action.verb in {"post", "host"} else action.key.rpartition(":")[0]
    none = datetime(2000, 1, 1, tzinfo=UTC)
    return replace(action, key=key, occurred_at=none, started_at=None, ended_at=None, revision=None)


@needs_payloads
def test_raw_and_mapped_events_of_the_real_meeting_agree_interaction_by_interaction():
    raw, mapped = (
        [found_in(json.loads(path.read_text())) for path in sorted((PAYLOADS / "bigbluebutton" / folder).glob("*.json"))]
        for folder in ("raw-events", "mapped-events")
    )
    assert len(raw) == len(mapped) == 24
    for one, other in zip(raw, mapped, strict=True):
        assert [without_time(found) for found in one if isinstance(found, Action)] == [
            without_time(found) for found in other if isinstance(found, Action)
        ]
        assert [replace(found, seen_at=NOW) for found in one if isinstance(found, AccountSeen)] == [
            replace(found, seen_at=NOW) for found in other if isinstance(found, AccountSeen)
        ]
    assert sum(isinstance(found, Action) for events in raw for found in events) == 8


@pytest.mark.parametrize(
    "pair", [("raw_user_joined", "recorded_join"), ("raw_user_left", "recorded_left"), ("raw_chat", "recorded_chat")]
)
def test_a_webhook_and_a_recording_state_one_action_with_one_id(pair):
    one, other = (
        json.loads((FIXTURES / "bigbluebutton" / f"{name}.json").read_text())["expect"]["interactions"] for name in pair
    )
    for name in ("event_id", "verb", "actor", "object_id", "space"):
        assert [found[name] for found in one] == [found[name] for found in other]


# --- signatures


def request(body: bytes, query: dict | None = None, **headers: str) -> Request:
    return Request("POST", "/hooks/bigbluebutton/main", {"host": "guildhall.example.org", **headers}, body, query or {})


BODY = form(b"[" + json.dumps(event("meeting-created", 0)).encode() + b"]", "bbb.example.org", T0)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("address", [ADDRESS, ADDRESS.replace("https", "http")])
def test_the_checksum_of_the_registered_address_is_accepted(algorithm, address):
    query = {"checksum": checksum(address, BODY, SECRET, algorithm)}
    assert verify(request(BODY, query), ("another", SECRET), 0) == Accept("bigbluebutton.webhook", tenant="bbb.example.org")


def test_the_checksum_is_over_the_registered_host_and_query():
    address = "https://public.example.org/hooks/bigbluebutton/main?room=beds"
    query = {"room": "beds", "checksum": checksum(address, BODY, SECRET)}
    forwarded = {"host": "127.0.0.1:8080", "x-forwarded-host": "public.example.org"}
    assert isinstance(verify(request(BODY, query, **forwarded), (SECRET,), 0), Accept)
    assert isinstance(verify(request(BODY, query), (SECRET,), 0), Refuse)


def test_the_token_is_accepted_and_everything_else_refused():
    assert isinstance(verify(request(BODY, **sign(BODY, SECRET, 0)), (SECRET,), 0), Accept)
    good = checksum(ADDRESS, BODY, SECRET)
    for body, query, headers, secrets in (
        (BODY, {}, {}, (SECRET,)),
        (BODY, {}, sign(BODY, "another", 0), (SECRET,)),
        (BODY, {}, {"authorization": "Bearer "}, ("",)),
        (BODY, {"checksum": good[:-1]}, {}, (SECRET,)),
        (BODY + b"&x=1", {"checksum": good}, {}, (SECRET,)),
        (BODY, {"checksum": good}, {}, ("another",)),
        (BODY, {"checksum": good}, {}, ()),
        (b"domain=x", {"checksum": checksum(ADDRESS, b"domain=x", SECRET)}, {}, (SECRET,)),
    ):
        assert isinstance(verify(request(body, query, **headers), secrets, 0), Refuse)


# --- visits


def test_overlapping_visits_of_one_person_are_one_presence(tmp_path):
    made = posted(
        tmp_path,
        event("user-joined", 0, "w_a1", "rosa-17", "Rosa Meadow"),
        event("user-joined", 10, "w_a2", "rosa-17", "Rosa Meadow"),
        event("user-left", 12, "w_a1", "rosa-17"),
        event("user-left", 30, "w_a2", "rosa-17"),
        event("meeting-ended", 40),
    )
    assert made.rows("select minutes from core.attendance") == [(30,)]
    made.close()


def test_a_wrong_leaving_costs_only_the_time_until_the_next_joining(tmp_path):
    made = posted(
        tmp_path,
        event("user-joined", 0, "w_a1", "rosa-17", "Rosa Meadow"),
        event("user-left", 20, "w_a1", "rosa-17"),
        event("user-joined", 21, "w_a1", "rosa-17", "Rosa Meadow"),
        event("user-left", 40, "w_a1", "rosa-17"),
        event("meeting-ended", 40),
    )
    assert made.rows("select minutes from core.attendance") == [(39,)]
    made.close()


def test_a_visit_without_a_leaving_ends_with_the_meeting_and_a_phantom_is_nobody(tmp_path):
    made = posted(
        tmp_path,
        event("user-joined", 5, "w_a1", "rosa-17", "Rosa Meadow"),
        event("user-joined", 5, "w_x1", "w_x1", "Anonymous"),
        event("user-left", 6, "w_x1", "w_x1"),
        event("meeting-ended", 60),
    )
    assert made.rows("select minutes from core.attendance") == [(55,)]
    assert made.rows("select attendees, anonymous, hosts, ended_at - started_at = interval 1 hour from core.meetings") == [
        (2, 1, 0, True)
    ]
    made.close()


def test_in_a_breakout_room_somebody_is_the_same_person(tmp_path):
    room = json.loads(json.dumps(event("user-joined", 20, "w_b1", "w_a1-2", "Rosa Meadow")).replace(ROOM, ROOM[::-1]))
    made = posted(tmp_path, event("user-joined", 0, "w_a1", "rosa-17", "Rosa Meadow"), room)
    assert made.rows("select count(*), count(distinct member) from core.interactions where verb = 'attend'") == [(2, 1)]
    made.close()


# --- recordings

RECORDING = f"""<?xml version="1.0" encoding="UTF-8"?>
<recording meeting_id="{MEETING}" bbb_version="2.6.1">
  <meeting id="{MEETING}" externalId="beds" name="Beds" breakout="false"/>
  <metadata meetingName="Beds" bbb-origin-server-name="bbb.example.org"/>
  <event timestamp="1000" module="CONFIG" eventname="MeetingConfigurationEvent"><timestampUTC>{T0 + 10}</timestampUTC></event>
  <event timestamp="2000" module="PARTICIPANT" eventname="ParticipantJoinEvent">
    <name>Rosa Meadow</name><role>MODERATOR</role><externalUserId>rosa-17</externalUserId><userId>w_a1</userId>
    <timestampUTC>{T0 + 60_000}</timestampUTC></event>
  <event timestamp="62000" module="VOICE" eventname="ParticipantTalkingEvent">
    <participant>w_a1</participant><talking>true</talking></event>
  <event timestamp="70000" module="CHAT" eventname="PublicChatEvent">
    <senderId>w_a1</senderId><sender>Rosa Meadow</sender><message><![CDATA[Shears?]]></message>
    <timestampUTC>{T0 + 70_000}</timestampUTC></event>
  <event timestamp="90000" module="PARTICIPANT" eventname="ParticipantLeftEvent">
    <userId>w_a1</userId><timestampUTC>{T0 + 600_000}</timestampUTC></event>
</recording>
"""


def test_a_folder_of_recordings_is_read(tmp_path):
    folder = tmp_path / "raw" / MEETING
    folder.mkdir(parents=True)
    (folder / "events.xml").write_text(RECORDING)
    (folder / "video.webm").write_bytes(b"\x00")
    made = Installation(tmp_path, SETTINGS.format(platform="bigbluebutton"))
    assert made.imports("bigbluebutton-events", tmp_path / "raw") == {("understood", None): 4}
    made.refresh(NOW)
    assert made.rows("select minutes, spoke from core.attendance") == [(9, True)]
    assert made.rows("select workspace, is_question from core.interactions where verb = 'post'") == [("bbb.example.org", True)]
    made.close()


def test_a_time_before_version_2_is_counted_from_the_first_event(tmp_path):
    (tmp_path / "events.xml").write_text(RECORDING)
    talk = [one for one in read_events(tmp_path / "events.xml", ImportOptions()) if b"talking" in one.payload]
    assert [one.time for one in talk] == [datetime.fromtimestamp(T0 / 1000 + 61, UTC)]


def test_a_damaged_recording_is_one_rejected_record_and_the_rest_is_read(tmp_path):
    (tmp_path / "events.xml").write_text(RECORDING[:-60])
    assert [one.fault is None for one in read_events(tmp_path / "events.xml", ImportOptions())] == [True] * 3 + [False]


def test_stored_events_are_read_by_line_and_another_file_is_refused(tmp_path):
    lines = [BODY.decode(), json.dumps(event("user-joined", 1, "w_a1", "rosa-17", "Rosa Meadow")), "noise"]
    (tmp_path / "hooks.log").write_text("\n".join(lines))
    assert [one.fault is None for one in read_events(tmp_path / "hooks.log", ImportOptions())] == [True, True, False]
    (tmp_path / "other.txt").write_text("nothing\n")
    with pytest.raises(ExportError):
        list(read_events(tmp_path / "other.txt", ImportOptions()))


def test_another_xml_is_refused_at_its_first_element(tmp_path):
    (tmp_path / "dump.xml").write_text("<mediawiki><page><title>Beds</title></page>" * 3)
    with pytest.raises(ExportError, match="no event"):
        next(iter(read_events(tmp_path / "dump.xml", ImportOptions())))
