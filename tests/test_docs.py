"""Documents: the Markdown files agree with the code."""

import re
import shlex
from pathlib import Path

import pytest

from dagster_project.cli.app import app
from dagster_project.cli.imports import kinds
from dagster_project.docs import DOCUMENTS, SETTINGS, renewed
from pipelines.platforms import PLATFORMS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_generated_tables_agree_with_the_code(path):
    text = path.read_text()
    assert renewed(text) == text, "run: .venv/bin/python -m dagster_project.docs"


def test_every_setting_has_a_meaning():
    blocks = {"slug", "space", "breaks", "report"}  # described by tables of their own
    fields = {name: field for _, model in SETTINGS for name, field in model.model_fields.items() if name not in blocks}
    assert [name for name, field in fields.items() if not field.description] == []


def test_every_file_the_readme_names_is_there():
    named = re.findall(r"`((?:events|pipelines|warehouse|dagster_project|tests)/[\w./-]+\.(?:py|sql|md|yaml|toml))`", README)
    assert named
    assert [name for name in named if "<" not in name and not (ROOT / name).exists()] == []


def test_every_command_the_readme_names_is_a_command():
    commands = {c.name or c.callback.__name__ for c in app.registered_commands}
    output = {shlex.split(line, comments=True)[1] for line in re.findall(r"\.venv/bin/(guildhall \w.*)", README)}
    assert output <= commands


def test_every_make_target_the_readme_names_is_a_target():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", README)) | {"demo", "test"} <= targets


def test_ci_calls_the_readmes_test_command():
    assert "make test" in README
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_the_kind_in_the_readmes_example_exists():
    assert re.search(r"guildhall import ([\w-]+)", README)[1] in kinds()


def test_every_platform_is_in_the_table():
    assert all(f"`pipelines/platforms/{slug}/`" in README for slug in PLATFORMS)
