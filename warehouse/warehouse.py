"""Warehouse: the facade over landing, identity, building and publishing. One process at a time holds it.

    with Warehouse(Path("var"), key=key, communities=communities, bootstrap="127.0.0.1:9092") as warehouse:
        warehouse.refresh(sources, lambda: datetime.now(UTC))

`refresh` runs `land`, `sync_settings`, `build` and `publish` in this order. A process that is killed in the middle of any of
them leaves two whole files, and the next refresh continues from there.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self

import duckdb

from events.communities import Community
from events.topics import RAW
from warehouse.build import meta
from warehouse.build.build import Built, build
from warehouse.build.build import Progress as BuildProgress
from warehouse.build.catalog import catalog
from warehouse.build.model import Model
from warehouse.build.partial import build_tables
from warehouse.build.staleness import Stale, fingerprint, forget, last_batch, remember, settings_fingerprints, stale
from warehouse.coarse import published_key
from warehouse.db import is_damage
from warehouse.failpoint import failpoint
from warehouse.files import IDENTITY, PEOPLE, PUBLISHED, ROLES, WAREHOUSE
from warehouse.home import WarehouseError, WarehouseInUseError, open_home, set_damaged_aside, take_lock
from warehouse.identity.homes import everywhere, in_workspaces, sync_homes
from warehouse.identity.kinds import sync_kinds
from warehouse.identity.mapping import Mapped, Source, map_people, sync_settings
from warehouse.identity.rosters import account_ids, read_people, read_roles
from warehouse.identity.store import IdentityStore
from warehouse.landing import land, undo
from warehouse.landing.batch import Landed
from warehouse.landing.consumer import Log, look
from warehouse.landing.reconciliation import Accounting, accounting
from warehouse.publish import next_number, publish, refuse_personal_data

__all__ = ["Progress", "Refreshed", "Warehouse", "WarehouseError", "WarehouseInUseError", "naive"]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did; `published` is None when nothing was published."""

    landed: Landed
    mapped: Mapped
    built: tuple[Built, ...]
    published: Path | None


@dataclass(frozen=True, slots=True)
class Progress:
    """What a refresh calls while it runs. What one of these raises ends the refresh, and nothing more is built or published."""

    landing: land.Progress = lambda _topic, _records: None
    landed: Callable[[Landed], None] = lambda _landed: None
    table: BuildProgress = lambda _table, _seconds: None
    built: Callable[[tuple[Built, ...]], None] = lambda _built: None


class Warehouse:
    """The landing file, the warehouse file and the identity store of a home folder, open. One thread uses it."""

    def __init__(
        self,
        home: Path,
        *,
        key: bytes,
        communities: Mapping[str, Community],
        bots: Iterable[tuple[str, str, str]] = (),
        sharing: Collection[str] = (),
        bootstrap: str | None = None,
        folder: Path | None = None,
        models: Sequence[Model] | None = None,
        memory_limit: str = "1GB",
        threads: int = 2,
        keep_published: int = 5,
        coarse: bool = False,
    ) -> None:
        """Take the lock of the home folder and open its files.

        `bots` are accounts that the settings call programs: (platform, tenant, native account). `sharing` are platforms whose
        ids are the same in every workspace.
        `folder` has people.csv and roles.csv (beside the settings; by default the home folder). `bootstrap` is needed to land.
        `coarse` publishes ids, times and sizes coarsely (see warehouse.coarse).
        Raises WarehouseInUseError when another process has the files, WarehouseError when a file is damaged, GuildhallError
        from the identity store.
        """
        self.home, self.key, self.communities, self.bootstrap = home, key, communities, bootstrap
        self.bots, self.sharing, self.folder = frozenset(bots), tuple(sharing), folder or home
        self.models = tuple(catalog() if models is None else models)
        self.published = home / PUBLISHED
        self._keep_published, self._coarse = keep_published, coarse
        self._raw: Log | None = None
        self._synced = False
        home.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.callback(take_lock(home).release)
            self.identity = stack.enter_context(IdentityStore(home / IDENTITY))
            self._open = partial(open_home, home, memory_limit=memory_limit, threads=threads)
            self.con = self._open()
            stack.callback(self._close_connection)
            self._opened = stack.pop_all()

    def close(self) -> None:
        """Close the files and release the lock; closing again does nothing."""
        self._opened.close()

    @contextlib.contextmanager
    def _undamaged(self) -> Iterator[None]:
        """A damaged warehouse file is moved aside and an empty one opened, which the next refresh builds from the landing."""
        try:
            yield
        except duckdb.Error as error:
            if not is_damage(error):
                raise
            self._close_connection()
            damaged = set_damaged_aside(self.home)
            self.con, self._synced = self._open(), False
            if damaged is None:
                raise
            raise damaged from error

    def _close_connection(self) -> None:
        with contextlib.suppress(duckdb.Error):
            self.con.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(
        self,
        sources: Iterable[Source],
        clock: Callable[[], datetime],
        *,
        full: bool = False,
        publish_unchanged: bool = False,
        progress: Progress = Progress(),
    ) -> Refreshed:
        """Land, bring the settings in, build what is stale (with `full` everything), and publish when something was built.

        `clock` returns the current moment, aware. With `publish_unchanged`, publish also when nothing was stale. Raises what
        the four steps raise; what was landed and built before stays.
        """
        landed = self.land(clock(), progress=progress.landing)
        progress.landed(landed)
        now = clock()
        mapped = self.sync_settings(sources, now)
        built = self.build(now, full=full, progress=progress.table)
        progress.built(built)
        return Refreshed(landed, mapped, built, self.publish(clock()) if built or publish_unchanged else None)

    def land(self, now: datetime, *, progress: land.Progress = lambda _topic, _records: None) -> Landed:
        """Read accounts, then interactions and outcomes, to the topics' ends as of now. Raises ConsumeError, LandingError."""
        bootstrap = self._bootstrap()
        # Before the outcomes: raw records that arrive later are not part of this accounting.
        self._raw = look(bootstrap, RAW.name)
        self.identity.consume(bootstrap)
        landed = land.land(self.con, bootstrap, naive(now), progress=progress)
        undo.apply(self.con, naive(now))
        return landed

    def undo_import(self, import_id: str, now: datetime) -> undo.Undone:
        """Land, and undo what was imported under this id (of pipelines.imports) until now. Raises what `land` raises."""
        self.land(now)
        assert self._raw is not None, "land has looked at the raw topic"
        return undo.undo(self.con, import_id, self._raw.ends, naive(now))

    def sync_settings(self, sources: Iterable[Source], now: datetime) -> Mapped:
        """Bring settings, rosters and links into the landing file. Raises GuildhallError naming line and column of a roster."""
        people = read_people(self.folder / PEOPLE, self.key)
        roles = read_roles(self.folder / ROLES, self.key, self.communities, frozenset(people.values()))
        at = now if now.tzinfo else now.replace(tzinfo=UTC)
        self.identity.apply_file(people, at)
        sharing, rehomed = sync_homes(self.con, self.sharing, naive(now))
        self.identity.link_shared(sharing, at)
        members = self.identity.members()
        sync_settings(self.con, self.key, self.communities, sources, roles, members)
        self._synced = True
        bots = everywhere(in_workspaces(self.con, self.bots), sharing)
        listed = sorted({actor for account in bots for actor in account_ids(self.key, *account)})
        regrouped = sync_kinds(self.con, listed, self.identity.kinds(), naive(now))
        mapped = map_people(self.con, self.key, members, naive(now))
        return Mapped(mapped.fresh, tuple(sorted({*mapped.changed, *regrouped, *rehomed})))

    def stale(self, as_of: datetime) -> Stale:
        """Return what has to be built. Call `sync_settings` first."""
        return stale(self.con, self.models, naive(as_of))

    def build(
        self,
        as_of: datetime,
        *,
        full: bool = False,
        progress: BuildProgress = lambda _table, _seconds: None,
    ) -> tuple[Built, ...]:
        """Build what is stale (or everything), as of a moment; returns a `Built` for whole communities and one for open weeks.

        Raises duckdb.Error when a model fails: what was built before stays, and this build changes nothing.
        """
        assert self._synced, "sync_settings first: settings are part of what is built"
        with self._undamaged():
            return self._build(as_of, full=full, progress=progress)

    def _build(self, as_of: datetime, *, full: bool, progress: BuildProgress) -> tuple[Built, ...]:
        moment = naive(as_of)
        wanted = self.stale(as_of)
        batch, fingerprints = last_batch(self.con), settings_fingerprints(self.con, fingerprint(self.models))
        done: list[Built] = []
        if wanted.gone:
            forget(self.con, self.models, wanted.gone)
        whole = tuple(sorted(fingerprints)) if full else wanted.whole
        for slugs, since in ((whole, None), (() if full else wanted.open_week, wanted.since)):
            if not slugs:
                continue
            made = build(self.con, self.models, slugs, moment, since=since, progress=progress)
            failpoint("warehouse-built")
            meta.note_checks(self.con, self.models, made, moment)
            remember(self.con, slugs, batch, moment, fingerprints)
            failpoint("warehouse-remembered")
            done.append(made)
        return tuple(done)

    def build_tables(
        self,
        as_of: datetime,
        tables: Collection[str],
        *,
        community: str | None = None,
        progress: BuildProgress = lambda _table, _seconds: None,
    ) -> Built:
        """Build these tables (`layer.name`), stale or not: see warehouse.build.partial. Raises PartialBuildError."""
        assert self._synced, "sync_settings first: settings are part of what is built"
        with self._undamaged():
            return build_tables(self.con, self.models, tables, naive(as_of), community=community, progress=progress)

    def accounting(self, acknowledged: Mapping[str, int] | None = None) -> Accounting:
        """Compare outcomes with the raw topic as it was at the last landing (or is now). `acknowledged`: records by source."""
        raw = self._raw or look(self._bootstrap(), RAW.name)
        return accounting(self.con, raw.starts, raw.ends, acknowledged)

    def publish(self, now: datetime, *, even_if_failed: bool = False) -> Path:
        """Publish the warehouse; returns the new file.

        Raises PublishError; WarehouseError when an `error` check failed or a file is damaged.
        """
        with self._undamaged():
            return self._publish(now, even_if_failed=even_if_failed)

    def _publish(self, now: datetime, *, even_if_failed: bool) -> Path:
        failed = meta.failed_checks(self.con)
        if failed and not even_if_failed:
            table, name, rows = failed[0]
            raise WarehouseError(
                "Nothing was published.",
                f"{len(failed)} checks failed, the first is `{name}` of {table} with {rows} rows.",
                "Fix the model or the data; the file published before stays current.",
            )
        refuse_personal_data(self.con)
        sums = self.accounting() if self._raw or self.bootstrap else None
        # Files may have been deleted, and no number is used twice: the warehouse has the last one as well.
        number = max(next_number(self.published), meta.last_build(self.con) + 1)
        detail = "coarse" if self._coarse else "full"
        edition = meta.Edition(number, naive(now), _version(), fingerprint(self.models), detail)
        meta.describe(self.con, self.models, edition, sums)
        key = published_key(self.key) if self._coarse else None
        return publish(self.con, self.home / WAREHOUSE, self.published, number, keep=self._keep_published, coarse_key=key)

    def _bootstrap(self) -> str:
        if self.bootstrap is None:
            raise WarehouseError(
                "Nothing can be landed.", "No Kafka was named.", "Start `guildhall up`, or set KAFKA_BOOTSTRAP_SERVERS."
            )
        return self.bootstrap


def naive(moment: datetime) -> datetime:
    """Return a moment as the warehouse stores it: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _version() -> str:
    try:
        return version("guildhall")
    except PackageNotFoundError:
        return "unknown"
