"""Interactions: each one lands once, however often, in whatever order and in whatever batches its records arrive.

Two rules decide what "once" means:

* `content_hash` covers every field of an interaction except where and when it was read and by which version it was understood:
  `raw`, `captured_at`, `schema_version` and `normaliser_version` are not part of it. The same action that arrives again through
  the same source, or that a newer normaliser understands in the same way, has the same hash. Two hashes of one `event_id` are a
  real conflict, or the states of two captures. The hash is half an MD5 of the columns' texts in their order: it is the same in
  every version of DuckDB, which DuckDB's own `hash` is not.
* There is one row per (`event_id`, `content_hash`), with the **highest** normaliser version that produced it and, of this
  version, the **newest** capture that shows it. The same records leave the same rows, whatever their order and their batches.
  The places of the other records are in `landing.repeats`, for when an import is undone (warehouse.landing.undo).
"""

import json
from collections.abc import Iterable
from datetime import datetime

import duckdb

from events.interaction import SCHEMA_VERSION, ActorKind
from events.verb import Verb
from warehouse.db import first, integer, quoted
from warehouse.landing.batch import Batch
from warehouse.landing.tables import LANDING_TABLES

ADDED_COLUMNS = ("content_hash", "landed_at", "batch")
"""Columns that landing adds to the fields of an interaction."""
NOT_CONTENT = ("raw", "captured_at", "schema_version", "normaliser_version")
NEVER_ABSENT = (
    "event_id",
    "platform",
    "tenant",
    "medium",
    "community",
    "space",
    "occurred_at",
    "object_id",
    "normaliser_version",
)
"""Fields that every interaction has; the stream worker has validated the rest."""


def insert(con: duckdb.DuckDBPyConnection, now: datetime, number: int, records: int) -> Batch:
    """Insert the staged interactions that are new, and replace rows that a newer normaliser or capture has again."""
    batch = Batch(records=records, malformed=integer(con, "select count(*) from malformed_records"))
    valid, oldest, newest = first(con, _SPAN)
    repeated = integer(con, "select count(*) from repeated")
    con.execute(_EXISTING, [oldest, newest])
    existing = integer(con, "select count(*) from existing")
    batch.renewed = integer(con, "select count(*) from existing where newer")
    if repeated or existing:
        con.execute(_REPEATS)
    if batch.renewed:
        con.execute(_DELETE_RENEWED)
    con.execute(_INSERT, [now, number])
    con.execute(ARRIVALS, [number, number, number])
    batch.rows = valid - repeated - existing
    batch.duplicates = records - batch.malformed - batch.added
    return batch


def _column_types(table: str) -> dict[str, str]:
    """Name -> type of a landing table, as `from_json` takes them."""
    with duckdb.connect() as con:
        con.execute(f"create table described ({LANDING_TABLES[table]})")
        return {name: kind for name, kind, *_ in con.execute("describe described").fetchall()}


def _literals(values: Iterable[str]) -> str:
    return ", ".join(quoted(value) for value in values)


FIELDS = {name: kind for name, kind in _column_types("interactions").items() if name not in ADDED_COLUMNS}
_CONTENT = [name for name in FIELDS if name not in NOT_CONTENT]
_LISTS = ("mentions", "refs")

# The text that is hashed: every column of the content in its order, kept apart by separators. An absent one is empty, because
# `concat` skips null.
_TEXTS = {
    "TIMESTAMP": "cast(epoch_ms(record.{0}) as varchar)",
    "VARCHAR": "record.{0}",
    "VARCHAR[]": "array_to_string(record.{0}, chr(30))",
}
_HASHED = ", chr(31), ".join(_TEXTS.get(FIELDS[name], "cast(record.{0} as varchar)").format(name) for name in _CONTENT)
_VALUES = ", ".join(
    f"coalesce(record.{name}, []) as {name}" if name in _LISTS else f"record.{name} as {name}" for name in FIELDS
)

_PARSE = f"""
create or replace temp table parsed as
with read as (
    select
        partition, "offset", value is not null as is_text, try(from_json(value, {quoted(json.dumps(FIELDS))})) as record
    from given
)
select
    partition as at_partition,
    "offset" as at_offset,
    is_text,
    record is not null as is_json,
    coalesce(
        record.schema_version = {SCHEMA_VERSION}
        and record.actor is not null
        and record.verb in ({_literals(Verb)})
        and record.actor_kind in ({_literals(ActorKind)})
        and {" and ".join(f"record.{name} is not null" for name in NEVER_ABSENT)},
        false
    ) as is_valid,
    {_VALUES},
    md5_number_lower(concat({_HASHED})) as content_hash
from read
"""
_MALFORMED = f"""
create or replace temp table malformed_records as
select
    at_partition as partition,
    at_offset as "offset",
    case
        when not is_text then 'no text'
        when not is_json then 'not JSON'
        when schema_version <> {SCHEMA_VERSION} then 'schema version ' || schema_version
        else 'not an interaction'
    end as why
from parsed
where not is_valid
"""
# Nearly every hash occurs once, and needs no sorting.
_REPEATED = """
create or replace temp table repeated as
with candidates as (
    select event_id, content_hash, normaliser_version, captured_at, raw, at_partition, at_offset
    from parsed
    where is_valid and content_hash in (select content_hash from parsed where is_valid group by all having count(*) > 1)
)
select at_partition, at_offset
from candidates
qualify row_number() over (
    partition by event_id, content_hash
    order by
        normaliser_version desc,
        captured_at desc nulls last,
        if(captured_at is null, 0, raw."offset"),
        at_partition,
        at_offset
) > 1
"""
STAGE = (_PARSE, _MALFORMED, _REPEATED)

_SPAN = "select count(*), min(occurred_at), max(occurred_at) from parsed where is_valid"
# The same content has the same moment. So only rows within the batch's span can hold it, and DuckDB's zone maps skip the rest.
_EXISTING = """
create or replace temp table existing as
select
    at_partition,
    at_offset,
    event_id,
    content_hash,
    -- Of equal captures the one that was read first stays. Repeated live records are no captures, and replace nothing.
    row(
        incoming.normaliser_version,
        coalesce(incoming.captured_at, timestamp '-infinity'),
        if(incoming.captured_at is null, 0, -incoming.raw."offset")
    ) > row(
        landed.normaliser_version,
        coalesce(landed.captured_at, timestamp '-infinity'),
        if(landed.captured_at is null, 0, -landed.raw."offset")
    ) as newer,
    incoming.raw = landed.raw as same_record,
    landed.raw,
    landed.captured_at,
    landed.schema_version,
    landed.normaliser_version
from (from parsed anti join repeated using (at_partition, at_offset) where is_valid) as incoming
join landing.main.interactions as landed using (event_id, content_hash)
where landed.occurred_at between ? and ?
"""
# Of each record that is no row: what does not belong to its content. A record that is read again has the place it had.
_REPEATS = """
insert into landing.main.repeats
select event_id, content_hash, raw, captured_at, schema_version, normaliser_version
from parsed
semi join (
    from repeated union all select at_partition, at_offset from existing where not newer and not same_record
) using (at_partition, at_offset)
union all
select event_id, content_hash, raw, captured_at, schema_version, normaliser_version
from existing
where newer and not same_record
"""
_DELETE_RENEWED = """
delete from landing.main.interactions
where (event_id, content_hash) in (select (event_id, content_hash) from existing where newer)
"""
_INSERT = """
insert into landing.main.interactions by name
select parsed.* exclude (at_partition, at_offset, is_text, is_json, is_valid), ? as landed_at, ? as batch
from parsed
anti join (from repeated union all select at_partition, at_offset from existing where not newer)
    using (at_partition, at_offset)
where is_valid
"""
# A row can change what the tables show at its own moment or before it: the edit that it reverts (at most 48 hours old), and the
# week of its meeting, which is that of the meeting's beginning in the community's time zone. What it revises is looked up later
# (warehouse.build.staleness), because the original can land after its revision.
ARRIVALS = """
insert into landing.main.arrivals
select
    ? as batch,
    community,
    count(*) as interactions,
    count(*) filter (revises is not null) as revisions,
    min(occurred_at) as oldest_at,
    min(case
        when verb in ('revert', 'moderate') then occurred_at - interval 48 hours
        when medium = 'meeting' then least(occurred_at, started_at) - interval 24 hours
        else occurred_at
    end) as touches_at
from landing.main.interactions
where batch = ? and ? > 0
group by all
"""
"""Describes a batch by community. Parameters: the batch, the batch again, and the number of its records."""
