"""Incremental builds: tables built step by step equal tables built at once; the order in which records landed does not matter.

Tables are compared by count, sum and xor of row hashes, whatever tables the catalog has.
"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.warehouse.histories import BEGIN, MINUTES, PEOPLE, at, histories
from tests.warehouse.landing_rows import add, empty, land, posted
from warehouse.build.build import build
from warehouse.build.catalog import catalog
from warehouse.build.staleness import BUILT, fingerprint, last_batch, remember, settings_fingerprints, stale
from warehouse.db import open_memory
from warehouse.landing.interactions import ARRIVALS
from warehouse.landing.tables import LANDING_TABLES

COMMUNITIES = ("c", "d")
END = BEGIN + timedelta(minutes=MINUTES)
# No shrinking: an example is a dozen builds; @seed and a smaller size of history find the rest.
SLOW = settings(
    deadline=None, max_examples=5, phases=(Phase.explicit, Phase.reuse, Phase.generate), suppress_health_check=list(HealthCheck)
)


class Tables:
    """Both files in memory, reused by all examples because creating the tables takes longer than filling them."""

    def __init__(self):
        self.con = open_memory()
        self.con.execute("create schema if not exists warehouse.meta")
        self.con.execute(BUILT)

    def clear(self):
        empty(self.con)
        for schema, table in self.con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse'"
        ).fetchall():
            self.con.execute(f"delete from warehouse.{schema}.{table}")
        add(
            self.con,
            "communities",
            [{"community": slug, "title": slug, "charter_beat_days": days} for slug, days in (("c", None), ("d", 28))],
        )
        add(
            self.con,
            "breaks",
            [{"community": "c", "starts_at": BEGIN + timedelta(days=14), "ends_at": BEGIN + timedelta(days=21)}],
        )
        add(self.con, "people", [{"community": slug, "actor": who, "member": who} for slug in COMMUNITIES for who in PEOPLE])

    def land(self, rows, batch):
        """Land as one batch, each (event, content) once, as warehouse.landing does."""
        known = set(self.con.execute("select event_id, content_hash from landing.main.interactions").fetchall())
        fresh = {
            (row["event_id"], row["content_hash"]): row for row in rows if (row["event_id"], row["content_hash"]) not in known
        }
        land(self.con, *(row | {"batch": batch} for row in fresh.values()))
        self.con.execute("insert into landing.main.batches (batch) values (?)", [batch])
        self.con.execute(ARRIVALS, [batch, batch, len(fresh)])

    def build(self, as_of, slugs=COMMUNITIES, since=None):
        built = build(self.con, catalog(), slugs, as_of, since=since)
        failed = [check for check in built.checks if check.failures and check.severity == "error"]
        assert not failed, failed

    def refresh(self, as_of):
        """What the warehouse does after landing."""
        batch, fingerprints = last_batch(self.con), settings_fingerprints(self.con, fingerprint(catalog()))
        wanted = stale(self.con, catalog(), as_of)
        for slugs, since in ((wanted.whole, None), (wanted.open_week, wanted.since)):
            if slugs:
                self.build(as_of, slugs, since)
                remember(self.con, slugs, batch, as_of, fingerprints)
        return wanted

    def hashes(self):
        """Table -> (rows, sum and xor of their hashes); shares and seconds to nine places, because sums depend on order."""
        found = {}
        for model in (model for model in catalog() if model.header.published):
            columns = self.con.execute(f"describe warehouse.{model.table}").fetchall()
            row = ", ".join(
                f'round("{name}", 9)' if kind in ("DOUBLE", "FLOAT") else f'"{name}"' for name, kind, *_ in sorted(columns)
            )
            found[model.table] = self.con.execute(
                f"select count(*), sum(hash({row})::hugeint), bit_xor(hash({row})) from warehouse.{model.table}"
            ).fetchone()
        return found


@pytest.fixture(scope="module")
def one():
    return Tables()


@pytest.fixture(scope="module")
def other():
    return Tables()


def differing(a, b):
    return [table for table in a if a[table] != b[table]]


@SLOW
@given(rows=histories(), data=st.data())
def test_order_duplicates_and_batches_of_landing_change_no_table(one, other, rows, data):
    shuffled = data.draw(st.permutations(rows)) + data.draw(st.lists(st.sampled_from(rows), max_size=5))
    cut = data.draw(st.integers(0, len(shuffled)))
    for tables, batches in ((one, [rows]), (other, [shuffled[:cut], shuffled[cut:]])):
        tables.clear()
        for number, batch in enumerate(batches, start=1):
            tables.land(batch, number)
        tables.build(END)
    assert differing(one.hashes(), other.hashes()) == []


@SLOW
@given(rows=histories(), data=st.data())
def test_built_step_by_step_is_built_at_once(one, other, rows, data):
    moments = sorted(data.draw(st.lists(st.integers(10_080, MINUTES), min_size=2, max_size=4)))
    # Records arrive when they happen, or later; never before.
    lateness = [data.draw(st.one_of(st.just(0), st.just(0), st.integers(0, MINUTES))) for _ in rows]
    waiting = [(row["occurred_at"] + timedelta(minutes=late), row) for late, row in zip(lateness, rows, strict=True)]
    one.clear()
    landed = []
    for batch, minute in enumerate(moments, start=1):
        as_of = at(minute)
        coming = [row for when, row in waiting if when < as_of]
        waiting = [(when, row) for when, row in waiting if when >= as_of]
        again = data.draw(st.lists(st.sampled_from(landed), max_size=2)) if landed else []
        one.land(coming + again, batch)
        landed += coming
        one.refresh(as_of)
    one.build(as_of, since=stale(one.con, catalog(), as_of).since)  # tables about now are about one moment
    other.clear()
    other.land(landed, 1)
    other.build(as_of)
    assert differing(one.hashes(), other.hashes()) == []


def test_one_more_day_touches_only_the_tables_about_the_open_week(one):
    one.clear()
    one.land([posted("ana", at(60), event_id="1")], 1)
    one.refresh(at(1440))
    one.land([posted("ben", at(1500), event_id="2")], 2)
    wanted = one.refresh(at(2880))
    assert (wanted.whole, wanted.open_week) == ((), COMMUNITIES)
    assert one.con.execute("select count(*) from warehouse.core.interactions").fetchone() == (2,)


def test_a_record_that_contradicts_one_of_a_closed_week_builds_the_community_whole(one):
    one.clear()
    row = posted("ana", at(60), event_id="1")
    one.land([row, posted("ben", at(10_100))], 1)
    one.refresh(at(10_200))
    again = row | {"occurred_at": at(10_150), "normaliser_version": 2}
    one.land([again | {"content_hash": 1}], 2)
    assert one.refresh(at(10_300)).whole == ("c",)
    assert one.con.execute("select count(*) from warehouse.core.interactions where event_id = '1'").fetchone() == (1,)


def test_every_landing_table_is_cleared_between_examples(one):
    one.clear()
    kept = {t for t in LANDING_TABLES if one.con.execute(f"select count(*) from landing.main.{t}").fetchone() != (0,)}
    assert kept == {"communities", "breaks", "people"}
