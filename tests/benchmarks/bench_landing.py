"""Landing: interactions deduplicated and committed with their offsets, against a process that only reads the same records.

    python tests/benchmarks/bench_landing.py [records] [bootstrap]

Wanted: at least 0.3 × the rate of reading alone; medians of five. Without a bootstrap it starts a Kafka of its own.
"""

import contextlib
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from confluent_kafka import Producer

from events.interaction import Features, Interaction
from pipelines.broker import Broker
from pipelines.kafka import ensure_topics
from tests.warehouse import wire
from warehouse import landing
from warehouse.build import open_files
from warehouse.drain import look, read

WANTED = 0.3
TIMES = int(os.environ.get("TIMES", "5"))
CPU: dict[str, float] = {}
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)


def interactions(count: int):
    """Chat in 16 communities over a year, 5 % of it sent twice."""
    template = Interaction.model_validate(wire.interaction(1) | {"mentions": ("m" * 32,)})
    template = template.model_copy(update={"features": Features(is_question=True, thanks=False, version=1)})
    for number in range(count):
        if number % 20 == 19:
            number -= 10  # noqa: PLW2901 - a re-delivery
        yield (
            number % 16,
            template.model_copy(
                update={
                    "event_id": f"slack:T024BE7LD:C024BE91L:{number}",
                    "object_id": f"slack:T024BE7LD:C024BE91L:{number}",
                    "community": f"community-{number % 16}",
                    "actor": f"{number % 4000:032x}",
                    "occurred_at": BEGAN + timedelta(seconds=number * 60),
                }
            )
            .model_dump_json()
            .encode(),
        )


def fill(bootstrap: str, topic: str, count: int) -> int:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 20, "compression.type": "lz4", "queue.buffering.max.messages": 200_000}
    )
    size = 0
    for partition, value in interactions(count):
        size += len(value)
        producer.poll(0)
        while True:
            try:
                producer.produce(topic, value, key=b"community", partition=partition)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(120) == 0
    return size


def only_read(bootstrap: str, topic: str) -> float:
    began, worked = time.perf_counter(), time.process_time()
    log = look(bootstrap, topic)
    seen = sum(len(chunk.values) for chunk in read(bootstrap, log, log.starts))
    assert seen == sum(log.ends.values())
    CPU["read into lists"] = time.process_time() - worked
    return time.perf_counter() - began


def bare_read(bootstrap: str, topic: str) -> float:
    """Read as fast as the client can and look at nothing."""
    from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415 - beside its use

    from warehouse import drain  # noqa: PLC0415 - as above

    log = look(bootstrap, topic)
    wanted, seen = sum(log.ends.values()), 0
    began, worked = time.perf_counter(), time.process_time()
    consumer = Consumer(drain._config(bootstrap) | {"enable.partition.eof": False})
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in log.starts.items()])
    while seen < wanted:
        seen += len(consumer.consume(10_000, 1.0))
    consumer.close()
    CPU["only read"] = time.process_time() - worked
    return time.perf_counter() - began


def landed(bootstrap: str, wanted: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        con = open_files(Path(folder) / "landing.duckdb", Path(folder) / "warehouse.duckdb")
        worked = time.process_time()
        done = landing.land(con, bootstrap, BEGAN.replace(tzinfo=None))
        assert done.rows + done.duplicates == wanted
        assert done.duplicates > 0
        CPU["landed"] = time.process_time() - worked
        con.close()
        return done.seconds


def measure(bootstrap: str, count: int) -> bool:
    _, topics = wire.fresh()
    ensure_topics(bootstrap, tuple(topics.values()))
    topic = topics["interactions"].name
    size = fill(bootstrap, topic, count)
    rows = [(bare_read(bootstrap, topic), only_read(bootstrap, topic), landed(bootstrap, count)) for _ in range(TIMES)]
    bare, reading, landing_ = (count / statistics.median(column) for column in zip(*rows, strict=True))
    share = landing_ / bare
    print(f"{count:,} interactions of {size // count} bytes, medians of {TIMES}")
    print(f"  only read (librdkafka, consume)     {bare:>12,.0f} /s")
    print(f"  read into lists                     {reading:>12,.0f} /s")
    print(f"  landed, deduplicated, committed     {landing_:>12,.0f} /s")
    print(f"  share of reading      wanted >= {WANTED}    seen {share:.2f}    {'ok' if share >= WANTED else 'MISSED'}")
    seconds = ", ".join(f"{name} {spent:.2f} s" for name, spent in CPU.items())
    print(f"  processor time of the last round: {seconds}")
    return share >= WANTED


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    with contextlib.ExitStack() as stack:
        if len(sys.argv) > 2:
            return 0 if measure(sys.argv[2], count) else 1
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Broker(folder))
        return 0 if measure(broker.bootstrap, count) else 1


if __name__ == "__main__":
    sys.exit(main())
