"""Landing: what the stream worker understood, into DuckDB, each action once, rows and offsets in one transaction.

Three things decide what "once" means:

* `content_hash` is of everything an interaction says except where and by which version it was understood: `raw` and
  `normaliser_version` stay out. So the same action, told again through the same source or understood again by a newer
  normaliser with the same result, has the same hash, and two hashes of one `event_id` are a real conflict. It is half an MD5
  of the columns' texts in their order: the same in every version of DuckDB, which DuckDB's own `hash` is not.
* A row is kept for every (`event_id`, `content_hash`), with the **highest** normaliser version that said it. Whatever the
  order and the batches, the same records leave the same rows.
* Of several outcomes of one raw record the highest normaliser version stays; of the same version the one said last, by its
  place in the topic (all outcomes of a raw partition are in one partition, in order).

What is not an interaction at all (somebody else's JSON in our topic) is a malformed record: landing notes it and goes on.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter

import duckdb
import pyarrow as pa

from events.errors import GuildhallError
from events.interaction import SCHEMA_VERSION, ActorKind
from events.outcome import RecordOutcome
from events.topics import INTERACTIONS, OUTCOMES
from events.verb import Verb
from warehouse.db import first, integer, quoted, transaction
from warehouse.failpoint import failpoint
from warehouse.landing.consumer import CHUNK_RECORDS, Chunk, Log, check, first_offsets, look, read
from warehouse.landing.tables import LANDING_TABLES

Progress = Callable[[str, int], None]
OURS = ("content_hash", "landed_at", "batch")
"""Columns that landing adds to what an interaction says."""
_GIVEN = pa.schema({"value": pa.string(), "partition": pa.int32(), "offset": pa.int64()})
NOT_CONTENT = ("raw", "schema_version", "normaliser_version")
NEEDED = ("event_id", "platform", "tenant", "medium", "community", "space", "occurred_at", "object_id", "normaliser_version")
"""What no interaction lacks; the stream worker has validated the rest."""


class LandingError(GuildhallError):
    """The landing file is not as this landing left it."""


@dataclass(slots=True)
class Batch:
    """What one transaction landed."""

    records: int = 0
    added: int = 0
    rows: int = 0
    duplicates: int = 0
    renewed: int = 0
    malformed: int = 0
    outcomes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    outcome_records: int = 0
    communities: dict[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Landed:
    """What a landing did: interactions as rows, duplicates, renewed and malformed; outcomes apart."""

    records: int = 0
    """Records of both topics."""
    rows: int = 0
    duplicates: int = 0
    """Interactions that were there already, or twice in one batch."""
    renewed: int = 0
    """Rows that a newer normaliser version said again, with the same content."""
    malformed: int = 0
    outcomes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """By (verdict, reason): outcomes that were new, or took the place of an older word about the same raw record."""
    outcome_duplicates: int = 0
    communities: dict[str, datetime] = field(default_factory=dict)
    """The oldest moment landed, naive UTC, of each community that got anything."""
    offsets: dict[str, dict[int, int]] = field(default_factory=dict)
    """By topic and partition: where reading goes on."""
    batches: int = 0
    seconds: float = 0.0

    def add(self, topic: str, batch: Batch) -> None:
        """Count a batch that was committed."""
        self.batches += 1
        self.records += batch.records
        self.malformed += batch.malformed
        if topic == OUTCOMES.name:
            self.outcomes += batch.outcomes
            self.outcome_duplicates += batch.duplicates
            return
        self.rows += batch.rows
        self.duplicates += batch.duplicates
        self.renewed += batch.renewed
        for community, oldest in batch.communities.items():
            self.communities[community] = min(oldest, self.communities.get(community, oldest))


@dataclass(frozen=True, slots=True)
class _Topic:
    name: str
    stage: tuple[str, ...]
    """Statements from `given` (value, partition, offset) to `malformed_found` and what `insert` wants."""
    insert: Callable[[duckdb.DuckDBPyConnection, datetime, int, int], Batch]


def land(
    con: duckdb.DuckDBPyConnection,
    bootstrap: str,
    now: datetime,
    *,
    progress: Progress = lambda _topic, _records: None,
    batch_records: int = CHUNK_RECORDS,
) -> Landed:
    """Land interactions and outcomes up to the topics' ends as of this call.

    `con` is of `warehouse.db.open_files`; `now` is naive UTC and becomes `landed_at`; `progress` hears a topic and how
    many of its records have been landed so far. What was landed before an error, or before the process died, stays landed, and
    the next call goes on behind it. Raises ConsumeError (Kafka does not have what comes next), LandingError (another writer).
    """
    began = perf_counter()
    landed = Landed()
    for topic in _TOPICS:
        log = look(bootstrap, topic.name)
        offsets = begin_at(con, log)
        done = 0
        for chunk in _ahead(read(bootstrap, log, offsets, records=batch_records)):
            failpoint("landing-read")
            landed.add(topic.name, _land_chunk(con, log, chunk, offsets, now, topic))
            offsets = offsets | chunk.ends
            done += chunk.records
            progress(topic.name, done)
        landed.offsets[topic.name] = offsets
    landed.seconds = perf_counter() - began
    return landed


def _ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The chunks, the next one read in a thread while this one lands; one at most, so memory is bounded."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, chunks, None)
        while chunk := coming.result():
            coming = pool.submit(next, chunks, None)
            yield chunk


def begin_at(con: duckdb.DuckDBPyConnection, log: Log) -> dict[int, int]:
    """Where we stand in a topic, by partition; rows for partitions never read are made, at their first record."""
    rows = con.execute(
        "select partition, next_offset, topic_id from landing.main.offsets where topic = ?", [log.topic]
    ).fetchall()
    known = {int(partition): int(offset) for partition, offset, _ in rows}
    check(log, next((row[2] for row in rows), None), known)
    fresh = first_offsets(log, known)
    if fresh:
        con.executemany(
            "insert into landing.main.offsets values (?, ?, ?, ?)",
            [(log.topic, log.id, partition, offset) for partition, offset in sorted(fresh.items())],
        )
    return known | fresh


def accept_gap(con: duckdb.DuckDBPyConnection, bootstrap: str) -> dict[str, int]:
    """Go on behind records that Kafka deleted before they were landed; returns how many were given up, by topic.

    For a person who has read the error of `drain.check`: nothing else calls it.
    """
    lost: dict[str, int] = {}
    for topic in (given.name for given in _TOPICS):
        log = look(bootstrap, topic)
        for partition, start in log.starts.items():
            row = con.execute(
                "select next_offset from landing.main.offsets where topic = ? and partition = ? and next_offset < ?",
                [topic, partition, start],
            ).fetchone()
            if row:
                con.execute(
                    "update landing.main.offsets set next_offset = ? where topic = ? and partition = ?",
                    [start, topic, partition],
                )
                lost[topic] = lost.get(topic, 0) + start - int(row[0])
    return lost


def _land_chunk(
    con: duckdb.DuckDBPyConnection, log: Log, chunk: Chunk, offsets: Mapping[int, int], now: datetime, topic: _Topic
) -> Batch:
    """One transaction: rows, malformed, the batch, the offsets. Whatever it raises, nothing of it has landed."""
    # In pieces: DuckDB reads an Arrow table by its batches, and one batch is read by one thread.
    con.register("given", pa.Table.from_batches([_readable(piece) for piece in chunk.pieces], _GIVEN))
    try:
        # Staged before the transaction begins: temporary tables are no part of what must be whole.
        for statement in topic.stage:
            con.execute(statement)
        failpoint("landing-staged")
        with transaction(con):
            number = integer(con, "select coalesce(max(batch), 0) + 1 from landing.main.batches")
            batch = topic.insert(con, now, number, chunk.records)
            con.execute(_MALFORMED, [log.topic, now, number])
            con.execute(
                "insert into landing.main.batches values (?, ?, ?, ?, ?, ?, ?)",
                [number, log.topic, now, batch.records, batch.added, batch.duplicates, batch.malformed],
            )
            failpoint("landing-inserted")
            _move(con, log, offsets, chunk.ends)
            failpoint("landing-moved")
        failpoint("landing-committed")
    finally:
        con.unregister("given")
    return batch


def _readable(piece: pa.RecordBatch) -> pa.RecordBatch:
    """The piece with its values as text; null for what is none."""
    value = piece.column("value")
    try:
        text = value.cast(pa.string())
    except pa.ArrowInvalid:
        text = pa.array([_text(one) for one in value.to_pylist()], pa.string())
    return pa.record_batch([text, *piece.columns[1:]], _GIVEN)


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _move(con: duckdb.DuckDBPyConnection, log: Log, offsets: Mapping[int, int], ends: Mapping[int, int]) -> None:
    """Move the offsets from where we think they are; another writer has moved them when they are not there."""
    for partition, end in ends.items():
        moved = con.execute(
            """
            update landing.main.offsets set next_offset = ?, topic_id = ?
            where topic = ? and partition = ? and next_offset = ?
            """,
            [end, log.id, log.topic, partition, offsets[partition]],
        ).fetchone()
        if moved is None or moved[0] != 1:
            raise LandingError(
                "Somebody else has landed the same records.",
                f"{log.topic}, partition {partition}, is no longer at {offsets[partition]}.",
                "See to it that one refresher runs; nothing was landed twice.",
            )


def _insert_interactions(con: duckdb.DuckDBPyConnection, now: datetime, number: int, records: int) -> Batch:
    batch = Batch(records=records, malformed=integer(con, "select count(*) from malformed_found"))
    ours, oldest, newest = first(con, _SPAN)
    again = integer(con, "select count(*) from again")
    con.execute(_KNOWN, [oldest, newest])
    known = integer(con, "select count(*) from known")
    batch.renewed = integer(con, "select count(*) from known where newer")
    if batch.renewed:
        con.execute(_DELETE_RENEWED)
    con.execute(_INSERT, [now, number])
    con.execute(_ARRIVALS, [number, number, number])
    batch.communities = dict(
        con.execute("select community, oldest_at from landing.main.arrivals where batch = ?", [number]).fetchall()
    )
    batch.rows = ours - again - known
    batch.added = batch.rows + batch.renewed
    batch.duplicates = records - batch.malformed - batch.added
    return batch


def _insert_outcomes(con: duckdb.DuckDBPyConnection, now: datetime, number: int, records: int) -> Batch:
    batch = Batch(records=records, malformed=integer(con, "select count(*) from malformed_found"))
    con.execute(_OUTCOMES_KNOWN)
    if integer(con, "select count(*) from known where later"):
        con.execute(_DELETE_OUTCOMES)
    con.execute(_INSERT_OUTCOMES, [now, number])
    counted = con.execute(
        "select verdict, reason, count(*) from landing.main.outcomes where batch = ? group by all", [number]
    ).fetchall()
    batch.outcomes = Counter({(verdict, reason): count for verdict, reason, count in counted})
    batch.added = sum(batch.outcomes.values())
    batch.outcome_records = integer(con, "select count(*) from said")
    batch.duplicates = batch.outcome_records - batch.added
    return batch


def _columns(table: str) -> dict[str, str]:
    """Name -> type of a landing table, as `from_json` wants them."""
    with duckdb.connect() as con:
        con.execute(f"create table described ({LANDING_TABLES[table]})")
        return {name: kind for name, kind, *_ in con.execute("describe described").fetchall()}


def _words(words: Iterable[str]) -> str:
    return ", ".join(quoted(word) for word in words)


_SAID = {name: kind for name, kind in _columns("interactions").items() if name not in OURS}
_CONTENT = [name for name in _SAID if name not in NOT_CONTENT]
_RECORD = {name: "BIGINT" if name == "offset" else "VARCHAR" for name in RecordOutcome.model_fields} | dict.fromkeys(
    ("interactions", "accounts", "normaliser_version"), "INTEGER"
)
_LISTS = ("mentions", "refs")

# The text that is hashed: every column of the content in its order, absent ones empty (`concat` takes null for that), kept
# apart by separators.
_TEXTS = {
    "TIMESTAMP": "cast(epoch_ms(said.{0}) as varchar)",
    "VARCHAR": "said.{0}",
    "VARCHAR[]": "array_to_string(said.{0}, chr(30))",
}
_HASHED = ", chr(31), ".join(_TEXTS.get(_SAID[name], "cast(said.{0} as varchar)").format(name) for name in _CONTENT)
_VALUES = ", ".join(f"coalesce(said.{name}, []) as {name}" if name in _LISTS else f"said.{name} as {name}" for name in _SAID)

_STAGE_INTERACTIONS = f"""
create or replace temp table parsed as
with read as (
    select partition, "offset", value is not null as is_text, try(from_json(value, {quoted(json.dumps(_SAID))})) as said
    from given
)
select
    partition as at_partition,
    "offset" as at_offset,
    is_text,
    said is not null as is_json,
    coalesce(
        said.schema_version = {SCHEMA_VERSION}
        and said.actor is not null
        and said.verb in ({_words(Verb)})
        and said.actor_kind in ({_words(ActorKind)})
        and {" and ".join(f"said.{name} is not null" for name in NEEDED)},
        false
    ) as is_ours,
    {_VALUES},
    md5_number_lower(concat({_HASHED})) as content_hash
from read
"""
_STRAY_INTERACTIONS = f"""
create or replace temp table malformed_found as
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
where not is_ours
"""
# A hash that is there once needs no sorting: nearly all.
_AGAIN = """
create or replace temp table again as
with candidates as (
    select event_id, content_hash, normaliser_version, at_partition, at_offset
    from parsed
    where is_ours and content_hash in (select content_hash from parsed where is_ours group by all having count(*) > 1)
)
select at_partition, at_offset
from candidates
qualify row_number() over (
    partition by event_id, content_hash order by normaliser_version desc, at_partition, at_offset
) > 1
"""
_SPAN = "select count(*), min(occurred_at), max(occurred_at) from parsed where is_ours"
# The same content happened at the same moment: so only the days of this batch can hold it, and zone maps skip the rest.
_KNOWN = """
create or replace temp table known as
select at_partition, at_offset, event_id, content_hash, told.normaliser_version > landed.normaliser_version as newer
from (from parsed anti join again using (at_partition, at_offset) where is_ours) as told
join landing.main.interactions as landed using (event_id, content_hash)
where landed.occurred_at between ? and ?
"""
_DELETE_RENEWED = """
delete from landing.main.interactions
where (event_id, content_hash) in (select (event_id, content_hash) from known where newer)
"""
_INSERT = """
insert into landing.main.interactions by name
select parsed.* exclude (at_partition, at_offset, is_text, is_json, is_ours), ? as landed_at, ? as batch
from parsed
anti join (from again union all select at_partition, at_offset from known where not newer) using (at_partition, at_offset)
where is_ours
"""
# What a row can change lies at its own moment or before: the edit that it reverts (at most 48 hours old), the beginning of the
# stay that it ends. What it revises is looked up when it matters (warehouse.build.staleness): it may land later than this.
_ARRIVALS = """
insert into landing.main.arrivals
select
    ? as batch,
    community,
    count(*) as interactions,
    count(*) filter (revises is not null) as revisions,
    min(occurred_at) as oldest_at,
    min(case
        when verb in ('revert', 'moderate') then occurred_at - interval 48 hours
        when verb = 'attend' then coalesce(started_at, occurred_at - interval 12 hours)
        else occurred_at
    end) as touches_at
from landing.main.interactions
where batch = ? and ? > 0
group by all
"""
_MALFORMED = """
insert into landing.main.malformed
select ? as topic, partition, "offset", why, ? as landed_at, ? as batch from malformed_found
"""

_STAGE_CHUNKS = f"""
create or replace temp table parsed as
select partition, "offset", value,
    try(from_json(value, {quoted(json.dumps({"partition": "INTEGER", "records": [_RECORD]}))})) as said
from given
"""
_STRAY_CHUNKS = """
create or replace temp table malformed_found as
select
    partition,
    "offset",
    case when value is null then 'no text' when said is null then 'not JSON' else 'no outcomes' end as why
from parsed
where not coalesce(
    said.partition is not null and len(list_filter(said.records, lambda r: r."offset" is null or r.verdict is null)) = 0,
    false
)
"""
_SAID_OUTCOMES = """
create or replace temp table said as
with records as (
    select said.partition as raw_partition, "offset" as chunk_offset, unnest(said.records) as record
    from parsed
    anti join malformed_found using (partition, "offset")
)
select raw_partition, chunk_offset, record."offset" as raw_offset, unnest(record)
from records
"""
_LAST_OUTCOMES = """
create or replace temp table told as
select * exclude ("offset")
from said
qualify row_number() over (
    partition by raw_partition, raw_offset order by normaliser_version desc, chunk_offset desc
) = 1
"""
_OUTCOMES_KNOWN = """
create or replace temp table known as
select
    raw_partition,
    raw_offset,
    (told.normaliser_version, told.chunk_offset) > (landed.normaliser_version, landed.chunk_offset)
        and (told.normaliser_version, told.verdict, told.reason, told.detail, told.interactions, told.accounts, told.space)
            is distinct from (
                landed.normaliser_version, landed.verdict, landed.reason, landed.detail, landed.interactions, landed.accounts,
                landed.space
            ) as later
from told
join landing.main.outcomes as landed using (raw_partition, raw_offset)
where landed.raw_offset between (select min(raw_offset) from told) and (select max(raw_offset) from told)
"""
_DELETE_OUTCOMES = """
delete from landing.main.outcomes
where (raw_partition, raw_offset) in (select (raw_partition, raw_offset) from known where later)
"""
_INSERT_OUTCOMES = """
insert into landing.main.outcomes by name
select told.*, ? as landed_at, ? as batch
from told
anti join (from known where not later) using (raw_partition, raw_offset)
"""

_TOPICS = (
    _Topic(INTERACTIONS.name, (_STAGE_INTERACTIONS, _STRAY_INTERACTIONS, _AGAIN), _insert_interactions),
    _Topic(OUTCOMES.name, (_STAGE_CHUNKS, _STRAY_CHUNKS, _SAID_OUTCOMES, _LAST_OUTCOMES), _insert_outcomes),
)
