"""Paths: every name under the home folder is written once."""

import ast
from pathlib import Path

import pytest

from dagster_project.paths import Paths

ROOT = Path(__file__).parent.parent.parent
HOME = Path("/home-folder")
MODULES = sorted(path for path in (ROOT / "dagster_project").rglob("*.py") if path.name != "paths.py")
PLACES = {name: getattr(Paths(HOME), name) for name, value in vars(Paths).items() if isinstance(value, property)}
NAMES = {path.relative_to(HOME).parts[0] for path in PLACES.values()} | {Paths(HOME).log("worker").parts[-2]}


def joined(tree: ast.AST) -> list[str]:
    """The texts that a module joins to a path with `/`."""
    return [
        node.right.value
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and isinstance(node.right, ast.Constant)
        and isinstance(node.right.value, str)
    ]


def test_every_place_is_its_own():
    assert len(set(PLACES.values())) == len(PLACES)
    assert all(path.is_relative_to(HOME) for path in PLACES.values())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_module_joins_a_name_to_the_home_folder(path):
    assert set(joined(ast.parse(path.read_text()))) & NAMES == set()


def test_the_check_finds_a_name_that_is_joined_elsewhere():
    assert joined(ast.parse('settings.home / "status" / "refresher.json"')) == ["refresher.json", "status"]
