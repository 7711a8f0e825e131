"""Levels: the rules in sentences, with answers computed by hand. Weeks count from 0; the evaluation of week 40 sees weeks 28 to 39."""

import pytest

from tests.warehouse.levels_world import World, at, built, levels, rows

LAST = range(28, 40)
FILLERS = [f"f{i}" for i in range(30)]


def crowd(name, people=3, beat_days=7, weeks=40):
    """A community alive in every beat through `people` who contribute each week and have nothing to do with one another."""
    world = World(beat_days, name)
    for member in FILLERS[:people]:
        world.does(member, range(weeks))
    return world


def candidate(name, *, beats=12, ties=5, helped=5, people=9, hosts=0, first=0):
    """`m` in a crowd: contributed first in week `first`, then in the last `beats` weeks; with people to `ties` and `helped`."""
    world = crowd(name, people).does("m", [first]).does("m", range(40 - beats, 40))
    for other in FILLERS[:ties]:
        world.tied("m", other, [39])
    world.helped("m", "nobody", [0])
    for other in FILLERS[:helped]:
        world.helped("m", other, [38])
    for week in range(40 - hosts, 40):
        world.does("m", [week], "hosted")
    return world.evaluates(40, 40)


def judged(**worlds):
    """What one evaluation finds for `m` in each of these worlds."""
    con = built(*worlds.values())
    got = {row["community"]: row for row in rows(con, "m")}
    con.close()
    return got


@pytest.fixture(scope="module")
def bars():
    """Candidates one above and one below each bar. Ten contributors: the bar of core is three."""
    return judged(
        **{
            name: candidate(name, **facts)
            for name, facts in {
                "core": {"beats": 8, "ties": 3, "helped": 3},
                "seven beats": {"beats": 7, "ties": 3, "helped": 3},
                "two ties": {"beats": 8, "ties": 2, "helped": 3},
                "two helped": {"beats": 8, "ties": 3, "helped": 2},
                "four beats": {"beats": 4, "ties": 2, "helped": 0},
                "three beats": {"beats": 3, "ties": 2, "helped": 0},
                "two beats": {"beats": 2, "ties": 2, "helped": 0},
                "one tie": {"beats": 4, "ties": 1, "helped": 0},
                "no tie": {"beats": 4, "ties": 0, "helped": 0},
                "stays": {"beats": 6, "ties": 2, "helped": 2},
                "five beats": {"beats": 5, "ties": 2, "helped": 2},
                "stays by one tie": {"beats": 6, "ties": 1, "helped": 2},
                "stays by one helped": {"beats": 6, "ties": 2, "helped": 1},
                "hosted four": {"beats": 8, "ties": 3, "helped": 0, "hosts": 4},
                "hosted three": {"beats": 8, "ties": 3, "helped": 0, "hosts": 3},
                "tenured": {"first": 28, "beats": 12},
                "newcomer": {"first": 29, "beats": 11},
            }.items()
        }
    )


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("core", "core"),
        ("seven beats", "active"),
        ("two ties", "active"),
        ("two helped", "active"),
        ("four beats", "active"),
        ("three beats", "occasional"),
        ("one tie", "occasional"),
        ("hosted four", "core"),
        ("hosted three", "active"),
        ("newcomer", "active"),
    ],
)
def test_a_level_is_entered_at_its_bar_and_not_one_below(bars, name, target):
    assert bars[name]["target"] == target


@pytest.mark.parametrize(
    ("name", "core", "active"),
    [
        ("stays", True, True),
        ("five beats", False, True),
        ("stays by one tie", False, True),
        ("stays by one helped", False, True),
        ("three beats", False, True),
        ("two beats", False, False),
        ("one tie", False, True),
        ("no tie", False, False),
        ("hosted four", True, True),
        ("hosted three", False, True),
    ],
)
def test_a_level_is_kept_at_its_lower_bar_and_not_one_below(bars, name, core, active):
    assert (bars[name]["stay_core"], bars[name]["stay_active"]) == (core, active)


def test_a_newcomer_meets_every_bar_of_core_and_is_not_core(bars):
    row = bars["newcomer"]
    assert (row["beats_active"], row["ties"], row["helped"], row["newcomer"], row["tenure_days"]) == (11, 5, 5, True, 76)


def test_who_may_be_a_veteran_of_a_young_archive_is_no_newcomer_and_not_core_at_once_either():
    world = candidate("c", beats=11, first=29)
    world.veterans.add("m")
    row = judged(c=world)["c"]
    assert (row["newcomer"], row["tenure_days"], row["target"]) == (False, 76, "active")


def test_tenure_of_one_window_to_the_day_is_enough():
    # The first contribution of week 28 is on its Tuesday: 83 days before week 40, one too few. In week 27 it is 90 days.
    got = judged(young=candidate("young", first=28), old=candidate("old", first=27))
    assert (got["young"]["tenure_days"], got["young"]["target"]) == (83, "active")
    assert (got["old"]["tenure_days"], got["old"]["target"]) == (90, "core")


def test_the_bar_grows_with_the_community_from_two_to_five():
    people = {3: 2, 8: 2, 9: 3, 12: 3, 13: 4, 16: 4, 17: 5, 29: 5}  # others; one more with m
    got = judged(**{f"p{n}": candidate(f"p{n}", people=n) for n in people})
    assert {n: got[f"p{n}"]["bar_core_people"] for n in people} == people


def test_in_a_community_of_three_two_ties_and_two_helped_are_core():
    got = judged(three=candidate("three", people=2, ties=2, helped=2), less=candidate("less", people=2, ties=1, helped=2))
    assert (got["three"]["target"], got["three"]["bar_core_people"]) == ("core", 2)
    assert got["less"]["target"] == "occasional"


def test_four_meetings_hosted_in_one_week_waive_nothing():
    world = candidate("c", beats=8, ties=3, helped=0).does("m", [39], "hosted", times=4)
    row = judged(c=world)["c"]
    assert (row["beats_hosted"], row["target"], row["facilitator"]) == (1, "active", True)


def test_a_tie_is_mutual_also_when_the_two_ways_are_weeks_apart_and_ends_when_one_of_them_has_left_the_window():
    world = crowd("c").does("m", range(60)).tied("m", "f0", [10, 14, 30], mutual=False).tied("f0", "m", [12], mutual=False)
    con = built(world)
    got = {row["week"]: row["ties"] for row in rows(con, "m")}
    # Both ways are seen from the evaluation of week 13 until that of week 24, which still sees week 12.
    assert {week for week, ties in got.items() if ties} == set(range(13, 25))


def test_people_helped_are_counted_once_each_however_often():
    world = crowd("c").does("m", range(40)).helped("m", "f0", [20, 22, 24]).helped("m", "f1", [24])
    got = {row["week"]: row["helped"] for row in rows(built(world), "m")}
    assert [got[20], got[21], got[25], got[36], got[37]] == [0, 1, 2, 2, 0]


def test_somebody_regular_who_stops_cold_leaves_core_ten_weeks_later():
    world = World().meets("abcdef", range(40)).meets("bcdef", range(40, 60))
    got = levels(built(world), "a")
    assert (got[40], got[49], got[50]) == ("core", "core", "occasional")


def test_core_is_reached_after_a_window_and_two_evaluations_and_active_is_visible_before():
    got = levels(built(World().meets("abcdef", range(20))), "a")
    assert [got[week] for week in (1, 2, 3, 4, 13, 14)] == [
        "insufficient",
        "insufficient",
        "occasional",
        "active",
        "active",
        "core",
    ]


def test_coming_every_other_fortnight_flaps_nowhere():
    world = World().meets("bcdef", range(120))
    world.meets("abcdef", [week for week in range(120) if week % 4 < 2])
    got = levels(built(world), "a")
    assert {got[week] for week in range(20, 120)} == {"active"}


def test_leaving_is_at_once_and_undone_by_joining_again():
    world = World().meets("abcdef", range(40)).joins("a", 5).leaves("a", 30, days=6.9).joins("a", 35)
    world.acts = type(world.acts)(
        world.acts.default_factory, {k: v for k, v in world.acts.items() if k[0] != "a" or k[1] not in range(31, 35)}
    )
    got = rows(built(world), "a")
    by_week = {row["week"]: row for row in got}
    assert (by_week[30]["level"], by_week[31]["level"], by_week[35]["level"]) == ("core", "departed", "departed")
    assert by_week[31]["change"] == "left"
    assert (by_week[36]["level"], by_week[36]["explicit"]) == ("occasional", True)


def test_who_contributes_weeks_after_leaving_is_seen_again():
    world = crowd("c", weeks=60).does("m", range(10)).joins("m", 0).leaves("m", 10).does("m", [30])
    got = levels(built(world), "m")
    assert (got[11], got[30], got[31]) == ("departed", "departed", "occasional")


def test_a_one_off_is_new_for_a_window_then_transactional_for_one_then_not_seen_and_after_a_year_no_row():
    got = levels(built(crowd("c", weeks=80).does("m", [10])), "m")
    assert (got[11], got[22], got[23], got[62], got[63]) == (
        "peripheral",
        "peripheral",
        "transactional",
        "not seen",
        "not seen",
    )
    assert (got[34], got[35]) == ("transactional", "not seen")
    assert 64 not in got


def test_who_was_occasional_is_dormant_when_silent_and_departed_after_a_year():
    got = levels(built(crowd("c", weeks=80).does("m", [8, 10])), "m")
    assert [got[week] for week in (11, 22, 23, 62, 63)] == ["occasional", "occasional", "dormant", "dormant", "departed"]
    assert 64 not in got


def test_a_declared_member_keeps_a_row_and_departs_after_a_year_of_silence():
    got = levels(built(crowd("c", weeks=80).joins("m", 10)), "m")
    assert [got[week] for week in (11, 22, 23, 62, 63, 80)] == [
        "peripheral",
        "peripheral",
        "dormant",
        "dormant",
        "departed",
        "departed",
    ]


def test_a_listener_is_peripheral_with_a_second_sign_in_the_year_and_dormant_when_silent():
    world = crowd("c", weeks=80).does("m", [10, 33], "other_presence").does("n", [1, 70], "attendances")
    con = built(world.does("o", [0, 70], "consumption").evaluates(1, 80))
    m, n, o = (levels(con, member) for member in "mno")
    assert [m[week] for week in (11, 22, 23, 34, 45, 46, 80)] == [
        "peripheral", "peripheral", "transactional", "peripheral", "peripheral", "dormant", "dormant",
    ]  # fmt: skip
    assert (n[71], o[71]) == ("transactional", "transactional"), "more than a year apart"
    assert rows(con, "n")[-1]["reason"] == "transactional: seen in one beat of the window, and not in the year before"


def test_a_bar_that_nothing_can_feed_is_not_asked_for_and_the_reason_says_so():
    world = crowd("c", people=9).does("m", range(40), "attendances").evaluates(40, 40)
    world.help_seen = False
    for other in FILLERS[:3]:
        world.tied("m", other, [39])
    large = crowd("large", people=9).does("m", range(40), "attendances").evaluates(40, 40)
    large.ties_seen = large.help_seen = False
    con = built(world, large)
    got = {row["community"]: row for row in rows(con, "m", "levels.current", "community")}
    seen = {row["community"]: row["target"] for row in rows(con, "m")}
    assert seen == {"c": "core", "large": "core"}
    assert (
        "mutual ties with 3 (core 3, active 2), help is not visible in attendance, so none is asked for" in got["c"]["reason"]
    )
    assert "ties are not visible in large meetings, so none are asked for" in got["large"]["reason"]


def test_who_comes_every_week_and_has_no_ties_reads_what_is_missing():
    con = built(crowd("c", people=9).does("m", range(40)).evaluates(39, 40))
    assert rows(con, "m")[-1]["reason"] == "occasional: takes part as regularly as active asks, with fewer ties"


def test_attending_is_regularity_and_contributing_in_a_dead_beat_is_not_dormancy():
    world = crowd("c", weeks=34)
    for member in FILLERS[:2]:
        world.does(member, range(34, 40))
    world.does("m", [4, 35]).does("n", range(28, 33), "attendances").tied("n", "f0", [30]).tied("n", "f1", [30])
    con = built(world.evaluates(40, 40))
    # Weeks 28 to 33 are alive, and week 35, by its third contributor.
    m, n = rows(con, "m")[0], rows(con, "n")[0]
    assert (m["level"], m["beats_alive"]) == ("occasional", 7)
    assert (n["target"], n["beats_active"]) == ("active", 5)


def test_an_editor_whose_every_edit_was_undone_is_never_active():
    world = crowd("c").does("m", range(40), "undone")
    con = built(world)
    assert set(levels(con, "m").values()) == {"insufficient", "peripheral", "transactional"}
    assert {row["beats_active"] for row in rows(con, "m")} == {0}


def test_fewer_than_three_live_beats_give_nobody_a_level():
    world = World().meets("abcd", [0, 1, 2, 20, 30])
    con = built(world.evaluates(31, 31))
    assert {(row["level"], row["beats_alive"]) for member in "abcd" for row in rows(con, member)} == {("insufficient", 2)}


def test_quarterly_meetings_make_a_core_of_three_in_four():
    # Beats of 13 weeks, a meeting in the sixth week of each; `m` misses one a year, `n` two.
    world = World(91)
    meetings = [6 + 13 * k for k in range(12)]
    world.meets("abcd", meetings)
    for k, week in enumerate(meetings):
        present = [x for x, away in (("m", k % 4 == 3), ("n", k % 4 > 1)) if not away]
        for member in present:
            world.does(member, [week]).helped(member, "a", [week]).helped(member, "b", [week])
            world.tied(member, "a", [week]).tied(member, "b", [week])
    con = built(world.evaluates(13, 156))
    assert levels(con, "m")[156] == "core"
    assert levels(con, "n")[156] == "active"
    assert [row["week"] for row in rows(con, "m")] == list(range(13, 157, 13))


def test_an_announced_break_moves_nobody_down():
    everybody = World().meets("abcdef", range(40)).does("g", [20, 36]).rests(range(40, 50)).meets("abcdef", range(50, 70))
    con = built(everybody.evaluates(1, 70))
    assert {level for week, level in levels(con, "a").items() if week >= 14} == {"core"}
    got = levels(con, "g")
    assert {got[week] for week in range(37, 55)} == {"occasional"}


def test_the_same_silence_unannounced_lowers():
    con = built(World().meets("abcdef", range(40)).meets("abcdef", range(50, 70)).evaluates(1, 70))
    assert "insufficient" in set(levels(con, "a").values())


def test_sponsors_and_staff_have_a_level_and_are_marked_for_the_time_of_their_role():
    con = built(
        World()
        .meets("abcdef", range(40))
        .has_role("a", "sponsor", 10, 20)
        .has_role("b", "staff")
        .has_role("c", "facilitator", 10, 20)
    )
    a, b, c = ({row["week"]: row for row in rows(con, member)} for member in "abc")
    assert [a[week]["sponsor_staff"] for week in (10, 11, 20, 21)] == [False, True, True, False]
    assert (a[40]["level"], b[40]["level"], b[1]["sponsor_staff"]) == ("core", "core", True)
    assert [c[week]["facilitator"] for week in (10, 11, 20, 21)] == [False, True, True, False]
    moved = con.execute("select sum(members) from levels.flow where window_end = ?", [at(40)]).fetchone()
    assert moved == (5,), "staff are not in the flow"


def test_who_hosts_two_meetings_in_the_window_facilitates():
    con = built(crowd("c").does("m", [10, 15], "hosted").does("m", [10, 15], "contributions"))
    got = {row["week"]: row["facilitator"] for row in rows(con, "m")}
    assert [got[week] for week in (11, 16, 22, 23)] == [False, True, True, False]


def test_who_contributes_after_a_whole_silent_window_returns_and_keeps_tenure():
    con = built(crowd("c", weeks=60).does("m", [10, 23]).does("n", [10, 22]))
    m, n = ({row["week"]: row for row in rows(con, member)} for member in "mn")
    assert [m[week]["returning"] for week in (23, 24, 35, 36)] == [False, True, True, False]
    assert not any(row["returning"] for row in n.values())
    assert (m[24]["newcomer"], m[24]["tenure_days"]) == (False, 97)


def test_a_beat_that_changes_is_counted_with_its_own_window_at_each_evaluation():
    world = World().meets("abcdef", range(80)).evaluates(20, 40, beat_days=7).evaluates(41, 60, beat_days=14)
    got = {row["week"]: row for row in rows(built(world), "a")}
    assert (got[40]["beats_active"], got[40]["beats_alive"]) == (12, 12)
    assert (got[41]["beats_active"], got[41]["beats_alive"], got[41]["level"]) == (8, 8, "core")


def test_history_is_the_level_in_intervals_and_current_its_end():
    con = built(World().meets("abcdef", range(40)).meets("bcdef", range(40, 60)))
    shown = [
        (row["level"], row["from_at"], row["to_at"], row["changed_by"]) for row in rows(con, "a", "levels.history", "from_at")
    ]
    assert shown == [
        ("insufficient", at(1), at(3), "first seen"),
        ("occasional", at(3), at(4), "met the bars; occasional until that is confirmed"),
        ("active", at(4), at(14), "met the bars at two evaluations in a row"),
        ("core", at(14), at(50), "met the bars at two evaluations in a row"),
        ("occasional", at(50), at(52), "below the bars to stay at four evaluations in a row"),
        ("dormant", at(52), None, "silent for a whole window"),
    ]
    [current] = rows(con, "a", "levels.current")
    assert (current["level"], current["since"], current["window_end"]) == ("dormant", at(52), at(60))


def test_flow_is_over_a_whole_window():
    con = built(World().meets("abcdef", range(40)).meets("bcdef", range(40, 60)))
    flow = con.execute(
        "select from_level, to_level, members from levels.flow where window_end = ? order by all", [at(52)]
    ).fetchall()
    assert flow == [("core", "core", 5), ("core", "dormant", 1)]


def test_a_reason_says_the_level_the_counts_and_the_bars():
    con = built(World().meets("abcdef", range(40)))
    assert rows(con, "a")[-1]["reason"] == "core: meets the bars of core"
    [current] = rows(con, "a", "levels.current")
    assert current["reason"] == (
        "core: meets the bars of core; took part in 12 of 12 live weeks (core asks for 8, active for 4), "
        "mutual ties with 5 (core 2, active 2), helped 5 (core 2)"
    )
