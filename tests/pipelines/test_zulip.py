"""Zulip's own: the token, archives, what must hold beyond the fixtures, and payloads that were bent."""

import io
import json
import tarfile
import time
import zipfile
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
from pipelines.platforms import zulip
from pipelines.platforms.zulip import webhook
from pipelines.platforms.zulip.export import EXPORTED_MESSAGE
from pipelines.platforms.zulip.markup import read_html, read_typed
from pipelines.understand.understand import Context, Outcome, understand
from tests.pipelines.bending import bent, raws_of, values

REPOSITORY = Path(__file__).parents[2]
HISTORY = REPOSITORY.parent / "shared" / "data" / "histories" / "ncar-zulip.tar.gz"
FIXTURES = REPOSITORY / "tests" / "fixtures" / "zulip"
KIND = "zulip-archive"
TOKEN = "anInventedTokenOfABot"
BODY = json.dumps({"token": TOKEN, "bot_email": "b@chat.example.org", "message": {"type": "stream"}}).encode()
_RULE = SpaceRule(platform="zulip", workspace="*", spaces=("*",))
CONTEXT = Context(
    key=b"k",
    communities=Communities({"gardeners": Community(slug="gardeners", title="Gardeners", space=(_RULE,))}),
    platforms={"zulip": zulip.PLATFORM},
)


def request(body: bytes) -> Request:
    return Request(method="POST", path="/hooks/zulip/main", headers=webhook.sign(body, TOKEN, 0.0), body=body)


def outcome(
    payload: bytes,
    kind: str = "zulip.webhook",
    source: str = f"import/{KIND.partition('-')[0]}/{KIND}",
    tenant: str | None = None,
) -> Outcome:
    received_at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    raw = RawEvent(id="1", sender="/t", type=kind, source=source, received_at=received_at, payload=payload, tenant=tenant)
    return understand(raw.payload, raw.headers(), 0, 0, CONTEXT)


def fixture(name: str) -> dict[str, Any]:
    return json.loads((FIXTURES / f"{name}.json").read_text())["raw"]


def of_fixture(name: str) -> Outcome:
    raw = fixture(name)
    return outcome(json.dumps(raw["payload"]).encode(), raw["type"], tenant=raw.get("tenant"))


# --- the token


def test_a_body_with_the_token_is_accepted_and_the_answer_has_no_reply() -> None:
    accepted = webhook.verify(request(BODY), (TOKEN,), 0.0)
    assert isinstance(accepted, Accept)
    assert accepted.type == "zulip.webhook"
    assert json.loads(accepted.answer) == {"response_not_required": True}


def test_any_of_several_tokens_may_match_while_they_are_rotated() -> None:
    assert isinstance(webhook.verify(request(BODY), ("a new one", TOKEN), 0.0), Accept)


@pytest.mark.parametrize("secrets", [(), ("",), ("another",), (TOKEN + "x",), (TOKEN[:-1],)])
def test_without_the_right_token_nothing_is_accepted(secrets: tuple[str, ...]) -> None:
    refused = webhook.verify(request(BODY), secrets, 0.0)
    assert isinstance(refused, Refuse)
    assert refused.status == 401
    assert TOKEN not in refused.why


@pytest.mark.parametrize("token", ["", None, 7, [TOKEN], {"a": 1}, "x" * 300])
def test_a_token_that_is_none_matches_nothing(token: Any) -> None:
    assert isinstance(webhook.verify(request(json.dumps({"token": token}).encode()), ("", TOKEN), 0.0), Refuse)


@given(token=st.text(max_size=80))
def test_an_invented_token_is_refused(token: str) -> None:
    asked = request(json.dumps({"token": token}).encode())
    assert isinstance(webhook.verify(asked, (TOKEN,), 0.0), Accept) is (token == TOKEN)


@given(st.binary(max_size=200))
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    assert isinstance(webhook.verify(request(body), (TOKEN,), 0.0), Refuse)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, f'["{TOKEN}"]'.encode(), f'"{TOKEN}"'.encode()])
def test_a_hostile_body_is_refused(body: bytes) -> None:
    assert isinstance(webhook.verify(request(body), (TOKEN,), 0.0), Refuse)


def test_the_token_can_be_written_into_a_body() -> None:
    body = webhook.with_token(b'{"message":{},"token":"old"}', TOKEN)
    assert isinstance(webhook.verify(request(body), (TOKEN,), 0.0), Accept)
    with pytest.raises(ValueError, match="object"):
        webhook.with_token(b"[]", TOKEN)


# --- what must hold beyond the fixtures


def test_a_message_is_the_same_action_through_webhook_event_and_archives() -> None:
    names = ("message", "event_message", "export_message", "archive_message")
    found = [of_fixture(name).interactions[0] for name in names]
    assert len({each.event_id for each in found}) == 1
    assert len({each.thread_id for each in found}) == 1
    # The one that knows no accounts differs in its actor, and in nothing else.
    assert len({each.model_dump_json() for each in found[:3]}) == 1
    assert found[3].model_dump(exclude={"actor"}) == found[0].model_dump(exclude={"actor"})


def test_a_moved_message_revises_the_message_by_its_number() -> None:
    post, moved = of_fixture("message").interactions[0], of_fixture("event_moved").interactions[0]
    assert moved.revises == post.event_id
    assert moved.thread_id != post.thread_id


def test_a_topic_is_one_thread_in_its_stream_only() -> None:
    raw = fixture("message")
    here = of_fixture("message").interactions[0]
    raw["payload"]["message"]["stream_id"] = 28
    there = outcome(json.dumps(raw["payload"]).encode()).interactions[0]
    assert here.thread_id != there.thread_id


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
def test_no_name_address_topic_or_word_reaches_an_interaction(path: Path) -> None:
    raw = json.loads(path.read_text())["raw"]
    body = json.dumps(raw["payload"]) if "payload" in raw else raw["payload_text"]
    private = ("rosa", "fern", "abel", "moss", "ivy", "user5", "rosa@", "beans", "sand", "xvoz")
    for interaction in outcome(body.encode(), raw["type"], tenant=raw.get("tenant")).interactions:
        kept = interaction.model_dump_json().casefold()
        assert not [word for word in private if word in kept]


# --- markup


@pytest.mark.parametrize(
    "content",
    [
        "<blockquote>" * 40_000 + "a",
        "<blockquote>a</blockquote>" * 30_000,
        "<b>" * 100_000 + "<blockquote>a" * 100,
        "<p><a href='#narrow/stream/" + "a" * 500_000 + "'>",
        "<p><a href='" + "#narrow/stream/1/topic/" * 20_000 + "'>said</a></p><blockquote>",
        "<pre>" * 50_000,
        "<span class='user-mention' data-user-id='1'>" * 2_000,
        "<a href='http://[' class='user-mention'>x",
        "\x00<p>\x00",
        "<!--" * 50_000,
        "<svg><math><blockquote>" * 5_000,
        "",
    ],
    ids=range(12),
)
def test_hostile_markup_is_read_in_a_moment(content: str) -> None:
    started = time.process_time()
    read_html(content, by_name=False)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "content",
    [
        "```quote\n" * 50_000,
        "@**" * 200_000,
        "#narrow/stream/" * 30_000,
        "https://" * 60_000,
        "`" * 500_000,
        "~~~quote\n" * 9 + "x",
    ],
    ids=range(6),
)
def test_hostile_typing_is_read_in_a_moment(content: str) -> None:
    started = time.process_time()
    read_typed(content)
    assert time.process_time() - started < 5


@settings(deadline=None)
@given(st.text(alphabet="<>/ap\"'=`~@*|quote#narw\n 1", max_size=400))
def test_no_markup_is_a_fault(content: str) -> None:
    read_html(content, by_name=True)
    read_typed(content)


def test_own_text_before_and_after_a_quotation_counts() -> None:
    link = "#narrow/stream/1-a/topic/b/near/9"
    found = read_html(
        f"<p>I agree.<br>\n<span class='user-mention silent'>A</span> <a href='{link}'>said</a>:</p>\n<blockquote>x</blockquote><p>y</p>",
        by_name=False,
    )
    assert found.answers == "9"
    assert found.own.startswith("I agree.")
    assert found.own.endswith("y")


# --- bent payloads

_RAWS = raws_of(FIXTURES)
_VALUES = values(
    "stream",
    "private",
    "message",
    "update_message",
    "text/html",
    "<p>",
    "<blockquote>",
    "✔ ",
    "name:",
    27,
    10**14,
    1e300,
    [1],
    [[]],
)


@settings(max_examples=2_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_bent_payload_is_never_a_fault_of_ours(data: st.DataObject) -> None:
    for raw, payload in bent(data, _RAWS, _VALUES):
        found = outcome(json.dumps(payload).encode(), raw["type"], tenant=raw.get("tenant"))
        assert found.record.reason is not Reason.NORMALISER_FAILED, (payload, found.record.detail)


@pytest.mark.parametrize("kind", ["zulip.webhook", "zulip.event", "zulip.export"])
@given(body=st.binary(max_size=200))
def test_bytes_are_never_a_fault_of_ours(kind: str, body: bytes) -> None:
    assert outcome(body, kind).record.reason is Reason.UNREADABLE_PAYLOAD


# --- archives

TOPIC = [
    {"id": 1, "content": "<p>Hello</p>", "sender_full_name": "Rosa Fern", "timestamp": 1_600_000_000, "secret": 1},
    {"id": 2, "content": "<p>Hi</p>", "sender_full_name": "Abel Moss", "timestamp": 1_600_000_100},
]
TREE: dict[str, Any] = {
    "zulip_json/27-soil/Broad.20beans.3F.json": TOPIC,
    "zulip_json/27-soil/.2Ehidden.json": [{**TOPIC[0], "id": 3}],
    "zulip_json/3-a.2Fb/x.json": [{**TOPIC[0], "id": 4}, {"content": "no id"}],
    "zulip_json/stream_index.json": {"streams": {}},
    "README.md": "hello",
}
REALM = {
    "zerver_realm": [{"string_id": "garden"}],
    "zerver_stream": [
        {"id": 27, "name": "soil", "invite_only": False},
        {"id": 28, "name": "board", "invite_only": True},
        {"id": 29},
    ],
    "zerver_recipient": [
        *({"id": 100, "type": 2, "type_id": 27}, {"id": 101, "type": 2, "type_id": 28}),
        *({"id": 102, "type": 1, "type_id": 27}, {"id": 103, "type": 2, "type_id": 29}),
    ],
    "zerver_userprofile": [
        {
            "id": 5,
            "full_name": "Rosa Fern",
            "email": "u5@x",
            "delivery_email": "rosa@example.org",
            "is_bot": False,
            "api_key": "secret",
        },
        {"id": 6, "full_name": "Gauge", "email": "g@x", "is_bot": True},
    ],
}
ROW = {
    "recipient": 100,
    "sender": 5,
    "subject": "Broad beans",
    "date_sent": 1_600_000_000.25,
    "rendered_content": "<p>Hello</p>",
}
OWN: dict[str, Any] = {
    "export/realm.json": REALM,
    "export/messages-000001.json": {
        "zerver_message": [
            {**ROW, "id": 1, "content": "Hello"},
            {**ROW, "id": 2, "sender": 6},
            {**ROW, "id": 3, "recipient": 101, "content": "a secret of the board", "rendered_content": "a secret"},
            {**ROW, "id": 4, "recipient": 102, "content": "a secret of two", "rendered_content": "a secret"},
            {**ROW, "id": 5, "recipient": 103, "content": "a secret", "rendered_content": "a secret"},
            {**ROW, "id": 6, "recipient": 999, "content": "a secret", "rendered_content": "a secret"},
        ],
        "zerver_usermessage": [],
    },
    "export/messages-000002.json": {"zerver_message": [{**ROW, "id": 7, "rendered_content": None, "content": "As *typed*"}]},
    "export/attachment.json": {"zerver_attachment": []},
}


def _bytes(content: Any) -> bytes:
    return content.encode() if isinstance(content, str) else json.dumps(content).encode()


def archived(at: Path, tree: dict[str, Any]) -> Path:
    if at.suffix == ".gz":
        with tarfile.open(at, "w:gz") as tar:
            for name, content in tree.items():
                info = tarfile.TarInfo(name)
                info.size = len(_bytes(content))
                tar.addfile(info, io.BytesIO(_bytes(content)))
    elif at.suffix == ".zip":
        with zipfile.ZipFile(at, "w") as archive:
            for name, content in tree.items():
                archive.writestr(name, _bytes(content))
    else:
        for name, content in tree.items():
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            (at / name).write_bytes(_bytes(content))
    return at


def read(path: Path, **options: str) -> list[PlatformEvent]:
    return list(zulip.PLATFORM.exports[KIND](path, ImportOptions(**options)))


@pytest.mark.parametrize("tree", [TREE, OWN])
def test_a_tar_a_zip_and_a_folder_are_the_same_archive(tmp_path: Path, tree: dict[str, Any]) -> None:
    plain = read(archived(tmp_path / "a.tar.gz", tree))
    assert plain
    assert read(archived(tmp_path / "a.zip", tree)) == plain
    assert read(archived(tmp_path / "a", tree)) == plain


def test_every_message_is_one_event_with_its_number_in_the_stream_and_topic_of_its_file(tmp_path: Path) -> None:
    events = read(archived(tmp_path / "a.tar.gz", TREE))
    assert [event.id for event in events] == ["3", "1", "2", "4", "zulip_json/3-a.2Fb/x.json:1"]
    places = [(json.loads(event.payload)["stream_id"], json.loads(event.payload)["subject"]) for event in events]
    assert places == [(27, ".hidden"), (27, "Broad beans?"), (27, "Broad beans?"), (3, "x"), (3, "x")]
    assert b"secret" not in events[1].payload
    outcomes = [outcome(event.payload, event.type, tenant=event.tenant).record.reason for event in events]
    assert outcomes == [None, None, None, None, Reason.UNREADABLE_PAYLOAD]


def test_the_folder_inside_is_an_archive_too(tmp_path: Path) -> None:
    whole = read(archived(tmp_path / "a", TREE))
    inside = read(tmp_path / "a" / "zulip_json")
    assert [event.payload for event in inside] == [event.payload for event in whole]


def test_zulips_own_export_knows_accounts_and_bots_and_gives_nothing_private_away(tmp_path: Path) -> None:
    everything = read(archived(tmp_path / "a.tar.gz", OWN))
    assert {event.tenant for event in everything} == {"garden"}
    assert not [event for event in everything if b"secret" in event.payload]
    events = [event for event in everything if event.type == EXPORTED_MESSAGE]
    assert [event.id for event in events] == ["1", "2", "3", "4", "5", "6", "7"]
    senders = {json.loads(event.payload).get("sender_id") for event in events}
    named = [json.loads(event.payload) for event in everything if event.type != EXPORTED_MESSAGE]
    assert {one["id"] for one in named} <= senders, "only names that a public message shows"
    outcomes = [outcome(event.payload, event.type, tenant=event.tenant) for event in events]
    assert [found.record.reason for found in outcomes] == [
        None,
        None,
        *([Reason.PRIVATE] * 2),
        Reason.UNKNOWN_PRIVACY,
        Reason.PRIVATE,
        None,
    ]
    assert [found.interactions[0].actor_kind for found in outcomes if found.interactions] == ["human", "bot", "human"]
    assert outcomes[0].accounts[0].email == "rosa@example.org"


def test_an_account_made_since_the_first_public_message_joined_then_and_no_other_did(tmp_path: Path) -> None:
    first = int(ROW["date_sent"])
    made = {5: first + 100, 6: first + 200, 7: first - 100, 8: first + 300, 9: None}
    people = [
        {"id": number, "full_name": f"P{number}", "is_bot": number == 6, "date_joined": at} for number, at in made.items()
    ]
    messages = [{**ROW, "id": number, "sender": number, "content": "Hello"} for number in (5, 6, 7, 9)]
    tree = {
        "export/realm.json": {**REALM, "zerver_userprofile": people},
        "export/messages-000001.json": {"zerver_message": messages},
    }
    found = [outcome(event.payload, event.type, tenant=event.tenant) for event in read(archived(tmp_path / "a.tar.gz", tree))]
    joins = [one for each in found for one in each.interactions if one.verb == "join"]
    assert [(one.actor_kind, one.space, int(one.occurred_at.timestamp())) for one in joins] == [
        ("human", "organization", first + 100),
        ("bot", "organization", first + 200),
    ]


def test_the_tenant_is_the_option_else_the_organisation_else_export(tmp_path: Path) -> None:
    path = archived(tmp_path / "a", TREE)
    assert {event.tenant for event in read(path)} == {"export"}
    assert {event.tenant for event in read(path, tenant="chat.example.org")} == {"chat.example.org"}


@pytest.mark.parametrize(
    ("tree", "named"),
    [
        ({"README.md": "hello"}, "neither <id>-<stream>"),
        ({**OWN, "export/realm.json": "["}, "realm.json: it is not JSON"),
        ({**OWN, "export/realm.json": []}, "realm.json: it should be an object"),
        ({**OWN, "export/realm.json": {**REALM, "zerver_stream": 7}}, "no list zerver_stream"),
    ],
)
def test_an_archive_in_another_layout_is_refused_with_what_to_do(tmp_path: Path, tree: dict[str, Any], named: str) -> None:
    for name in ("a.tar.gz", "a"):
        with pytest.raises(ExportError) as error:
            read(archived(tmp_path / name, tree))
        assert named in error.value.why
        assert error.value.todo


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no file nowhere\.tar\.gz"):
        read(tmp_path / "nowhere.tar.gz")


# --- a real community


@pytest.mark.histories
@pytest.mark.skipif(not HISTORY.is_file(), reason="the folder shared/data lies beside the repository only where we measure")
def test_a_real_archive_is_6707_messages_of_171_names_and_nothing_is_left_over() -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    tally = tally_export(zulip.PLATFORM, KIND, HISTORY, ImportOptions(), CONTEXT, now)
    # 166 records more link a name to the number that rendered mentions carry; they are no interactions.
    assert tally.outcomes == {(Verdict.UNDERSTOOD, None): 6_873}
    assert (tally.events, tally.interactions) == (6_873, 6_707)

    found = [
        interaction
        for event in zulip.PLATFORM.exports[KIND](HISTORY, ImportOptions())
        for interaction in outcome(event.payload, event.type, tenant=event.tenant).interactions
    ]
    ids = {each.object_id for each in found}
    verbs = Counter(each.verb for each in found)
    addressed = sum(bool(each.mentions) for each in found)
    assert len({each.event_id for each in found}) == 6_707
    assert len({each.actor for each in found}) == 171
    assert verbs["post"] + verbs["reply"] == 6_707
    assert addressed > 1_000
    # Whom messages address is, with few exceptions, somebody who speaks: names on both sides are the same accounts.
    speakers = {each.actor for each in found}
    mentions = [account for each in found for account in each.mentions]
    assert sum(account in speakers for account in mentions) / len(mentions) > 0.9
    replies = [each.reply_to_id for each in found if each.verb == "reply"]
    assert len(replies) > 50
    assert sum(reply in ids for reply in replies) / len(replies) > 0.9
