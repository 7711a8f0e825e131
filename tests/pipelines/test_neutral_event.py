"""The neutral event: any platform's actions by HTTP, SDK, Kafka and file, with rejections that name the field."""

import json
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import events
from dagster_project.settings import load
from events.communities import Communities, Community, SpaceRule
from events.raw import RawEvent
from events.sdk import emitter as sdk
from events.verb import Verb
from pipelines.connector import ExportError, ImportOptions
from pipelines.platforms import PLATFORMS
from pipelines.platforms.guildhall.export import read_actions
from pipelines.platforms.guildhall.schema import SCHEMA, schema_text
from pipelines.shared import installed
from pipelines.shared.installed import InstalledPlatformError, with_installed
from pipelines.understand.understand import Context, Outcome, understand

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
README = Path(events.__file__).with_name("README.md")
POST = {"verb": "post", "actor": {"id": "17"}, "space": "category-3", "time": "2026-03-02T09:00:00Z"}
RULES = tuple(SpaceRule(platform=slug, workspace="*", spaces=("*",)) for slug in PLATFORMS)
CONTEXT = Context(b"a key", Communities({"gardeners": Community(slug="gardeners", title="Gardeners", space=RULES)}), PLATFORMS)


def outcome_of(payload: object, raw_type: str = "guildhall.action", source: str = "emit/guildhall/main") -> Outcome:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    raw = RawEvent(id="1", sender="/forum", type=raw_type, source=source, received_at=NOW, payload=body)
    return understand(raw.payload, raw.headers(), 0, 0, CONTEXT)


def test_the_committed_schema_is_that_of_the_model():
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), (
        "the neutral event changed: run `python -m pipelines.platforms.guildhall.schema` and commit the difference"
    )


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_of_the_list_is_accepted(verb):
    more = {"object": "meeting-1", "started_at": POST["time"]} if verb is Verb.ATTEND else {}
    (interaction,) = outcome_of(POST | {"verb": verb} | more).interactions
    assert interaction.verb is verb


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"spcae": "x"}, "spcae: extra_forbidden"),
        ({"A secret, Rosa": "x"}, "(another name): extra_forbidden"),
        ({"verb": "lurk"}, "verb: enum"),
        ({"verb": None}, "verb: enum"),
        ({"actor": "17"}, "actor: model_type"),
        ({"actor": {}}, "actor.id: missing"),
        ({"actor": {"id": "17", "mail": "rosa@example.org"}}, "actor.mail: extra_forbidden"),
        ({"actor": {"id": "17", "kind": "system"}}, "actor.kind: literal_error"),
        ({"time": "2026-03-02T09:00:00"}, "time: timezone_aware"),
        ({"time": 1772442000}, "time: datetime_type"),
        ({"space": ""}, "space: string_too_short"),
        ({"id": "a\x01b"}, "id: string_pattern_mismatch"),
        ({"mentions": ["2", 3]}, "mentions.1: string_type"),
        ({"size": "40"}, "size: int_type"),
        ({"visibility": "private"}, "visibility: enum"),
        ({"text": "x", "features": {"is_question": True, "thanks": False}}, "payload: features: not together with text"),
        ({"features": {"is_question": True}}, "features.thanks: missing"),
        ({"revises": "1"}, "payload: revises and change: one needs the other"),
        ({"verb": "attend", "object": "m"}, "payload: started_at or ended_at: attend needs one of them"),
        (
            {"verb": "attend", "started_at": "2026-03-02T09:00:00Z"},
            "payload: object: attend needs the one meeting that was attended",
        ),
    ],
)
def test_a_rejection_names_the_field_and_the_kind_of_error_and_no_value(change, detail):
    record = outcome_of(POST | change).record
    assert (record.reason, record.detail) == ("unreadable_payload", detail)


@pytest.mark.parametrize("field", sorted(POST))
def test_a_missing_field_is_named(field):
    assert outcome_of({name: value for name, value in POST.items() if name != field}).record.detail == f"{field}: missing"


@pytest.mark.parametrize(
    ("raw_type", "payload", "detail"),
    [
        ("zulip.event", {"type": "message"}, "an event of a message without the message"),
        ("zulip.event", [], "payload: not a JSON object"),
        ("zulip.event", {}, "type: missing"),
        ("zulip.event", {"type": "message", "message": {"type": [[]]}}, "type: not a text"),
        ("mediawiki.recentchange", {}, "a recent change without its wiki or type"),
        ("mediawiki.recentchange", b"{", "not the JSON or text it should be"),
    ],
)
def test_a_rejection_of_every_platform_has_its_own_reason(raw_type, payload, detail):
    record = outcome_of(payload, raw_type, f"emit/{raw_type.partition('.')[0]}/main").record
    assert (record.reason, record.detail) == ("unreadable_payload", detail)


def test_kafka_refuses_as_the_gateway_does_an_event_of_a_platform_that_does_not_emit():
    record = outcome_of({}, "slack.event", "emit/slack/main").record
    assert (record.reason, record.detail) == ("bad_envelope", "ce_type: slack does not emit")


ACTIONS = st.fixed_dictionaries(
    {"verb": st.sampled_from([verb.value for verb in Verb if verb is not Verb.ATTEND])}
    | {"actor": st.fixed_dictionaries({"id": st.sampled_from(["17", "23"])})}
    | {"space": st.sampled_from(["a", "b"]), "time": st.sampled_from(["2026-03-02T09:00:00Z", "2026-03-02T11:00:00+01:00"])},
    optional={"text": st.text(max_size=20), "thread": st.just("t"), "title": st.text(min_size=1, max_size=9)},
)


@given(ACTIONS, ACTIONS, st.randoms())
def test_without_an_id_the_content_is_the_id_whatever_the_order_of_the_fields(one, other, random):
    shuffled = list(one.items())
    random.shuffle(shuffled)
    (first,), (again,), (different,) = (outcome_of(each).interactions for each in (one, dict(shuffled), other))
    assert first == again
    assert (first.event_id == different.event_id) == (one == other)


def test_an_id_made_of_the_content_shows_nothing_of_it_without_the_key():
    other_key = Context(b"another key", CONTEXT.communities, PLATFORMS)
    raw = RawEvent(
        id="1",
        sender="/",
        type="guildhall.action",
        source="emit/guildhall/main",
        received_at=NOW,
        payload=json.dumps(POST).encode(),
    )
    one, other = (understand(raw.payload, raw.headers(), 0, 0, context).interactions[0] for context in (CONTEXT, other_key))
    assert one.event_id != other.event_id
    assert one.object_id != other.object_id


def lines_of(path: Path, content: bytes) -> list[tuple[object, str | None]]:
    path.write_bytes(content)
    return [(event.time, event.fault) for event in read_actions(path, ImportOptions(tenant="forum.example.org"))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_file_of_actions_is_read_in_every_encoding_and_a_bad_line_costs_itself(tmp_path, encoding):
    text = "\n".join(
        ["", json.dumps(POST | {"text": "Grüße"}, ensure_ascii=False), "{", "[]", "", json.dumps({"verb": "post"})]
    )
    at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert lines_of(tmp_path / "forum.jsonl", text.encode(encoding)) == [
        (at, None),
        (None, "Line 3: it is not JSON"),
        (None, "Line 4: it is not an action: it has no verb, actor and space"),
        (None, None),
    ]


def test_a_bad_first_line_costs_itself_and_a_file_without_any_action_is_refused(tmp_path):
    assert [fault for _, fault in lines_of(tmp_path / "a", b"x\n" + json.dumps(POST).encode())] == [
        "Line 1: it is not JSON",
        None,
    ]
    with pytest.raises(ExportError, match=r"holds no actions.*Line 1: it is not JSON"):
        lines_of(tmp_path / "b", b"x\ny\n")
    assert lines_of(tmp_path / "c", b"") == []


def test_the_example_in_the_readme_runs_when_pasted_and_every_event_is_understood(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    sent: list[RawEvent] = []

    class Sender:
        def send(self, raw_events):
            sent.extend(raw_events)
            return [None] * len(raw_events)

        def close(self):
            pass

    monkeypatch.setattr(sdk, "HttpSender", lambda *_, **__: Sender())
    monkeypatch.chdir(tmp_path)
    load(home=tmp_path / "var").events_tokens()
    exec(compile(code, "README.md", "exec"), {})
    outcomes = [understand(raw.payload, raw.headers(), 0, n, CONTEXT) for n, raw in enumerate(sent)]
    assert [outcome.record.detail for outcome in outcomes] == [None, None, None]
    topic, answer, like = (outcome.interactions[0] for outcome in outcomes)
    assert (topic.verb, answer.verb, like.verb) == ("post", "reply", "react")
    assert topic.features is not None
    assert topic.features.is_question
    assert answer.reply_to_id == topic.object_id
    assert answer.mentions == (topic.actor,)
    assert like.object_id == answer.object_id
    assert {each.tenant for each in (topic, answer, like)} == {"forum.example.org"}


def test_the_example_for_http_is_understood():
    (body,) = re.findall(r"-d '(\{.*?\n\})'", README.read_text(encoding="utf-8"), re.DOTALL)
    (interaction,) = outcome_of(json.loads(body)["data"]).interactions
    assert (interaction.verb, interaction.features.thanks) == ("reply", True)


def point(value: str, group: str = "guildhall.platforms") -> EntryPoint:
    return EntryPoint(name="quill", value=value, group=group)


def test_a_platform_of_another_package_is_found_by_its_entry_point(monkeypatch):
    own = {slug: row for slug, row in PLATFORMS.items() if slug != "zulip"}
    monkeypatch.setattr(installed, "entry_points", lambda group: [point("pipelines.platforms.zulip:PLATFORM", group)])
    assert with_installed(own) == PLATFORMS


def test_a_kind_of_export_belongs_to_one_platform(monkeypatch):
    monkeypatch.setitem(sys.modules, "quill", SimpleNamespace(PLATFORM=replace(PLATFORMS["zulip"], slug="quill")))
    with pytest.raises(InstalledPlatformError, match="Its KIND of export zulip-archive belongs to another platform"):
        with_installed(PLATFORMS, [point("quill:PLATFORM")])


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_module_at_all:PLATFORM", "Loading no_such_module_at_all:PLATFORM fails: ModuleNotFoundError"),
        ("pipelines.platforms.zulip:NOTHING", "AttributeError"),
        ("pipelines.platforms.zulip:normalise", "is not a pipelines.connector.Platform"),
        ("pipelines.platforms.zulip:PLATFORM", "Its slug zulip belongs to another platform"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_an_error_in_three_parts(value, why):
    with pytest.raises(InstalledPlatformError, match=re.escape(why)) as caught:
        with_installed(PLATFORMS, [point(value)])
    assert caught.value.what == "The installed platform quill cannot be used."
    assert caught.value.todo == "Correct or uninstall its package, which declares it."
