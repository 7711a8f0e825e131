"""Landing: what the stream worker understood, from Kafka into DuckDB; rows and offsets are committed in one transaction.

A record of these topics that is not what the contract says (another program's JSON, for example) is a malformed record: its
place and the reason are stored, its bytes are not, and landing continues.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import perf_counter

import duckdb
import pyarrow as pa

from events.errors import GuildhallError
from events.topics import INTERACTIONS, OUTCOMES
from warehouse.db import integer, transaction
from warehouse.failpoint import failpoint
from warehouse.landing import interactions, outcomes
from warehouse.landing.batch import Batch, Landed, LandedTopic
from warehouse.landing.consumer import CHUNK_RECORDS, Chunk, Log, check, first_offsets, look, read

Progress = Callable[[str, int], None]
"""Called with a topic and the number of its records landed so far."""
TOPICS = (
    LandedTopic(INTERACTIONS.name, interactions.STAGE, interactions.insert),
    LandedTopic(OUTCOMES.name, outcomes.STAGE, outcomes.insert),
)
_GIVEN = pa.schema({"value": pa.string(), "partition": pa.int32(), "offset": pa.int64()})


class LandingError(GuildhallError):
    """The landing file is not as this landing left it."""


def land(
    con: duckdb.DuckDBPyConnection,
    bootstrap: str,
    now: datetime,
    *,
    progress: Progress = lambda _topic, _records: None,
    batch_records: int = CHUNK_RECORDS,
) -> Landed:
    """Land interactions and outcomes up to the topics' ends as of this call.

    `con` is of `warehouse.db.open_files`; `now` is naive UTC and becomes `landed_at`. What landed before an error, or before
    process died, stays, and the next call continues behind it. Raises ConsumeError (Kafka does not have the next records) and
    LandingError (another process landed the same records).
    """
    began = perf_counter()
    landed = Landed()
    for topic in TOPICS:
        log = look(bootstrap, topic.name)
        offsets = begin_at(con, log)
        done = 0
        for chunk in _read_ahead(read(bootstrap, log, offsets, records=batch_records)):
            failpoint("landing-read")
            for batch in land_in_parts(con, log, chunk, offsets, now, topic):
                landed.add(batch)
            offsets = offsets | chunk.ends
            done += chunk.records
            progress(topic.name, done)
    landed.seconds = perf_counter() - began
    return landed


def _read_ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks, and read the next one in a thread while this one lands; only one, so memory is bounded."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, chunks, None)
        while chunk := coming.result():
            coming = pool.submit(next, chunks, None)
            yield chunk


def begin_at(con: duckdb.DuckDBPyConnection, log: Log) -> dict[int, int]:
    """Return the offset to read next, by partition. A partition that was never read gets a row, at its first record."""
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
    """Continue behind records that Kafka deleted before they were landed; returns how many were given up, by topic.

    Only a person who has read the error of `consumer.check` asks for this (`guildhall land --accept-gap`).
    """
    lost: dict[str, int] = {}
    for topic in (landed.name for landed in TOPICS):
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


def land_in_parts(
    con: duckdb.DuckDBPyConnection, log: Log, chunk: Chunk, offsets: Mapping[int, int], now: datetime, topic: LandedTopic
) -> Iterator[Batch]:
    """Land a chunk in one transaction; where memory does not suffice, in halves, and these in halves, down to one."""
    try:
        batch = land_chunk(con, log, chunk, offsets, now, topic)
    except duckdb.OutOfMemoryException:
        if chunk.records < 2:  # noqa: PLR2004 - a record cannot be divided
            raise
        first, second = chunk.halves()
        yield from land_in_parts(con, log, first, offsets, now, topic)
        yield from land_in_parts(con, log, second, {**offsets, **first.ends}, now, topic)
    else:
        yield batch


def land_chunk(
    con: duckdb.DuckDBPyConnection, log: Log, chunk: Chunk, offsets: Mapping[int, int], now: datetime, topic: LandedTopic
) -> Batch:
    """Land a chunk in one transaction: rows, malformed records, the batch, the offsets. When it raises, nothing has landed."""
    # In pieces: DuckDB reads an Arrow table by its record batches, and one thread reads one batch.
    con.register("given", pa.Table.from_batches([_as_text(piece) for piece in chunk.pieces], _GIVEN))
    try:
        # Staged before the transaction: the temporary tables are not part of what has to be committed as a whole.
        for statement in topic.stage:
            con.execute(statement)
        failpoint("landing-staged")
        with transaction(con):
            number = integer(con, "select coalesce(max(batch), 0) + 1 from landing.main.batches")
            batch = topic.insert(con, now, number, chunk.records)
            con.execute(_MALFORMED, [log.topic, now, number])
            con.execute(
                "insert into landing.main.batches values (?, ?, ?, ?, ?, ?, ?)",
                [
                    number,
                    log.topic,
                    now,
                    batch.records,
                    batch.added,
                    batch.duplicates + batch.outcome_duplicates,
                    batch.malformed,
                ],
            )
            failpoint("landing-inserted")
            _move(con, log, offsets, chunk.ends)
            failpoint("landing-moved")
        failpoint("landing-committed")
    finally:
        con.unregister("given")
    return batch


_MALFORMED = """
insert into landing.main.malformed
select ? as topic, partition, "offset", why, ? as landed_at, ? as batch from malformed_records
"""


def _as_text(piece: pa.RecordBatch) -> pa.RecordBatch:
    """Return the piece with its values as text; a value that is not UTF-8 becomes null."""
    value = piece.column("value")
    try:
        text = value.cast(pa.string())
    except pa.ArrowInvalid:
        text = pa.array([_decoded(one) for one in value.to_pylist()], pa.string())
    return pa.record_batch([text, *piece.columns[1:]], _GIVEN)


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _move(con: duckdb.DuckDBPyConnection, log: Log, offsets: Mapping[int, int], ends: Mapping[int, int]) -> None:
    """Move the offsets from where this landing read them. When they are elsewhere, another process has landed: LandingError."""
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
                "Another process has landed the same records.",
                f"{log.topic}, partition {partition}, is no longer at {offsets[partition]}.",
                "Make sure that one refresher runs; nothing was landed twice.",
            )
