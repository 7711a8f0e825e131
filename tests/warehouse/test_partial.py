"""Partial builds: a named table is built from what is there, shows the moment of the others, and leaves stale what was stale."""

# ruff: noqa: DTZ001 - the warehouse speaks naive UTC

import sys
from datetime import datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "dagster_project"))
from small import small_catalog

from events.errors import GuildhallError
from warehouse.build import meta
from warehouse.build.catalog import order
from warehouse.build.model import read_model
from warehouse.build.partial import PartialBuildError, build_tables
from warehouse.build.staleness import stale
from warehouse.db import open_memory

BUILT_AT, LATER = datetime(2026, 2, 4, 12), datetime(2026, 2, 4, 12, 40)
COUNTS = "metrics.action_counts"


@pytest.fixture
def models(tmp_path):
    return small_catalog(tmp_path)


@pytest.fixture
def con():
    con = open_memory()
    meta.prepare(con)
    for slug in ("bakers", "gardeners"):
        con.execute("insert into landing.communities (community, title) values (?, ?)", [slug, slug])
    act(con, "bakers", 2, batch=1)
    act(con, "gardeners", 3, batch=1)
    yield con
    con.close()


def act(con, community, number, batch, at=datetime(2026, 2, 3)):
    con.execute(
        "insert into landing.interactions (community, event_id, actor, occurred_at, batch)"
        " select ?, ? || ' ' || i, 'x', ?, ? from range(?) as t(i)",
        [community, f"batch {batch}", at, batch, number],
    )
    con.execute("insert into landing.batches (batch) values (?)", [batch])
    con.execute(
        "insert into landing.arrivals (batch, community, interactions, revisions, touches_at) values (?, ?, ?, 0, ?)",
        [batch, community, number, at],
    )


def everything(con, models, **narrowed):
    return build_tables(con, models, [model.table for model in models], BUILT_AT, **narrowed)


def counts(con):
    return dict(con.execute(f"select community, actions from warehouse.{COUNTS} order by 1").fetchall())


def test_all_tables_together_make_every_community_up_to_date(con, models):
    made = everything(con, models)
    assert made.communities == ("bakers", "gardeners")
    assert counts(con) == {"bakers": 2, "gardeners": 3}
    assert not stale(con, models, BUILT_AT)


def test_one_table_is_built_from_the_others_as_they_are_and_stays_stale(con, models):
    everything(con, models)
    act(con, "gardeners", 4, batch=2)
    con.execute(f"delete from warehouse.{COUNTS}")
    made = build_tables(con, models, [COUNTS], LATER)
    assert list(made.rows) == [COUNTS]
    assert counts(con) == {"bakers": 2, "gardeners": 3}
    assert stale(con, models, LATER).open_week == ("gardeners",)


def test_a_table_shows_the_moment_of_its_communitys_other_tables(con, models, tmp_path):
    path = tmp_path / "core" / "moments.sql"
    path.write_text(
        "/*\nsummary: Moments.\ngrain: [community]\nreads: [landing.communities]\n"
        "columns: {community: the community, as_of: the moment}\n*/\n"
        "select community, as_of from building join landing.communities using (community)\n"
    )
    models = order([*models, read_model(path)])
    everything(con, models)
    con.execute("update warehouse.meta.built set as_of = ? where community = 'bakers'", [datetime(2026, 2, 4, 9)])
    build_tables(con, models, ["core.moments"], LATER)
    shown = dict(con.execute("select * from warehouse.core.moments").fetchall())
    assert shown == {"bakers": datetime(2026, 2, 4, 9), "gardeners": BUILT_AT}


def test_a_community_narrows_the_build_and_the_others_keep_their_rows(con, models):
    everything(con, models)
    con.execute(f"update warehouse.{COUNTS} set actions = 99")
    build_tables(con, models, [COUNTS], LATER, community="bakers")
    assert counts(con) == {"bakers": 2, "gardeners": 99}


def test_a_community_that_was_never_built_is_left_out(con, models):
    everything(con, models, community="bakers")
    made = build_tables(con, models, [COUNTS], LATER)
    assert made.communities == ("bakers",)


def test_a_table_without_the_tables_it_reads_is_refused_with_their_name(con, models):
    with pytest.raises(PartialBuildError, match=r"core\.actions, which was never built"):
        build_tables(con, models, [COUNTS], LATER)


def test_names_that_do_not_exist_are_refused(con, models):
    with pytest.raises(PartialBuildError, match=r"no table `core\.nothing`"):
        build_tables(con, models, ["core.nothing"], LATER)
    with pytest.raises(PartialBuildError, match="no community `brewers`"):
        everything(con, models, community="brewers")


def test_a_table_with_new_columns_is_not_built_for_one_community_of_two(con, models, tmp_path):
    everything(con, models)
    path = tmp_path / "metrics" / "action_counts.sql"
    text = path.read_text().replace("people: how many people", "people: how many people, more: one more")
    path.write_text(text.replace("as people\nfrom", "as people, 1 as more\nfrom"))
    changed = order([*(m for m in models if m.table != COUNTS), read_model(path)])
    with pytest.raises(GuildhallError, match="columns changed"):
        build_tables(con, changed, [COUNTS], LATER, community="bakers")
    assert counts(con) == {"bakers": 2, "gardeners": 3}
    build_tables(con, changed, [COUNTS], LATER)
    assert counts(con) == {"bakers": 2, "gardeners": 3}


def test_the_checks_of_a_built_table_are_recorded_and_no_others(con, models):
    everything(con, models)
    act(con, "gardeners", 2, batch=2)
    build_tables(con, models, ["core.actions"], LATER)
    checked = dict(con.execute('select "table", max(checked_at) from warehouse.meta.checks group by all').fetchall())
    assert checked == {"core.actions": LATER, COUNTS: BUILT_AT, "reports.action_shares": BUILT_AT}
