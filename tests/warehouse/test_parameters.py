"""Parameters: the thresholds of beats and levels stand in core.parameters, and in no second place."""

import ast
import re

import pytest

from tests.warehouse.levels_world import World, built, rows
from warehouse.build.model import MODELS
from warehouse.build.thresholds import thresholds

NOT_THRESHOLDS = {0, 1, 7, 86_400}
"""Nothing, the next one, the days of a week, the seconds of a day."""
WAREHOUSE = MODELS.parent
SQL = [
    *sorted((MODELS / "levels").glob("*.sql")),
    *(MODELS / "core" / f"{name}.sql" for name in ("beats", "beat_candidates", "weeks", "windows")),
]
PYTHON = [*sorted((MODELS / "levels").glob("*.py")), MODELS / "core" / "tempo.py", WAREHOUSE / "explain.py"]


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.stem)
def test_no_sql_of_beats_and_levels_has_a_threshold_of_its_own(path):
    sql = re.sub(r"\A/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    sql = re.sub(r"--.*|'[^']*'", "", sql)
    numbers = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", sql)}
    assert numbers <= NOT_THRESHOLDS, f"{path.name}: read it from core.parameters"


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.stem)
def test_no_python_of_beats_and_levels_has_a_threshold_of_its_own(path):
    numbers = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    }
    assert numbers <= NOT_THRESHOLDS, f"{path.name}: read it from core.parameters"


def test_the_documented_thresholds_are_those_of_the_table_with_shares_as_fractions():
    values = {threshold.name: threshold.value for threshold in thresholds()}
    assert (values["core_beats_share"], values["beat_alive_share"], values["long_beat_days"]) == ("2/3", "4/5", "28")
    assert all(threshold.meaning for threshold in thresholds())


def test_every_evaluation_carries_the_bars_that_it_applied():
    # Ten contributors, twelve live weeks: 2/3, 1/3, 1/2 and 1/4 of the weeks; a quarter of the people, rounded; 3/5 of these.
    world = World().meets("abcdefghij", range(20)).evaluates(20, 20)
    con = built(world)
    (row,) = rows(con, "a")
    con.close()
    assert {name: value for name, value in row.items() if name.startswith("bar_")} == {
        "bar_core_beats": 8,
        "bar_core_people": 3,
        "bar_core_hosted": 4,
        "bar_active_beats": 4,
        "bar_active_ties": 2,
        "bar_stay_core_beats": 6,
        "bar_stay_core_people": 2,
        "bar_stay_active_beats": 3,
        "bar_stay_active_ties": 1,
        "bar_met": 2,
        "bar_missed": 4,
    }
