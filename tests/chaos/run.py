"""Chaos: gateway, worker and refresher are killed at random moments while the simulator sends; prints what was lost or doubled.

    .venv/bin/python tests/chaos/run.py --kills 20 --seed 1

Passes when every acknowledged event is landed, ignored, rejected or spooled, no interaction is landed twice, and the tables that
the refresher built incrementally equal those of a full build. Exits with 1 otherwise.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import duckdb

from dagster_project.assembly import sources_of, warehouse_of
from dagster_project.processes.temporary import context_of, start_process, stop_process
from dagster_project.settings import Settings, load
from events.raw import RawEvent
from events.topics import INTERACTIONS, RAW
from pipelines.broker import admin
from pipelines.broker.server import Broker
from pipelines.ingest.spool import Spool
from pipelines.simulator.calendar import Calendar
from pipelines.simulator.delivery import Delivery, Ledger, deliver, deliveries, read_ledger
from pipelines.simulator.expected import Expected
from pipelines.simulator.formats.world import World
from pipelines.simulator.ground_truth import write_settings
from pipelines.simulator.scenario import Scenario
from pipelines.understand.understand import understand
from warehouse.warehouse import Warehouse

VICTIMS = ("gateway", "worker", "refresher")
WEEKS, MEMBERS = 50, 300
WAIT_SECONDS = 180.0


def main() -> int:
    """Send, kill, wait, compare."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--kills", type=int, default=20, help="of each of the three")
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--rate", type=float, default=100.0, help="events per second")
    options = given.parse_args()
    with tempfile.TemporaryDirectory(prefix="guildhall-chaos-") as folder:
        return Chaos(Path(folder), options.kills, options.seed, options.rate).run()


class Chaos:
    """One run in a folder of its own."""

    def __init__(self, home: Path, kills: int, seed: int, rate: float) -> None:
        self.home, self.kills, self.rate = home, kills, rate
        self.rng = random.Random(seed)
        today = datetime.now(UTC).date()
        self.scenario = Scenario(seed, Calendar(today - timedelta(days=today.weekday()), WEEKS), MEMBERS)
        self.world = World(seed)
        config = write_settings(home / "chaos", self.scenario, self.world, port=free_port())
        self.settings: Settings = load(config, home / "var")
        self.settings.home.mkdir()
        self.bodies: dict[tuple[str, str], Delivery] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.stop = threading.Event()

    def run(self) -> int:
        """Run everything; 0 when everything passes."""
        with Broker(self.settings.home / "kafka") as broker:
            self.bootstrap = broker.bootstrap
            admin.ensure_topics(self.bootstrap)
            try:
                for name in VICTIMS:
                    self.processes[name] = start_process(self.settings, name, self.bootstrap)
                delivered: list[object] = []
                sender = threading.Thread(target=lambda: delivered.append(self.send()))
                sender.start()
                killed = self.kill_all()
                self.stop.set()
                sender.join()
                self.wait_until_landed()
            finally:
                for process in self.processes.values():
                    stop_process(process)
            return self.judge(killed, delivered)

    def send(self) -> object:
        """Send events at the given rate until `stop` is set."""
        with Ledger(self.home / "ledger.jsonl") as ledger:
            gateway = f"http://127.0.0.1:{self.settings.gateway.port}"
            sent, token = self.until_stopped(), self.settings.events_tokens()[0]
            return deliver(gateway, sent, self.world, ledger, time.time, rate=self.rate, patience_seconds=300, token=token)

    def until_stopped(self) -> Iterator[Delivery]:
        """Yield what is sent and remember it, to compute the expected interactions later."""
        for one in islice(deliveries(self.scenario, self.world, Expected()), 10_000_000):
            if self.stop.is_set():
                return
            self.bodies[one.source, one.raw_id] = one
            yield one

    def kill_all(self) -> Counter[str]:
        """Kill each process so many times, in random order at random moments, and start it again."""
        order = list(VICTIMS) * self.kills
        self.rng.shuffle(order)
        killed: Counter[str] = Counter()
        for number, name in enumerate(order, start=1):
            time.sleep(self.rng.uniform(0.3, 3.5))
            process = self.processes[name]
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
            killed[name] += 1
            time.sleep(self.rng.uniform(0.0, 0.5))
            self.processes[name] = start_process(self.settings, name, self.bootstrap)
            print(f"\r{number} of {len(order)} kills", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return killed

    def wait_until_landed(self) -> None:
        """Wait until everything that was sent is understood and landed. A process that ends is started again."""
        until, still = time.monotonic() + WAIT_SECONDS, 0
        while time.monotonic() < until and still < 3:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    self.processes[name] = start_process(self.settings, name, self.bootstrap)
            lag = admin.progress(self.bootstrap, admin.GROUP, RAW.name).lag
            still = still + 1 if lag == 0 else 0
            time.sleep(1.0)

    def judge(self, killed: Counter[str], delivered: list[object]) -> int:
        """Compare what was acknowledged with what was landed."""
        acknowledged = set(read_ledger(self.home / "ledger.jsonl"))
        spool = Spool(self.settings.home / "spool")
        spooled = set()
        while (drained := spool.drain()) is not None:
            spooled |= {(event.source, event.id) for event in drained.events}
            spool.acknowledge(drained)
        spool.close()
        with warehouse_of(self.settings, self.bootstrap) as warehouse:
            landed = warehouse.land(datetime.now(UTC))  # what came after the refresher's last look
            outcomes = warehouse.con.execute("select source, raw_id, verdict from landing.main.outcomes").fetchall()
            verdicts = Counter(verdict for _, _, verdict in outcomes)
            lost = acknowledged - {(source, raw_id) for source, raw_id, _ in outcomes} - spooled
            missing = self.expected(acknowledged - spooled) - {
                row[0] for row in warehouse.con.execute("select distinct event_id from landing.main.interactions").fetchall()
            }
            twice = count(
                warehouse.con, "select count(*) - count(distinct (event_id, content_hash)) from landing.main.interactions"
            )
            rows = count(warehouse.con, "select count(*) from landing.main.interactions")
            without = sum(line.missing for line in warehouse.accounting().partitions)
            differing = differing_tables(warehouse, self.settings)
        produced = sum(admin.ends(self.bootstrap, INTERACTIONS.name).values())
        holds = not (lost or missing or twice or without or differing)
        lines = {
            "killed -9": ", ".join(f"{name} {number}" for name, number in sorted(killed.items())),
            "acknowledged to the sender": f"{len(acknowledged):,} events, repeated {getattr(delivered[0], 'retries', 0):,} times",
            "raw records": f"{sum(verdicts.values()):,} = " + " + ".join(f"{n:,} {v}" for v, n in sorted(verdicts.items())),
            "spooled still": f"{len(spooled):,}",
            "interactions written, landed": f"{produced:,}, {rows:,} ({landed.rows:,} in the last look)",
            "acknowledged and nowhere (wanted 0)": f"{len(lost)}",
            "understood and not landed (wanted 0)": f"{len(missing)}",
            "landed twice (wanted 0)": f"{twice}",
            "raw records without outcome (wanted 0)": f"{without}",
            "tables that differ from a full build (wanted 0)": ", ".join(differing) or "0",
            "passes": "yes" if holds else "NO",
        }
        for name, value in lines.items():
            print(f"  {name:<50} {value}")
        return 0 if holds and delivered else 1

    def expected(self, acknowledged: set[tuple[str, str]]) -> set[str]:
        """The ids of the interactions that must follow from what was acknowledged."""
        context = context_of(self.settings)
        found: set[str] = set()
        for source, raw_id in acknowledged:
            one = self.bodies[source, raw_id]
            kind = {"slack": "slack.event", "zoom": "zoom.webhook", "mediawiki": "mediawiki.recentchange"}[one.platform]
            raw = RawEvent(
                id=raw_id, sender="/chaos", type=kind, source=source, received_at=datetime.now(UTC), payload=one.body
            )
            found |= {made.event_id for made in understand(raw.payload, raw.headers(), 0, 0, context).interactions}
        return found


def differing_tables(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Tables whose rows differ between the incremental build and a full build as of the same moment."""
    moment = datetime.now(UTC)
    warehouse.sync_settings(sources_of(settings), moment)
    warehouse.build(moment)
    before = fingerprints(warehouse)
    warehouse.build(moment, full=True)
    after = fingerprints(warehouse)
    return sorted(table for table in before.keys() | after.keys() if before.get(table) != after.get(table))


def fingerprints(warehouse: Warehouse) -> dict[str, tuple[int, ...]]:
    """For every table: count, sum and xor of the hashes of its rows, without the time of the build."""
    found = {}
    for model in (model for model in warehouse.models if model.header.published):
        columns = ", ".join(f'"{name}"' for name in model.header.columns if name != "as_of")
        row = warehouse.con.execute(
            f"select count(*), sum(hash({columns})::hugeint), bit_xor(hash({columns})) from warehouse.{model.table}"
        ).fetchone()
        found[model.table] = tuple(row or ())
    return found


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """The single number that a query returns."""
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0


def free_port() -> int:
    """A free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
