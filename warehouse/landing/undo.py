"""Undo: an import that was undone counts nowhere, as if it had never been sent. Nothing that came another way is touched.

An interaction of such an import leaves the file, unless another record has it too: then it stays, as that record gave it
(`landing.repeats`). The raw records keep an outcome, ignored as `undone`, so that every raw record has one. What the platform
says of its accounts stays in the identity store: it is true in whichever community an export is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from events.outcome import Reason, Verdict
from warehouse.db import first, integer, transaction
from warehouse.landing.arrivals import touch_history


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: raw records of the import, interactions that left, and interactions that another record has too."""

    records: int
    left: int
    stayed: int
    communities: tuple[str, ...]


def undo(con: duckdb.DuckDBPyConnection, import_id: str, ends: Mapping[int, int], now: datetime) -> Undone:
    """Undo what was imported under this id before `ends` (offsets by raw partition). It can be imported again later."""
    with transaction(con):
        con.execute("delete from landing.main.undone where import_id = ?", [import_id])
        con.executemany("insert into landing.main.undone values (?, ?, ?)", [[import_id, *end] for end in ends.items()])
        return _apply(con, now)


def apply(con: duckdb.DuckDBPyConnection, now: datetime) -> Undone:
    """Undo what landed since of imports that were undone: records that were understood late, or once more."""
    if not integer(con, "select count(*) from landing.main.undone"):
        return Undone(0, 0, 0, ())
    with transaction(con):
        return _apply(con, now)


def _apply(con: duckdb.DuckDBPyConnection, now: datetime) -> Undone:
    con.execute(_GONE)
    records = integer(con, f"select count(*) from gone where reason is distinct from '{Reason.UNDONE}'")
    if not records:
        return Undone(0, 0, 0, ())
    con.execute(_LOST)
    con.execute("delete from landing.main.repeats where raw in (select raw from gone)")
    con.execute(_SUCCESSORS)
    lost, stayed, slugs = first(
        con,
        """
        select (select count(*) from lost), (select count(*) from successors),
            (select coalesce(list(distinct community order by community), []) from lost)
        """,
    )
    for statement in (_KEEP, _DELETE, _USED, _OUTCOMES):
        con.execute(statement)
    touch_history(con, slugs, now)
    return Undone(records, lost - stayed, stayed, tuple(slugs))


_GONE = """
create or replace temp table gone as
select {'partition': raw_partition, 'offset': raw_offset} as raw, reason
from landing.main.outcomes
join landing.main.undone using (import_id)
where raw_partition = partition and raw_offset < before_offset
"""
_LOST = """
create or replace temp table lost as
select event_id, content_hash, community
from landing.main.interactions
where raw in (select raw from gone)
"""
# Which of several records a row shows: the same order as in warehouse.landing.interactions.
_SUCCESSORS = """
create or replace temp table successors as
select repeats.*
from landing.main.repeats
semi join lost using (event_id, content_hash)
qualify row_number() over (
    partition by event_id, content_hash
    order by normaliser_version desc, captured_at desc nulls last, if(captured_at is null, 0, raw."offset")
) = 1
"""
_KEEP = """
update landing.main.interactions set
    raw = successors.raw,
    captured_at = successors.captured_at,
    schema_version = successors.schema_version,
    normaliser_version = successors.normaliser_version
from successors
where interactions.event_id = successors.event_id and interactions.content_hash = successors.content_hash
"""
_DELETE = """
delete from landing.main.interactions
where (event_id, content_hash) in (
    select (event_id, content_hash) from lost anti join successors using (event_id, content_hash)
)
"""
_USED = """
delete from landing.main.repeats
where (event_id, content_hash, raw) in (select (event_id, content_hash, raw) from successors)
"""
_OUTCOMES = f"""
update landing.main.outcomes set
    verdict = '{Verdict.IGNORED}', reason = '{Reason.UNDONE}', detail = null, space = null, interactions = 0, accounts = 0
where {{'partition': raw_partition, 'offset': raw_offset}} in (select raw from gone)
"""
