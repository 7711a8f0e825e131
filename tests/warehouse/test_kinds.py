"""Kinds of accounts: a bot is a bot in all of its records, however late it is known."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.identity import actor_id
from tests.warehouse import wire
from tests.warehouse.wire import KEY, MONDAY, interaction
from warehouse.db import open_memory
from warehouse.identity.kinds import sync_kinds

NOW = (MONDAY + timedelta(days=2)).replace(tzinfo=UTC)
LISTED = ("slack", "T1", "U-SWEEP")


def kinds(con) -> list[tuple]:
    return con.execute("from landing.main.kinds order by actor").fetchall()


def landed(con, *rows: tuple[str, str]) -> None:
    con.executemany(
        "insert into landing.main.interactions (community, actor, actor_kind) values ('gardeners', ?, ?)", list(rows)
    )


@pytest.fixture
def con():
    opened = open_memory()
    yield opened
    opened.close()


def test_a_flag_seen_once_holds_for_the_account(con):
    landed(con, ("a", "human"), ("a", "bot"), ("b", "human"))
    sync_kinds(con, [], {}, MONDAY)
    assert kinds(con) == [("a", "bot", "platform")]


def test_the_settings_list_comes_before_what_looks_like_a_person(con):
    landed(con, ("a", "human"))
    sync_kinds(con, ["a"], {}, MONDAY)
    assert kinds(con) == [("a", "bot", "settings")]


def test_the_kind_that_the_platform_reports_of_an_account_holds_for_its_interactions(con):
    landed(con, ("a", "human"))
    sync_kinds(con, [], {"a": "system"}, MONDAY)
    assert kinds(con) == [("a", "system", "platform")]


def test_a_change_names_the_communities_where_the_account_is_known(con):
    landed(con, ("a", "human"))
    con.execute("insert into landing.main.people values ('gardeners', 'a', 'm1'), ('bakers', 'b', 'm2')")
    assert sync_kinds(con, ["a"], {}, MONDAY) == ("gardeners",)
    assert sync_kinds(con, ["a"], {}, MONDAY) == ()
    assert sync_kinds(con, [], {}, MONDAY) == ("gardeners",)
    touched = con.execute("select distinct community, touches_at from landing.main.arrivals").fetchall()
    assert touched == [("gardeners", datetime(1970, 1, 1))], "the community is built again whole"  # noqa: DTZ001 - naive UTC


@settings(max_examples=40, deadline=None)
@given(
    flags=st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["human", "bot", "system", "anonymous"])), max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_records_changes_nothing(flags, order):
    found = []
    for _ in range(2):
        con = open_memory()
        if flags:
            landed(con, *flags)
        sync_kinds(con, [], {}, MONDAY)
        found.append(kinds(con))
        con.close()
        order.shuffle(flags)
    assert found[0] == found[1]


def test_a_bot_listed_late_is_a_bot_in_every_record_as_if_it_had_been_listed_first(tmp_path):
    bot = actor_id(KEY, *LISTED)
    values = [interaction(n, actor=bot if n % 2 else "actor-0") for n in range(1, 9)]

    def built(home, *lists) -> list[tuple]:
        for bots in lists:
            with wire.warehouse(home, models=None, bots=bots) as kept:
                if not kept.con.execute("select count(*) from landing.main.interactions").fetchone()[0]:
                    wire.put(kept, values)
                kept.sync_settings([], NOW)
                kept.build(NOW)
                found = kept.con.execute(
                    "select event_id, actor_kind from warehouse.core.interactions order by event_id"
                ).fetchall()
        return found

    late = built(tmp_path / "late", frozenset(), frozenset({LISTED}))
    assert late == built(tmp_path / "first", frozenset({LISTED}))
    assert {kind for _, kind in late} == {"bot", "human"}
    undone = built(tmp_path / "undone", frozenset({LISTED}), frozenset())
    assert {kind for _, kind in undone} == {"human"}
