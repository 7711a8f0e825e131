"""Weeks, beats, tempo and windows, on the communities' own clocks."""

from datetime import timedelta
from itertools import pairwise

import pytest

from tests.warehouse.landing_rows import add, build_tables, came, edited, empty, land, moment, posted, rows

MONDAY = moment("2024-01-01")
"""Week 0 of these tests."""


def week_after(day):
    return (day - MONDAY.date()).days // 7


@pytest.fixture
def con(shared_con):
    empty(shared_con)
    return shared_con


def meet(weeks, people=3, community="c", what=posted):
    """In each of these weeks so many people write, on the Wednesday."""
    return [
        what(f"p{person}", str(MONDAY + timedelta(weeks=week, days=2, hours=9, minutes=person)), community=community)
        for week in weeks
        for person in range(people)
    ]


def windows(con, weeks, *landed, charter=None, breaks=()):
    """Build at the end of so many weeks; windows by the number of their evaluation's week."""
    add(con, "communities", [{"community": "c", "title": "C", "charter_beat_days": charter}])
    add(
        con,
        "breaks",
        [
            {"community": "c", "starts_at": MONDAY + timedelta(weeks=a), "ends_at": MONDAY + timedelta(weeks=b)}
            for a, b in breaks
        ],
    )
    land(con, *landed)
    build_tables(con, MONDAY + timedelta(weeks=weeks))
    return {(row["window_end"] - MONDAY).days // 7: row for row in rows(con, "from core.windows order by window_end")}


def beats(found):
    return [row["beat_days"] for row in found.values()]


def test_there_is_an_evaluation_on_every_monday_from_the_first_after_the_first_sign(con):
    found = windows(con, 4, *meet([0]))
    assert list(found) == [1, 2, 3, 4]
    assert {row["window_end"].isoweekday() for row in found.values()} == {1}


def test_a_window_of_a_weekly_community_is_twelve_weeks(con):
    last = windows(con, 14, *meet(range(14)))[14]
    assert last["window_start"] == MONDAY + timedelta(weeks=2)
    assert (last["beat_days"], last["n_beats"], last["window_weeks"]) == (7, 12, 12)
    assert (last["alive_beats"], last["counted_beats"]) == (12, 12)


def test_the_open_week_is_in_no_window(con):
    add(con, "communities", [{"community": "c", "title": "C"}])
    land(con, *meet([0, 1]))
    build_tables(con, MONDAY + timedelta(weeks=1, days=4))
    assert [row["window_end"] for row in rows(con, "core.windows")] == [MONDAY + timedelta(weeks=1)]


def test_two_people_do_not_make_a_beat_alive_and_three_do(con):
    found = windows(con, 2, *meet([0], people=2), *meet([1], people=3))
    assert [row["alive_beats"] for row in found.values()] == [0, 1]


def test_a_meeting_platform_that_tells_only_attendance_has_windows_and_beats(con):
    last = windows(con, 3, *(row | {"object_id": f"{row['occurred_at']:%V}"} for row in meet([0, 1, 2], what=came)))[3]
    assert (last["alive_beats"], last["counted_beats"], last["contributors"]) == (3, 3, 0)


def test_beats_before_the_archive_begins_do_not_count(con):
    assert windows(con, 3, *meet([0, 1, 2]))[3]["counted_beats"] == 3


def test_contributors_are_distinct_people_of_the_window_and_of_the_window_before(con):
    landed = [
        posted("ana", MONDAY),
        posted("ana", MONDAY + timedelta(weeks=1)),
        posted("ben", MONDAY + timedelta(weeks=5)),
        posted("rss", MONDAY, actor_kind="bot"),
    ]
    found = windows(con, 26, *landed)
    assert [found[e]["contributors"] for e in (1, 2, 6, 12, 13, 14, 17, 18)] == [1, 1, 2, 2, 2, 1, 1, 0]
    assert [found[e]["previous_contributors"] for e in (12, 13, 14, 25, 26)] == [0, 1, 1, 2, 1]


def test_what_was_undone_is_no_contribution(con):
    undone = [
        edited("ana", str(MONDAY), event_id="1"),
        edited("ben", str(MONDAY + timedelta(hours=1)), verb="revert", reply_to_id="1"),
    ]
    assert windows(con, 1, *undone)[1]["contributors"] == 0


def test_a_window_has_history_where_52_weeks_come_before_it(con):
    found = windows(con, 65, *meet([0]))
    assert [found[e]["has_history"] for e in (63, 64)] == [False, True]


def test_a_window_closes_after_seven_days_of_grace(con):
    found = windows(con, 3, *meet([0]))
    assert {e: row["closed"] for e, row in found.items()} == {1: True, 2: True, 3: False}


# --- tempo


def test_a_weekly_community_that_falls_silent_keeps_its_beat(con):
    found = windows(con, 130, *meet(range(60)))
    assert set(beats(found)) == {7}
    assert (found[73]["alive_beats"], found[73]["counted_beats"]) == (0, 12)
    assert list(found)[-1] == 130  # a year dead, and still there


def test_a_weekly_community_of_26_weeks_keeps_seven_days(con):
    assert set(beats(windows(con, 26, *meet(range(26))))) == {7}


def test_a_beat_lengthens_when_four_evaluations_agree_after_three_live_beats(con):
    # Every other week from the start: of one beat of two weeks (evaluations 2 and 3) on all are alive, from evaluation 6 on three.
    found = windows(con, 10, *meet(range(0, 10, 2)))
    tempo = rows(con, "from core.tempo order by week")
    assert [row["candidate_days"] for row in tempo] == [7, *[14] * 9]
    assert [row["candidate_alive_beats"] for row in tempo][1:8] == [1, 1, 2, 2, 3, 3, 4]
    assert [row["agreeing"] for row in tempo] == [0, 0, 0, 0, 0, 1, 2, 3, 0, 0]
    assert beats(found) == [7] * 8 + [14] * 2


def test_two_meetings_four_weeks_apart_are_no_slow_rhythm(con):
    assert set(beats(windows(con, 11, *meet([0, 4])))) == {7}


def test_one_disagreeing_evaluation_begins_the_count_anew(con):
    # Weekly beats are at 4 of 5 at evaluation 9 once more, which interrupts the count.
    found = windows(con, 20, *meet([0, 2, 4, 6, 7, 8, 10, 12, 14, 16, 18]))
    counts = [row["agreeing"] for row in rows(con, "from core.tempo order by week")]
    assert max(counts[:9]) <= 3
    assert 14 in beats(found)


def test_the_promised_beat_is_the_charters_from_the_start(con):
    windows(con, 30, *meet(range(0, 30, 4)), charter=28)
    assert {row["promised_beat_days"] for row in rows(con, "core.tempo")} == {28}


def test_the_promised_beat_is_else_the_first_that_fitted_for_26_weeks(con):
    windows(con, 150, *meet(range(40)), *meet(range(40, 150, 4)))
    promised = [row["promised_beat_days"] for row in rows(con, "from core.tempo order by week")]
    # from three live weeks on
    assert (promised[26], promised[27], set(promised[27:])) == (None, 7, {7})


def test_a_community_that_slows_down_is_measured_against_what_it_promised(con):
    found = windows(con, 150, *meet(range(40)), *meet(range(40, 150, 4)))
    assert beats(found)[-1] == 28
    build_tables(con, MONDAY + timedelta(weeks=150), layers=("core", "levels", "metrics"))
    last = rows(con, "from metrics.liveness order by window_end desc limit 1")[0]
    assert (last["beat_days"], last["promised"], last["liveness_share"]) == (7, True, 0.25)


def test_contributors_of_the_fixed_window_do_not_move_with_the_beat(con):
    landed = [*meet(range(40)), *meet(range(40, 150, 4)), posted("ana", MONDAY + timedelta(weeks=100))]
    windows(con, 150, *landed)
    quarters = {(row["window_end"] - MONDAY).days // 7: row for row in rows(con, "core.quarters")}
    assert {row["window_weeks"] for row in quarters.values()} == {13}
    assert [quarters[e]["contributors"] for e in (1, 39, 98, 102, 110, 118)] == [3, 3, 3, 4, 4, 3]
    assert [quarters[e]["previous_contributors"] for e in (13, 14, 118)] == [0, 3, 4]


def test_a_fixed_window_mostly_inside_a_break_says_so(con):
    windows(con, 20, *meet([*range(4), *range(12, 20)]), breaks=[(4, 12)])
    quarters = {(row["window_end"] - MONDAY).days // 7: row for row in rows(con, "core.quarters")}
    assert [quarters[e]["in_break"] for e in (10, 11, 14, 18, 19)] == [False, True, True, True, False]


def test_the_charter_says_where_to_begin(con):
    found = windows(con, 30, *meet(range(0, 30, 4)), charter=28)
    assert set(beats(found)) == {28}
    assert {row["n_beats"] for row in found.values()} == {6}


def test_a_slow_community_is_evaluated_once_a_beat_whatever_the_moment(con):
    landed = meet(range(0, 30, 4))
    one = [row["window_end"] for row in windows(con, 30, *landed, charter=28).values()]
    assert {(b - a).days for a, b in pairwise(one)} == {28}
    build_tables(con, MONDAY + timedelta(weeks=29))
    assert [row["window_end"] for row in rows(con, "from core.windows order by window_end")] == one[:-1]


def test_a_quarterly_community_is_alive_four_times_a_year(con):
    found = windows(con, 120, *meet(range(3, 120, 13)), charter=91)
    last = list(found.values())[-1]
    assert (last["beat_days"], last["window_weeks"], last["alive_beats"], last["counted_beats"]) == (91, 52, 4, 4)


def test_a_community_that_slows_to_a_month_gets_a_months_beat(con):
    assert beats(windows(con, 150, *meet(range(40)), *meet(range(40, 150, 4))))[-1] == 28


def test_a_community_that_quickens_gets_a_shorter_beat(con):
    assert beats(windows(con, 120, *meet(range(0, 40, 4)), *meet(range(40, 120)), charter=28))[-1] == 7


def test_a_beat_mostly_inside_a_break_does_not_count(con):
    found = windows(con, 12, *meet([*range(4), *range(8, 12)]), breaks=[(4, 8)])
    assert (found[12]["alive_beats"], found[12]["counted_beats"]) == (8, 8)
    assert beats(found)[-1] == 7


def test_a_beat_half_inside_a_break_counts(con):
    add(
        con,
        "breaks",
        [{"community": "c", "starts_at": MONDAY + timedelta(weeks=1), "ends_at": MONDAY + timedelta(weeks=1, days=3)}],
    )
    assert windows(con, 2, *meet([0]))[2]["counted_beats"] == 2


def test_overlapping_breaks_are_one(con):
    shorter = [
        {"community": "c", "starts_at": MONDAY + timedelta(weeks=1, days=d), "ends_at": MONDAY + timedelta(weeks=1, days=3)}
        for d in (0, 1)
    ]
    add(con, "breaks", shorter)
    assert windows(con, 2, *meet([0]))[2]["counted_beats"] == 2


def test_the_beats_of_a_window_reach_back_from_its_evaluation(con):
    windows(con, 10, *meet(range(0, 10, 2)))
    last = [row for row in rows(con, "from core.beats order by beat") if row["window_end"] == MONDAY + timedelta(weeks=10)]
    assert [(week_after(row["from_week"]), week_after(row["to_week"]), row["alive"]) for row in last[:4]] == [
        (8, 10, True),
        (6, 8, True),
        (4, 6, True),
        (2, 4, True),
    ]
    assert [row["counted"] for row in last] == [True] * 5 + [False] * 3


def test_communities_do_not_see_one_another(con):
    land(con, *meet([0, 1]), *meet([0], community="d", people=2))
    build_tables(con, MONDAY + timedelta(weeks=2), ("c", "d"))
    found = {
        (row["community"], (row["window_end"] - MONDAY).days // 7): row["contributors"] for row in rows(con, "core.windows")
    }
    assert found == {("c", 1): 3, ("c", 2): 3, ("d", 1): 2, ("d", 2): 2}
