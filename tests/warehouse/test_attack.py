"""Attack: nothing published over many periods says of a group of people that they are one to four. `make attack` runs 500 communities."""

import numpy as np
import pytest

from tests.attack.run import Attacker, attack
from tests.attack.worlds import LEVELS, communities, publish


@pytest.mark.parametrize("seed", [2, 3])
def test_nobody_learns_of_a_small_group_from_all_that_is_published(seed):
    found = list(attack(seed, 4, 6))
    assert sum(one.groups for one in found) > 100
    assert [(one.number, name) for one in found for name in one.learnt] == []


def test_the_attacker_learns_groups_where_more_is_published():
    """The attack is no straw man: with the exact number of contributors and of all levels but the core, it learns the core."""
    random = np.random.default_rng(4)
    (history,) = communities(random, 1, 4)
    (page,) = publish([history])
    attacker = Attacker(page, 4)
    real = history.unknowns()
    for t in range(4):
        for terms in (attacker.contributors(t), *(attacker.level(t, level) for level in LEVELS[1:])):
            exact = sum(v * real[c] for c, v in terms.items())
            attacker.program.between(terms, exact, exact)
    groups, learnt = attacker.learnt(history, random)
    assert groups > len(learnt) > 0
