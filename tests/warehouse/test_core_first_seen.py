"""Who may be a veteran: an archive that begins in the middle of a community's life shows old members for the first time."""

from .landing_rows import BEGAN, act, build_tables, land, posted, rows, weeks_later


def veterans(con, *landed):
    land(con, posted("old", BEGAN), *landed)
    build_tables(con, "2024-03-25")
    return {row["member"] for row in rows(con, "core.first_seen") if row["may_be_veteran"]}


def test_whoever_is_first_seen_in_the_first_52_weeks_may_be_a_veteran(con):
    landed = posted("ana", weeks_later(51)), posted("ben", weeks_later(52))
    assert veterans(con, *landed) == {"old", "ana"}


def test_it_is_the_first_sign_that_counts_not_the_first_contribution(con):
    listened = act("ana", weeks_later(10), "attend", medium="meeting", object_id="m", object_kind="meeting")
    assert veterans(con, listened, posted("ana", weeks_later(60))) == {"old", "ana"}


def test_a_join_before_the_first_sign_or_within_a_day_of_it_says_that_somebody_is_new(con):
    def joined(who, at):
        return act(who, at, "join", object_kind="community", object_id="t")

    landed = [
        *(joined("ana", weeks_later(5)), posted("ana", weeks_later(6))),
        *(posted("ben", weeks_later(5)), joined("ben", weeks_later(5, hours=24))),
        *(posted("cleo", weeks_later(5)), joined("cleo", weeks_later(5, hours=25))),
    ]
    assert veterans(con, *landed) == {"old", "cleo"}


def test_a_platform_that_comes_later_has_a_first_year_of_its_own(con):
    landed = [
        posted("bridge", weeks_later(80), platform="zulip"),
        posted("ana", weeks_later(90), platform="zulip"),
        posted("ben", weeks_later(90)),
        *(posted("dora", weeks_later(70)), posted("dora", weeks_later(90), platform="zulip")),
    ]
    assert veterans(con, *landed) == {"old", "bridge", "ana"}


def test_the_members_of_a_young_archive_are_not_called_newcomers(con):
    land(
        con,
        *(posted(f"p{n}", weeks_later(week, minutes=n)) for week in range(3) for n in range(4)),
        act("new", weeks_later(1), "join", object_kind="community", object_id="t"),
        posted("new", weeks_later(2)),
    )
    build_tables(con, weeks_later(3), layers=("core", "levels"))
    assert {row["member"] for row in rows(con, "levels.evaluations") if row["newcomer"]} == {"new"}
