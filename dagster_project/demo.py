"""Demo: two years of three invented communities through the real sources, built, published, and held against what was planted.

Every line that it prints is computed, and every number in it is compared with another that came by another way: what was
acknowledged with what Kafka holds, what became of every event with what was expected for it, what was landed with what was
produced. One that does not add up is an error in three parts, and the demo fails.
"""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx

from dagster_project.assembly import sources_of, warehouse_of
from dagster_project.cli.common import progress
from dagster_project.delivery.issue import make_report
from dagster_project.paths import Paths
from dagster_project.processes.temporary import open_current, run_state_of, start_process, stop_process
from dagster_project.settings import Settings, load
from events.errors import GuildhallError
from events.identity import actor_id, published_pseudonym
from events.source import Source, SourceKind, parse
from events.topics import INTERACTIONS, OUTCOMES, RAW
from pipelines.broker import admin
from pipelines.broker.runtime import VERSION
from pipelines.broker.server import Broker
from pipelines.connector import ImportOptions
from pipelines.imports.await_outcomes import await_outcomes
from pipelines.imports.importer import import_export
from pipelines.platforms import PLATFORMS
from pipelines.simulator.calendar import Calendar
from pipelines.simulator.delivery import Ledger, deliver, deliveries, read_ledger
from pipelines.simulator.expected import Expected
from pipelines.simulator.exports import Export, write_exports
from pipelines.simulator.formats.world import World
from pipelines.simulator.ground_truth import Truth, truth_of, write_settings, write_truth
from pipelines.simulator.population import SPECS
from pipelines.simulator.scenario import Script
from pipelines.simulator.scoring import ColdFound, CoreFound, Welcome, compare_cold, compare_core
from warehouse.build.build import Built
from warehouse.landing.batch import Landed
from warehouse.landing.reconciliation import Account
from warehouse.report.period import last_month
from warehouse.warehouse import Progress, Warehouse

LIVE_WEEKS = 20
"""Weeks that come through the live sources; the older ones are in exports."""
READY_SECONDS = 60.0


class DemoError(GuildhallError):
    """Something does not add up, or there is no room for a demo."""


def demo(home: Path | None, *, seed: int = 1, weeks: int = 104, members: int = 360, keep: bool = False) -> int:
    """Play, build, publish, report, compare; print a line for each. 0, or an error in three parts.

    `home` (else GUILDHALL_HOME, else var) must be empty or an earlier demo's. What ran is stopped again, whatever happens;
    `keep` leaves the exports and the ledger of what was acknowledged beside the rest.
    """
    now = datetime.now(UTC)
    monday = now.date() - timedelta(days=now.weekday())
    place = load(None, home).home
    script = Script(seed, Calendar(monday, weeks, min(weeks, LIVE_WEEKS)), members)
    _make_room(place, {"seed": seed, "weeks": weeks, "members": members})
    show = _Show(script, World(seed), Paths(place).demo, keep=keep)
    with _interrupted_by_sigterm(), ExitStack() as stack:
        show.run(stack, place, now)
    return 0


@dataclass(slots=True)
class _Show:
    script: Script
    world: World
    folder: Path
    keep: bool
    expected: Expected = field(default_factory=Expected)
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Events acknowledged, by (platform, source)."""
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self, stack: ExitStack, home: Path, now: datetime) -> None:
        sys.stdout.write("Guildhall · demo\n")
        settings = load(write_settings(self.folder, self.script, self.world, port=_free_port()), home)
        bootstrap = self._start(stack, settings)
        outcomes, before = admin.ends(bootstrap, OUTCOMES.name), admin.ends(bootstrap, RAW.name)
        self._emit(settings, bootstrap)
        began = time.perf_counter()
        ends = admin.ends(bootstrap, RAW.name)
        _same("events acknowledged", self.sent.total(), "records in the raw topic", sum(ends.values()) - sum(before.values()))
        with progress("understanding", self.sent.total()) as told:

            def alive(done: int) -> None:
                _all_run(settings, self.children)
                told(done)

            await_outcomes(bootstrap, outcomes, before, ends, "", progress=alive)
        understood_in = time.perf_counter() - began
        with warehouse_of(settings, bootstrap) as warehouse:
            path = self._refresh(warehouse, settings, bootstrap, understood_in)
            members = warehouse.identity.members()
        truth = truth_of(self.script)
        write_truth(self.folder / "truth.json", truth, self.expected)
        self._planted(settings, truth, members)
        _line("published", _short(path))
        reports = [make_report(settings, spec.slug, last_month(now.date()), now).files["html"] for spec in SPECS]
        _line("report", _short(reports[0]))
        # From now on on the usual port, where `guildhall up` is to be found.
        config = write_settings(self.folder, self.script, self.world)
        if not self.keep:
            shutil.rmtree(self.folder / "exports", ignore_errors=True)
            (self.folder / "ledger.jsonl").unlink()
        _farewell(config)

    def _start(self, stack: ExitStack, settings: Settings) -> str:
        began = time.perf_counter()
        broker = Broker(settings.paths.kafka)
        stack.callback(broker.stop)
        bootstrap = broker.start()
        admin.ensure_topics(bootstrap)
        _line("kafka", f"Apache Kafka {VERSION} on {bootstrap}", time.perf_counter() - began)
        for name in ("worker", "gateway"):
            self.children[name] = start_process(settings, name, bootstrap)
            stack.callback(stop_process, self.children[name])
        _wait_ready(settings, self.children)
        return bootstrap

    def _emit(self, settings: Settings, bootstrap: str) -> None:
        with progress("writing exports"):
            exports = write_exports(self.script, self.world, self.folder / "exports", self.expected)
        began = time.perf_counter()
        with progress("importing", self.expected.total()) as told:
            for export in exports:
                self._import(export, bootstrap, self.sent.total(), told)
        with (
            progress("emitting") as told,
            Ledger(self.folder / "ledger.jsonl") as ledger,
        ):
            live = deliver(
                _gateway(settings),
                deliveries(self.script, self.world, self.expected),
                self.world,
                ledger,
                time.time,
                progress=told,
            )
        self.sent += live.acknowledged
        by_platform: Counter[str] = Counter()
        for (platform, _), count in self.sent.items():
            by_platform[platform] += count
        parts = " · ".join(f"{platform} {count:,}" for platform, count in by_platform.most_common())
        _line("emitted", f"{self.sent.total():,} events   {parts}", time.perf_counter() - began)
        for platform, count in by_platform.items():
            _same(f"{platform} events acknowledged", count, "expected", self.expected.of_platform(platform))

    def _import(self, export: Export, bootstrap: str, before: int, told: object) -> None:
        assert callable(told)
        done = import_export(
            PLATFORMS[export.platform],
            export.kind,
            export.path,
            ImportOptions(),
            bootstrap,
            datetime.now(UTC),
            lambda count: told(before + count),
        )
        self.sent[export.platform, Source(SourceKind.IMPORT, export.platform, export.kind).address] += done.acknowledged

    def _refresh(self, warehouse: Warehouse, settings: Settings, bootstrap: str, understood_in: float) -> Path:
        landed_at = time.perf_counter()
        tables: set[str] = set()

        def landed(done: Landed) -> None:
            nonlocal landed_at
            self._landed(warehouse, done, bootstrap, understood_in)
            landed_at = time.perf_counter()

        with progress("landing and building", len(warehouse.models)) as bar:

            def table(name: str, _seconds: float) -> None:
                tables.add(name)
                bar(len(tables))

            def built(done: Sequence[Built]) -> None:
                _built(done, time.perf_counter() - landed_at)

            hooks = Progress(landed=landed, table=table, built=built)
            path = warehouse.refresh(sources_of(settings), lambda: datetime.now(UTC), progress=hooks).published
        assert path is not None, "a demo builds something"
        return path

    def _landed(self, warehouse: Warehouse, landed: Landed, bootstrap: str, understood_in: float) -> None:
        # By source as the senders know it, each event once: what was sent again is in the topic again, under the same id.
        once = Counter(source for source, _ in read_ledger(self.folder / "ledger.jsonl"))
        once.update({source: count for (_, source), count in self.sent.items() if not parse(source).is_live})
        sums = warehouse.accounting(once)
        total = sums.total
        _line(
            "understood",
            f"{total.raw:,} = {total.understood:,} understood + {total.ignored:,} ignored + {total.rejected:,} rejected",
            understood_in,
        )
        for line in (*sums.partitions, *sums.sources):
            _holds(line)
        self._as_expected(warehouse)
        _line("landed", f"{landed.rows:,} rows, {landed.duplicates:,} duplicates dropped", landed.seconds)
        produced = sum(admin.ends(bootstrap, INTERACTIONS.name).values())
        _same("rows and duplicates landed", landed.rows + landed.duplicates, "interactions produced", produced)
        _same("rows landed", landed.rows, "interactions expected", self.expected.interactions - self.expected.duplicates)

    def _as_expected(self, warehouse: Warehouse) -> None:
        """What became of the events, by platform, source and reason, is what was expected: each number by itself."""
        rows = warehouse.con.execute(
            """
            select platform, if(source like 'import/%', 'export', 'live'), verdict || coalesce(':' || reason, ''), count(*)
            from landing.main.outcomes
            group by all
            """
        ).fetchall()
        found = {(platform, how, becomes): int(count) for platform, how, becomes, count in rows}
        for place in sorted(found.keys() | self.expected.events.keys()):
            _same(f"{' '.join(place)}", found.get(place, 0), "expected", self.expected.events[place])

    def _planted(self, settings: Settings, truth: Truth, members: dict[str, str]) -> None:
        with open_current(settings) as tables:
            core = tables.rows("from levels.current where level = 'core'")
            welcome = tables.rows("from metrics.newcomer_welcome")
        named = self._named(settings.key(), members)
        found: dict[str, set[str]] = {}
        for row in core:
            found.setdefault(row["community"], set()).add(named.get(row["member"], row["member"]))
        scores = compare_core(truth, found)
        cold = compare_cold(
            truth.cold,
            [
                Welcome(row["community"], row["window_end"].date(), row["newcomer_welcome_share"], row["newcomer_threads"])
                for row in welcome
            ],
        )
        total = sum(scores.values(), CoreFound(0, 0, 0))
        said = [f"core {total.found} of {total.planted} found, {total.strangers} strangers", _cold_words(truth, cold)]
        _line("planted", " · ".join(said))
        for community, score in scores.items():
            if not score.good:
                raise _wrong(
                    f"The planted core of {community} was not found",
                    f"{score.found} of {score.planted} found, and {score.strangers} who were never planted there",
                )
        if not cold.good:
            raise _wrong("The planted cold shoulder was not found where it is", _cold_words(truth, cold))

    def _named(self, key: bytes, members: dict[str, str]) -> dict[str, str]:
        """Published pseudonym -> invented person."""
        named = {}
        for spec, people in zip(SPECS, self.script.people, strict=True):
            for person in people:
                actor = actor_id(key, *self.world.accounts(person)[0])
                named[published_pseudonym(key, spec.slug, members.get(actor, actor))] = person.key
        return named


def _make_room(home: Path, what: dict[str, int]) -> None:
    """Clear away an earlier demo; refuse a folder that may hold anything else. Raises DemoError."""
    marker, key = Paths(home).demo_marker, Paths(home).secret_key
    there = {path.name for path in home.iterdir()} if home.exists() else set()
    if there - {key.name}:
        if not marker.exists():
            raise DemoError(
                f"{home} is no place for a demo.",
                "It holds an installation, and the demo begins with an empty one.",
                "Name another folder: `guildhall --home /tmp/guildhall demo`.",
            )
        _check_ours(load(_config_of(home), home))
        for name in sorted(there - {key.name, marker.name}):
            path = home / name
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    home.mkdir(parents=True, exist_ok=True)
    marker.write_text(json.dumps(what) + "\n", encoding="utf-8")


def _config_of(home: Path) -> Path | None:
    config = Paths(home).demo / "guildhall.toml"
    return config if config.exists() else None


def _check_ours(settings: Settings) -> None:
    """Refuse when `guildhall up` runs here, or when somebody's own community has landed beside the demo's."""
    if run_state_of(settings):
        raise DemoError(
            f"{settings.home} is in use.", "`guildhall up` runs on it.", "Stop that first, or name another folder by --home."
        )
    if not (settings.paths.landing).exists():
        return
    with warehouse_of(settings) as warehouse:
        rows = warehouse.con.execute("select distinct community from landing.main.interactions").fetchall()
    others = {row[0] for row in rows} - {spec.slug for spec in SPECS}
    if others:
        raise DemoError(
            f"{settings.home} is no longer a demo's.",
            f"It holds a community of yours: {min(others)}.",
            "Name another folder: `guildhall --home /tmp/guildhall demo`.",
        )


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM stops what runs as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_ready(settings: Settings, children: dict[str, subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        _all_run(settings, children)
        try:
            if httpx.get(f"{_gateway(settings)}/ready", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise DemoError("The gateway does not answer.", "It had a minute.", f"See {_log(settings, 'gateway')}.")


def _all_run(settings: Settings, children: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            raise DemoError(
                f"The {name} ended by itself.", f"Its exit code is {child.returncode}.", f"See {_log(settings, name)}."
            )


def _log(settings: Settings, name: str) -> str:
    return _short(settings.paths.log(name))


def _gateway(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.gateway.port}"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _same(one: str, count: int, other: str, wanted: int) -> None:
    if count != wanted:
        raise _wrong("A number does not add up", f"{one}: {count:,}; {other}: {wanted:,}")


def _holds(line: Account) -> None:
    if not line.holds or line.missing:
        raise _wrong(
            "Something sent has no outcome",
            f"{line.kind} {line.name}: {line.raw:,} sent, {line.understood:,} understood, {line.ignored:,} ignored, "
            f"{line.rejected:,} rejected",
        )


def _wrong(what: str, why: str) -> DemoError:
    return DemoError(f"{what}.", f"{why}.", "This is a fault of the software: report it with the seed, and with var/log.")


def _built(built: Sequence[Built], seconds: float) -> None:
    checks = [check for one in built for check in one.checks]
    failed = Counter(check.severity for check in checks if check.failures)
    tables = len({table for one in built for table in one.rows})
    passed = f"{len(checks) - failed.total():,} checks passed"
    _line("built", f"{tables} tables, {passed}, {failed['warn']} warnings", seconds)
    _same("communities built", len({slug for one in built for slug in one.communities}), "communities", len(SPECS))
    worst = next((check for check in checks if check.failures and check.severity == "error"), None)
    if worst:
        raise _wrong(f"The check `{worst.name}` of {worst.table} failed", f"{worst.failures} rows")


def _cold_words(truth: Truth, cold: ColdFound) -> str:
    if truth.cold is None:
        found = f"seen in {len(cold.elsewhere)} evaluations" if cold.elsewhere else "none found"
        return f"no cold shoulder planted (too few weeks), {found}"
    planted = _week(truth, truth.cold.since)
    if cold.seen is None:
        return f"cold shoulder not found (planted: week {planted})"
    elsewhere = f", and {len(cold.elsewhere)} where there is none" if cold.elsewhere else ""
    return f"cold shoulder found in week {_week(truth, cold.seen)} (planted: week {planted}){elsewhere}"


def _week(truth: Truth, day: date) -> int:
    return (day - truth.begins).days // 7


def _line(name: str, what: str, seconds: float | None = None) -> None:
    took = f"{seconds:6.1f} s" if seconds is not None else ""
    sys.stdout.write(f"  {name:<10} {what:<74} {took}".rstrip() + "\n")
    sys.stdout.flush()


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _farewell(config: Path) -> None:
    home = config.parent.parent
    where = "guildhall" if home == Path.cwd() / "var" else f"guildhall --home {_short(home)}"
    demos = f"{where} --config {_short(config)}"
    sys.stdout.write(
        f"""
  Look:      open the report, or `{demos} up` for everything live, then http://127.0.0.1:8000
  Ask:       {where} sql "from levels.current select community, level, count(*) group by all"
  Connect:   {demos} sources
"""
    )
