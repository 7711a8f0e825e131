"""Validation: levels against a roster, with invented levels whose figures are counted by hand."""

from datetime import datetime, timedelta

import pytest

from events.errors import GuildhallError
from warehouse.db import open_memory
from warehouse.validation import Term, validate

FIRST = datetime(2024, 1, 1)  # noqa: DTZ001 - the warehouse speaks naive UTC
CHAIRS = [f"chair{n}" for n in range(5)]
NAMES = {"C": "core", "A": "active", "O": "occasional", "P": "peripheral", "T": "transactional", "d": "dormant"}


def week(number):
    return FIRST + timedelta(weeks=number)


def compared(levels, terms):
    """Figures by name; `levels` is member -> a letter for each week, a space where there is no row."""
    with open_memory() as con:
        con.execute("create schema levels")
        con.execute("create table levels.evaluations (community varchar, window_end timestamp, member varchar, level varchar)")
        rows = [
            ("c", week(n), member, NAMES[letter])
            for member, letters in levels.items()
            for n, letter in enumerate(letters)
            if letter != " "
        ]
        con.executemany("insert into levels.evaluations values (?, ?, ?, ?)", rows)
        return {figure.name: figure for figure in validate(con, "c", terms)}


def everybody(chairs, others, weeks=1):
    return {name: letter * weeks for name, letter in zip(CHAIRS, chairs, strict=True)} | {
        f"other{n}": letter * weeks for n, letter in enumerate(others)
    }


def test_a_level_that_tells_the_roster_from_everybody_else_has_an_auc_of_one():
    found = compared(everybody("CCCAA", "OPTTT"), [Term(name) for name in CHAIRS])
    assert found["AUC of the level"].value == 1
    assert found["recall of core"].value == pytest.approx(3 / 5)
    assert found["recall of core or active"].value == 1
    assert found["precision of core"].value == 1
    assert found["lift of core"].value == pytest.approx(2)


def test_equal_levels_count_half():
    found = compared(everybody("CCCCC", "CCTT"), [Term(name) for name in CHAIRS])
    assert found["AUC of the level"].value == pytest.approx(3 / 4)
    assert found["precision of core"].value == pytest.approx(5 / 7)


def test_who_is_in_the_role_but_took_no_part_is_counted_apart():
    found = compared(everybody("CCCCd", "TTTTT"), [Term(name) for name in CHAIRS])
    assert found["recall of core"].value == 1
    assert found["in their role, not seen in the window"].value == 1


def test_a_role_counts_from_its_first_day_until_the_day_that_ends_it():
    levels = everybody("CCCCT", "TTTTT", weeks=9)
    since = [Term(name) for name in CHAIRS[:4]] + [Term(CHAIRS[4], since=week(8))]
    assert compared(levels, since)["recall of core"].value == pytest.approx(12 / 13)
    until = [Term(name) for name in CHAIRS[:4]] + [Term(CHAIRS[4], until=week(8))]
    assert compared(levels, until)["recall of core"].value == pytest.approx(12 / 14)


def test_a_move_that_is_undone_within_eight_weeks_flaps_back():
    # One enters and leaves three weeks later, one enters and stays; whoever is core from the first evaluation made no move.
    levels = everybody("CCCCC", "TTTTT", weeks=30) | {"flaps": "A" * 5 + "C" * 3 + "A" * 22, "stays": "A" * 5 + "C" * 25}
    found = compared(levels, [Term(name) for name in CHAIRS])
    assert found["undone within 8 weeks"].value == pytest.approx(1 / 3)
    years = (5 * 29 + 3 + 24) / 52
    assert found["moves per core person and year"].value == pytest.approx(3 / years)


def test_a_move_too_late_to_be_undone_in_time_is_none():
    levels = everybody("CCCCC", "TTTTT", weeks=10) | {"late": "A" * 5 + "C" * 5}
    assert compared(levels, [Term(name) for name in CHAIRS])["undone within 8 weeks"].value is None


def test_the_wait_for_core_is_the_median_of_the_roles_that_begin_within_the_history():
    levels = everybody("CCCCC", "TTTTT", weeks=20) | {CHAIRS[0]: "A" * 8 + "C" * 12, CHAIRS[1]: "A" * 20}
    terms = [Term(CHAIRS[0], since=week(4)), Term(CHAIRS[1], since=week(4)), Term(CHAIRS[2], since=week(4))]
    wait = compared(levels, [*terms, *(Term(name) for name in CHAIRS[3:])])["weeks from role to core, median"]
    assert (wait.value, wait.of) == (4, "2 of 3 roles that begin within the history reach core")


def test_intervals_hold_the_value_and_are_the_same_again():
    levels = everybody("CCCAO", "AOPTTTTTTT", weeks=9)
    one, again = (compared(levels, [Term(name) for name in CHAIRS]) for _ in range(2))
    assert one == again
    auc = one["AUC of the level"]
    assert auc.low < auc.value <= auc.high


def test_a_roster_of_few_is_refused():
    with pytest.raises(GuildhallError, match="too short"):
        compared(everybody("CCCCC", "TTT"), [Term(name) for name in CHAIRS[:4]] + [Term("nobody")])
