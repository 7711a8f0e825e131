"""Intervals: they hold the truth as often as they claim, also where few people open most threads. `make coverage` runs all settings."""

import duckdb
import numpy as np
import pytest

from tests.coverage.run import WANTED, changes, people, shares, waits
from warehouse.build.macros import MACROS
from warehouse.intervals import Z, independent, t_over_z, wilson


@pytest.mark.parametrize("clump", ["one thread each", "few people open most"])
@pytest.mark.parametrize("truth", [0.5, 0.95])
def test_the_interval_of_a_share_of_threads_holds_the_truth_and_the_others_do_not(clump, truth):
    row = shares(np.random.default_rng(3), clump, 60, truth, 0.7, 400)
    assert row.published >= WANTED
    if clump != "one thread each":
        assert row.all_threads < 0.75
        assert row.bootstrap < row.published


def test_the_band_of_a_median_wait_holds_the_truth():
    assert waits(np.random.default_rng(3), "a few threads each", 60, 0.7, 200).published >= WANTED


def test_the_interval_of_a_change_holds_the_truth():
    assert changes(np.random.default_rng(3), 30, 0.3, 0.3, 4000).published >= WANTED


def test_the_interval_of_a_share_of_people_holds_the_truth():
    assert people(np.random.default_rng(3), 40, 0.3, 4000).published >= WANTED


def test_sql_and_python_count_the_same_independent_threads():
    random = np.random.default_rng(5)
    with duckdb.connect() as con:
        con.execute(MACROS)
        for _ in range(20):
            opened = random.integers(1, 9, int(random.integers(1, 30))).astype(float)
            answered = random.binomial(opened.astype(int), 0.7).astype(float)
            (found,) = con.execute(
                "select independent_threads(threads, answered) from (select unnest(?) as threads, unnest(?) as answered)",
                [opened.tolist(), answered.tolist()],
            ).fetchone()
            assert found == pytest.approx(independent(opened, answered))
            low, high = con.execute("select wilson_low(?, ?), wilson_high(?, ?)", [answered.sum(), opened.sum()] * 2).fetchone()
            assert (low, high) == pytest.approx(wilson(answered.sum() / opened.sum(), opened.sum()))


def test_more_threads_of_people_who_are_always_answered_or_never_prove_nothing_more():
    ten = np.ones(10), np.array([1.0] * 8 + [0.0] * 2)
    assert independent(10 * ten[0], 10 * ten[1]) == pytest.approx(independent(*ten))
    assert t_over_z(20) * Z == pytest.approx(2.086, abs=0.002)
