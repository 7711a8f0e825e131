"""All levels at once against the oracle that looks at one date at a time: row by row, on random histories."""

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.warehouse.levels_histories import after, history, land
from tests.warehouse.levels_oracle import evaluations
from warehouse.build.build import make, open_scratch
from warehouse.build.catalog import catalog, with_intermediate
from warehouse.db import open_memory

SHOWN = (
    "contributions",
    "beats_active",
    "beats_alive",
    "ties",
    "helped",
    "bar_core_people",
    "explicit",
    "newcomer",
    "returning",
    "facilitator",
)


def computed_and_expected(seed, weeks, communities):
    rng = np.random.default_rng(seed)
    con = open_memory()
    tables = [history(rng, f"c{i}", people, weeks, events) for i, (people, events, _, _) in enumerate(communities)]
    names = land(
        con,
        [t for t in tables if t.num_rows],
        beats=[beat for t, (_, _, beat, _) in zip(tables, communities, strict=True) if t.num_rows],
    )
    for i, (_, _, _, rest) in enumerate(communities):
        if rest is not None:
            con.execute(
                "insert into landing.breaks values (?, ?, ?, 'summer')", [f"c{i}", after(rest[0]), after(rest[0] + rest[1])]
            )
    open_scratch(con, names, after(weeks), None)
    core = [model.table for model in catalog() if model.layer == "core"]
    for model in with_intermediate([*core, "levels.reach", "levels.evaluations"], catalog()):
        make(con, model)
    dates = con.execute("select community, window_end from core.windows order by window_end, community").fetchall()
    expected = evaluations(con, dates)
    columns = ", ".join(f'"{name}"' for name in SHOWN)
    computed = {
        row[:3]: (*row[3:6], dict(zip(SHOWN, row[6:], strict=True)))
        for row in con.execute(
            f"select community, window_end, member, level, target, misses, {columns} from levels.evaluations"
        ).fetchall()
    }
    con.close()
    return computed, expected


community = st.tuples(
    st.integers(3, 9),
    st.integers(0, 700),
    st.sampled_from([None, 7, 14, 28, 91]),
    st.one_of(st.none(), st.tuples(st.integers(5, 60), st.integers(1, 30))),
)


@settings(
    deadline=None, max_examples=8, phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(st.integers(0, 10**6), st.integers(10, 130), st.lists(community, min_size=1, max_size=3))
def test_all_dates_at_once_give_what_one_date_at_a_time_gives(seed, weeks, communities):
    computed, expected = computed_and_expected(seed, weeks, communities)
    assert computed.keys() == expected.keys()
    for who, row in expected.items():
        assert computed[who] == row, who


def test_a_long_history_with_every_state_in_it_agrees_too():
    computed, expected = computed_and_expected(
        7,
        150,
        [
            (9, 900, 7, None),
            (8, 1500, 7, (60, 14)),
            (8, 500, 28, None),
            (6, 60, None, None),
            (7, 300, 91, None),
            (30, 700, 7, None),
        ],
    )
    assert computed == expected
    states = {level for level, *_ in computed.values()}
    assert states == {
        "core",
        "active",
        "occasional",
        "peripheral",
        "transactional",
        "dormant",
        "departed",
        "insufficient",
        "not seen",
    }
