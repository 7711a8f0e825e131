"""Meetings and who was there."""

import pytest

from tests.warehouse.landing_rows import build_tables, came, empty, land, met, moment, revised, rows, went

AS_OF = "2024-03-25"
DAY = "2024-01-03 "


@pytest.fixture
def con(shared_con):
    empty(shared_con)
    return shared_con


def minutes(con, *landed, people=None):
    """Minutes of each member, of a meeting hosted from 10:00 to 11:00."""
    hosted = met("host", DAY + "10:00", "host", event_id="h", started_at=DAY + "10:00")
    ended = revised(hosted, "edit", started_at=None, ended_at=moment(DAY + "11:00"))
    land(con, hosted, ended, *at("host", "10:00", "11:00"), *landed, people=people)
    build_tables(con, AS_OF)
    return {row["member"]: row["minutes"] for row in rows(con, "core.attendance") if row["member"] != "host"}


def at(actor, joined, left=None):
    return [came(actor, DAY + joined), *([went(actor, DAY + left)] if left else [])]


def test_a_join_and_a_leave_are_the_minutes_between(con):
    assert minutes(con, *at("ana", "10:05", "10:45")) == {"ana": 40}


def test_reconnecting_leaves_out_the_time_away(con):
    assert minutes(con, *at("ana", "10:00", "10:20"), *at("ana", "10:30", "10:40")) == {"ana": 30}


def test_reconnecting_in_the_same_second_leaves_out_nothing(con):
    assert minutes(con, *at("ana", "10:00", "10:20"), *at("ana", "10:20", "10:40")) == {"ana": 40}


def test_two_devices_are_one_person(con):
    assert minutes(con, *at("ana", "10:00", "10:40"), *at("ana", "10:10", "10:50")) == {"ana": 50}


def test_two_accounts_of_one_person_are_one_person(con):
    assert minutes(
        con, *at("ana", "10:00", "10:20"), *at("ana-phone", "10:10", "10:30"), people={"ana": "m", "ana-phone": "m"}
    ) == {"m": 30}


def test_a_join_without_its_leave_lasts_until_the_meetings_end(con):
    assert minutes(con, *at("ana", "10:15")) == {"ana": 45}


def test_a_leave_without_its_join_counts_from_the_meetings_beginning(con):
    assert minutes(con, went("ana", DAY + "10:15")) == {"ana": 15}


def test_without_a_word_of_its_end_a_meeting_ends_with_its_last_sign(con):
    land(con, *at("ana", "10:00"), *at("ben", "10:10", "10:50"))
    build_tables(con, AS_OF)
    assert {row["member"]: row["minutes"] for row in rows(con, "core.attendance")} == {"ana": 50, "ben": 40}
    meeting = rows(con, "core.meetings")[0]
    assert (meeting["started_at"], meeting["ended_at"]) == (moment(DAY + "10:00"), moment(DAY + "10:50"))


def test_an_edge_that_knows_both_ends_is_a_stretch_and_stretches_are_merged(con):
    def stretch(joined, left):
        return met("ana", DAY + joined, event_id=f"{joined}-{left}", started_at=DAY + joined, ended_at=DAY + left)

    assert minutes(
        con, stretch("10:00", "10:30"), stretch("10:05", "10:10"), stretch("10:15", "10:20"), stretch("10:40", "10:50")
    ) == {"ana": 40}


def test_nobody_gains_from_the_same_stay_reported_twice(con):
    stretch = met("ana", DAY + "10:00", event_id="s", started_at=DAY + "10:00", ended_at=DAY + "10:30")
    assert minutes(con, stretch, *at("ana", "10:00", "10:30")) == {"ana": 30}


def test_whoever_spoke_was_there_for_nobody_knows_how_long(con):
    assert minutes(con, met("ana", DAY + "10:30", "speak")) == {"ana": None}
    assert [(r["spoke"], r["hosted"]) for r in rows(con, "core.attendance") if r["member"] == "ana"] == [(True, False)]


def test_a_bot_attends_nothing(con):
    assert minutes(con, came("recorder", DAY + "10:00", actor_kind="bot")) == {}


def test_a_meeting_counts_its_people(con):
    minutes(con, *at("ana", "10:00", "10:30"), *at("ben", "10:00", "10:30"), met("ben", DAY + "10:10", "present"))
    meeting = rows(con, "core.meetings")[0]
    assert (meeting["series"], meeting["attendees"], meeting["speakers"], meeting["hosts"]) == ("weekly", 3, 2, 1)
    assert (meeting["started_at"], meeting["ended_at"]) == (moment(DAY + "10:00"), moment(DAY + "11:00"))


def test_attending_is_no_contribution_and_hosting_is_one(con):
    minutes(con, *at("ana", "10:00", "10:30"))
    weeks = {r["member"]: (r["contributions"], r["attendances"], r["hosted"]) for r in rows(con, "core.member_weeks")}
    assert weeks == {"ana": (0, 1, 0), "host": (1, 1, 1)}


def test_two_meetings_in_one_week_are_two_attendances(con):
    minutes(con, *at("ana", "10:00", "10:30"), came("ana", "2024-01-04 10:00", object_id="m2", space="other"))
    assert [r["attendances"] for r in rows(con, "core.member_weeks") if r["member"] == "ana"] == [2]
