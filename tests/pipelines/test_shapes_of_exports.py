"""Shapes of exports: names in archives, damaged places and neighbouring forms, with invented people."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms import PLATFORMS
from pipelines.shared.entries import Fault, entries, entries_of
from pipelines.shared.text import decoded, parse_payload, plain_name
from tests.pipelines.test_platforms import everything_belongs_to_the_gardeners, outcome_of

CONTEXT = everything_belongs_to_the_gardeners()
USERS = [{"id": "U0ROSA", "team_id": "T0", "name": "rosa", "is_bot": False}, {"id": "U0ABEL", "name": "abel", "is_bot": False}]


def message(number: int, user: str = "U0ROSA", **other: Any) -> dict[str, Any]:
    return {"type": "message", "ts": f"1788768{number:03}.000100", "user": user, "text": "The beans are up", **other}


def change(number: int, **other: Any) -> dict[str, Any]:
    return {
        "id": number, "type": "edit", "namespace": 0, "title": "Beans", "comment": "", "timestamp": 1_788_771_600 + number,
        "user": "Rosa Fern", "bot": False, "minor": False, "length": {"old": 1, "new": 2},
        "revision": {"old": number, "new": number + 1}, "server_name": "wiki.example.org", **other,
    }  # fmt: skip


def read(kind: str, path: Path, **options: str) -> list[PlatformEvent]:
    platform = next(row for row in PLATFORMS.values() if kind in row.exports)
    return list(platform.exports[kind](path, ImportOptions(**options)))


def outcomes(kind: str, events: list[PlatformEvent]) -> list[Any]:
    """The outcomes of the events that could be read."""
    source = f"import/{events[0].type.partition('.')[0]}/{kind}"
    return [
        outcome_of(
            {"type": event.type, "source": source, "tenant": event.tenant, "payload_text": event.payload.decode()}, CONTEXT
        )
        for event in events
        if event.fault is None
    ]


def faults(events: list[PlatformEvent]) -> list[str]:
    return [event.fault for event in events if event.fault]


def kinds(kind: str, events: list[PlatformEvent]) -> list[str]:
    return [str(one.actor_kind) for found in outcomes(kind, events) for one in found.interactions]


def folder(at: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return at


def zipped(at: Path, files: dict[str, Any], *, flag: bool = True) -> Path:
    """A zip; without `flag` its names are UTF-8 and the flag that shows it is not set, as in Slack's exports."""
    with zipfile.ZipFile(at, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    if not flag:
        whole = bytearray(at.read_bytes())
        for mark, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
            start = -1
            while (start := whole.find(mark, start + 1)) >= 0:
                whole[start + place] &= 0xF7
        at.write_bytes(whole)
    return at


def slack(channels: list[dict[str, Any]], days: dict[str, Any], **lists: Any) -> dict[str, Any]:
    return {"channels.json": channels, "users.json": USERS, **lists, **days}


# --- names inside archives


@pytest.mark.parametrize("name", ["größe", "カボチャ", "тыква", "ação"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_folder_is_its_channel_in_every_normal_form_with_and_without_the_flag(tmp_path: Path, name: str, form: str) -> None:
    there = unicodedata.normalize(form, name)
    files = slack([{"id": "C1", "name": unicodedata.normalize("NFC", name)}], {f"{there}/2026-09-07.json": [message(1)]})
    for path in (
        zipped(tmp_path / "a.zip", files),
        zipped(tmp_path / "b.zip", files, flag=False),
        folder(tmp_path / "c", files),
    ):
        assert [event.id for event in read("slack-export", path)][2:] == ["C1:1788768001.000100"]


def test_backslashes_are_slashes_in_a_zip_a_tar_and_a_folder(tmp_path: Path) -> None:
    files = {
        "Export\\channels.json": [{"id": "C1", "name": "soil"}],
        "Export\\users.json": USERS,
        "Export\\soil\\2026-09-07.json": [message(1)],
    }
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, content in files.items():
            info, body = tarfile.TarInfo(name), json.dumps(content).encode()
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    for path in (zipped(tmp_path / "a.zip", files), folder(tmp_path / "b", files), tmp_path / "a.tar"):
        assert [event.id for event in read("slack-export", path)][2:] == ["C1:1788768001.000100"]


def test_what_macos_adds_to_a_zip_is_no_part_of_the_export(tmp_path: Path) -> None:
    files = {"7-help/lunch.json": [], "__MACOSX/7-help/._lunch.json": b"\x00\x05", "7-help/._lunch.json": b"\x00\x05"}
    assert read("zulip-archive", zipped(tmp_path / "a.zip", files)) == []


@given(name=st.text(min_size=1, max_size=30))
def test_a_comparable_name_stays_as_it_is(name: str) -> None:
    assert plain_name(plain_name("./" + name).lstrip("./")) == plain_name("./" + name).lstrip("./")


def test_private_is_what_a_list_or_a_flag_calls_private_and_the_rest_is_named(tmp_path: Path) -> None:
    files = slack(
        [{"id": "C1", "name": "soil", "is_private": None}, {"id": "C2", "name": "board", "is_private": True}],
        {f"{name}/2026-09-07.json": [message(1)] for name in ("soil", "board", "old-seeds", "D0ABCDEF12", "mpdm-rosa--abel-1")},
        **{"groups.json": None},
    )
    records = [one.record for one in outcomes("slack-export", read("slack-export", folder(tmp_path, files)))[2:]]
    assert [(str(one.verdict), one.reason and str(one.reason), one.space) for one in records] == [
        ("understood", None, None),
        ("ignored", "private", None),
        ("ignored", "private", None),
        ("ignored", "private", None),
        ("ignored", "unknown_privacy", "old-seeds"),
    ]


def test_an_organisation_has_its_lists_in_a_folder_per_workspace(tmp_path: Path) -> None:
    files = {
        "org_users.json": USERS,
        "teams/garden/channels.json": [{"id": "C1", "name": "soil"}],
        "teams/orchard/channels.json": [{"id": "C2", "name": "soil"}],
        "teams/garden/soil/2026-09-07.json": [message(1)],
        "teams/orchard/soil/2026-09-07.json": [message(2)],
    }
    events = read("slack-export", folder(tmp_path, files))
    assert [event.id for event in events][2:] == ["C1:1788768001.000100", "C2:1788768002.000100"]


def test_two_exports_in_one_archive_are_refused_by_name(tmp_path: Path) -> None:
    files = {f"{at}/{name}": found for at in ("a", "b") for name, found in slack([], {"x/2026-09-07.json": []}).items()}
    with pytest.raises(ExportError, match="in a, b"):
        read("slack-export", zipped(tmp_path / "a.zip", files))


def test_a_stream_whose_name_has_a_slash_lies_deeper(tmp_path: Path) -> None:
    topic = [{"id": 1, "content": "<p>Hi</p>", "sender_full_name": "Rosa Fern", "timestamp": 1_788_768_000}]
    index = {"streams": {"soil/compost": {"id": 7}}}
    deep = {"stream_index.json": index, "7-soil/compost/worms.json": topic, "lost/worms.json": topic}
    records = outcomes("zulip-archive", read("zulip-archive", folder(tmp_path / "a", deep)))
    assert [(one.record.reason and str(one.record.reason), one.record.space) for one in records] == [
        (None, None),
        ("unknown_privacy", "lost"),
    ]
    assert records[0].interactions[0].space == "7"
    without = {"2026-backup/7-soil/compost/worms.json": topic, "2026-backup/8-seeds/.json": [{**topic[0], "id": 2}]}
    found = outcomes("zulip-archive", read("zulip-archive", folder(tmp_path / "b", without)))
    assert [(one.interactions[0].space, one.interactions[0].thread_id is None) for one in found] == [("7", False), ("8", True)]


# --- one bad record costs one record


def test_a_day_that_breaks_off_keeps_the_messages_before(tmp_path: Path) -> None:
    whole = json.dumps([message(1), message(2), message(3)], indent=4).encode()
    days = {"soil/2026-09-07.json": whole[:-60], "soil/2026-09-08.json": [message(4)]}
    events = read("slack-export", folder(tmp_path, slack([{"id": "C1", "name": "soil"}], days)))
    assert [event.id[-10:-4] for event in events if event.type == "slack.export" and not event.fault] == [
        "001.00",
        "002.00",
        "004.00",
    ]
    assert faults(events) == ["soil/2026-09-07.json, entry 3: it is not JSON, or the file ends in it"]


@pytest.mark.parametrize("indent", [None, 2])
def test_an_entry_in_the_middle_that_is_broken_costs_itself_only(indent: int | None) -> None:
    edited = {"edited": {"user": "U0ABEL", "ts": "1"}}
    text = json.dumps([message(1, **edited), message(2, text="HERE", **edited), message(3, **edited)], indent=indent)
    found = list(entries_of(text.replace('"HERE"', '"HE"RE"').encode(), "a day", frozenset({"type", "ts"}).issubset))
    assert [type(one).__name__ for one in found] == ["dict", "Fault", "dict"]
    assert found[2]["ts"] == "1788768003.000100"


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(count=st.integers(1, 6), cut=st.integers(0, 400), piece=st.integers(1, 50), listed=st.booleans())
def test_whatever_is_cut_off_the_entries_before_it_are_whole(count: int, cut: int, piece: int, listed: bool) -> None:
    rows = [change(number) for number in range(count)]
    text = json.dumps(rows) if listed else "\n".join(json.dumps(row, indent=1) for row in rows)
    whole = io.StringIO(text[: max(1, len(text) - cut)])
    found = list(entries(lambda _: whole.read(piece), "x", frozenset({"type", "timestamp"}).issubset, listed=listed))
    read_whole = [one for one in found if not isinstance(one, Fault)]
    assert read_whole == rows[: len(read_whole)]
    assert len(found) - len(read_whole) <= 1
    assert len(read_whole) >= count - 1 - cut // 200


@pytest.mark.parametrize("content", [b"null", b"[]", b"\xef\xbb\xbf[]", b" \n[ ]"])
def test_a_null_list_is_empty(content: bytes) -> None:
    assert list(entries_of(content, "x", frozenset().issubset)) == []


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\ud83d", "�"),
        (r"\ude00 up", "� up"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d\ud83d\ude00", "�\U0001f600"),
        (r"\\ud83d", "\\ud83d"),
        (r"\\\ud83d", "\\�"),
    ],
)
def test_half_a_character_is_replaced_and_the_rest_stays(escaped: str, text: str) -> None:
    assert parse_payload(f'{{"text":"{escaped}"}}'.encode()) == {"text": text}
    assert list(entries_of(f'[{{"text":"{escaped}"}}]'.encode(), "x", frozenset().issubset)) == [{"text": text}]


# --- neighbouring forms


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("form", ["lines", "array", "lines of an array", "documents", "stream"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_changes_are_read_in_every_form_and_encoding(tmp_path: Path, encoding: str, form: str, pack: Any) -> None:
    rows = [json.dumps(change(number, title="Größe")) for number in (1, 2, 3)]
    text = {
        "lines": "\r\n".join(rows),
        "array": json.dumps([json.loads(row) for row in rows], indent=1),
        "lines of an array": "[" + ",\n".join(rows) + "]\n",
        "documents": "\n".join(json.dumps(json.loads(row), indent=2) for row in rows),
        "stream": ":ok\n\n" + "".join(f"event: message\nid: [{{}}]\ndata: {row}\n\n" for row in rows),
    }[form]
    (tmp_path / "changes").write_bytes(pack(text.encode(encoding)))
    events = read("mediawiki-recentchange", tmp_path / "changes")
    assert [(event.id, event.fault) for event in events] == [("rc:1", None), ("rc:2", None), ("rc:3", None)]
    assert all(decoded(event.payload) == event.payload.decode() for event in events)


def entry(number: int, **other: Any) -> dict[str, Any]:
    return {
        "type": "edit", "ns": 0, "title": "Beans", "revid": number, "old_revid": number - 1, "rcid": number, "user": "Rosa Fern",
        "oldlen": 1, "newlen": 2, "timestamp": "2026-09-07T09:00:00Z", "comment": "", **other,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["answer", "answer on lines", "list", "lines"])
def test_entries_of_the_action_api_are_the_edits_that_the_poller_reads(tmp_path: Path, form: str) -> None:
    found = [entry(5), entry(6, user="198.51.100.7", anon=""), entry(7, user="Gauge", bot=""), entry(8, userhidden="")]
    text = {
        "answer": json.dumps({"batchcomplete": "", "query": {"recentchanges": found}}, indent=1),
        "answer on lines": "\n".join(json.dumps({"query": {"recentchanges": [one]}}) for one in found),
        "list": json.dumps(found),
        "lines": "\n".join(map(json.dumps, found)),
    }[form]
    (tmp_path / "api").write_text(text)
    events = read("mediawiki-recentchange", tmp_path / "api", tenant="wiki.example.org")
    assert [event.id for event in events] == ["rev:5", "rev:6", "rev:7", "rev:8"]
    assert kinds("mediawiki-recentchange", events) == ["human", "anonymous", "bot"]
    assert str(outcomes("mediawiki-recentchange", events)[3].record.reason) == "suppressed"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"error": {"code": "badtoken"}}', "an error of the action API"),
        ('{"query": {"usercontribs": []}}', "without list=recentchanges"),
        ('{"meta": {"stream": "mediawiki.revision-create", "domain": "w.example.org"}}', "stream mediawiki.revision-create"),
        ("<html>", "HTML"),
        ("PK\x03\x04", "zip archive"),
        ("id,user\n1,Rosa", "it is not JSON"),
    ],
)
def test_a_form_that_is_not_read_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(ExportError, match=named):
        read("mediawiki-recentchange", tmp_path / "file", tenant="w.example.org")


# --- shapes that the platforms document

NOT_WRITTEN = [
    "assistant_app_thread", "bot_add", "bot_remove", "channel_archive", "channel_convert_to_private", "channel_join",
    "channel_leave", "channel_name", "channel_posting_permissions", "channel_purpose", "channel_topic", "channel_unarchive",
    "document_mention", "ekm_access_denied", "group_archive", "group_join", "group_leave", "group_name", "group_purpose",
    "group_topic", "group_unarchive", "huddle_thread", "joiner_notification", "message_changed", "message_deleted",
    "message_replied", "pinned_item", "reminder_add", "reminder_delete", "reply_broadcast", "sh_room_created",
    "sh_room_shared", "tombstone", "unpinned_item",
]  # fmt: skip
WRITTEN = ["bot_message", "file_comment", "file_mention", "file_share", "me_message", "slackbot_response", "thread_broadcast"]


@pytest.mark.parametrize("subtype", NOT_WRITTEN + WRITTEN)
def test_every_documented_subtype_of_slack_has_its_outcome(tmp_path: Path, subtype: str) -> None:
    days = {"soil/2026-09-07.json": [message(1, subtype=subtype)]}
    found = outcomes("slack-export", read("slack-export", folder(tmp_path, slack([{"id": "C1", "name": "soil"}], days))))[2]
    assert str(found.record.verdict) == ("understood" if subtype in WRITTEN else "ignored")


def test_a_person_who_posts_through_an_app_stays_a_person(tmp_path: Path) -> None:
    days = {
        "soil/2026-09-07.json": [
            message(1, bot_id="B1"),
            message(2, user="U0NOBODY", bot_id="B1"),
            message(3, bot_id="B1", subtype="bot_message"),
        ]
    }
    events = read("slack-export", folder(tmp_path, slack([{"id": "C1", "name": "soil"}], days)))
    assert kinds("slack-export", events) == ["human", "bot", "bot"]
    actors = [one.interactions[0].actor for one in outcomes("slack-export", events)[2:]]
    assert actors[0] != actors[2], "what an app marks as a bot's is not the person's"
