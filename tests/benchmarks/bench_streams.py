"""Streams measured against themselves, in one run: `python tests/benchmarks/bench_streams.py` (or `make bench`).

(a) Kafka -> Faust -> Kafka with a trivial body: our chunks against an agent as Faust's manual shows it.
(b) The whole normalisation through Kafka against `understand` in a loop over the same payloads.
(c) `understand` against `json.loads` of the same payloads.

Ratios only: both sides of each run on the same machine, one after the other, in turns; medians.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

from confluent_kafka import Producer

from events.communities import Communities
from events.raw import RawEvent
from events.topics import INTERACTIONS, RAW, Topic
from pipelines.broker import admin
from pipelines.broker.server import Broker
from pipelines.connector import ImportOptions
from pipelines.platforms import PLATFORMS, slack
from pipelines.understand.understand import Context, understand
from tests.benchmarks.results import Row, report

REPOSITORY = Path(__file__).resolve().parents[2]
HISTORY = REPOSITORY.parent / "shared" / "data" / "histories" / "freecodecamp-slack-export.zip"
FIXTURES = REPOSITORY / "tests" / "fixtures" / "slack"
CONTEXT = Context(key=b"k" * 32, communities=Communities({}), platforms=PLATFORMS)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
OUT = Topic(name="bench.out", key="", value="", partitions=8, cleanup="delete", retention_ms=3_600_000, readers=())

WHOLE = """
import sys
from pathlib import Path
from events.communities import Communities
from pipelines.platforms import PLATFORMS
from pipelines.worker.faust_worker import run_worker
from pipelines.understand.understand import Context
run_worker(sys.argv[1], Context(key=b"k" * 32, communities=Communities({}), platforms=PLATFORMS), data=Path(sys.argv[2]))
"""
CHUNKED = """
import asyncio, json, sys
from pathlib import Path
from confluent_kafka import Producer
from pipelines.worker.faust_worker import make_app
producer = Producer({"bootstrap.servers": sys.argv[1], "linger.ms": 5, "acks": "all", "enable.idempotence": True,
                     "queue.buffering.max.messages": 200_000, "delivery.report.only.error": True})
async def handle(chunk):
    for record in chunk.records:
        producer.produce("bench.out", json.dumps(json.loads(record.value)).encode(), record.key)
    await asyncio.get_running_loop().run_in_executor(None, producer.flush)
    chunk.done = True
async def main():
    app = make_app(sys.argv[1], Path(sys.argv[2]), handle, group=sys.argv[3])
    await app.start()
    await app.wait_until_stopped()
asyncio.run(main())
"""
MANUAL = """
import asyncio, sys
import faust
app = faust.App(sys.argv[3], broker=f"kafka://{sys.argv[1]}", datadir=sys.argv[2], store="memory://", web_enabled=False,
                topic_disable_leader=True, topic_allow_declare=False, consumer_auto_offset_reset="earliest")
raw = app.topic("participation.raw.v1", value_serializer="json", key_serializer="raw")
out = app.topic("bench.out", value_serializer="json", key_serializer="raw")
@app.agent(raw)
async def copy(stream):
    async for key, value in stream.items():
        await out.send(key=key, value=value)
async def main():
    app.finalize()
    await app.start()
    await app.wait_until_stopped()
asyncio.run(main())
"""


def payloads(count: int) -> list[RawEvent]:
    """Raw events of a real Slack history, or of a fixture where there is none."""
    if HISTORY.exists():
        found = islice(slack.PLATFORM.exports["slack-export"](HISTORY, ImportOptions(tenant="T0")), 20_000, 20_000 + count)
        pairs = [(one.type, one.payload, one.id) for one in found]
    else:
        fixture = json.loads((FIXTURES / "message.json").read_text())["raw"]["payload"]
        pairs = [("slack.event", json.dumps(fixture).encode(), str(n)) for n in range(count)]
    return [
        RawEvent(
            id=id_,
            sender="/b",
            type=kind,
            source="import/slack/slack-export",
            received_at=NOW,
            payload=body,
            community="gardeners",
        )
        for kind, body, id_ in islice(cycle(pairs), count)
    ]


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def total(bootstrap: str, topic: str) -> int:
    """Records of a topic."""
    return sum(admin.ends(bootstrap, topic).values())


def rate(bootstrap: str, script: str, folder: Path, group: str, topic: str, records: int) -> float:
    """Records per second between the first and the last that a process writes, without its start."""
    base = total(bootstrap, topic)
    process = subprocess.Popen(
        [sys.executable, "-c", script, bootstrap, str(folder), group],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        first = last = 0
        started = ended = 0.0
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            now, count = time.perf_counter(), total(bootstrap, topic) - base
            if count and not first:
                first, started = count, now
            if count > last:
                last, ended = count, now
            if count >= records:
                break
            time.sleep(0.02)
        return (last - first) / (ended - started) if ended > started else 0.0
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def through_kafka(events: list[RawEvent], manual_records: int, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """(chunked / manual, whole normalisation / loop, events per second of the whole) of each round."""
    ratios, shares, rates = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "kafka") as broker:
            admin.ensure_topics(broker.bootstrap)
            admin.ensure_topics(broker.bootstrap, (OUT,))
            producer = Producer(
                {
                    "bootstrap.servers": broker.bootstrap,
                    "linger.ms": 20,
                    "log_level": 0,
                    "queue.buffering.max.messages": 500_000,
                }
            )
            for event in events:
                producer.produce(RAW.name, event.payload, event.id, headers=event.headers())
            producer.flush()
            # 95 %: the last records need not be waited for where only the rate counts.
            manual = rate(broker.bootstrap, MANUAL, Path(folder) / "m", "bench-manual", OUT.name, manual_records)
            chunked = rate(broker.bootstrap, CHUNKED, Path(folder) / "c", "bench-chunked", OUT.name, len(events))
            whole = rate(broker.bootstrap, WHOLE, Path(folder) / "w", "", INTERACTIONS.name, len(events))
            loop = len(events) / seconds(lambda: understand_all(events))
            ratios.append(chunked / manual if manual else 0.0)
            shares.append(whole / loop)
            rates.append(whole)
    return ratios, shares, rates


def understand_all(events: list[RawEvent]) -> None:
    """The loop that Kafka is measured against."""
    for number, (value, headers) in enumerate((event.payload, event.headers()) for event in events):
        understand(value, headers, 0, number, CONTEXT)


def understanding(events: list[RawEvent], rounds: int) -> list[float]:
    """`understand` / `json.loads`, of each round."""
    records = [(event.payload, tuple(event.headers())) for event in events]
    found = []
    for _ in range(rounds):
        parsing = seconds(lambda: [json.loads(value) for value, _ in records])
        ours = seconds(lambda: [understand(value, headers, 0, n, CONTEXT) for n, (value, headers) in enumerate(records)])
        found.append(ours / parsing)
    return found


def main() -> int:
    """Measure and print one table; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--manual-events", type=int, default=8_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only-understand", action="store_true")
    options = parser.parse_args()
    events = payloads(options.events)
    rows = [("understand / json.loads", understanding(events[:20_000], options.rounds), 8.0, "<=")]
    speed: list[Row] = []
    if not options.only_understand:
        ratios, shares, rates = through_kafka(events, options.manual_events, options.rounds)
        rows.append(("chunked Faust / Faust as its manual shows it", ratios, 20.0, ">="))
        rows.append(("normalisation through Kafka / understand in a loop", shares, 0.6, ">="))
        speed = [Row("normalisation through Kafka, events per s", "", f"{statistics.median(rates):,.0f}")]
    table = list(speed)
    for what, seen, wanted, way in rows:
        middle = statistics.median(seen)
        ok = middle <= wanted if way == "<=" else middle >= wanted
        table.append(Row(what, f"{way} {wanted}", f"{middle:.2f} ({min(seen):.2f}..{max(seen):.2f})", ok))
    return report(f"{options.events:,} Slack events; medians of {options.rounds} rounds", table)


if __name__ == "__main__":
    sys.exit(main())
