"""Sources: one identity, one address."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.raw import BadEnvelopeError, RawEvent, delivery_id
from events.source import Source, SourceKind, parse

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

PARTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", fullmatch=True)


@given(st.sampled_from(SourceKind), PARTS, PARTS)
def test_a_source_is_parsed_from_what_it_prints(kind, platform, name):
    source = Source(kind, platform, name)
    assert parse(source.address) == source


def test_an_address_is_kind_platform_and_name():
    assert parse("webhook/slack/main") == Source(SourceKind.WEBHOOK, "slack", "main")
    assert Source(SourceKind.IMPORT, "slack", "slack-export").address == "import/slack/slack-export"


@pytest.mark.parametrize(
    "text",
    ["", "events", "hooks/slack/main", "webhook/slack", "webhook//main", "webhook/slack/", "webhook/slack/a/b", "emit/a/ä"],
)
def test_any_other_text_is_not_an_address(text):
    with pytest.raises(ValueError, match="a source's"):
        parse(text)


def test_every_source_but_an_import_is_live():
    assert [kind for kind in SourceKind if not Source(kind, "slack", "main").is_live] == [SourceKind.IMPORT]


def test_a_raw_record_without_the_address_of_a_source_is_a_bad_envelope():
    event = RawEvent(id="1", sender="/s", type="quill.note", source="hooks/quill/main", received_at=NOW, payload=b"{}")
    with pytest.raises(BadEnvelopeError, match="ce_guildhallsource"):
        RawEvent.from_record(event.payload, event.headers())


def test_sources_whose_long_addresses_begin_alike_have_ids_of_their_own():
    long = "webhook/quill/" + "a" * 60
    assert delivery_id(f"{long}1", b"{}") != delivery_id(f"{long}2", b"{}")
