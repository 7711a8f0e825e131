"""Landing: an interaction lands once, however often, in whatever order and in whatever batches it is sent."""

import json
from datetime import datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.interaction import Interaction
from tests.warehouse.wire import MONDAY, interaction, outcome
from warehouse.db import open_memory
from warehouse.landing import land
from warehouse.landing.batch import Batch, LandedTopic
from warehouse.landing.consumer import CHUNK_BYTES, FETCH_RECORDS, FIRST_FETCH_RECORDS, Chunk, Log, _fetch_records
from warehouse.landing.interactions import FIELDS
from warehouse.landing.land import LandingError

NOW = MONDAY + timedelta(days=2)


def chunk_of(values: list, partition: int = 0, first: int = 0) -> Chunk:
    texts = [value if isinstance(value, bytes) or value is None else json.dumps(value).encode() for value in values]
    return Chunk.of(texts, partition, first)


def log(topic: LandedTopic) -> Log:
    return Log(topic.name, "topic-id", {0: 0}, {0: 1_000_000})


INTERACTIONS, OUTCOMES = land.TOPICS


def put(con, values: list, topic=INTERACTIONS) -> Batch:
    """Land values without Kafka, from the next offset of partition 0."""
    offsets = land.begin_at(con, log(topic))
    return land.land_chunk(con, log(topic), chunk_of(values, first=offsets[0]), offsets, NOW, topic)


@pytest.fixture
def con():
    con = open_memory()
    yield con
    con.close()


def rows(con, columns="event_id, content_hash, normaliser_version") -> list:
    return con.execute(f"select {columns} from landing.interactions order by all").fetchall()


def test_an_interaction_lands_with_every_column_it_has(con):
    sent = interaction(1, mentions=["x", "y"], thread_id="t", features={"is_question": True, "thanks": False, "version": 1})
    put(con, [sent])
    got = con.execute("select * exclude (content_hash, landed_at, batch) from landing.interactions").fetchone()
    names = [column[0] for column in con.description]
    assert dict(zip(names, got, strict=True)) == sent | {
        "occurred_at": MONDAY + timedelta(minutes=1),
        "mentions": ["x", "y"],
        "refs": [],
    }


def test_the_landing_table_has_the_columns_of_the_contract():
    assert list(FIELDS) == list(Interaction.model_fields), (
        "a field of Interaction is a column of landing.interactions, in its order"
    )


def test_an_interaction_sent_again_lands_once(con):
    put(con, [interaction(1), interaction(2), interaction(1)])
    batch = put(con, [interaction(2), interaction(3)])
    assert len(rows(con)) == 3
    assert (batch.rows, batch.duplicates) == (1, 1)


def test_the_same_action_from_another_raw_record_is_no_conflict(con):
    put(con, [interaction(1)])
    put(con, [interaction(1, raw={"partition": 5, "offset": 99})])
    assert len(rows(con)) == 1


def test_other_content_under_the_same_id_is_another_row(con):
    put(con, [interaction(1), interaction(1, verb="reply")])
    assert len(rows(con)) == 2


def test_a_newer_normaliser_with_the_same_content_renews_the_row(con):
    put(con, [interaction(1)])
    batch = put(con, [interaction(1, normaliser_version=2)])
    put(con, [interaction(1)])
    assert [row[2] for row in rows(con)] == [2]
    assert (batch.rows, batch.renewed, batch.duplicates) == (0, 1, 0)


def test_of_the_same_content_the_newest_capture_stays_in_any_order_of_the_imports(con):
    def captured(day: int, offset: int) -> dict:
        return interaction(1, captured_at=f"2024-05-{day:02}T00:00:00Z", raw={"partition": 0, "offset": offset})

    for order in ([(1, 5), (3, 6), (2, 7)], [(3, 6), (1, 5), (2, 7)], [(3, 9), (3, 6), (1, 1)]):
        con.execute("delete from landing.main.interactions")
        for one in order:
            put(con, [captured(*one)])
        assert rows(con, 'captured_at, raw."offset"') == [(datetime(2024, 5, 3), 6)]  # noqa: DTZ001 - naive UTC
        con.execute("delete from landing.main.interactions")
        put(con, [captured(*one) for one in order])
        assert rows(con, 'captured_at, raw."offset"') == [(datetime(2024, 5, 3), 6)]  # noqa: DTZ001 - naive UTC


def test_an_absent_list_and_an_empty_one_are_the_same_content(con):
    bare = {name: value for name, value in interaction(1).items() if value not in (None, [])}
    put(con, [interaction(1), bare])
    assert len(rows(con)) == 1


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"nonsense", "not JSON"),
        (b"\xff\xfe", "no text"),
        (None, "no text"),
        ([1, 2], "not an interaction"),
        ({"hello": 1}, "not an interaction"),
        (interaction(1) | {"schema_version": 2}, "schema version 2"),
        (interaction(1) | {"verb": "dance"}, "not an interaction"),
        (interaction(1) | {"occurred_at": "yesterday"}, "not an interaction"),
        (b"[" * 5000, "not JSON"),
    ],
)
def test_a_malformed_record_is_listed_with_its_place_and_landing_continues(con, value, why):
    batch = put(con, [interaction(1), value, interaction(2)])
    assert (batch.rows, batch.malformed, batch.duplicates) == (2, 1, 0)
    assert con.execute('select partition, "offset", why from landing.malformed').fetchall() == [(0, 1, why)]


def test_an_outcome_of_a_newer_normaliser_replaces_the_older_one(con):
    put(con, [{"partition": 3, "records": [outcome(0), outcome(1, verdict="rejected", reason="normaliser_failed")]}], OUTCOMES)
    put(con, [{"partition": 3, "records": [outcome(1, normaliser_version=2)]}], OUTCOMES)
    put(con, [{"partition": 3, "records": [outcome(1, verdict="ignored", reason="private")]}], OUTCOMES)
    assert con.execute(
        "select raw_partition, raw_offset, verdict, normaliser_version from landing.outcomes order by all"
    ).fetchall() == [
        (3, 0, "understood", 1),
        (3, 1, "understood", 2),
    ]


def test_of_one_normaliser_version_the_last_outcome_counts(con):
    unmapped = outcome(0, verdict="ignored", reason="unmapped_space", tenant="T1", space="C9")
    put(con, [{"partition": 0, "records": [unmapped]}, {"partition": 0, "records": [outcome(0)]}], OUTCOMES)
    assert con.execute("select verdict from landing.outcomes").fetchall() == [("understood",)]


def test_an_outcome_sent_again_is_one_outcome(con):
    records = {"partition": 0, "records": [outcome(0), outcome(1)]}
    put(con, [records], OUTCOMES)
    batch = put(con, [records, records], OUTCOMES)
    assert (batch.added, batch.outcome_duplicates) == (0, 4)
    assert con.execute("select count(*) from landing.outcomes").fetchone() == (2,)


def test_a_chunk_without_outcomes_is_malformed(con):
    batch = put(
        con, [{"partition": 0, "records": [{"verdict": "understood"}]}, {"hello": 1}, {"partition": 1, "records": []}], OUTCOMES
    )
    assert (batch.malformed, batch.added) == (2, 0)


def test_two_writers_stop_instead_of_landing_twice(con):
    offsets = land.begin_at(con, log(INTERACTIONS))
    land.land_chunk(con, log(INTERACTIONS), chunk_of([interaction(1)]), offsets, NOW, INTERACTIONS)
    with pytest.raises(LandingError, match="Another process"):
        land.land_chunk(con, log(INTERACTIONS), chunk_of([interaction(2)]), offsets, NOW, INTERACTIONS)
    assert len(rows(con)) == 1


VARIANTS = st.tuples(st.integers(1, 4), st.sampled_from(["post", "reply"]), st.integers(1, 3))


@given(st.lists(VARIANTS, min_size=1, max_size=12), st.randoms(use_true_random=False), st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_order_repetition_and_batches_leave_the_same_rows(variants, random, size):
    sent = [interaction(number, verb=verb, normaliser_version=version) for number, verb, version in variants]
    wanted = {}
    for number, verb, version in variants:
        wanted[number, verb] = max(version, wanted.get((number, verb), 0))
    shuffled = sent + random.choices(sent, k=len(sent) // 2)
    random.shuffle(shuffled)
    con = open_memory()
    try:
        for start in range(0, len(shuffled), size):
            put(con, shuffled[start : start + size])
        got = {(int(i.rsplit(":", 1)[1]), v): n for i, v, n in rows(con, "event_id, verb, normaliser_version")}
        assert (len(rows(con)), got) == (len(wanted), wanted)
    finally:
        con.close()


def test_a_landing_that_has_too_little_memory_tries_smaller_parts_and_lands_everything_once(con, monkeypatch):
    def small(con, log, chunk, offsets, now, topic):
        if chunk.size > 3_000:
            raise duckdb.OutOfMemoryException("could not allocate")
        return whole(con, log, chunk, offsets, now, topic)

    whole = land.land_chunk
    monkeypatch.setattr(land, "land_chunk", small)
    chunk = Chunk()
    for number in range(12):
        value = json.dumps(interaction(number)).encode()
        chunk.add([value], [number % 3], [number // 3])
    chunk.move(1, 9)  # the end of a partition, behind its last record
    where = Log(INTERACTIONS.name, "topic-id", dict.fromkeys(range(3), 0), dict.fromkeys(range(3), 9))
    offsets = land.begin_at(con, where)
    batches = list(land.land_in_parts(con, where, chunk, offsets, NOW, INTERACTIONS))
    assert len(batches) > 1
    assert sum(batch.rows for batch in batches) == 12 == len(rows(con))
    assert con.execute("select partition, next_offset from landing.offsets order by all").fetchall() == [(0, 4), (1, 9), (2, 4)]


def test_a_single_record_that_has_too_little_memory_is_the_error_it_was(con, monkeypatch):
    def never(*_):
        raise duckdb.OutOfMemoryException("could not allocate")

    monkeypatch.setattr(land, "land_chunk", never)
    where = log(INTERACTIONS)
    with pytest.raises(duckdb.OutOfMemoryException):
        list(land.land_in_parts(con, where, chunk_of([interaction(1)]), land.begin_at(con, where), NOW, INTERACTIONS))


def test_a_fetch_of_large_records_ends_near_the_limit_of_bytes():
    assert _fetch_records(Chunk(), 0.0) == FIRST_FETCH_RECORDS
    assert _fetch_records(Chunk(), 500.0) == FETCH_RECORDS
    assert _fetch_records(Chunk(), CHUNK_BYTES / 8) == 8
    assert _fetch_records(Chunk(size=CHUNK_BYTES - 1), CHUNK_BYTES / 8) == 1
