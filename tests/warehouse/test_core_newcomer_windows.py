"""Which window the numbers of newcomers stand on: the fixed one, or a year where that holds too few newcomers."""

from datetime import timedelta

from .landing_rows import BEGAN, act, build_tables, land, posted, rows, weeks_later


def arrival(who, week):
    """Somebody joins, and opens a thread a day later."""
    at = weeks_later(week, days=1)
    return [act(who, at, "join", object_kind="community", object_id="t"), posted(who, at + timedelta(hours=2), space=who)]


def windows(con, weeks, arrivals):
    regulars = [posted(f"p{n}", weeks_later(week, minutes=n)) for week in range(weeks) for n in range(3)]
    land(con, *regulars, *(row for number, week in enumerate(arrivals) for row in arrival(f"n{number}", week)))
    build_tables(con, weeks_later(weeks))
    found = rows(con, "core.newcomer_windows")
    return {(row["window_end"] - BEGAN).days // 7 + 1: row["window_weeks"] for row in found}


def test_where_thirteen_weeks_hold_too_few_newcomers_a_year_is_looked_at_once_it_holds_enough(con):
    # One in every second week: 13 weeks hold seven. The twentieth comes in week 38, and is old enough at the evaluation after it.
    found = windows(con, 60, range(0, 60, 2))
    assert {week for week, length in found.items() if length == 52} == set(range(39, 61))
    assert {length for week, length in found.items() if week < 39} == {13}


def test_where_thirteen_weeks_hold_enough_they_are_looked_at(con):
    assert set(windows(con, 30, [week for week in range(10, 30) for _ in range(3)]).values()) == {13}


def test_twenty_threads_of_four_people_are_too_few(con):
    regulars = [posted(f"p{n}", weeks_later(week, minutes=n)) for week in range(30) for n in range(3)]
    more = [posted(f"n{n}", weeks_later(0, days=2 + day), space=f"s{n}{day}") for n in range(4) for day in range(6)]
    land(con, *regulars, *(row for number in range(4) for row in arrival(f"n{number}", 0)), *more)
    build_tables(con, weeks_later(30))
    assert {row["window_weeks"] for row in rows(con, "core.newcomer_windows")} == {13}
