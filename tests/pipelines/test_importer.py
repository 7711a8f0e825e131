"""Importing: every event of an export arrives, under ids that stay, and is accounted for."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from events.communities import Communities, Community, SpaceRule
from events.interaction import Medium, ObjectKind
from events.outcome import Reason, Verdict
from events.raw import RawEvent, delivery_id
from events.topics import RAW
from events.verb import Verb
from pipelines.broker.admin import KafkaUnavailableError, ends
from pipelines.broker.clients import bulk_producer
from pipelines.connector import AccountSeen, Action, ExportError, Found, Ignored, ImportOptions, Platform, PlatformEvent
from pipelines.imports.importer import import_export, import_id_of, raw_events, tally_export
from pipelines.ingest.bulk_publisher import PublishError, publish_blocking
from pipelines.understand.understand import Context

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG_AGO = datetime(2019, 5, 6, 7, 8, tzinfo=UTC)
NOBODY = "127.0.0.1:9"


def read_lines(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    for number, line in enumerate(path.read_text().splitlines()):
        if line == "torn":
            raise ExportError("The export ends in the middle.", "Its last line is torn.", "Get it again.")
        yield PlatformEvent(
            id=f"line-{number}", type="quill.line", payload=line.encode(), tenant=options.tenant or "T1", time=LONG_AGO
        )


def normalise(raw: RawEvent) -> Iterator[Found]:
    line = json.loads(raw.payload)
    if line == "account":
        yield AccountSeen(tenant="T1", native_id="U1", seen_at=LONG_AGO)
    elif line == "noise":
        yield Ignored()
    else:
        assert line != "bug"
        yield Action(
            key=raw.id,
            tenant="T1",
            space=line,
            occurred_at=LONG_AGO,
            verb=Verb.POST,
            actor="U1",
            object_id="1",
            object_kind=ObjectKind.MESSAGE,
            medium=Medium.CHAT,
        )


QUILL = Platform(
    slug="quill",
    title="Quill",
    medium=Medium.CHAT,
    reference="https://quill.example",
    setup=("none",),
    reads=(),
    does_not_read=(),
    version=1,
    normalise=normalise,
    exports={"quill-lines": read_lines},
)
BAKERS = Community(slug="bakers", title="Bakers", space=(SpaceRule(platform="quill", workspace="T1", spaces=("bread",)),))
CONTEXT = Context(key=b"k", communities=Communities({"bakers": BAKERS}), platforms={"quill": QUILL})


def export(folder: Path, *lines: str) -> Path:
    path = folder / "export.jsonl"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_an_exported_event_becomes_a_raw_event_with_the_source_of_its_import(tmp_path):
    path = export(tmp_path, '"bread"')
    made = list(raw_events(QUILL, "quill-lines", path, ImportOptions(community="bakers"), NOW))
    source = "import/quill/quill-lines"
    assert made == [
        RawEvent(
            id=delivery_id(source, b"T1\nline-0"),
            sender=f"/{source}",
            type="quill.line",
            source=source,
            received_at=NOW,
            payload=b'"bread"',
            time=LONG_AGO,
            tenant="T1",
            community="bakers",
            import_id=import_id_of(source, path, "bakers"),
        )
    ]


def test_an_import_has_one_id_for_one_export_and_one_community(tmp_path):
    one = import_id_of("import/quill/quill-lines", export(tmp_path, '"a"'), "bakers")
    assert import_id_of("import/quill/quill-lines", tmp_path / "export.jsonl", "bakers") == one
    others = {import_id_of("import/quill/quill-lines", tmp_path, "bakers")}
    others |= {import_id_of("import/quill/quill-lines", tmp_path / "export.jsonl", "gardeners")}
    others |= {import_id_of("import/quill/quill-lines", export(tmp_path, '"b"'), "bakers")}
    assert one not in others
    assert len(others) == 3
    with pytest.raises(ExportError):
        import_id_of("import/quill/quill-lines", tmp_path / "absent", "bakers")


def test_the_raw_id_is_that_of_the_action_and_not_of_the_file_or_the_time(tmp_path):
    one = [e.id for e in raw_events(QUILL, "quill-lines", export(tmp_path, '"a"', '"b"'), ImportOptions(), NOW)]
    other = [e.id for e in raw_events(QUILL, "quill-lines", export(tmp_path, '"a"', '"b"', '"c"'), ImportOptions(), LONG_AGO)]
    assert one == other[:2]
    elsewhere = [e.id for e in raw_events(QUILL, "quill-lines", export(tmp_path, '"a"'), ImportOptions(tenant="T2"), NOW)]
    assert elsewhere != one[:1]


def test_a_dry_run_counts_what_every_event_would_become_and_sends_nothing(tmp_path):
    path = export(tmp_path, '"bread"', '"bread"', '"cake"', '"noise"', '"account"', "{", '"bug"')
    counts: list[int] = []
    tally = tally_export(QUILL, "quill-lines", path, ImportOptions(), CONTEXT, NOW, counts.append)
    assert (tally.events, tally.interactions, tally.accounts) == (7, 2, 1)
    assert tally.outcomes == {
        (Verdict.UNDERSTOOD, None): 3,
        (Verdict.IGNORED, Reason.UNMAPPED_SPACE): 1,
        (Verdict.IGNORED, Reason.NOT_PARTICIPATION): 1,
        (Verdict.REJECTED, Reason.UNREADABLE_PAYLOAD): 1,
        (Verdict.REJECTED, Reason.NORMALISER_FAILED): 1,
    }
    assert sum(tally.outcomes.values()) == tally.events
    assert tally.unmapped == {("T1", "cake"): 1}
    assert tally.details == {"not the JSON or text it should be": 1, "AssertionError": 1}


def test_a_history_may_be_as_old_as_it_is(tmp_path):
    tally = tally_export(QUILL, "quill-lines", export(tmp_path, '"bread"'), ImportOptions(), CONTEXT, NOW)
    assert tally.interactions == 1


def test_an_import_without_kafka_fails_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.imports.importer.ANSWER_SECONDS", 0.3)
    with pytest.raises(KafkaUnavailableError, match="does not answer") as raised:
        import_export(QUILL, "quill-lines", export(tmp_path, '"bread"'), ImportOptions(), NOBODY, NOW)
    assert "guildhall up" in raised.value.todo


class FailingProducer:
    """A producer that takes every event and reports afterwards that some failed."""

    def __init__(self, *, left: int = 0, fails: int = 0) -> None:
        self.left, self.fails, self.sent = left, fails, 0
        self.flushed = False

    def produce(self, _, *, on_delivery, **__) -> None:
        self.sent += 1
        if self.fails:
            self.fails -= 1
            on_delivery(KafkaError(KafkaError._MSG_TIMED_OUT), None)

    def poll(self, _) -> None:
        pass

    def flush(self, _) -> int:
        self.flushed = True
        return self.left


def some(count: int) -> Iterator[RawEvent]:
    for n in range(count):
        yield RawEvent(
            id=str(n), sender="/s", type="quill.line", source="import/quill/quill-lines", received_at=NOW, payload=b"1"
        )


def test_what_kafka_did_not_acknowledge_is_an_error_with_its_reason():
    with pytest.raises(PublishError, match="_MSG_TIMED_OUT"):
        publish_blocking(FailingProducer(fails=2), some(5))
    with pytest.raises(PublishError, match="3 not acknowledged in time"):
        publish_blocking(FailingProducer(left=3), some(5))


def test_after_the_first_failure_no_more_of_the_history_is_read():
    deaf = FailingProducer(fails=1)
    with pytest.raises(PublishError):
        publish_blocking(deaf, some(1000), progress_every=10)
    assert deaf.sent == 10


def test_progress_is_reported_on_the_way_and_at_the_end():
    counts: list[int] = []
    assert publish_blocking(FailingProducer(), some(25), progress=counts.append, progress_every=10).acknowledged == 25
    assert counts == [10, 20, 25]


def test_an_export_that_breaks_off_is_refused_after_the_events_before_are_sent(tmp_path):
    deaf = FailingProducer()
    path = export(tmp_path, '"bread"', "torn")
    with pytest.raises(ExportError, match="torn"):
        publish_blocking(deaf, raw_events(QUILL, "quill-lines", path, ImportOptions(), NOW))
    assert (deaf.sent, deaf.flushed) == (1, True)


@pytest.mark.kafka
def test_every_event_of_an_export_is_in_the_raw_topic_below_the_reported_ends(kafka, tmp_path):
    before = ends(kafka, RAW.name)
    path = export(tmp_path, *(json.dumps(f"space-{n}") for n in range(3000)))
    imported = import_export(QUILL, "quill-lines", path, ImportOptions(tenant=f"T{time.monotonic_ns()}"), kafka, NOW)
    assert (imported.events, imported.acknowledged) == (3000, 3000)
    assert set(imported.ends) == set(range(RAW.partitions))
    found = records(kafka, before, imported.ends)
    ours = [event for event in found if event.source == "import/quill/quill-lines"]
    assert sorted(event.payload for event in ours) == sorted(f'"space-{n}"'.encode() for n in range(3000))


@pytest.mark.kafka
def test_a_second_import_has_the_same_ids(kafka, tmp_path):
    path, options = export(tmp_path, '"a"', '"b"'), ImportOptions(tenant=f"T{time.monotonic_ns()}")
    before = ends(kafka, RAW.name)
    import_export(QUILL, "quill-lines", path, options, kafka, NOW)
    again = import_export(QUILL, "quill-lines", path, options, kafka, NOW)
    ids = [event.id for event in records(kafka, before, again.ends) if event.tenant == options.tenant]
    assert (len(ids), len(set(ids))) == (4, 2)


@pytest.mark.kafka
def test_an_event_larger_than_kafka_accepts_is_an_error_with_what_to_do(kafka):
    huge = RawEvent(
        id="huge", sender="/s", type="quill.line", source="import/quill/quill-lines", received_at=NOW, payload=b"." * (5 << 20)
    )
    with pytest.raises(PublishError, match="4 MB"):
        publish_blocking(bulk_producer(kafka), [huge])


def records(bootstrap: str, begin: dict[int, int], end: dict[int, int]) -> list[RawEvent]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(RAW.name, partition, offset) for partition, offset in begin.items()])
    wanted = sum(end.values()) - sum(begin.values())
    found: list[RawEvent] = []
    deadline = time.monotonic() + 20
    while len(found) < wanted:
        assert time.monotonic() < deadline, f"{len(found)} of {wanted} after 20 seconds"
        found += [RawEvent.from_record(message.value(), message.headers()) for message in consumer.consume(5000, 0.5)]
    consumer.close()
    return found
