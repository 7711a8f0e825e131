"""Build commands: a failed check is named with its consequence, and the next step is one that works now."""

from types import SimpleNamespace

import pytest

from dagster_project.cli.build import _built, _note_failed_checks, refuse_while_up, show_step
from dagster_project.cli.imports import next_step
from dagster_project.processes.supervisor import RunState
from events.errors import GuildhallError
from warehouse.build.build import Built, CheckResult
from warehouse.build.model import Check

RULES = {
    "core.x": Check(name="keys", rule="No row is there twice.", sql="select 1"),
    "core.y": Check(
        name="conflicts",
        rule="No two records of one event differ.",
        sql="select 1",
        severity="warn",
        consequence="One of them counts.",
        remedy="Import again.",
    ),
}
WAREHOUSE = SimpleNamespace(
    models=[
        SimpleNamespace(table=table, header=SimpleNamespace(checks=(check,), published=False)) for table, check in RULES.items()
    ]
)
BUILT = Built(
    communities=("bakers",),
    seconds={"core.x": 0.5, "core.y": 1.0},
    rows={"core.x": 7, "core.y": 3},
    checks=(
        CheckResult("core.x", "keys", "error", 2),
        CheckResult("core.y", "conflicts", "warn", 1_500, ("bakers", "gardeners")),
        CheckResult("core.y", "others", "error", 0),
    ),
)


@pytest.fixture
def up(monkeypatch):
    """`guildhall up` runs its refresher for every home folder."""
    runs = SimpleNamespace(runs=lambda name: name == "refresher")
    monkeypatch.setattr("dagster_project.processes.temporary.run_state_of", lambda _settings: runs)


def test_a_failed_check_is_named_with_its_community_rule_consequence_and_remedy(capsys):
    _note_failed_checks(WAREHOUSE, [BUILT])
    first, second = capsys.readouterr().err.splitlines()
    assert "core.x, `keys` (error): 2 rows fail. The rule: No row is there twice. Nothing is published" in first
    assert "guildhall refresh --full" in first
    assert "core.y, `conflicts` (warn): 1,500 rows of bakers, gardeners fail. The rule: No two records" in second
    assert second.endswith("One of them counts. Import again.")


def test_what_was_built_is_one_line(capsys):
    show_step("built", _built([BUILT]))
    assert capsys.readouterr().out == "  built      1 community, 2 tables, 1 check passed, 2 checks failed, 1.5 s\n"


def test_a_refresh_is_refused_while_the_refresher_has_the_files(up):
    with pytest.raises(GuildhallError, match="guildhall status"):
        refuse_while_up(None)


def test_the_next_step_after_an_import_is_a_refresh_unless_the_refresher_runs(monkeypatch, up):
    assert next_step(None).startswith("guildhall status")
    monkeypatch.setattr("dagster_project.processes.temporary.run_state_of", lambda _settings: RunState(1, "", {"refresher": 0}))
    assert next_step(None) == "guildhall refresh"
