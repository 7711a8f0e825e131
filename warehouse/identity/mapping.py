"""Mapping: writes actor -> published pseudonym, and the settings' tables, into the landing file. It has no names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import duckdb
import pyarrow as pa

from events.communities import Community
from events.identity import published_pseudonym
from warehouse.db import integer, transaction
from warehouse.failpoint import failpoint
from warehouse.identity.rosters import Role
from warehouse.landing.arrivals import touch_history

_MAPPED = "people_mapped_to"
_LINKED = "people_linked"


@dataclass(frozen=True, slots=True)
class Source:
    """A source of the settings: its address, which silence counts as a gap, when it was last seen (naive UTC)."""

    address: str
    platform: str
    max_gap_hours: int
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping changed: how many pairs (community, actor) are new, and where a known pair has another member now."""

    fresh: int
    changed: tuple[str, ...]


def sync_settings(
    con: duckdb.DuckDBPyConnection,
    key: bytes,
    communities: Mapping[str, Community],
    sources: Iterable[Source],
    roles: Iterable[Role],
    members: Mapping[str, str],
) -> None:
    """Replace the settings' tables of the landing file, whole, in one transaction. `members` is `IdentityStore.members()`."""
    given = list(sources)
    tables: dict[str, list[tuple[object, ...]]] = {
        "communities": [
            (c.slug, c.title, c.origin, c.time_zone, c.beat_days, _midnight(c.begins)) for c in communities.values()
        ],
        "spaces": [
            (c.slug, rule.platform, rule.workspace, space, title)
            for c in communities.values()
            for rule in c.space
            for space, title in rule.titles.items()
        ],
        "breaks": [
            (c.slug, _midnight(pause.since), _midnight(pause.until), pause.kind)
            for c in communities.values()
            for pause in c.breaks
        ],
        "roles": [
            (
                role.community,
                published_pseudonym(key, role.community, members.get(role.who, role.who)),
                role.role,
                _midnight(role.since),
                _midnight(role.until),
            )
            for role in roles
        ],
        # A community expects events from the sources of the platforms where it has spaces.
        "sources": [
            (c.slug, source.platform, source.address, source.max_gap_hours, source.last_seen_at)
            for c in communities.values()
            for source in given
            if source.platform in {rule.platform for rule in c.space}
        ],
    }
    with transaction(con):
        for table, rows in tables.items():
            con.execute(f"delete from landing.main.{table}")
            if rows:
                marks = ", ".join("?" for _ in rows[0])
                con.executemany(f"insert into landing.main.{table} values ({marks})", rows)


def map_people(con: duckdb.DuckDBPyConnection, key: bytes, members: Mapping[str, str], now: datetime) -> Mapped:
    """Map every actor who acts or is mentioned to the member's pseudonym in the community; `now` is naive UTC.

    Only records that landed since the last mapping are read; when links changed, every known pair is compared as well. A
    community where a pair has another member now is built again whole.
    """
    linked = _digest(key, members)
    last = _state(con, _MAPPED)
    batch = _last_batch(con)
    fresh = con.execute(_UNMAPPED, [int(last or 0)]).fetchall()
    moved = _moved(con, key, members) if _state(con, _LINKED) != linked else []
    rows = [(community, actor, _pseudonym(key, members, community, actor)) for community, actor in fresh]
    if last == str(batch) and not rows and not moved and _state(con, _LINKED) == linked:
        return Mapped(0, ())
    changed = tuple(sorted({community for community, _, _ in moved}))
    with transaction(con):
        if moved:
            _with(
                con, moved, "delete from landing.main.people where (community, actor) in (select (community, actor) from given)"
            )
        if rows or moved:
            _with(con, rows + moved, "insert into landing.main.people select community, actor, member from given")
        touch_history(con, changed, now)
        _set_state(con, _MAPPED, str(batch))
        _set_state(con, _LINKED, linked)
        failpoint("people-mapped")
    return Mapped(len(rows), changed)


_UNMAPPED = """
with landed as (
    select community, actor, mentions from landing.main.interactions where batch > ?
), seen as (
    select community, actor from landed
    union
    select community, unnest(mentions) as actor from landed
)
select community, actor from seen anti join landing.main.people using (community, actor)
"""


def _moved(con: duckdb.DuckDBPyConnection, key: bytes, members: Mapping[str, str]) -> list[tuple[str, str, str]]:
    rows = con.execute("select community, actor, member from landing.main.people").fetchall()
    wanted = ((community, actor, _pseudonym(key, members, community, actor), member) for community, actor, member in rows)
    return [(community, actor, new) for community, actor, new, old in wanted if new != old]


def _pseudonym(key: bytes, members: Mapping[str, str], community: str, actor: str) -> str:
    return published_pseudonym(key, community, members.get(actor, actor))


def _digest(key: bytes, members: Mapping[str, str]) -> str:
    """Return a keyed digest that changes whenever the links do, and from which they cannot be read."""
    return published_pseudonym(key, "links", repr(sorted(members.items())))


def _with(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, str, str]], statement: str) -> None:
    columns = list(zip(*rows, strict=True))
    con.register("given", pa.table(dict(zip(("community", "actor", "member"), columns, strict=True))))
    try:
        con.execute(statement)
    finally:
        con.unregister("given")


def _last_batch(con: duckdb.DuckDBPyConnection) -> int:
    return integer(con, "select coalesce(max(batch), 0) from landing.main.batches")


def _state(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    row = con.execute("select value from landing.main.state where name = ?", [name]).fetchone()
    return str(row[0]) if row else None


def _set_state(con: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    con.execute("delete from landing.main.state where name = ?", [name])
    con.execute("insert into landing.main.state values (?, ?)", [name, value])


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time())
