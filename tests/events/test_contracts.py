"""Identity, raw events and communities: what everything else relies on."""

import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.communities import Communities, Community, SpaceRule
from events.identity import (
    PUBLISHED,
    actor_id,
    global_id,
    keyed_link,
    name_account,
    object_id,
    published_pseudonym,
    title_object,
)
from events.interaction import RawPosition
from events.raw import BadEnvelopeError, RawEvent, delivery_id

KEY = b"an invented deployment key"
NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


def raw(**changes) -> RawEvent:
    given_ = {
        "id": "1",
        "sender": "/s",
        "type": "quill.note",
        "source": "emit/quill/main",
        "received_at": NOW,
        "payload": b"\x00\xff{}",
    }
    return RawEvent(**(given_ | changes))


# --- identity


def test_an_actor_is_the_keyed_hash_of_platform_tenant_and_account():
    expected = hmac.digest(KEY, b"actor|slack|T1|U1", hashlib.sha256).hex()[:32]
    assert actor_id(KEY, "slack", "T1", "U1") == expected


def test_an_actor_is_another_with_another_key_platform_tenant_or_account():
    made = {
        actor_id(KEY, "slack", "T1", "U1"),
        actor_id(b"another", "slack", "T1", "U1"),
        actor_id(KEY, "zulip", "T1", "U1"),
        actor_id(KEY, "slack", "T2", "U1"),
        actor_id(KEY, "slack", "T1", "U2"),
    }
    assert len(made) == 5


@given(st.lists(st.text(max_size=4), min_size=3, max_size=3), st.lists(st.text(max_size=4), min_size=3, max_size=3))
def test_two_accounts_share_an_actor_only_if_they_are_the_same(one, other):
    assert (actor_id(KEY, *one) == actor_id(KEY, *other)) == (one == other)


def test_a_separator_inside_a_part_makes_another_actor():
    assert actor_id(KEY, "a|b", "c", "d") != actor_id(KEY, "a", "b|c", "d")


def test_one_member_has_a_different_published_pseudonym_in_every_community_and_never_the_actor():
    pseudonyms = {
        published_pseudonym(KEY, "bakers", "m1"),
        published_pseudonym(KEY, "weavers", "m1"),
        actor_id(KEY, "bakers", "m1", ""),
    }
    assert len(pseudonyms) == 3


def test_a_million_members_have_a_million_published_pseudonyms_of_twelve_characters():
    made = {published_pseudonym(KEY, "bakers", f"m{number}") for number in range(1_000_000)}
    assert len(made) == 1_000_000
    assert PUBLISHED.fullmatch(min(made))
    assert PUBLISHED.fullmatch(max(made))


@pytest.mark.parametrize("name", ["Ada Quill", "  ada   quill ", "ADA QUILL", "\uff21da Quill"])
def test_a_name_is_one_account_however_it_is_written(name):
    assert name_account(name) == "name:ada quill"


def test_an_object_that_has_only_a_title_is_kept_as_a_keyed_hash():
    found = object_id(KEY, "mediawiki", "wiki.example.org", title_object("User:Rosa"))
    assert "Rosa" not in found
    assert found.startswith("mediawiki:wiki.example.org:title:")
    assert found != object_id(b"another key", "mediawiki", "wiki.example.org", title_object("User:Rosa"))
    assert found != object_id(KEY, "mediawiki", "wiki.example.net", title_object("User:Rosa")).replace(".net", ".org")
    assert object_id(KEY, "slack", "T1", "C1:1.0") == "slack:T1:C1:1.0"


def test_a_link_keeps_its_domain_and_not_its_address():
    link = keyed_link(KEY, "https://wiki.example.org/Secret_plan", "example.org")
    assert link.endswith("@example.org")
    assert "Secret" not in link
    assert link != keyed_link(KEY, "https://wiki.example.org/Other", "example.org")


def test_a_global_id_names_platform_tenant_and_native_id():
    assert global_id("slack", "T1", "C1:17.5") == "slack:T1:C1:17.5"


# --- raw events


def test_a_raw_event_comes_back_from_its_record():
    event = raw(time=NOW - timedelta(hours=1), tenant="T\u00e9", community="bakers")
    position = RawPosition(partition=3, offset=7)
    back = RawEvent.from_record(event.payload, event.headers(), position)
    cut = {"received_at": NOW.replace(microsecond=123000), "time": (NOW - timedelta(hours=1)).replace(microsecond=123000)}
    assert back == raw(tenant="T\u00e9", community="bakers", position=position, **cut)


def test_what_is_not_known_is_no_header():
    assert {name for name, _ in raw().headers()} == {
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_guildhallsource",
        "ce_receivedat",
    }


def test_moments_are_written_in_utc():
    event = raw(received_at=datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=2))))
    assert dict(event.headers())["ce_receivedat"] == b"2026-03-02T08:00:00.000Z"


@pytest.mark.parametrize("missing", ["ce_id", "ce_source", "ce_type", "ce_guildhallsource", "ce_receivedat"])
def test_a_record_without_a_needed_header_names_it(missing):
    headers = [(name, value) for name, value in raw().headers() if name != missing]
    with pytest.raises(BadEnvelopeError, match=f"no {missing}"):
        RawEvent.from_record(b"{}", headers)


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (None, raw().headers()),
        (b"{}", [("ce_id", b"\xff")]),
        (b"{}", [*raw().headers(), ("ce_time", b"yesterday")]),
        (b"{}", [*raw().headers(), ("ce_time", b"2026-03-02T09:00:00")]),
    ],
)
def test_a_record_that_is_none_of_ours_is_a_bad_envelope(value, headers):
    with pytest.raises(BadEnvelopeError):
        RawEvent.from_record(value, headers)


def test_the_platform_is_what_the_type_begins_with():
    assert raw(type="quill.note.made").platform == "quill"


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_packed_event_is_the_event(payload, tenant):
    event = raw(payload=payload, tenant=tenant, received_at=NOW.replace(microsecond=0))
    assert RawEvent.unpacked(event.packed()) == event


def test_a_delivery_is_the_same_only_at_the_same_source_with_the_same_bytes():
    assert delivery_id("webhook/quill/a", b"{}") == delivery_id("webhook/quill/a", b"{}")
    assert (
        len(
            {
                delivery_id("webhook/quill/a", b"{}"),
                delivery_id("webhook/quill/b", b"{}"),
                delivery_id("webhook/quill/a", b"{ }"),
            }
        )
        == 3
    )


# --- communities


def community(slug: str, *rules: SpaceRule) -> Community:
    return Community(slug=slug, title=slug.title(), space=rules)


def rule(**changes) -> SpaceRule:
    return SpaceRule.model_validate({"platform": "slack", "workspace": "T1", "spaces": "C1"} | changes)


def test_a_space_belongs_to_the_community_that_lists_it():
    found = Communities({"bakers": community("bakers", rule())})
    assert found.of("slack", "T1", "C1", NOW) == "bakers"


@pytest.mark.parametrize(("platform", "tenant", "space"), [("zulip", "T1", "C1"), ("slack", "T2", "C1"), ("slack", "T1", "C2")])
def test_a_space_that_nobody_lists_belongs_to_none(platform, tenant, space):
    found = Communities({"bakers": community("bakers", rule())})
    assert found.of(platform, tenant, space, NOW) is None


def test_a_space_moves_on_its_day_and_the_past_stays():
    early, late = rule(to=date(2026, 3, 2)), rule(**{"from": date(2026, 3, 2)})
    found = Communities({"bakers": community("bakers", early), "weavers": community("weavers", late)})
    assert found.of("slack", "T1", "C1", datetime(2026, 3, 1, 23, 59, tzinfo=UTC)) == "bakers"
    assert found.of("slack", "T1", "C1", datetime(2026, 3, 2, 0, 0, tzinfo=UTC)) == "weavers"


def test_the_day_of_a_rule_is_the_day_in_utc():
    found = Communities({"weavers": community("weavers", rule(**{"from": date(2026, 3, 2)}))})
    assert found.of("slack", "T1", "C1", datetime(2026, 3, 2, 1, 0, tzinfo=timezone(timedelta(hours=2)))) is None


def test_patterns_cover_spaces_and_workspaces():
    found = Communities({"bakers": community("bakers", rule(workspace="*", spaces=("bread-*", "C9")))})
    assert found.of("slack", "T7", "bread-rye", NOW) == "bakers"
    assert found.of("slack", "T7", "C9", NOW) == "bakers"
    assert found.of("slack", "T7", "rye-bread", NOW) is None


def test_patterns_distinguish_upper_from_lower_case():
    found = Communities({"bakers": community("bakers", rule(spaces="Talk"))})
    assert found.of("slack", "T1", "talk", NOW) is None


def test_the_memory_of_spaces_stays_bounded():
    found = Communities({"bakers": community("bakers", rule())})
    for n in range(100_050):
        found.of("slack", "T1", f"C{n}", NOW)
    assert len(found._memory) < 100_002
    assert found.of("slack", "T1", "C1", NOW) == "bakers"
