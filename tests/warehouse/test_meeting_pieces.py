"""Meetings in pieces, the week of a meeting, connections, hosts who never came, and attendees without a name."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse.landing_rows import add, build_tables, came, empty, land, met, moment, revised, rows, went

AS_OF = "2024-03-25"
DAY = "2024-01-03 "
FIRST_WEEK = date(2024, 1, 1)


@pytest.fixture
def con(shared_con):
    empty(shared_con)
    return shared_con


def piece(name, begins, ends, *actors, day=DAY):
    """A piece of a meeting: the first of the actors hosts it, all are there from its beginning to its end."""
    hosted = met(actors[0], day + begins, "host", name, event_id=f"h{name}", started_at=day + begins)
    ended = revised(hosted, "edit", started_at=None, ended_at=moment(day + ends))
    edges = [
        edge(actor, day + at, object_id=name, connection=f"{actor}1")
        for actor in actors
        for edge, at in ((came, begins), (went, ends))
    ]
    return [hosted, ended, *edges]


def meetings(con):
    return [
        (row["pieces"], str(row["started_at"])[11:16], str(row["ended_at"])[11:16], row["attendees"], row["hosts"])
        for row in rows(con, "from core.meetings order by started_at")
    ]


def test_pieces_less_than_half_an_hour_apart_are_one_meeting_with_the_host_of_the_first(con):
    land(con, *piece("a", "10:00", "10:20", "hal", "ana", "ben"), *piece("b", "10:49", "11:00", "ana", "ben"))
    build_tables(con, AS_OF)
    assert meetings(con) == [(2, "10:00", "11:00", 3, 2)]
    assert {r["member"]: (r["minutes"], r["hosted"]) for r in rows(con, "core.attendance")} == {
        "hal": (20, True), "ana": (31, True), "ben": (31, False),
    }  # fmt: skip


def test_pieces_half_an_hour_apart_are_two_meetings(con):
    land(con, *piece("a", "10:00", "10:20", "hal", "ana"), *piece("b", "10:50", "11:00", "hal", "ana"))
    build_tables(con, AS_OF)
    assert meetings(con) == [(1, "10:00", "10:20", 2, 1), (1, "10:50", "11:00", 2, 1)]


def test_pieces_of_two_series_are_two_meetings(con):
    other = [row | {"space": "other"} for row in piece("b", "10:25", "11:00", "hal", "ana")]
    land(con, *piece("a", "10:00", "10:20", "hal", "ana"), *other)
    build_tables(con, AS_OF)
    assert [pieces for pieces, *_ in meetings(con)] == [1, 1]


@pytest.mark.parametrize(("zone", "week"), [("UTC", FIRST_WEEK), ("Asia/Tokyo", FIRST_WEEK + timedelta(days=7))])
def test_everybody_is_in_the_week_in_which_the_meeting_begins_in_the_communitys_time_zone(con, zone, week):
    add(con, "communities", [{"community": "c", "title": "C", "origin": "organic", "time_zone": zone, "charter_beat_days": 7}])
    hosted = met("hal", "2024-01-07 23:30", "host", "a", event_id="h", started_at="2024-01-07 23:30")
    late = [came("ana", "2024-01-08 00:10", object_id="a"), met("ana", "2024-01-08 00:20", "present", "a")]
    land(con, hosted, came("hal", "2024-01-07 23:30", object_id="a"), *late)
    build_tables(con, AS_OF)
    for table in ("member_weeks", "attendance", "meetings"):
        assert rows(con, f"select distinct week from core.{table}") == [{"week": week}]


def minutes(con, *landed, ended="11:00"):
    hosted = met("hal", DAY + "10:00", "host", event_id="h", started_at=DAY + "10:00")
    end = [revised(hosted, "edit", started_at=None, ended_at=moment(DAY + ended))] if ended else []
    land(con, hosted, *end, *landed)
    build_tables(con, AS_OF)
    return {row["member"]: row["minutes"] for row in rows(con, "core.attendance")}


def on(connection, joined=None, left=None, actor="ana", **given):
    edges = [came(actor, DAY + joined, connection=connection, event_id=f"{connection}i{joined}", **given)] if joined else []
    return edges + ([went(actor, DAY + left, connection=connection, event_id=f"{connection}o{left}", **given)] if left else [])


def test_a_tablet_that_stays_keeps_its_owner_in_the_meeting(con):
    assert minutes(con, *on("1", "10:00", "10:10"), *on("2", "10:05", "11:00"), *on("3", "10:40", "10:50")) == {"ana": 60}


def test_a_lost_leave_ends_with_the_connection_that_came_after_it(con):
    assert minutes(con, *on("1", "10:00"), *on("2", "10:20", "10:40")) == {"ana": 40}


def test_a_lost_leave_of_the_last_connection_lasts_until_the_end(con):
    assert minutes(con, *on("1", "10:00", "10:10"), *on("2", "10:05")) == {"ana": 60}


def test_without_a_stated_end_an_open_connection_has_unknown_minutes(con):
    assert minutes(con, *on("1", "10:00"), *on("2", "10:03", "10:05", actor="ben"), ended=None) == {"ana": None, "ben": 2}
    row = rows(con, "core.meetings")[0]
    assert (row["ended_at"], row["unknown_minutes"], row["attendees"]) == (None, 1, 2)


def test_a_lost_join_counts_from_the_beginning_that_the_platform_states(con):
    states = {"meeting_started_at": DAY + "09:30"}
    land(con, *on("1", None, "10:00", **states), *on("2", "09:50", "10:10", "ben"))
    build_tables(con, AS_OF)
    assert {r["member"]: r["minutes"] for r in rows(con, "core.attendance")} == {"ana": 30, "ben": 20}


def test_a_lost_join_of_a_meeting_whose_beginning_nobody_states_is_unknown(con):
    land(con, *on("1", None, "10:00"), *on("2", "09:50", "10:10", "ben"))
    build_tables(con, AS_OF)
    assert {r["member"]: r["minutes"] for r in rows(con, "core.attendance")} == {"ana": None, "ben": 20}


def test_a_connection_is_one_person_whatever_its_name(con):
    renamed = on("1", None, "10:40", actor="ana (she)")
    assert minutes(con, *on("1", "10:00"), *renamed) == {"ana": 40}
    assert rows(con, "select count(distinct member) as people from core.interactions where verb = 'attend'") == [{"people": 1}]


def test_a_phone_that_gives_its_owners_name_later_is_the_owner(con):
    anonymous = on("1", "10:00", actor="connection", actor_kind="anonymous")
    assert minutes(con, *anonymous, *on("1", None, "10:40")) == {"ana": 40}


def test_anonymous_attendees_count_in_the_meeting_and_nowhere_else(con):
    phones = [edge for n in "12" for edge in on(n, "10:00", "11:00", actor=f"phone{n}", actor_kind="anonymous")]
    assert minutes(con, *on("3", "10:00", "11:00"), *phones) == {"ana": 60}
    row = rows(con, "core.meetings")[0]
    assert (row["attendees"], row["anonymous"]) == (3, 2)
    assert [r["member"] for r in rows(con, "core.member_weeks")] == ["ana"]


def test_a_host_who_never_came_is_no_attendee_and_contributed_nothing(con):
    assert minutes(con, *on("1", "10:00", "11:00")) == {"ana": 60}
    assert rows(con, "select is_contribution from core.interactions where verb = 'host'") == [{"is_contribution": False}]
    assert rows(con, "core.meetings")[0]["started_at"] == moment(DAY + "10:00")


def test_a_host_counts_where_nobody_elses_coming_is_seen(con):
    assert minutes(con) == {"hal": None}


_CLOCK = st.integers(0, 59).map(lambda minute: f"10:{minute:02}")
_CONNECTIONS = st.dictionaries(st.sampled_from("12345"), st.tuples(_CLOCK, _CLOCK).map(sorted), min_size=1)


@settings(max_examples=25, deadline=None)
@given(connections=_CONNECTIONS, data=st.data())
def test_minutes_are_the_union_of_the_connections_in_whatever_order_edges_arrive(shared_con, connections, data):
    edges = [edge for name, (joined, left) in connections.items() for edge in on(name, joined, left)]
    arrived = data.draw(st.permutations(edges))
    empty(shared_con)
    inside = {m for joined, left in connections.values() for m in range(int(joined[3:]), int(left[3:]))}
    assert minutes(shared_con, *arrived) == {"ana": len(inside)}
