"""Peers: a real MediaWiki, a script that acts as a community on it, and the real poller, which is killed; prints what is missing.

    .venv/bin/python tests/peers/run.py --acts 150 --seed 1

Debian's packages are needed: apt-get install --no-install-recommends mediawiki php-cli php-sqlite3 php-mbstring php-xml php-intl

The poller polls into a real Kafka, the stream worker understands, landing lands. Meanwhile the poller is killed (-9) and the wiki is
stopped, at random moments. It holds when the interactions that landed are exactly those that the script's acts must give, each
once, and agree with the wiki's own feed. Exit 1 where they do not; 0 where no MediaWiki is installed, with the reason.
"""

import argparse
import json
import os
import random
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dagster_project.assembly import warehouse_of
from dagster_project.processes.temporary import context_of, start_process, stop_process
from dagster_project.settings import Settings, load
from events.identity import event_id
from events.raw import RawEvent
from events.topics import RAW
from pipelines.broker import admin
from pipelines.broker.server import Broker
from pipelines.ingest import cursors
from pipelines.understand.understand import understand
from tests.peers.community import Expected, Row, WikiCommunity, wanted
from tests.peers.mediawiki import MediaWiki, missing

TENANT = "127.0.0.1"
ADDRESS = "poll/mediawiki/wiki"
PATIENCE = 120.0
SETTINGS = """
[community.gardeners]
title = "Gardeners"
[[community.gardeners.space]]
platform = "mediawiki"
workspace = "127.0.0.1"
spaces = "*"
[source.wiki]
platform = "mediawiki"
kind = "poll"
url = "{url}"
poll_seconds = 0.5
"""


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--acts", type=int, default=150)
    given.add_argument("--kills", type=int, default=8, help="of the poller")
    given.add_argument("--outages", type=int, default=3, help="of the wiki")
    given.add_argument("--seed", type=int, default=1)
    asked = given.parse_args()
    if why := missing():
        print(f"Skipped: {why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="guildhall-peers-", ignore_cleanup_errors=True) as folder:
        return Peers(Path(folder), asked.acts, asked.kills, asked.outages, asked.seed).run()


class Feed(threading.Thread):
    """What the wiki's own feed sends, as it arrives."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", port))
        self.lines: list[bytes] = []

    def run(self) -> None:
        while True:
            self.lines.append(self._socket.recv(1 << 16))


class Peers:
    """One run in a folder of its own."""

    def __init__(self, folder: Path, acts: int, kills: int, outages: int, seed: int) -> None:
        self.acts, self.random = acts, random.Random(seed)
        self.seed = seed
        self.wiki = MediaWiki(folder / "wiki")
        (folder / "guildhall.toml").write_text(SETTINGS.format(url=self.wiki.url))
        self.settings: Settings = load(folder / "guildhall.toml", folder / "var")
        self.settings.home.mkdir()
        places = self.random.sample(range(3, acts), min(acts - 3, kills + outages))
        self.kills, self.outages = set(places[:kills]), set(places[kills:])
        self.failures_seen = self.killed = self.restored = 0
        self.backup: list[str] = []

    def run(self) -> int:
        started = time.monotonic()
        self.wiki.install()
        feed = Feed(self.wiki.feed_port)
        feed.start()
        self.wiki.start()
        with Broker(self.settings.paths.kafka, quick=True) as broker:
            self.bootstrap = broker.bootstrap
            admin.ensure_topics(self.bootstrap)
            self.poller = start_process(self.settings, "poller", self.bootstrap)
            worker = start_process(self.settings, "worker", self.bootstrap)
            try:
                community = WikiCommunity(self.wiki, self.seed, self.wait_until_polled)
                for number in range(self.acts):
                    if number in self.kills:
                        self.kill()
                    if number in self.outages:
                        self.outage()
                    community.act()
                    print(f"\r{number + 1} of {self.acts} acts", end="", file=sys.stderr, flush=True)
                print(file=sys.stderr)
                self.wait_until_polled()
                self.wait_until_understood()
            finally:
                stop_process(self.poller)
                stop_process(worker)
                self.wiki.stop()
            return self.judge(community, feed, time.monotonic() - started)

    def kill(self) -> None:
        """Kill the poller at whatever it does, and start it again: every third time from the cursors of an older backup."""
        time.sleep(self.random.uniform(0.0, 0.6))
        os.kill(self.poller.pid, signal.SIGKILL)
        self.poller.wait()
        self.killed += 1
        if self.killed % 3 == 1 and self.settings.paths.poller.exists():
            self.backup = _dump(self.settings.paths.poller)
        elif self.killed % 3 == 0 and self.backup:
            _restore(self.settings.paths.poller, self.backup)
            self.restored += 1
        time.sleep(self.random.uniform(0.0, 0.3))
        self.poller = start_process(self.settings, "poller", self.bootstrap)

    def outage(self) -> None:
        """Stop the wiki under the poller until a pass has failed, kill the poller too every other time, start the wiki again."""
        self.wiki.stop()
        since = datetime.now(UTC)
        if self.random.random() < 0.5:
            self.kill()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            failed_at = self.progress().failed_at
            if failed_at and failed_at >= since.replace(microsecond=0):
                self.failures_seen += 1
                break
            time.sleep(0.2)
        self.wiki.start()

    def progress(self) -> cursors.Progress:
        return cursors.read(self.settings.paths.poller).get(ADDRESS, cursors.Progress(url=""))

    def wait_until_polled(self) -> None:
        """Until a pass has ended that began after now."""
        begun = datetime.now(UTC)
        for _ in range(2):  # the pass that runs now may have begun before
            until = time.monotonic() + PATIENCE
            while True:
                answered = self.progress().answered_at
                if answered and answered > begun:
                    begun = datetime.now(UTC)
                    break
                if time.monotonic() > until:
                    raise RuntimeError(f"nothing was polled: {self.progress().failure}")
                time.sleep(0.1)

    def wait_until_understood(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            ends, done = admin.ends(self.bootstrap, RAW.name), admin.committed(self.bootstrap, admin.GROUP, RAW.name)
            if ends and all(done.get(part, 0) >= end for part, end in ends.items()):
                return
            time.sleep(0.3)
        raise RuntimeError("the worker did not understand everything in time")

    def judge(self, community: WikiCommunity, feed: Feed, seconds: float) -> int:
        """Compare what landed with what the script did, and with the feed."""
        with warehouse_of(self.settings, self.bootstrap) as warehouse:
            landed = warehouse.land(datetime.now(UTC))
            rows = warehouse.con.execute(
                "select event_id, verb, actor, space, object_id, reply_to_id from landing.main.interactions"
            ).fetchall()
            verdicts = dict(warehouse.con.execute("select verdict, count(*) from landing.main.outcomes group by 1").fetchall())
        known = {one for one in (self.wanted(each)[4] for each in community.expected) if one}
        found = Counter(
            (verb, actor, space, object_, id_ if id_ in known else None, reply)
            for id_, verb, actor, space, object_, reply in rows
        )
        wanted = Counter(self.wanted(one) for one in community.expected)
        lost, extra = wanted - found, found - wanted
        twice = len(rows) - len({row[0] for row in rows})
        of_feed = self.of_feed(feed)
        not_polled, not_fed = set(of_feed) - {row[0] for row in rows}, {row[0] for row in rows} - set(of_feed)
        self.show(community, lost, found, wanted)
        installed = event_id(self.settings.key(), "mediawiki", TENANT, "rev:1")
        holds = not (lost or extra or twice or not_polled or not_fed - {installed} or verdicts.get("rejected"))
        lines = {
            "acts, interactions wanted": f"{self.acts}, {wanted.total()}",
            "poller killed -9, with older cursors put back": f"{self.killed}, {self.restored}",
            "wiki stopped, passes failed on it": f"{len(self.outages)}, {self.failures_seen}",
            "raw records": f"{sum(verdicts.values())} = {verdicts}, {landed.duplicates} repeated",
            "interactions landed": f"{len(rows)}",
            "done and not landed (wanted 0)": f"{lost.total()}",
            "landed and not done (wanted 0)": f"{extra.total()}",
            "landed twice (wanted 0)": f"{twice}",
            "in the wiki's feed and not landed (wanted 0)": f"{len(not_polled)} of {len(of_feed)}",
            "landed and not in the feed (wanted 0)": f"{len(not_fed - {installed})}",
            "gaps marked (wanted 0)": f"{len(self.progress().gaps)}",
            "seconds": f"{seconds:.0f}",
            "holds": "yes" if holds else "NO",
        }
        for name, value in lines.items():
            print(f"  {name:<46} {value}")
        return 0 if holds else 1

    def show(self, community: WikiCommunity, lost: Counter[Row], found: Counter[Row], wanted: Counter[Row]) -> None:
        """A table by kind of act."""
        done, missed = Counter[str](), Counter[str]()
        left = Counter(lost)
        for one in community.expected:
            done[one.act] += 1
            row = self.wanted(one)
            if left[row] > 0:
                left[row] -= 1
                missed[one.act] += 1
        print(f"  {'act':<16} {'done':>5} {'landed':>7}")
        for act, number in sorted(done.items()):
            print(f"  {act:<16} {number:>5} {number - missed[act]:>7}")
        for row, number in (found - wanted).items():
            print(f"  landed and not done: {number} x {row}")
        for row, number in lost.items():
            print(f"  done and not landed: {number} x {row}")

    def wanted(self, one: Expected) -> Row:
        return wanted(one, self.settings.key(), TENANT)

    def of_feed(self, feed: Feed) -> set[str]:
        """The event ids of what the feed sent, through the same understanding."""
        found: set[str] = set()
        for line in feed.lines:
            json.loads(line)
            raw = RawEvent(
                id="feed",
                sender="/feed",
                type="mediawiki.recentchange",
                source=ADDRESS,
                received_at=datetime.now(UTC),
                payload=line,
            )
            outcome = understand(raw.payload, raw.headers(), 0, 0, context_of(self.settings))
            found |= {made.event_id for made in outcome.interactions}
        return found


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as con:
        return list(con.iterdump())


def _restore(path: Path, dump: list[str]) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    with closing(sqlite3.connect(path)) as con:
        con.executescript("\n".join(dump))


if __name__ == "__main__":
    sys.exit(main())
