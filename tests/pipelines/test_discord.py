"""Discord's own: Ed25519 signatures, pings, exports, and the same message through two sources."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.connector import Accept, Answer, ExportError, ImportOptions, Refuse, Request
from pipelines.platforms.discord import webhook
from pipelines.platforms.discord.export import channel_names, read_export
from pipelines.platforms.discord.webhook import public_key, sign, verify
from tests.pipelines.test_platforms import everything_belongs_to_the_gardeners, outcome_of

NOW = 1_772_450_000.0
SECRET = "an invented key pair"
PUBLIC = public_key(SECRET)
COMMAND = b'{"type":2,"token":"t","guild_id":"900"}'


def asked(body: bytes = COMMAND, **headers: str) -> Request:
    return Request(method="POST", path="/hooks/discord/main", headers={**sign(body, SECRET, NOW), **headers}, body=body)


def test_what_discord_signed_is_accepted_and_answered():
    verdict = verify(asked(), ("", public_key("another"), PUBLIC), NOW)
    assert isinstance(verdict, Accept)
    assert (verdict.type, json.loads(verdict.answer)["type"], verdict.status) == ("discord.webhook", 4, 200)


def test_the_signature_is_ed25519_as_rfc_8032_has_it():
    # RFC 8032, 7.1, test 2: the signed message is the one byte 0x72; here the timestamp is empty, which Discord never sends.
    public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert webhook._signed(public, bytes.fromhex(signature), b"\x72")
    assert not webhook._signed(public, bytes.fromhex(signature), b"\x73")


def test_pings_are_answered_and_nothing_is_stored():
    assert verify(asked(b'{"type":1,"version":1}'), (PUBLIC,), NOW) == Answer(b'{"type":1}')
    assert verify(asked(b'{"type":0,"version":1}'), (PUBLIC,), NOW) == Answer(b"", status=204)
    assert verify(asked(b'{"type":1,"event":{"type":"X"}}'), (PUBLIC,), NOW) == Accept("discord.webhook", status=204)


@pytest.mark.parametrize("secrets", [(), ("",), (public_key("another"),), ("not hex" * 9,), ("00" * 32,)])
def test_without_the_right_key_nothing_is_accepted(secrets):
    assert isinstance(verify(asked(), secrets, NOW), Refuse)


@pytest.mark.parametrize(("late", "accepted"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_signature_is_good_for_300_seconds_either_way(late, accepted):
    assert isinstance(verify(asked(), (PUBLIC,), NOW + late), Accept) is accepted


@pytest.mark.parametrize("name", ["x-signature-ed25519", "x-signature-timestamp"])
@given(value=st.text(max_size=140))
def test_an_invented_header_is_refused(name, value):
    if value != asked().headers[name]:
        assert isinstance(verify(asked(**{name: value}), (PUBLIC,), NOW), Refuse)


@given(place=st.integers(0, len(COMMAND) - 1), byte=st.integers(1, 255))
def test_a_body_with_one_byte_changed_is_refused(place, byte):
    changed = bytearray(COMMAND)
    changed[place] ^= byte
    request = Request(method="POST", path="/", headers=sign(COMMAND, SECRET, NOW), body=bytes(changed))
    assert isinstance(verify(request, (PUBLIC,), NOW), Refuse)


def test_a_signed_body_that_is_no_object_is_refused_and_not_stored():
    assert verify(asked(b"[]"), (PUBLIC,), NOW) == Refuse("the body is not a JSON object", status=400)


# --- exports


def exported(number: str, **more: Any) -> dict[str, Any]:
    author = {"id": "11", "name": "rosa", "nickname": "Rosa", "discriminator": "0000", "isBot": False, "avatarUrl": "SENTINEL"}
    message = {"id": number, "type": "Default", "timestamp": "2026-03-02T11:58:00+00:00", "timestampEdited": None}
    return {**message, "content": "where are the seeds?", "author": author, "mentions": [], "attachments": [], **more}


def channel(number: str, kind: str, *messages: dict[str, Any], parent: str | None = None, guild: str = "900") -> str:
    described = {"id": number, "type": kind, "categoryId": parent, "category": "soil", "name": "seeds", "topic": "SENTINEL"}
    return json.dumps(
        {"guild": {"id": guild, "name": "SENTINEL"}, "channel": described, "messages": list(messages), "messageCount": 1},
        indent=2,
    )


def read(path: Path, **options: Any) -> list[Any]:
    return list(read_export(path, ImportOptions(**options)))


def outcomes(events: list[Any]) -> list[Any]:
    context = everything_belongs_to_the_gardeners()
    return [
        outcome_of(
            {"type": one.type, "source": "import/discord/x", "tenant": one.tenant, "payload_text": one.payload.decode()},
            context,
        )
        for one in events
    ]


def test_a_folder_of_channels_and_threads_is_read_and_each_message_counts_once(tmp_path):
    (tmp_path / "seeds.json").write_text(
        channel("910", "GuildTextChat", exported("1001"), exported("1002", type="ThreadCreated"))
    )
    starter = exported("1003", type="21", content="", reference={"messageId": "1001", "channelId": "910", "guildId": "900"})
    (tmp_path / "thread.json").write_text(channel("1001", "GuildPublicThread", starter, exported("1004"), parent="910"))
    (tmp_path / "closed.json").write_text(channel("940", "GuildPrivateThread", exported("1009"), parent="910"))
    found = read(tmp_path)
    assert {one.tenant for one in found} == {"900"}
    assert b"SENTINEL" not in b"".join(one.payload for one in found)
    made = [(i.event_id, i.verb, i.space) for outcome in outcomes(found) for i in outcome.interactions]
    assert sorted(made) == [("discord:900:1001", "post", "910"), ("discord:900:1004", "reply", "910")]
    assert [one.payload for one in found if b'"closed":true' in one.payload] == [
        b'{"guild":"900","channel":"940","closed":true,"parent":"910","message":{}}'
    ]
    assert channel_names(tmp_path) == {"910": "soil"}
    assert max(one.time for one in found) == datetime(2026, 3, 2, 11, 58, tzinfo=UTC)


def test_a_file_a_zip_and_a_folder_hold_the_same(tmp_path):
    text = channel("910", "GuildTextChat", exported("1001"))
    (tmp_path / "one.json").write_text(text, encoding="utf-8-sig")
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as zipped:
        zipped.writestr("one.json", text)
        zipped.writestr("readme.txt", "x")
    one, other = read(tmp_path / "one.json", tenant="garden"), read(tmp_path / "export.zip", tenant="garden")
    assert [(e.id, e.payload, e.tenant) for e in one] == [(e.id, e.payload, e.tenant) for e in other]


def test_a_broken_message_costs_itself_only(tmp_path):
    text = channel("910", "GuildTextChat", exported("1001"), exported("1002"), exported("1003"))
    (tmp_path / "one.json").write_text(text.replace('"id": "1002",', '"id": 10 02,'))
    found = read(tmp_path / "one.json")
    assert [one.id for one in found if one.fault is None] == ["1001", "1003"]
    assert [one.fault is not None for one in found].count(True) == 1


def test_other_files_are_left_out_by_name_and_an_export_without_any_channel_is_refused(tmp_path):
    (tmp_path / "other.json").write_text('{"messages": [{"id": "1"}]}')
    (tmp_path / "empty.json").write_text("")
    left: list[tuple[str, str]] = []
    with pytest.raises(ExportError, match="known layout"):
        read(tmp_path, left_out=lambda name, why: left.append((name, why)))
    assert [name for name, _ in left] == ["empty.json", "other.json"]
    with pytest.raises(ExportError, match="no file"):
        read(tmp_path / "none.json")


def test_a_message_is_the_same_interaction_through_gateway_and_export(tmp_path):
    live = {
        "id": "1001", "channel_id": "910", "guild_id": "900", "type": 19, "content": "where are the seeds?",
        "timestamp": "2026-03-02T11:58:00+00:00", "edited_timestamp": None, "mentions": [{"id": "12"}],
        "author": {"id": "11", "username": "rosa"}, "message_reference": {"message_id": "1000"},
    }  # fmt: skip
    past = exported("1001", type="Reply", mentions=[{"id": "12"}], reference={"messageId": "1000"})
    (tmp_path / "one.json").write_text(channel("910", "GuildTextChat", past))
    event = {"op": 0, "t": "MESSAGE_CREATE", "d": live}
    context = everything_belongs_to_the_gardeners()
    (one,) = outcome_of({"type": "discord.event", "source": "emit/discord/main", "payload": event}, context).interactions
    (other,) = outcomes(read(tmp_path))[0].interactions
    assert one.model_dump(exclude={"raw"}) == other.model_dump(exclude={"raw"})
