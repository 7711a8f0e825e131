"""The fold of levels: every pair of states, and random stories, against the state machine written in plain Python."""

from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse.levels_oracle import ORDER, Memory
from tests.warehouse.levels_oracle import step as oracle_step
from warehouse.models.levels.evaluations import LEVELS, NO_WEEK, TARGETS, Now, Past, evaluations, step

SIGNALS = ("insufficient", "transactional", "peripheral", "occasional", "active", "core", "silent", "gone")
STAYS = {
    "core": [(True, True), (True, False)],
    "gone": [(False, False)],
    "silent": [(False, False)],
    "insufficient": [(False, False)],
}


def test_the_words_of_levels_are_the_same_in_both():
    assert list(LEVELS) == ORDER


def test_every_pair_of_states_moves_as_the_prose_says():
    cases = [
        (level, misses, before, engaged, target, stay_core, stay_active, explicit, held, lapsed, lately, again, long)
        for level, misses, before, engaged, target in product(
            ORDER, range(4), ("dormant", "active", "core"), (None, 60, 90), SIGNALS
        )
        for stay_core, stay_active in STAYS.get(target, [(a, b) for a in (True, False) for b in (True, False)])
        for explicit, held, lapsed, lately, again, long in product((True, False), repeat=6)
        if not (lapsed and lately)
    ]
    level, misses, before, engaged, target, stay_core, stay_active, explicit, held, lapsed, lately, again, long = zip(
        *cases, strict=True
    )
    past = Past(
        np.array([LEVELS.index(x) for x in level], np.int32),
        np.array(misses, np.int32),
        np.array([LEVELS.index(x) for x in before], np.int32),
        np.array([NO_WEEK if x is None else x for x in engaged], np.int32),
    )
    now = Now(
        np.array([TARGETS.index(x) for x in target], np.int32),
        *(np.array(x) for x in (stay_core, stay_active, explicit, held, lapsed, lately, again)),
        np.zeros(len(cases), np.int32),
        np.where(long, 1, 2).astype(np.int32),
        np.where(long, 2, 4).astype(np.int32),
        np.full(len(cases), 120, np.int32),
        np.full(len(cases), 52, np.int32),
    )
    after, wish, _ = step(past, now)
    for i, case in enumerate(cases):
        memory, want = oracle_step(
            Memory(level[i], misses[i], before[i], engaged[i]),
            {
                "target": target[i],
                "stay_core": stay_core[i],
                "stay_active": stay_active[i],
                "explicit": explicit[i],
                "held": held[i],
                "lapsed": lapsed[i],
                "lately": lately[i],
                "comes_back": again[i],
                "long": long[i],
                "week": 120,
                "lookback": 52,
            },
        )
        got = (
            LEVELS[after.level[i]],
            int(after.misses[i]),
            LEVELS[wish[i]],
            None if after.engaged[i] == NO_WEEK else int(after.engaged[i]),
        )
        assert got == (memory.level, memory.misses, want, memory.engaged), case


def table(story, person=0):
    """Rows for fold_levels of one member: (target, stay_core, stay_active) at evaluations 1, 2, …; None is an evaluation without them."""
    rows = [
        {
            "person": person,
            "turn": turn,
            "week": 100 + turn,
            "memory_weeks": 52,
            "held": found[3] if len(found) > 3 else False,
            "lapsed": False,
            "lately": False,
            "comes_back": found[0] != "transactional",
            "because": "plain",
            "bar_met": 1 if len(found) > 4 and found[4] else 2,
            "bar_missed": 2 if len(found) > 4 and found[4] else 4,
            "member": str(person),
            "target": found[0],
            "stay_core": found[1],
            "stay_active": found[2],
            "explicit": False,
        }
        for turn, found in enumerate(story, 1)
        if found is not None
    ]
    return pa.Table.from_pylist(rows)


def folded(story):
    return evaluations(table(story)).column("level").to_pylist()


CORE, ACTIVE, OCCASIONAL = ("core", True, True), ("active", False, True), ("occasional", False, False)
TRANSACTIONAL = ("transactional", False, False)
PERIPHERAL, SILENT, GONE, INSUFFICIENT = (
    ("peripheral", False, False),
    ("silent", False, False),
    ("gone", False, False),
    ("insufficient", False, False),
)


@pytest.mark.parametrize(
    ("story", "levels"),
    [
        pytest.param([CORE, CORE, CORE], ["occasional", "core", "core"], id="two confirmations of core"),
        pytest.param([ACTIVE, CORE, CORE], ["occasional", "active", "core"], id="the lower of the last two targets"),
        pytest.param([CORE, ACTIVE, ACTIVE], ["occasional", "active", "active"], id="core once, then active, is active"),
        pytest.param([CORE, OCCASIONAL, CORE], ["occasional"] * 3, id="a confirmation must follow at once"),
        pytest.param(
            [CORE, CORE, *[OCCASIONAL] * 4], ["occasional", *["core"] * 4, "occasional"], id="four below the bars to stay"
        ),
        pytest.param(
            [CORE, CORE, *[OCCASIONAL] * 3, CORE, *[OCCASIONAL] * 3],
            ["occasional", *["core"] * 8],
            id="a recovery starts the count again",
        ),
        pytest.param(
            [CORE, CORE, *[ACTIVE] * 4],
            ["occasional", *["core"] * 4, "active"],
            id="core falls to active where the bars of active hold",
        ),
        pytest.param([CORE, CORE, GONE, SILENT], ["occasional", "core", "departed", "dormant"], id="leaving is at once"),
        pytest.param(
            [CORE, CORE, INSUFFICIENT, CORE, CORE],
            ["occasional", "core", "insufficient", "occasional", "core"],
            id="too few beats take the label",
        ),
        pytest.param(
            [PERIPHERAL, OCCASIONAL, PERIPHERAL, SILENT],
            ["peripheral", "occasional", "peripheral", "dormant"],
            id="lower moves are at once",
        ),
        pytest.param([PERIPHERAL, SILENT], ["peripheral", "dormant"], id="who listens again and again is dormant when silent"),
        pytest.param([TRANSACTIONAL, SILENT], ["transactional", "not seen"], id="who only passed by is not dormant"),
        pytest.param(
            [CORE, CORE, None, CORE, CORE],
            ["occasional", "core", "occasional", "core"],
            id="who was away beyond memory begins again",
        ),
    ],
)
def test_a_story_is_folded(story, levels):
    assert folded(story) == levels


def test_where_the_beat_is_long_one_evaluation_confirms_and_two_lower():
    long = lambda found: (*found, False, True)  # noqa: E731
    assert folded([long(CORE), long(OCCASIONAL), long(OCCASIONAL)]) == ["core", "core", "occasional"]


def test_a_square_wave_shorter_than_the_confirmations_moves_nobody():
    assert set(folded([CORE, CORE, *([OCCASIONAL] * 3 + [CORE]) * 20])[1:]) == {"core"}
    assert set(folded([CORE, OCCASIONAL] * 20)) == {"occasional"}


def test_nobody_moves_down_in_an_announced_break():
    held = (*SILENT, True)
    assert folded([CORE, CORE, *[held] * 30]) == ["occasional", *["core"] * 31]
    assert folded([OCCASIONAL, *[held] * 30]) == ["occasional"] * 31


def test_leaving_counts_in_an_announced_break_too():
    assert folded([CORE, CORE, (*GONE, True)])[-1] == "departed"


found = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from(SIGNALS), st.booleans(), st.booleans(), st.sampled_from([False, False, False, True]), st.booleans()
    ).map(
        lambda x: (
            x[0],
            (x[1] and x[0] not in STAYS) or x[0] == "core",
            x[2] and x[0] not in ("gone", "silent", "insufficient"),
            x[3],
            x[4],
        )
    ),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(found, min_size=1, max_size=40), min_size=1, max_size=4))
def test_random_stories_fold_as_the_prose_says(stories):
    tables = [table(story, person) for person, story in enumerate(stories) if any(story)]
    if not tables:
        return
    got = evaluations(pa.concat_tables(tables)).to_pylist()
    want = []
    for story in stories:
        memory = Memory()
        for turn, each in enumerate(story, 1):
            if each is None:
                memory = Memory()
                continue
            names = ("target", "stay_core", "stay_active", "held", "long")
            now = {
                **dict(zip(names, each, strict=True)),
                "explicit": False,
                "lapsed": False,
                "lately": False,
                "comes_back": each[0] != "transactional",
                "week": 100 + turn,
                "lookback": 52,
            }
            memory, target = oracle_step(memory, now)
            want.append((memory.level, target, memory.misses))
    assert [(row["level"], row["target"], row["misses"]) for row in got] == want


def test_no_rows_fold_to_no_rows():
    assert evaluations(table([ACTIVE]).slice(0, 0)).num_rows == 0
