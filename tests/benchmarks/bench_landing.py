"""Landing: the rate of landing interactions, compared with a process that only reads the same records.

    python tests/benchmarks/bench_landing.py [records] [bootstrap]

The target is at least 0.3 × the rate of reading alone; medians of five. Without a bootstrap it starts a Kafka of its own.
"""

import contextlib
import itertools
import os
import statistics
import sys
import tempfile
import time
from datetime import datetime
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from confluent_kafka import Producer

from pipelines.broker.admin import ensure_topics
from pipelines.broker.server import Broker
from pipelines.understand.writer import _interaction_json
from tests.benchmarks.results import Row, report
from tests.pipelines.simulator.conftest import simulate
from tests.warehouse import wire
from warehouse.db import open_files
from warehouse.landing import land
from warehouse.landing.consumer import look, read

WANTED = 0.3
TIMES = int(os.environ.get("TIMES", "5"))
CPU: dict[str, float] = {}
NOW = datetime(2026, 4, 1)  # noqa: DTZ001 - the warehouse stores naive UTC


def interactions(count: int):
    """A simulated year on three platforms as the worker writes it, repeated as often as needed: each time in other tenants and
    communities. What platforms sent twice is there twice."""
    with tempfile.TemporaryDirectory() as folder:
        simulated = simulate(Path(folder), seed=3, weeks=52, live_weeks=10, members=200).interactions
    written = [(one, _interaction_json(one, exclude_none=True)) for one in simulated]
    for number, (one, value) in islice(((number, pair) for number in itertools.count() for pair in written), count):
        tenant = one.tenant[:-3] + f"{number:03d}"
        community = f"{one.community}-{number}"
        yield (
            community.encode(),
            value.replace(one.tenant.encode(), tenant.encode()).replace(
                b'"community":"%b"' % one.community.encode(), b'"community":"%b"' % community.encode()
            ),
        )


def fill(bootstrap: str, topic: str, count: int) -> int:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 20, "compression.type": "lz4", "queue.buffering.max.messages": 200_000}
    )
    size = 0
    for community, value in interactions(count):
        size += len(value)
        producer.poll(0)
        while True:
            try:
                producer.produce(topic, value, key=community)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(120) == 0
    return size


def only_read(bootstrap: str, topic: str) -> float:
    began, worked = time.perf_counter(), time.process_time()
    log = look(bootstrap, topic)
    seen = sum(chunk.records for chunk in read(bootstrap, log, log.starts))
    assert seen == sum(log.ends.values())
    CPU["read into lists"] = time.process_time() - worked
    return time.perf_counter() - began


def bare_read(bootstrap: str, topic: str) -> float:
    """Read as fast as the client can and look at nothing."""
    from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415 - beside its use

    from warehouse.landing.consumer import FETCH_RECORDS, _config  # noqa: PLC0415 - as above

    log = look(bootstrap, topic)
    wanted, seen = sum(log.ends.values()), 0
    began, worked = time.perf_counter(), time.process_time()
    consumer = Consumer(_config(bootstrap) | {"enable.partition.eof": False})
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in log.starts.items()])
    while seen < wanted:
        seen += len(consumer.consume(FETCH_RECORDS, 1.0))
    consumer.close()
    CPU["only read"] = time.process_time() - worked
    return time.perf_counter() - began


def landed(bootstrap: str, wanted: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        con = open_files(Path(folder) / "landing.duckdb", Path(folder) / "warehouse.duckdb")
        worked = time.process_time()
        done = land.land(con, bootstrap, NOW)
        assert done.rows + done.duplicates == wanted
        assert done.duplicates > 0
        CPU["landed"] = time.process_time() - worked
        con.close()
        return done.seconds


def measure(bootstrap: str, count: int) -> int:
    _, topics = wire.fresh()
    ensure_topics(bootstrap, tuple(topics.values()))
    topic = topics["interactions"].name
    size = fill(bootstrap, topic, count)
    rows = [(bare_read(bootstrap, topic), only_read(bootstrap, topic), landed(bootstrap, count)) for _ in range(TIMES)]
    bare, reading, landing = (count / statistics.median(column) for column in zip(*rows, strict=True))
    share = landing / bare
    return report(
        f"{count:,} interactions of {size // count} bytes, medians of {TIMES}",
        [
            Row("landed, as a share of reading alone", f">= {WANTED}", f"{share:.2f}", share >= WANTED),
            Row("read alone (librdkafka, consume), per s", "", f"{bare:,.0f}"),
            Row("read into lists, per s", "", f"{reading:,.0f}"),
            Row("landed, deduplicated, committed, per s", "", f"{landing:,.0f}"),
            *[Row(f"processor time of the last round, {name}, s", "", f"{spent:.2f}") for name, spent in CPU.items()],
        ],
    )


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    with contextlib.ExitStack() as stack:
        if len(sys.argv) > 2:
            return measure(sys.argv[2], count)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Broker(folder))
        return measure(broker.bootstrap, count)


if __name__ == "__main__":
    sys.exit(main())
