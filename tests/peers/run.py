"""Peers: a real MediaWiki, a script that acts as a community on it, and the real poller, which is killed; prints what is missing.

    .venv/bin/python tests/peers/run.py --acts 150 --seed 1

The wiki's own feed is served as an event stream too, with connections that break, and polled as a second source.

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
from dataclasses import replace
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
from tests.pipelines.event_stream import EventStream

TENANT = "127.0.0.1"
STREAM_TENANT = "stream.garden.example"
WIKI, STREAM = ADDRESSES = ("poll/mediawiki/wiki", "poll/mediawiki/stream")
PATIENCE = 120.0
BREAKS = 0.1
"""Share of the acts before which the next connection of the stream is set to break."""
SETTINGS = """
[community.gardeners]
title = "Gardeners"
[[community.gardeners.space]]
platform = "mediawiki"
workspace = "*"
spaces = "*"
[source.wiki]
platform = "mediawiki"
kind = "poll"
url = "{url}"
poll_seconds = 0.5
[source.stream]
platform = "mediawiki"
kind = "poll"
url = "{stream}"
poll_seconds = 0.2
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
    temporary = tempfile.TemporaryDirectory(prefix="guildhall-peers-", ignore_cleanup_errors=True)
    with EventStream().served() as stream, temporary as folder:
        return Peers(Path(folder), stream, asked.acts, asked.kills, asked.outages, asked.seed).run()


class Feed(threading.Thread):
    """What the wiki's own feed sends, as it arrives; it goes on to an event stream, as of another wiki."""

    def __init__(self, port: int, stream: EventStream) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", port))
        self.lines: list[bytes] = []

    def run(self) -> None:
        while True:
            line = self._socket.recv(1 << 16)
            self.lines.append(line)
            self._stream.add({**json.loads(line), "server_name": STREAM_TENANT})


class Peers:
    """One run in a folder of its own."""

    def __init__(self, folder: Path, stream: EventStream, acts: int, kills: int, outages: int, seed: int) -> None:
        self.acts, self.random = acts, random.Random(seed)
        self.seed, self.stream, self.broken = seed, stream, 0
        self.wiki = MediaWiki(folder / "wiki")
        (folder / "guildhall.toml").write_text(SETTINGS.format(url=self.wiki.url, stream=stream.url))
        self.settings: Settings = load(folder / "guildhall.toml", folder / "var")
        self.settings.home.mkdir()
        places = self.random.sample(range(3, acts), min(acts - 3, kills + outages))
        self.kills, self.outages = set(places[:kills]), set(places[kills:])
        self.failures_seen = self.killed = self.restored = 0
        self.backup: list[str] = []

    def run(self) -> int:
        started = time.monotonic()
        self.wiki.install()
        feed = Feed(self.wiki.feed_port, self.stream)
        feed.start()
        self.wiki.start()
        with Broker(self.settings.paths.kafka, quick=True) as broker:
            self.bootstrap = broker.bootstrap
            admin.ensure_topics(self.bootstrap)
            self.poller = start_process(self.settings, "poller", self.bootstrap)
            worker = start_process(self.settings, "worker", self.bootstrap)
            try:
                self.wait_until_polled(STREAM)
                community = WikiCommunity(self.wiki, self.seed, self.wait_until_polled)
                for number in range(self.acts):
                    if number in self.kills:
                        self.kill()
                    if number in self.outages:
                        self.outage()
                    if self.random.random() < BREAKS:
                        self.stream.break_after.append(self.random.randrange(3))
                        self.broken += 1
                    community.act()
                    print(f"\r{number + 1} of {self.acts} acts", end="", file=sys.stderr, flush=True)
                print(file=sys.stderr)
                self.wait_until_polled()
                self.wait_until_polled(STREAM)
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

    def progress(self, address: str = WIKI) -> cursors.Progress:
        return cursors.read(self.settings.paths.poller).get(address, cursors.Progress(url=""))

    def wait_until_polled(self, address: str = WIKI) -> None:
        """Until a pass has ended that began after now."""
        begun = datetime.now(UTC)
        for _ in range(2):  # the pass that runs now may have begun before
            until = time.monotonic() + PATIENCE
            while True:
                answered = self.progress(address).answered_at
                if answered and answered > begun:
                    begun = datetime.now(UTC)
                    break
                if time.monotonic() > until:
                    raise RuntimeError(f"nothing was polled: {self.progress(address).failure}")
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
                "select tenant, event_id, verb, actor, space, object_id, reply_to_id from landing.main.interactions"
            ).fetchall()
            verdicts = dict(warehouse.con.execute("select verdict, count(*) from landing.main.outcomes group by 1").fetchall())
        key = self.settings.key()
        of_wiki, of_feed = {row[1] for row in rows if row[0] == TENANT}, self.of_feed(feed)
        # The installer's page is older than the feed.
        of_wiki_only = of_wiki - of_feed - {event_id(key, "mediawiki", TENANT, "rev:1")}
        polled = Comparison(
            [row[1:] for row in rows if row[0] == TENANT], [(one.act, wanted(one, key, TENANT)) for one in community.expected]
        )
        streamed = Comparison(
            [row[1:] for row in rows if row[0] == STREAM_TENANT],
            [(one.act, wanted(as_feed(one), key, STREAM_TENANT)) for one in community.expected if one.act != "install"],
        )
        holds = polled.holds and streamed.holds and not (of_wiki_only or of_feed - of_wiki or verdicts.get("rejected"))
        show(polled, streamed)
        lines = {
            "acts": f"{self.acts}",
            "poller killed -9, older cursors put back": f"{self.killed}, {self.restored}",
            "wiki stopped, passes failed on it": f"{len(self.outages)}, {self.failures_seen}",
            "stream broken in the middle of an event": f"{self.broken - len(self.stream.break_after)}",
            "raw records": f"{sum(verdicts.values())} = {verdicts}, {landed.duplicates} repeated",
            "gaps marked (wanted 0)": f"{sum(len(self.progress(one).gaps) for one in ADDRESSES)}",
            "in the wiki's feed and not polled (wanted 0)": f"{len(of_feed - of_wiki)} of {len(of_feed)}",
            "polled and not in the feed (wanted 0)": f"{len(of_wiki_only)}",
            "seconds": f"{seconds:.0f}",
            "holds": "yes" if holds else "NO",
        }
        for name, value in lines.items():
            print(f"  {name:<46} {value}")
        return 0 if holds else 1

    def of_feed(self, feed: Feed) -> set[str]:
        """The event ids of what the feed sent, through the same understanding."""
        found: set[str] = set()
        for line in feed.lines:
            raw = RawEvent(
                id="feed",
                sender="/feed",
                type="mediawiki.recentchange",
                source=WIKI,
                received_at=datetime.now(UTC),
                payload=line,
            )
            outcome = understand(raw.payload, raw.headers(), 0, 0, context_of(self.settings))
            found |= {made.event_id for made in outcome.interactions}
        return found


class Comparison:
    """What landed from one source against what the acts must give."""

    def __init__(self, rows: list[tuple[str, ...]], acts: list[tuple[str, Row]]) -> None:
        known = {row[4] for _, row in acts if row[4]}
        found = Counter(
            (verb, actor, space, on, id_ if id_ in known else None, reply) for id_, verb, actor, space, on, reply in rows
        )
        expected = Counter(row for _, row in acts)
        self.done = Counter(act for act, _ in acts)
        self.lost, self.extra = expected - found, found - expected
        self.twice = len(rows) - len({row[0] for row in rows})
        self.landed, left = Counter(self.done), Counter(self.lost)
        for act, row in acts:
            if left[row] > 0:
                left[row] -= 1
                self.landed[act] -= 1

    @property
    def holds(self) -> bool:
        return not (self.lost or self.extra or self.twice)


def as_feed(one: Expected) -> Expected:
    """The act as the plain feed shows it: it has no tags, so a revert is an edit."""
    return replace(one, verb="edit", reverts=None) if one.verb == "revert" else one


def show(polled: Comparison, streamed: Comparison) -> None:
    print(f"  {'act':<16} {'done':>5} {'polled':>7} {'streamed':>9}")
    for act, number in sorted(polled.done.items()):
        print(f"  {act:<16} {number:>5} {polled.landed[act]:>7} {streamed.landed[act] if act in streamed.done else '–':>9}")
    for name, source in (("polled", polled), ("streamed", streamed)):
        print(f"  {name + ': done and not landed (wanted 0)':<46} {source.lost.total()}")
        print(f"  {name + ': landed and not done (wanted 0)':<46} {source.extra.total()}")
        print(f"  {name + ': landed twice (wanted 0)':<46} {source.twice}")
        for what, rows in (("done and not landed", source.lost), ("landed and not done", source.extra)):
            for row, number in rows.items():
                print(f"    {what}: {number} x {row}")


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
