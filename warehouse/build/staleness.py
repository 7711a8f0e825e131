"""Staleness: which communities have to be built again, whole or in their open week, told from what landed since each was built.

What was built is written in the warehouse itself (`meta.built`), so a warehouse that is lost or older builds what it lacks.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from warehouse.build.macros import BEAT_LENGTHS, MACROS
from warehouse.build.model import Model
from warehouse.db import integer, transaction

RENEW_AFTER = timedelta(hours=1)
"""Tables about now (waiting questions, liveness) age without anything landing; after so long they are renewed."""

BUILT = """
create table if not exists warehouse.meta.built (
    community varchar, batch bigint, since timestamp, as_of timestamp, fingerprint varchar
)
"""


@dataclass(frozen=True, slots=True)
class Stale:
    """Communities to build whole, those whose open week (from `since`, a Monday 00:00) is to be renewed, and those gone."""

    whole: tuple[str, ...]
    open_week: tuple[str, ...]
    gone: tuple[str, ...]
    since: datetime

    def __bool__(self) -> bool:
        return bool(self.whole or self.open_week or self.gone)


def monday(moment: datetime) -> datetime:
    """The Monday 00:00 at or before a moment: the last evaluation that is due."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def fingerprint(models: Sequence[Model]) -> str:
    """A word that changes whenever a table's meaning does: its code, its columns, its version, its place in the order."""
    said = hashlib.sha256(f"{MACROS}{BEAT_LENGTHS}".encode())
    for model in models:
        header = model.header
        said.update(
            repr(
                (model.table, header.version, header.materialized, header.refresh, sorted(header.columns), model.code)
            ).encode()
        )
    return said.hexdigest()[:16]


def settings_fingerprints(con: duckdb.DuckDBPyConnection, models: str) -> dict[str, str]:
    """Community -> a word for the models and everything the settings say of it; when a source was last heard stays out."""
    rows = con.execute(_SETTINGS).fetchall()
    return {community: hashlib.sha256(f"{models}\n{said}".encode()).hexdigest()[:16] for community, said in rows}


_SETTINGS = """
with said as (
    select community, to_json(c) as line from landing.main.communities as c
    union all select community, to_json(b) from landing.main.breaks as b
    union all select community, to_json(r) from landing.main.roles as r
    union all select community, to_json(struct_pack(platform, source, max_gap_hours)) from landing.main.sources
)
select community, string_agg(line, chr(10) order by line)
from said
semi join landing.main.communities using (community)
group by all
"""


def stale(con: duckdb.DuckDBPyConnection, models: Sequence[Model], as_of: datetime) -> Stale:
    """What has to be built so that the warehouse shows everything landed that happened before `as_of` (naive UTC)."""
    since = monday(as_of)
    wanted = settings_fingerprints(con, fingerprint(models))
    built = {
        row[0]: row[1:] for row in con.execute("select community, * exclude (community) from warehouse.meta.built").fetchall()
    }
    touched = dict(con.execute(_TOUCHED).fetchall())
    whole: list[str] = []
    now: list[str] = []
    for community, word in sorted(wanted.items()):
        if community not in built:
            whole.append(community)
            continue
        _, from_week, to, with_word = built[community]
        oldest = touched.get(community)
        if word != with_word or from_week != since or to > as_of or (oldest is not None and oldest < since):
            whole.append(community)
        elif oldest is not None or as_of - to >= RENEW_AFTER:
            now.append(community)
    return Stale(tuple(whole), tuple(now), tuple(sorted(set(built) - set(wanted))), since)


# A revision touches what it revises as well; which of the two landed first means nothing, because each is an arrival. So does a
# record that contradicts an older one of the same event: another of the two may stand from now on, with another time.
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
    """The newest batch in the landing file: what a build that begins now will have seen."""
    return integer(con, "select coalesce(max(batch), 0) from landing.main.batches")


def remember(
    con: duckdb.DuckDBPyConnection,
    communities: Iterable[str],
    batch: int,
    as_of: datetime,
    words: dict[str, str],
) -> None:
    """Write down what these communities were built from; after the build, so that a death in between builds them again."""
    slugs = sorted(communities)
    with transaction(con):
        for slug in slugs:
            con.execute("delete from warehouse.meta.built where community = ?", [slug])
            con.execute(
                "insert into warehouse.meta.built values (?, ?, ?, ?, ?)", [slug, batch, monday(as_of), as_of, words[slug]]
            )


def forget(con: duckdb.DuckDBPyConnection, models: Sequence[Model], communities: Iterable[str]) -> None:
    """Take communities that the settings no longer have out of every table."""
    slugs = list(communities)
    there = {
        (schema, table)
        for schema, table in con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse'"
        ).fetchall()
    }
    with transaction(con):
        for model in models:
            if (model.layer, model.name) in there:
                con.execute(f"delete from warehouse.{model.table} where list_contains(?, community)", [slugs])
        con.execute("delete from warehouse.meta.built where list_contains(?, community)", [slugs])
