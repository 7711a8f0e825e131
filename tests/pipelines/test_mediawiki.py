"""MediaWiki's own: signatures, files of recent changes, what must hold beyond the fixtures, and payloads that were bent."""

import gzip
import hashlib
import hmac
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.communities import Communities, Community, SpaceRule
from events.outcome import Reason, Verdict
from events.raw import RawEvent
from pipelines.connector import Accept, ExportError, ImportOptions, PlatformEvent, Refuse, Request
from pipelines.imports.importer import tally_export
from pipelines.ingest import cloudevents
from pipelines.platforms import mediawiki
from pipelines.platforms.mediawiki.webhook import WEBHOOK
from pipelines.understand.understand import Context, Outcome, understand
from tests.pipelines.bending import bent, raws_of, values

REPOSITORY = Path(__file__).parents[2]
HISTORY = REPOSITORY.parent / "shared" / "data" / "histories" / "wikimedia-recentchange-2015-09-12.jsonl.gz"
FIXTURES = REPOSITORY / "tests" / "fixtures" / "mediawiki"
NOW = 1_772_450_000.0
SECRET = "an invented secret"
BODY = b'{"type":"edit","wiki":"gardenwiki"}'
_RULE = SpaceRule(platform="mediawiki", workspace="*", spaces=("*",))
CONTEXT = Context(
    key=b"k",
    communities=Communities({"gardeners": Community(slug="gardeners", title="Gardeners", space=(_RULE,))}),
    platforms={"mediawiki": mediawiki.PLATFORM},
)
KIND = "mediawiki-recentchange"


def signed(body: bytes, secret: str = SECRET) -> Request:
    return Request(method="POST", path="/hooks/mediawiki/main", headers=WEBHOOK.sign(body, secret, NOW), body=body)


def outcome(payload: bytes, source: str = f"import/{KIND.partition('-')[0]}/{KIND}") -> Outcome:
    received_at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    raw = RawEvent(id="1", sender="/t", type="mediawiki.recentchange", source=source, received_at=received_at, payload=payload)
    return understand(raw.payload, raw.headers(), 0, 0, CONTEXT)


def change(**other: Any) -> dict[str, Any]:
    return {**json.loads((FIXTURES / "edit.json").read_text())["raw"]["payload"], **other}


def line(**other: Any) -> bytes:
    return json.dumps(change(**other)).encode()


# --- signatures


def test_what_the_wiki_signed_is_accepted() -> None:
    assert WEBHOOK.verify(signed(BODY), (SECRET,), NOW) == Accept("mediawiki.recentchange")


def test_the_signature_is_the_one_in_the_setup() -> None:
    expected = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    assert WEBHOOK.sign(BODY, SECRET, NOW)["x-hub-signature-256"] == f"sha256={expected}"
    assert "X-Hub-Signature-256" in " ".join(mediawiki.PLATFORM.setup)


def test_any_of_several_secrets_may_match_while_they_are_rotated() -> None:
    assert isinstance(WEBHOOK.verify(signed(BODY), ("a new one", SECRET), NOW), Accept)


@pytest.mark.parametrize("secrets", [(), ("",), ("another",)])
def test_without_the_right_secret_nothing_is_accepted(secrets: tuple[str, ...]) -> None:
    refused = WEBHOOK.verify(signed(BODY), secrets, NOW)
    assert isinstance(refused, Refuse)
    assert refused.status == 401
    assert SECRET not in refused.why


def test_an_empty_secret_matches_nothing_even_when_signed_with_it() -> None:
    assert isinstance(WEBHOOK.verify(signed(BODY, ""), ("",), NOW), Refuse)


@given(place=st.integers(0, len(BODY) - 1), byte=st.integers(1, 255))
def test_a_body_with_one_byte_changed_is_refused(place: int, byte: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= byte
    asked = Request(method="POST", path="/", headers=WEBHOOK.sign(BODY, SECRET, NOW), body=bytes(changed))
    assert isinstance(WEBHOOK.verify(asked, (SECRET,), NOW), Refuse)


@given(signature=st.text(max_size=80))
def test_an_invented_signature_is_refused(signature: str) -> None:
    asked = Request(method="POST", path="/", headers={"x-hub-signature-256": signature}, body=BODY)
    assert isinstance(WEBHOOK.verify(asked, (SECRET,), NOW), Refuse)


# --- what must hold beyond the fixtures


def test_an_edit_is_the_same_interaction_in_every_style_of_the_feed() -> None:
    named = ("edit", "edit_old_style", "edit_plain_feed", "edit_oldest_feed")
    payloads = [json.loads((FIXTURES / f"{name}.json").read_text())["raw"]["payload"] for name in named]
    found = [outcome(json.dumps(payload).encode()).interactions for payload in payloads]
    assert [len(each) for each in found] == [1, 1, 1, 1]
    assert len({each[0].model_dump_json() for each in found}) == 1


def test_a_change_comes_in_as_a_cloudevent_byte_for_byte() -> None:
    headers = {"ce-id": "1", "ce-specversion": "1.0", "ce-source": "/relay", "ce-type": "mediawiki.recentchange"}
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    (event,) = cloudevents.read(
        headers, line(), {"mediawiki": mediawiki.PLATFORM}, now, cloudevents.main_emitter, most_events=1, most_depth=64
    )
    assert isinstance(event, RawEvent)
    assert event.payload == line()
    assert len(understand(event.payload, event.headers(), 0, 0, CONTEXT).interactions) == 1


def test_a_revert_names_the_event_of_the_edit_that_it_undoes() -> None:
    edit = outcome(line(revision={"old": 599, "new": 600})).interactions[0]
    revert = outcome(line(tags=["mw-rollback"])).interactions[0]
    assert revert.reply_to_id == edit.event_id


def test_revisions_of_two_wikis_with_one_number_are_two() -> None:
    here = outcome(line()).interactions[0]
    there = outcome(line(meta={"domain": "wiki.bakers.example.org"})).interactions[0]
    assert here.event_id != there.event_id
    assert here.actor != there.actor


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
def test_no_name_address_title_or_summary_reaches_an_interaction(path: Path) -> None:
    raw = json.loads(path.read_text())["raw"]
    body = json.dumps(raw["payload"]) if "payload" in raw else raw["payload_text"]
    private = ("rosa", "fern", "abel", "moss", "203.0.113", "2001:db8", "~2026", "soil", "compost", "clay", "sand", "spade")
    for interaction in outcome(body.encode()).interactions:
        kept = interaction.model_dump_json().casefold()
        assert not [word for word in private if word in kept]


def test_a_summary_without_an_end_costs_no_time() -> None:
    assert outcome(line(namespace=1, comment="/*" + " " * 900_000)).interactions[0].verb == "post"
    assert outcome(line(tags=["mw-undo"], comment="[[" * 400_000)).interactions[0].verb == "revert"


# --- bent payloads

_RAWS = raws_of(FIXTURES)
_VALUES = values("log", "new", "mw-undo", "canary", "upload", "User:", 3, -1, 2**40, {"target": 1}, ["mw-undo"], "//[", "~2")


@settings(max_examples=2_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_bent_payload_is_never_a_fault_of_ours(data: st.DataObject) -> None:
    for _, payload in bent(data, _RAWS, _VALUES):
        found = outcome(json.dumps(payload).encode())
        assert found.record.reason is not Reason.NORMALISER_FAILED, (payload, found.record.detail)


@given(st.binary(max_size=200))
def test_bytes_are_never_a_fault_of_ours(body: bytes) -> None:
    assert outcome(body).record.reason is Reason.UNREADABLE_PAYLOAD


# --- files

LINES = [line(id=1), line(id=2, user="Abel Moss"), line(id=3, type="categorize")]


def read(path: Path, **options: str) -> list[PlatformEvent]:
    return list(mediawiki.PLATFORM.exports[KIND](path, ImportOptions(**options)))


def written(at: Path, content: bytes) -> Path:
    at.write_bytes(gzip.compress(content) if at.suffix == ".gz" else content)
    return at


@pytest.mark.parametrize("name", ["changes.jsonl", "changes.jsonl.gz", "changes"])
def test_every_line_is_one_change_byte_for_byte_zipped_or_not(tmp_path: Path, name: str) -> None:
    events = read(written(tmp_path / name, b"\n" + LINES[0] + b"\n\n" + LINES[1] + b"\r\n" + LINES[2]))
    assert [event.payload for event in events] == LINES
    assert [event.id for event in events] == ["rc:1", "rc:2", "rc:3"]
    assert {event.tenant for event in events} == {"wiki.gardeners.example.org"}
    assert events[0].time == datetime(2026, 3, 2, 11, 58, tzinfo=UTC)


@pytest.mark.parametrize("name", ["changes.json", "changes.json.gz"])
@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_is_as_many_changes_as_it_holds(tmp_path: Path, name: str, indent: int | None) -> None:
    array = json.dumps([json.loads(each) for each in LINES], indent=indent).encode()
    events = read(written(tmp_path / name, array))
    assert [json.loads(event.payload) for event in events] == [json.loads(each) for each in LINES]
    assert [event.id for event in events] == ["rc:1", "rc:2", "rc:3"]


def test_one_change_may_be_written_over_many_lines(tmp_path: Path) -> None:
    events = read(written(tmp_path / "change.json", json.dumps(json.loads(LINES[0]), indent=1).encode()))
    assert [json.loads(event.payload) for event in events] == [json.loads(LINES[0])]


def test_the_option_stands_in_where_a_change_names_no_wiki(tmp_path: Path) -> None:
    nameless = change()
    for name in ("meta", "server_name", "server_url"):
        del nameless[name]
    path = written(tmp_path / "a.jsonl", json.dumps(nameless).encode() + b"\n" + LINES[0])
    assert [event.tenant for event in read(path, tenant="old.example.org")] == ["old.example.org", "wiki.gardeners.example.org"]


def test_an_empty_file_holds_no_changes(tmp_path: Path) -> None:
    assert read(written(tmp_path / "a.jsonl", b"")) == []
    assert read(written(tmp_path / "a.json", b"[]")) == []


@pytest.mark.parametrize("bad", [b"{", b"{}", b"7", b'"type"', b'{"a":1}', b"\xff\xfe", b"[" * 5000, b"PK\x03\x04", b"<html>"])
def test_a_line_that_is_no_change_costs_itself_and_is_named_by_its_number(tmp_path: Path, bad: bytes) -> None:
    events = read(written(tmp_path / "a.jsonl", LINES[0] + b"\n" + bad + b"\n" + LINES[1]))
    assert [event.payload for event in events if event.fault is None] == LINES[:2]
    faults = [event.fault for event in events if event.fault]
    assert len(faults) == 1
    assert faults[0].startswith("Line 2: it is not")


@pytest.mark.parametrize(
    "bad", [b"{", b"7", b"[7]", b"[[]]", b'[{"a":1}]', b"hello", b"[" * 5000, b'{"a":\n1}', b"[{]", b"\x80"]
)
def test_a_file_that_holds_none_is_refused_before_the_first_event(tmp_path: Path, bad: bytes) -> None:
    for name in ("a.json", "a.json.gz"):
        with pytest.raises(ExportError) as error:
            next(mediawiki.PLATFORM.exports[KIND](written(tmp_path / name, bad), ImportOptions()))
        assert error.value.todo


def test_an_array_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    events = read(written(tmp_path / "a.json", b"[" + LINES[0] + b"," + LINES[1][:50]))
    assert [event.id for event in events if event.fault is None] == ["rc:1"]
    assert [event.fault for event in events if event.fault] == ["The file, entry 2: it is not JSON, or the file ends in it"]


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_gzipped_file_that_breaks_off_keeps_what_came_before(tmp_path: Path, share: float) -> None:
    whole = gzip.compress(b"\n".join(line(id=number, comment=str(number) * 7) for number in range(1, 2000)))
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: int(len(whole) * share)])
    events = read(tmp_path / "a.jsonl.gz")
    assert len(events) > 500
    assert {event.fault for event in events} - {None}, "the end of the file is a rejected record"


def test_a_gzipped_file_of_which_only_the_header_is_left_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINES[0])[:12])
    with pytest.raises(ExportError, match="damaged"):
        read(tmp_path / "a.jsonl.gz")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"nowhere\.jsonl"):
        read(tmp_path / "nowhere.jsonl")


# --- a day of real wikis


@pytest.mark.histories
@pytest.mark.skipif(not HISTORY.is_file(), reason="the folder shared/data lies beside the repository only where we measure")
def test_a_day_of_51_wikis_is_39244_edits_of_which_15420_by_bots_and_nothing_is_left_over() -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    tally = tally_export(mediawiki.PLATFORM, KIND, HISTORY, ImportOptions(), CONTEXT, now)
    assert tally.outcomes == {(Verdict.UNDERSTOOD, None): 39_244}
    assert (tally.events, tally.interactions) == (39_244, 39_244)

    kinds: Counter[str] = Counter()
    verbs: Counter[str] = Counter()
    ids: set[str] = set()
    tenants: set[str] = set()
    for event in mediawiki.PLATFORM.exports[KIND](HISTORY, ImportOptions()):
        interaction = outcome(event.payload).interactions[0]
        kinds[interaction.actor_kind] += 1
        verbs[interaction.verb] += 1
        ids.add(interaction.event_id)
        tenants.add(interaction.tenant)
    assert kinds == {"bot": 15_420, "human": 19_750, "anonymous": 4_074}
    assert (len(ids), len(tenants)) == (39_244, 51)
    assert verbs["create"] + verbs["edit"] + verbs["post"] == 39_244
