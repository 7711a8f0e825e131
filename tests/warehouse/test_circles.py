"""The same circle in each medium alone has the same core, and what only makes noise is in no core."""

from datetime import timedelta

import pytest

from tests.warehouse.circles import CORE, MEDIA, WEEKS, Circle, noise
from tests.warehouse.landing_rows import BEGAN, build_tables, empty, land, rows

LEAST = 0.9
NOISE = {"feed", "spammer", "bot", "greeter"}
SEEDS = (1, 2)


def core_of(con, medium, seed):
    """Who is core at the last evaluation of the circle."""
    circle = Circle(seed)
    empty(con)
    land(con, *MEDIA[medium](circle), *noise(circle, medium))
    build_tables(con, BEGAN + timedelta(weeks=WEEKS), layers=("core", "levels"))
    return {(seed, row["member"]) for row in rows(con, "levels.current") if row["level"] == "core"}


@pytest.mark.parametrize("medium", MEDIA)
def test_the_planted_core_is_found_in_each_medium_alone_and_noise_is_not(shared_con, medium):
    planted = {(seed, name) for seed in SEEDS for name in CORE}
    found = set.union(*(core_of(shared_con, medium, seed) for seed in SEEDS))
    assert not {name for _, name in found} & NOISE
    assert len(found & planted) >= LEAST * len(planted), planted - found
    assert len(found & planted) >= LEAST * len(found), found - planted
