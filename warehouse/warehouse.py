"""The warehouse: the one process that has the landing file and the warehouse open. Lands, builds what is stale, publishes.

    with Warehouse(Path("var"), key=key, communities=communities, bootstrap="127.0.0.1:9092") as warehouse:
        warehouse.land(now)
        warehouse.sync_settings(sources, now)
        for built in warehouse.build(now): ...
        warehouse.publish(now)

Whoever dies in the middle of any of it leaves two whole files, and the next one goes on from there.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self

import duckdb

from events.communities import Community
from events.errors import GuildhallError
from events.topics import RAW
from warehouse.build import meta
from warehouse.build.build import Built, build
from warehouse.build.catalog import catalog
from warehouse.build.model import Model
from warehouse.build.partial import build_tables
from warehouse.build.staleness import Stale, fingerprint, forget, last_batch, remember, settings_fingerprints, stale
from warehouse.db import open_files
from warehouse.failpoint import failpoint
from warehouse.files import IDENTITY, LANDING, LOCK, PEOPLE, PUBLISHED, ROLES, WAREHOUSE
from warehouse.identity.mapping import Mapped, Source, map_people, sync_settings
from warehouse.identity.rosters import read_people, read_roles
from warehouse.identity.store import IdentityStore
from warehouse.landing import land
from warehouse.landing.batch import Landed
from warehouse.landing.consumer import Log, look
from warehouse.landing.reconciliation import Accounting, accounting
from warehouse.publish import next_number, nothing_that_names, publish

_DAMAGED = ("not a valid duckdb", "corrupt", "checksum", "serializ")
"""Of DuckDB's words for a file whose bytes are wrong, as against one that cannot be had."""
_BROKEN = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)


class WarehouseError(GuildhallError):
    """The files cannot be had."""


class WarehouseInUseError(WarehouseError):
    """Another process has the files open; they can be had when it closes them."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did; `published` is None when nothing was new."""

    landed: Landed
    mapped: Mapped
    built: tuple[Built, ...]
    published: Path | None


class Warehouse:
    """Holds both files of a home folder. One thread uses it."""

    def __init__(
        self,
        home: Path,
        *,
        key: bytes,
        communities: Mapping[str, Community],
        bootstrap: str | None = None,
        folder: Path | None = None,
        models: Sequence[Model] | None = None,
        memory_limit: str = "1GB",
        threads: int = 2,
        keep_published: int = 5,
    ) -> None:
        """Take the lock and open everything.

        `folder` is where people.csv and roles.csv lie (beside the settings); who lands nothing needs no `bootstrap`.
        Raises WarehouseError when another process has the files or a file is broken, GuildhallError from the identity store.
        """
        self.home, self.key, self.communities, self.bootstrap = home, key, communities, bootstrap
        self.folder = folder or home
        self.models = tuple(catalog() if models is None else models)
        self.published = home / PUBLISHED
        self._keep = keep_published
        self._raw: Log | None = None
        self._synced = False
        home.mkdir(parents=True, exist_ok=True)
        self._lock: int | None = _take_lock(home / LOCK)
        try:
            self.identity = IdentityStore(home / IDENTITY)
            try:
                self.con = _open(home, memory_limit, threads)
            except BaseException:
                self.identity.close()
                raise
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """Close both files and let others have them; closing again does nothing."""
        if self._lock is None:
            return
        with contextlib.suppress(duckdb.Error):
            self.con.close()
        self.identity.close()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def land(self, now: datetime, *, progress: land.Progress = lambda _topic, _records: None) -> Landed:
        """Drain accounts, then interactions and outcomes, to their ends as of now. Raises ConsumeError, LandingError."""
        bootstrap = self._bootstrap()
        self._raw = look(bootstrap, RAW.name)  # before the outcomes: what is understood later is no part of this accounting
        self.identity.drain(bootstrap)
        return land.land(self.con, bootstrap, naive(now), progress=progress)

    def sync_settings(self, sources: Iterable[Source], now: datetime) -> Mapped:
        """Bring settings, rosters and links into the landing file. Raises GuildhallError naming line and column of a roster."""
        people = read_people(self.folder / PEOPLE, self.key)
        roles = read_roles(self.folder / ROLES, self.key, self.communities, frozenset(people.values()))
        self.identity.apply_file(people, now if now.tzinfo else now.replace(tzinfo=UTC))
        members = self.identity.members()
        sync_settings(self.con, self.key, self.communities, sources, roles, members)
        self._synced = True
        return map_people(self.con, self.key, members, naive(now))

    def stale(self, as_of: datetime) -> Stale:
        """What has to be built. Call `sync_settings` first."""
        return stale(self.con, self.models, naive(as_of))

    def build(
        self,
        as_of: datetime,
        *,
        full: bool = False,
        progress: Callable[[str, float], None] = lambda _table, _seconds: None,
    ) -> tuple[Built, ...]:
        """Build what is stale (or everything), as of a moment; returns a `Built` for whole communities and one for open weeks.

        Raises duckdb.Error when a model fails: what was built before it stays, this build leaves nothing.
        """
        assert self._synced, "sync_settings first: settings are part of what is built"
        moment = naive(as_of)
        wanted = self.stale(as_of)
        batch, words = last_batch(self.con), settings_fingerprints(self.con, fingerprint(self.models))
        done: list[Built] = []
        if wanted.gone:
            forget(self.con, self.models, wanted.gone)
        whole = tuple(sorted(words)) if full else wanted.whole
        for slugs, since in ((whole, None), (() if full else wanted.open_week, wanted.since)):
            if not slugs:
                continue
            made = build(self.con, self.models, slugs, moment, since=since, progress=progress)
            failpoint("warehouse-built")
            meta.note_checks(self.con, self.models, made, moment)
            remember(self.con, slugs, batch, moment, words)
            failpoint("warehouse-remembered")
            done.append(made)
        return tuple(done)

    def build_tables(
        self,
        as_of: datetime,
        tables: Collection[str],
        *,
        community: str | None = None,
        progress: Callable[[str, float], None] = lambda _table, _seconds: None,
    ) -> Built:
        """Build these tables (`layer.name`), stale or not: see warehouse.build.partial. Raises PartialBuildError."""
        assert self._synced, "sync_settings first: settings are part of what is built"
        return build_tables(self.con, self.models, tables, naive(as_of), community=community, progress=progress)

    def accounting(self, acknowledged: Mapping[str, int] | None = None) -> Accounting:
        """Whether every raw record has its outcome, against the raw topic as it stood when we last landed (or stands now)."""
        raw = self._raw or look(self._bootstrap(), RAW.name)
        return accounting(self.con, raw.starts, raw.ends, acknowledged)

    def publish(self, now: datetime, *, even_if_failed: bool = False) -> Path:
        """Publish the warehouse; returns the new file. Raises PublishError, and WarehouseError when an `error` check failed."""
        failed = meta.failed_checks(self.con)
        if failed and not even_if_failed:
            table, name, rows = failed[0]
            raise WarehouseError(
                "Nothing was published.",
                f"{len(failed)} checks failed, the first is `{name}` of {table} with {rows} rows.",
                "Mend the model or the data; the file published before stays current.",
            )
        nothing_that_names(self.con)
        sums = self.accounting() if self._raw or self.bootstrap else None
        # Greater than what was ever published: files may be gone, and the warehouse remembers.
        number = max(next_number(self.published), meta.last_build(self.con) + 1)
        edition = meta.Edition(number, naive(now), _version(), fingerprint(self.models))
        meta.describe(self.con, self.models, edition, sums)
        return publish(self.con, self.home / WAREHOUSE, self.published, number, keep=self._keep)

    def refresh(
        self,
        now: datetime,
        sources: Iterable[Source] = (),
        *,
        as_of: datetime | None = None,
        progress: Callable[[str, float], None] = lambda _table, _seconds: None,
    ) -> Refreshed:
        """Land, sync_settings, build what is stale, and publish when something was built."""
        landed = self.land(now)
        mapped = self.sync_settings(sources, now)
        built = self.build(as_of or now, progress=progress)
        return Refreshed(landed, mapped, built, self.publish(now) if built else None)

    def _release(self) -> None:
        assert self._lock is not None
        os.close(self._lock)
        self._lock = None

    def _bootstrap(self) -> str:
        if self.bootstrap is None:
            raise WarehouseError(
                "Nothing can be landed.", "No Kafka was named.", "Start `guildhall up`, or set KAFKA_BOOTSTRAP_SERVERS."
            )
        return self.bootstrap


def naive(moment: datetime) -> datetime:
    """As the warehouse speaks: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _take_lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise WarehouseInUseError(
            f"{path.parent} is in use.",
            f"Process {holder} has its files open, and one process at a time may.",
            "Let the refresher of `guildhall up` do it, or stop it first.",
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _open(home: Path, memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    for name in (LANDING, WAREHOUSE):
        _probe(home / name)
    con = open_files(home / LANDING, home / WAREHOUSE, memory_limit=memory_limit, threads=threads)
    try:
        (home / LANDING).chmod(0o600)
        meta.prepare(con)
    except BaseException:
        con.close()
        raise
    return con


def _probe(path: Path) -> None:
    """Open a file alone, replaying its log: one that cannot be is moved aside, whole, and the error says what to do."""
    try:
        duckdb.connect(str(path)).close()
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise WarehouseError(
                f"{path.name} is in use.",
                "Another program has it open.",
                "Close it; to look at data open var/published/current.",
            ) from error
        if any(word in str(error).lower() for word in _DAMAGED):
            raise _quarantined(path) from error
        # A full disk or a missing right is no fault of the file: it stays where it is.
        raise WarehouseError(
            f"{path.name} cannot be opened.",
            f"The system says: {str(error).splitlines()[0][:200]}",
            "See that the disk has room and that the folder is yours, then do the same again; nothing was moved.",
        ) from error
    except _BROKEN as error:
        raise _quarantined(path) from error


def _quarantined(path: Path) -> WarehouseError:
    aside = path.parent / "quarantine"
    aside.mkdir(exist_ok=True)
    number = len(list(aside.iterdir()))
    for part in (path, path.with_name(path.name + ".wal")):
        if part.exists():
            part.rename(aside / f"{part.name}.{number}")
    todo = (
        "Run it again: the warehouse is built anew from the landing file."
        if path.name == WAREHOUSE
        else "Restore it from your backup, or run it again: Kafka's 28 days land anew; import what is older."
    )
    return WarehouseError(f"{path.name} was moved to {aside}.", "DuckDB cannot read it.", todo)


def _version() -> str:
    try:
        return version("guildhall")
    except PackageNotFoundError:
        return "unknown"
