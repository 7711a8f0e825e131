"""The import log: a second import says what is new, known and changed."""

from datetime import UTC, datetime

from events.raw import RawEvent
from pipelines.imports.import_log import Compared, ImportLog

NOW = datetime(2026, 3, 2, tzinfo=UTC)
KEY = b"k" * 32


def events(**payloads: str) -> list[RawEvent]:
    return [
        RawEvent(
            id=name, sender="/x", type="slack.m", source="import/slack/slack-export", received_at=NOW, payload=text.encode()
        )
        for name, text in payloads.items()
    ]


def imported(log: ImportLog, import_id: str, community: str = "bakers", **payloads: str) -> tuple[int, int, int]:
    compared = Compared()
    assert [event.id for event in log.compare(iter(events(**payloads)), community, compared)] == list(payloads)
    log.add(import_id, community, compared)
    return compared.new, compared.known, compared.changed


def test_records_are_new_known_or_changed(tmp_path):
    with ImportLog(tmp_path / "imports.db", KEY) as log:
        assert imported(log, "one", a="1", b="1") == (2, 0, 0)
        assert imported(log, "one", a="1", b="1") == (0, 2, 0)
        assert imported(log, "two", a="1", b="2", c="1") == (1, 1, 1)
        assert imported(log, "two", a="1", b="2", c="1") == (0, 3, 0)


def test_another_community_has_records_of_its_own(tmp_path):
    with ImportLog(tmp_path / "imports.db", KEY) as log:
        imported(log, "one", a="1")
        assert imported(log, "other", community="gardeners", a="1") == (1, 0, 0)


def test_what_was_undone_is_new_again_and_what_another_import_sent_is_known(tmp_path):
    with ImportLog(tmp_path / "imports.db", KEY) as log:
        imported(log, "one", a="1", b="1")
        imported(log, "two", b="1", c="1")
        log.forget("one")
        assert imported(log, "one", a="1", b="1") == (1, 1, 0)


def test_an_import_that_ends_early_is_not_noted(tmp_path):
    with ImportLog(tmp_path / "imports.db", KEY) as log:
        list(log.compare(iter(events(a="1")), "bakers", Compared()))
        assert imported(log, "one", a="1") == (1, 0, 0)


def test_the_file_holds_no_id_and_no_content(tmp_path):
    with ImportLog(tmp_path / "imports.db", KEY) as log:
        imported(log, "one", rosa="a secret")
    stored = (tmp_path / "imports.db").read_bytes()
    assert b"rosa" not in stored
    assert b"a secret" not in stored
