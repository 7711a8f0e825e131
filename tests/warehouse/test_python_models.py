"""Python models: a module with a YAML docstring and one function, found by its name as SQL files are."""

# ruff: noqa: DTZ001 - the warehouse speaks naive UTC

from datetime import datetime

import numpy as np
import pytest

from warehouse.build.build import build, checks_of, done_with
from warehouse.build.catalog import catalog, load, order, with_intermediate
from warehouse.build.model import ModelError, read_model
from warehouse.db import open_memory
from warehouse.models.metrics.newcomer_wait import Wait, survival, wait

NOW = datetime(2024, 3, 25)

CODE = '''"""
summary: How many communities landed.
grain: [community]
reads: [core.slugs]
columns: {community: the community, letters: letters of its name}
"""

import pyarrow as pa
import pyarrow.compute as pc


def letters(slugs: pa.Table) -> pa.Table:
    return slugs.append_column("letters", pc.utf8_length(slugs["community"]))
'''

SLUGS = """/*
summary: The communities.
grain: [community]
materialized: temporary
reads: []
columns: {community: the community}
*/
select community from building
"""


@pytest.fixture
def write(tmp_path):
    def written(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return written


def test_a_function_makes_the_rows_of_its_table(write):
    models = order([read_model(write("core/slugs.sql", SLUGS)), read_model(write("core/letters.py", CODE))])
    con = open_memory()
    built = build(con, models, ["bakers", "gardeners"], NOW)
    assert con.execute("from warehouse.core.letters order by 1").fetchall() == [("bakers", 6), ("gardeners", 9)]
    assert built.rows == {"core.slugs": 2, "core.letters": 2}
    assert {check.name for check in built.checks} == {"grain", "keys"}


def test_an_unpublished_table_is_not_in_the_warehouse_and_has_no_checks_of_its_own(write):
    models = order([read_model(write("core/slugs.sql", SLUGS)), read_model(write("core/letters.py", CODE))])
    con = open_memory()
    build(con, models, ["bakers"], NOW)
    names = con.execute("select table_name from duckdb_tables() where database_name = 'warehouse'").fetchall()
    assert names == [("letters",)]
    assert checks_of(models[0]) == ()


def test_a_table_brings_the_unpublished_tables_that_it_reads(write):
    models = order([read_model(write("core/slugs.sql", SLUGS)), read_model(write("core/letters.py", CODE))])
    assert with_intermediate(["core.letters"], models) == models
    chosen = [model.table for model in with_intermediate(["levels.evaluations"], catalog())]
    assert chosen[-1] == "levels.evaluations"
    assert all(not model.header.published for model in with_intermediate(["levels.evaluations"], catalog())[:-1])


def test_a_view_is_read_in_place_of_a_table_and_keeps_what_it_reads_until_it_was_read(write):
    view = SLUGS.replace("temporary", "view").replace("[]", "[core.slugs]").replace("from building", "from core.slugs")
    models = order(
        [
            read_model(write("core/slugs.sql", SLUGS)),
            read_model(write("core/names.sql", view)),
            read_model(write("core/letters.py", CODE.replace("slugs", "names"))),
        ]
    )
    con = open_memory()
    built = build(con, models, ["bakers"], NOW)
    assert con.execute("from warehouse.core.letters").fetchall() == [("bakers", 6)]
    assert list(built.rows) == ["core.slugs", "core.letters"]
    assert [done_with(model, models) for model in models] == [(), (), ("core.slugs",)]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("core/letters.py", CODE.replace("def letters", "def words"), "no function `letters`"),
        ("core/letters.py", CODE.replace("slugs: pa.Table", "names: pa.Table"), "write the same names"),
        ("core/letters.py", CODE.replace("summary", "sumary"), "sumary"),
        ("core/letters.py", "x = 1\n", "no header"),
        ("core/letters.py", CODE.replace("grain", "materialized: view\ngrain"), "cannot be a view"),
        ("core/Letters.py", CODE, "lower case"),
        ("elsewhere/letters.py", CODE, "no layer"),
    ],
)
def test_a_module_that_is_no_model_is_refused_with_the_reason(write, name, text, why):
    with pytest.raises(ModelError, match=why):
        read_model(write(name, text))


def test_two_files_of_one_table_are_refused(write, tmp_path):
    write("core/letters.py", CODE.replace("core.slugs", "landing.communities").replace("slugs", "communities"))
    write("core/letters.sql", SLUGS)
    with pytest.raises(ModelError, match=r"two files make core\.letters"):
        load(tmp_path)


def test_every_python_model_of_the_catalog_gives_the_described_columns_and_no_rows_of_none():
    con = open_memory()
    build(con, catalog(), [], NOW)
    python = [model for model in catalog() if model.language == "python"]
    assert python
    for model in python:
        if model.header.published:
            columns = [name for name, *_ in con.execute(f"describe warehouse.{model.table}").fetchall()]
            assert set(columns) == set(model.header.columns)


# ---- N3, by Kaplan and Meier

# Control group of the grade 3 glioma data of Grana et al. 2002, as lifelines ships it (g3.csv): months, and whether somebody died.
MONTHS = np.array([34, 32, 9, 19, 50, 48], np.float64)
DIED = np.array([True, True, True, True, False, False])


def test_the_curve_and_its_log_log_band_are_those_that_lifelines_publishes():
    # lifelines, tests/test_estimation.py, test_kmf_confidence_intervals_output_against_R: R's survfit with conf.type "log-log".
    times, share, low, high = survival(MONTHS, DIED)
    at = np.isin(times, [9, 19, 32, 34])
    assert share[at] == pytest.approx([5 / 6, 4 / 6, 3 / 6, 2 / 6])
    assert low[at] == pytest.approx([0.2731, 0.1946, 0.1109, 0.0461], rel=1e-3)
    assert high[at] == pytest.approx([0.975, 0.904, 0.804, 0.676], rel=1e-3)


def test_the_median_and_its_band_are_where_the_curves_reach_one_half():
    # The curve reaches 1/2 at 32, the lower limit at 9, the upper one and a tenth never.
    assert wait(MONTHS * 60, DIED) == Wait(32.0, 9.0, None, None)


def test_where_everybody_was_answered_the_band_ends_at_nothing():
    times, share, low, high = survival(np.array([1.0, 2.0]), np.array([True, True]))
    assert (share[-1], low[-1], high[-1]) == (0.0, 0.0, 1.0)
    assert list(times) == [1.0, 2.0]


def test_where_nobody_was_answered_nothing_is_reached():
    assert wait(np.array([5.0, 7.0]), np.array([False, False])) == Wait(None, None, None, None)
