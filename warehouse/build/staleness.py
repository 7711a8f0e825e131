"""Staleness: which communities have to be built again, whole or in their open week, because of what landed since their build.

What was built is recorded in the warehouse itself (`meta.built`), so a warehouse that is lost or older builds what it lacks.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from warehouse.build.macros import BEAT_LENGTHS, MACROS
from warehouse.build.model import Model
from warehouse.build.weeks import TO_DATE
from warehouse.db import integer, transaction

RENEW_AFTER = timedelta(hours=1)
"""Tables about the present (waiting questions, liveness) age although nothing lands; after this time they are built again."""

BUILT = """
create table if not exists warehouse.meta.built (
    community varchar, batch bigint, since timestamp, as_of timestamp, fingerprint varchar
)
"""


@dataclass(frozen=True, slots=True)
class Stale:
    """Communities to build whole, those to build from `since` (Monday 00:00 of the open week), and those to remove."""

    whole: tuple[str, ...]
    open_week: tuple[str, ...]
    gone: tuple[str, ...]
    since: datetime

    def __bool__(self) -> bool:
        return bool(self.whole or self.open_week or self.gone)


def monday(moment: datetime) -> datetime:
    """Return the Monday 00:00 at or before a moment: the last evaluation that is due."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def fingerprint(models: Sequence[Model]) -> str:
    """Return a text that changes with any table's meaning: its code, its columns, its version, its place in the order."""
    digest = hashlib.sha256(f"{MACROS}{BEAT_LENGTHS}{TO_DATE}".encode())
    for model in models:
        header = model.header
        digest.update(
            repr(
                (model.table, header.version, header.materialized, header.refresh, sorted(header.columns), model.code)
            ).encode()
        )
    return digest.hexdigest()[:16]


def settings_fingerprints(con: duckdb.DuckDBPyConnection, models: str) -> dict[str, str]:
    """Return community -> a fingerprint of the models and of its settings. When a source was last seen is not part of it."""
    rows = con.execute(_SETTINGS).fetchall()
    return {community: hashlib.sha256(f"{models}\n{settings}".encode()).hexdigest()[:16] for community, settings in rows}


_SETTINGS = """
with settings as (
    select community, to_json(c) as line from landing.main.communities as c
    union all select community, to_json(s) from landing.main.spaces as s
    union all select community, to_json(b) from landing.main.breaks as b
    union all select community, to_json(r) from landing.main.roles as r
    union all select community, to_json(struct_pack(platform, source, max_gap_hours)) from landing.main.sources
)
select community, string_agg(line, chr(10) order by line)
from settings
semi join landing.main.communities using (community)
group by all
"""


def stale(con: duckdb.DuckDBPyConnection, models: Sequence[Model], as_of: datetime) -> Stale:
    """Return what has to be built so that the tables contain everything landed that happened before `as_of` (naive UTC)."""
    since = monday(as_of)
    wanted = settings_fingerprints(con, fingerprint(models))
    built = {
        row[0]: row[1:] for row in con.execute("select community, * exclude (community) from warehouse.meta.built").fetchall()
    }
    touched = dict(con.execute(_TOUCHED).fetchall())
    whole: list[str] = []
    open_week: list[str] = []
    for community, settings in sorted(wanted.items()):
        if community not in built:
            whole.append(community)
            continue
        _, built_since, built_to, built_from = built[community]
        oldest = touched.get(community)
        if settings != built_from or built_since != since or built_to > as_of or (oldest is not None and oldest < since):
            whole.append(community)
        elif oldest is not None or as_of - built_to >= RENEW_AFTER:
            open_week.append(community)
    return Stale(tuple(whole), tuple(open_week), tuple(sorted(set(built) - set(wanted))), since)


# A revision also touches what it revises; which of the two landed first does not matter, because each is an arrival. A record
# that contradicts an older one of the same event touches the older one: the tables may show the other of the two, with another
# time.
_TOUCHED = """
with fresh as (
    select arrivals.community, arrivals.revisions, arrivals.touches_at
    from landing.main.arrivals as arrivals
    join warehouse.meta.built as built on built.community = arrivals.community and arrivals.batch > built.batch
), revised as (
    select original.community, min(original.occurred_at) as touches_at
    from landing.main.interactions as revision
    join warehouse.meta.built as built on built.community = revision.community and revision.batch > built.batch
    join landing.main.interactions as original
        on original.community = revision.community and original.event_id = revision.revises
    where revision.revises is not null and (select coalesce(sum(revisions), 0) from fresh) > 0
    group by all
), contradicted as (
    select older.community, min(older.occurred_at) as touches_at
    from landing.main.interactions as newer
    join warehouse.meta.built as built on built.community = newer.community and newer.batch > built.batch
    join landing.main.interactions as older
        on older.community = newer.community and older.event_id = newer.event_id and older.content_hash <> newer.content_hash
    group by all
)
select community, min(touches_at)
from (from (select community, touches_at from fresh) union all from revised union all from contradicted)
group by all
"""


def last_batch(con: duckdb.DuckDBPyConnection) -> int:
    """Return the newest batch in the landing file: a build that begins now contains it."""
    return integer(con, "select coalesce(max(batch), 0) from landing.main.batches")


def remember(
    con: duckdb.DuckDBPyConnection,
    communities: Iterable[str],
    batch: int,
    as_of: datetime,
    fingerprints: dict[str, str],
) -> None:
    """Record what these communities were built from. Call it after the build: a process killed in between builds them again."""
    slugs = sorted(communities)
    with transaction(con):
        for slug in slugs:
            con.execute("delete from warehouse.meta.built where community = ?", [slug])
            con.execute(
                "insert into warehouse.meta.built values (?, ?, ?, ?, ?)",
                [slug, batch, monday(as_of), as_of, fingerprints[slug]],
            )


def forget(con: duckdb.DuckDBPyConnection, models: Sequence[Model], communities: Iterable[str]) -> None:
    """Delete the rows of communities that are no longer in the settings from every table."""
    slugs = list(communities)
    existing = {
        (schema, table)
        for schema, table in con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse'"
        ).fetchall()
    }
    with transaction(con):
        for model in models:
            if (model.layer, model.name) in existing:
                con.execute(f"delete from warehouse.{model.table} where list_contains(?, community)", [slugs])
        con.execute("delete from warehouse.meta.built where list_contains(?, community)", [slugs])
