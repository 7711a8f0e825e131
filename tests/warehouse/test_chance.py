"""Ties against chance: a planted circle has more than chance gives, and the same acts by other people have no more."""

from datetime import timedelta

import numpy as np
import pytest

from tests.warehouse.circles import MEDIA, WEEKS, Circle
from tests.warehouse.landing_rows import BEGAN, build_tables, empty, land
from warehouse.build.build import use_macros
from warehouse.chance import MOST_BY_CHANCE, ties_by_chance

AT = BEGAN.replace(hour=0) + timedelta(weeks=WEEKS)


def rules(con, landed, draws=5):
    """(medium, ties, by chance) of every rule that found something."""
    empty(con)
    land(con, *landed)
    build_tables(con, AT)
    con.execute("use warehouse")
    try:
        use_macros(con)
        return {
            one.rule: (one.medium, one.ties, one.by_chance)
            for one in ties_by_chance(con, "c", AT, draws=draws)
            if one.ties or one.by_chance
        }
    finally:
        con.execute("use memory")


def test_taking_turns_in_chat_is_mostly_not_by_chance(shared_con):
    (medium, ties, by_chance) = rules(shared_con, MEDIA["no threads"](Circle(1)))["taking turns without threads"]
    assert medium == "chat"
    assert ties > 20
    assert by_chance <= MOST_BY_CHANCE * ties


def test_the_same_messages_by_anybody_have_no_more_ties_than_chance(shared_con):
    landed = MEDIA["no threads"](Circle(1))
    names = np.random.default_rng(1).permutation([row["actor"] for row in landed])
    mixed = [row | {"actor": str(name)} for row, name in zip(landed, names, strict=True)]
    (_, ties, by_chance) = rules(shared_con, mixed).get("taking turns without threads", ("chat", 0, 0))
    assert ties <= 2 * by_chance


@pytest.mark.parametrize(
    ("medium", "rule"),
    [
        ("threads", "next in a thread"),
        ("wiki", "a page after one another"),
        ("turns", "taking turns"),
        ("attendance", "together, where only attendance is seen"),
    ],
)
def test_each_medium_has_its_rule(shared_con, medium, rule):
    found = rules(shared_con, MEDIA[medium](Circle(1)), draws=1)
    assert set(found) == {rule}
    assert (found[rule][2] is None) == (rule == "next in a thread")


def test_it_is_the_same_again(shared_con):
    landed = MEDIA["attendance"](Circle(2))
    assert rules(shared_con, landed, draws=2) == rules(shared_con, landed, draws=2)
