"""The stream worker on a real Kafka: nothing is lost and each record has one outcome, through kills, gaps and outages."""

import contextlib
import json
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from events.communities import Communities
from events.interaction import Interaction
from events.outcome import OutcomeChunk, Reason, RecordOutcome, Verdict
from events.raw import RawEvent
from events.topics import ACCOUNTS, INTERACTIONS, OUTCOMES, RAW
from pipelines.broker.admin import GROUP, committed, ends, ensure_topics
from pipelines.broker.server import Broker
from pipelines.platforms import PLATFORMS
from pipelines.understand.replay import read_raw, replay
from pipelines.understand.understand import Context

pytestmark = pytest.mark.kafka
REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CONTEXT = Context(key=b"k", communities=Communities({}), platforms=PLATFORMS)
WORKER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from events.communities import Communities
    from pipelines.platforms import PLATFORMS
    from pipelines.worker.faust_worker import run_worker
    from pipelines.understand.understand import Context
    context = Context(key=b"k", communities=Communities({}), platforms=PLATFORMS)
    run_worker(sys.argv[1], context, data=Path(sys.argv[2]))
    """
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("stream"), quick=True) as own:
        ensure_topics(own.bootstrap)
        yield own


START: dict[str, dict[int, int]] = {}
"""The end of each topic when the test began. Records before it belong to other tests."""


@pytest.fixture(autouse=True)
def _start_here(broker: Broker) -> None:
    START.update({topic.name: ends(broker.bootstrap, topic.name) for topic in (RAW, INTERACTIONS, OUTCOMES, ACCOUNTS)})


def raw_positions(bootstrap: str) -> set[tuple[int, int]]:
    """The offsets that this test added to the raw topic, gaps included."""
    return {(part, n) for part, end in ends(bootstrap, RAW.name).items() for n in range(START[RAW.name][part], end)}


class Workers:
    """Worker processes of one test."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._bootstrap, self._folder = bootstrap, folder
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        data = self._folder / str(len(self._running))
        data.mkdir()
        with (data / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", WORKER, self._bootstrap, str(data)],
                cwd=REPOSITORY,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._running.append(process)
        return process

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self._folder.glob("*/log")))

    def stop(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


@pytest.fixture
def workers(broker: Broker, tmp_path: Path) -> Iterator[Workers]:
    some = Workers(broker.bootstrap, tmp_path)
    yield some
    some.stop()


def message(name: str, number: int, *, community: str | None = "gardeners") -> RawEvent:
    event = {
        "type": "message",
        "channel": "C1",
        "user": f"U{number % 50}",
        "ts": f"{1_772_000_000 + number}.000100",
        "text": "hm?",
    }
    body = json.dumps({"type": "event_callback", "team_id": name, "event": {**event, "channel_type": "channel"}}).encode()
    return RawEvent(
        id=f"{name}-{number}",
        sender="/t",
        type="slack.event",
        source="import/slack/slack-export",
        received_at=NOW,
        payload=body,
        community=community,
    )


def publish(bootstrap: str, events: Iterable[RawEvent], partition: int = -1) -> int:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 10, "log_level": 0, "queue.buffering.max.messages": 100_000}
    )
    count = 0
    for event in events:
        producer.produce(RAW.name, event.payload, event.id, partition, headers=event.headers())
        count += 1
    assert producer.flush(60) == 0
    return count


def everything(bootstrap: str, topic: str) -> list[bytes]:
    """Every value that was written to a topic since the test began."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "t", "enable.auto.commit": False, "enable.partition.eof": True}
    )
    left = {part for part, end in ends(bootstrap, topic).items() if end > START[topic][part]}
    consumer.assign([TopicPartition(topic, part, START[topic][part]) for part in left])
    values: list[bytes] = []
    while left:
        for found in consumer.consume(10_000, 0.5):
            if found.error() is not None:
                left.discard(found.partition())
            else:
                values.append(found.value())
    consumer.close()
    return values


def outcomes(bootstrap: str) -> list[tuple[int, RecordOutcome]]:
    chunks = [OutcomeChunk.model_validate_json(value) for value in everything(bootstrap, OUTCOMES.name)]
    return [(chunk.partition, record) for chunk in chunks for record in chunk.records]


def times_decided(bootstrap: str) -> Counter[tuple[int, int]]:
    chunks = (json.loads(value) for value in everything(bootstrap, OUTCOMES.name))
    return Counter((chunk["partition"], record["offset"]) for chunk in chunks for record in chunk["records"])


def interactions(bootstrap: str, name: str) -> Counter[str]:
    """How often each interaction of a tenant was written."""
    found = (json.loads(value) for value in everything(bootstrap, INTERACTIONS.name))
    return Counter(one["event_id"] for one in found if one["tenant"] == name)


def until(holds: Callable[[], bool], workers: Workers, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            pytest.fail("the condition did not become true; logs of the workers:\n" + workers.logs()[-3000:])
        time.sleep(0.4)


def all_done(bootstrap: str) -> bool:
    done = committed(bootstrap, GROUP, RAW.name)
    return all(done.get(part, 0) >= end for part, end in ends(bootstrap, RAW.name).items())


def test_every_raw_record_has_exactly_one_outcome_whatever_it_is(broker: Broker, workers: Workers) -> None:
    good = [message("mixed", n) for n in range(300)]
    unmapped = [message("mixed", n, community=None) for n in range(300, 320)]
    publish(broker.bootstrap, good + unmapped)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "message.max.bytes": 4 << 20})
    headers = message("mixed", 999).headers()
    for value, these in (
        (b"{", headers),
        (None, headers),
        (b"{}", None),
        (b"\xff" * 3_900_000, headers),
        (b"{}", [("ce_id", b"\xff")]),
    ):
        producer.produce(RAW.name, value, "bent", headers=these)
    assert producer.flush(30) == 0
    workers.start()
    until(lambda: all_done(broker.bootstrap), workers)

    decided = times_decided(broker.bootstrap)
    assert set(decided.values()) == {1}
    assert len(decided) == len(raw_positions(broker.bootstrap)) == 325
    verdicts = Counter((record.verdict, record.reason) for _, record in outcomes(broker.bootstrap))
    assert verdicts == {
        (Verdict.UNDERSTOOD, None): 300,
        (Verdict.IGNORED, Reason.UNMAPPED_SPACE): 20,
        (Verdict.REJECTED, Reason.BAD_ENVELOPE): 3,
        (Verdict.REJECTED, Reason.UNREADABLE_PAYLOAD): 2,
    }
    found = [Interaction.model_validate_json(value) for value in everything(broker.bootstrap, INTERACTIONS.name)]
    assert {one.community for one in found} == {"gardeners"}  # which stands in a header only
    assert len({(one.raw.partition, one.raw.offset) for one in found}) == 300


def test_a_chunk_whose_records_are_all_unreadable_is_done_like_any_other(broker: Broker, workers: Workers) -> None:
    publish(
        broker.bootstrap,
        [
            RawEvent(id=str(n), sender="/t", type="slack.event", source="webhook/slack/main", received_at=NOW, payload=b"no")
            for n in range(2500)
        ],
        5,
    )
    publish(broker.bootstrap, [message("behind", 1)], 5)
    workers.start()
    until(lambda: all_done(broker.bootstrap), workers)
    assert len(times_decided(broker.bootstrap)) == 2501
    assert len(interactions(broker.bootstrap, "behind")) == 1


def test_gaps_in_the_log_do_not_stop_commits(broker: Broker, workers: Workers) -> None:
    """The markers of transactions have offsets that no consumer sees."""
    workers.start()
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": "holes"})
    producer.init_transactions(30)
    for round_ in range(6):
        producer.begin_transaction()
        for n in range(40):
            event = message("holes", round_ * 40 + n)
            producer.produce(RAW.name, event.payload, event.id, n % 8, headers=event.headers())
        producer.flush(30)
        (producer.abort_transaction if round_ % 2 else producer.commit_transaction)(30)
    for part in range(8):  # so that no partition ends in a hole
        publish(broker.bootstrap, [message("holes", 1000 + part)], part)
    until(lambda: all_done(broker.bootstrap), workers)
    assert len(interactions(broker.bootstrap, "holes")) == 248
    assert set(times_decided(broker.bootstrap).values()) == {1}


def test_a_worker_that_is_stopped_finishes_its_chunk_and_the_next_one_goes_on(broker: Broker, workers: Workers) -> None:
    publish(broker.bootstrap, (message("stopped", n) for n in range(8_000)))
    first = workers.start()
    until(lambda: ends(broker.bootstrap, OUTCOMES.name) != START[OUTCOMES.name], workers)
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    workers.start()
    until(lambda: all_done(broker.bootstrap), workers)
    assert len(interactions(broker.bootstrap, "stopped")) == 8_000
    assert set(times_decided(broker.bootstrap).values()) == {1}


def test_a_worker_killed_in_the_middle_loses_nothing(broker: Broker, workers: Workers) -> None:
    before = sum(START[INTERACTIONS.name].values())
    first, second = workers.start(), workers.start()
    publish(broker.bootstrap, (message("killed", n) for n in range(5_000)))
    until(lambda: sum(ends(broker.bootstrap, INTERACTIONS.name).values()) >= before + 2_000, workers)
    publish(broker.bootstrap, (message("killed", n) for n in range(5_000, 20_000)))
    second.kill()
    until(lambda: all_done(broker.bootstrap), workers)
    assert first.poll() is None
    found = interactions(broker.bootstrap, "killed")
    assert len(found) == 20_000
    decided = times_decided(broker.bootstrap)
    assert set(decided) == raw_positions(broker.bootstrap)


def test_the_worker_survives_a_restart_of_kafka(broker: Broker, workers: Workers) -> None:
    worker = workers.start()
    publish(broker.bootstrap, (message("outage", n) for n in range(500)))
    until(lambda: all_done(broker.bootstrap), workers)
    broker.kill()
    time.sleep(1)
    broker.start()
    publish(broker.bootstrap, (message("outage", n) for n in range(500, 1000)))
    until(lambda: all_done(broker.bootstrap), workers)
    assert len(interactions(broker.bootstrap, "outage")) == 1000
    assert worker.poll() is None


def test_replay_writes_results_again_and_counts_expired_records(broker: Broker, workers: Workers) -> None:
    publish(broker.bootstrap, (message("again", n) for n in range(30)), 2)
    workers.start()
    until(lambda: all_done(broker.bootstrap), workers)
    end = ends(broker.bootstrap, RAW.name)[2]
    positions = [(2, end - n) for n in (1, 2, 30)]
    assert [(part, offset) for part, offset, _, _ in read_raw(broker.bootstrap, positions)] == sorted(positions)

    done = replay(broker.bootstrap, [*positions, (2, end + 5), (7, 10**9)], CONTEXT)
    assert (done.records, done.interactions, done.rejected, done.expired) == (3, 3, 0, 2)
    assert Counter(interactions(broker.bootstrap, "again").values()) == {1: 27, 2: 3}
    assert [times_decided(broker.bootstrap)[position] for position in positions] == [2, 2, 2]
    assert replay(broker.bootstrap, [], CONTEXT).requested == 0


def test_accounts_go_to_their_own_topic_keyed_by_actor(broker: Broker, workers: Workers) -> None:
    user = {"id": "U7", "name": "fern", "profile": {"real_name": "Fern Fell"}}
    body = json.dumps({"type": "event_callback", "team_id": "T", "event": {"type": "user_change", "user": user}}).encode()
    publish(
        broker.bootstrap,
        [RawEvent(id="a", sender="/t", type="slack.event", source="webhook/slack/main", received_at=NOW, payload=body)],
    )
    workers.start()
    until(lambda: all_done(broker.bootstrap), workers)
    assert [json.loads(value)["handle"] for value in everything(broker.bootstrap, ACCOUNTS.name)] == ["fern"]


def test_without_kafka_a_worker_ends_when_asked(tmp_path: Path) -> None:
    data = tmp_path / "worker"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, "127.0.0.1:1", str(data)], cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT
        )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(6)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    assert process.wait(40) in {0, 70, -signal.SIGTERM}  # the last: while it still imports
