"""Outcomes: what became of each raw record; one row per raw record, whatever was reported about it before.

Of several outcomes of one raw record the highest normaliser version stays. Of the same version the last one stays, by its place
in the topic: all outcomes of a raw partition are in one partition of the outcomes topic, in order.
"""

import json
from collections import Counter
from datetime import datetime

import duckdb

from events.outcome import RecordOutcome
from warehouse.db import integer, quoted
from warehouse.landing.batch import Batch


def insert(con: duckdb.DuckDBPyConnection, now: datetime, number: int, records: int) -> Batch:
    """Insert the staged outcomes that are new, and replace those of an older normaliser version or an earlier report."""
    batch = Batch(records=records, malformed=integer(con, "select count(*) from malformed_records"))
    con.execute(_EXISTING)
    if integer(con, "select count(*) from existing where later"):
        con.execute(_DELETE_REPLACED)
    con.execute(_INSERT, [now, number])
    counted = con.execute(
        "select verdict, reason, count(*) from landing.main.outcomes where batch = ? group by all", [number]
    ).fetchall()
    batch.outcomes = Counter({(verdict, reason): count for verdict, reason, count in counted})
    batch.outcome_duplicates = integer(con, "select count(*) from reported") - batch.added
    return batch


_RECORD = {name: "BIGINT" if name == "offset" else "VARCHAR" for name in RecordOutcome.model_fields} | dict.fromkeys(
    ("interactions", "accounts", "normaliser_version"), "INTEGER"
)
_PARSE = f"""
create or replace temp table parsed as
select partition, "offset", value,
    try(from_json(value, {quoted(json.dumps({"partition": "INTEGER", "records": [_RECORD]}))})) as chunk
from given
"""
_MALFORMED = """
create or replace temp table malformed_records as
select
    partition,
    "offset",
    case when value is null then 'no text' when chunk is null then 'not JSON' else 'no outcomes' end as why
from parsed
where not coalesce(
    chunk.partition is not null and len(list_filter(chunk.records, lambda r: r."offset" is null or r.verdict is null)) = 0,
    false
)
"""
_REPORTED = """
create or replace temp table reported as
with records as (
    select chunk.partition as raw_partition, "offset" as chunk_offset, unnest(chunk.records) as record
    from parsed
    anti join malformed_records using (partition, "offset")
)
select raw_partition, chunk_offset, record."offset" as raw_offset, unnest(record)
from records
"""
_LAST = """
create or replace temp table incoming as
select * exclude ("offset")
from reported
qualify row_number() over (
    partition by raw_partition, raw_offset order by normaliser_version desc, chunk_offset desc
) = 1
"""
STAGE = (_PARSE, _MALFORMED, _REPORTED, _LAST)

_EXISTING = """
create or replace temp table existing as
select
    raw_partition,
    raw_offset,
    (incoming.normaliser_version, incoming.chunk_offset) > (landed.normaliser_version, landed.chunk_offset)
        and (
            incoming.normaliser_version, incoming.verdict, incoming.reason, incoming.detail, incoming.interactions,
            incoming.accounts, incoming.space
        ) is distinct from (
            landed.normaliser_version, landed.verdict, landed.reason, landed.detail, landed.interactions,
            landed.accounts, landed.space
        ) as later
from incoming
join landing.main.outcomes as landed using (raw_partition, raw_offset)
where landed.raw_offset between (select min(raw_offset) from incoming) and (select max(raw_offset) from incoming)
"""
_DELETE_REPLACED = """
delete from landing.main.outcomes
where (raw_partition, raw_offset) in (select (raw_partition, raw_offset) from existing where later)
"""
_INSERT = """
insert into landing.main.outcomes by name
select incoming.*, ? as landed_at, ? as batch
from incoming
anti join (from existing where not later) using (raw_partition, raw_offset)
"""
