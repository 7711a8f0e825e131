"""Architecture: imports flow one way, each fact has one home, and modules and functions stay small."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("events", "pipelines", "warehouse", "dagster_project")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MOST_LINES = 350
MOST_FUNCTION_LINES = 60


def test_imports_flow_one_way_and_each_framework_is_imported_in_its_place():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_no_module_imports_itself_by_way_of_others():
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    order = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_only_the_stream_worker_imports_faust():
    importing = [path.relative_to(ROOT).as_posix() for path in MODULES if _imports(path, ("faust", "mode"))]
    assert all(name.startswith("pipelines/worker/") for name in importing), importing


def test_every_kafka_client_is_made_in_one_module_of_each_side():
    making = {
        path.relative_to(ROOT).as_posix() for path in MODULES if re.search(r"bootstrap[._]servers(=|\": )", path.read_text())
    }
    assert making == {
        "pipelines/broker/clients.py",
        "warehouse/landing/consumer.py",  # imports nothing of pipelines
        "events/sdk/emitter.py",  # runs inside platforms, without the rest of Guildhall
    }


def test_offsets_and_lags_are_asked_for_in_one_module_of_each_side():
    asking = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if re.search(r"OffsetSpec|watermark|_group_offsets", path.read_text())
    }
    assert asking == {"pipelines/broker/admin.py", "warehouse/landing/consumer.py"}


def test_locks_are_filelocks():
    assert [path.relative_to(ROOT).as_posix() for path in MODULES if _imports(path, ("fcntl",))] == []


def test_files_are_replaced_and_synced_by_one_helper():
    # `x.replace(y)` with one argument that is no text is `Path.replace`.
    pattern = re.compile(r"os\.(fsync|replace|rename)\(|\.(replace|rename)\([^,=\"'()]+\)$", re.MULTILINE)
    found = {path.relative_to(ROOT).as_posix() for path in MODULES if pattern.search(path.read_text())}
    assert found == {
        "events/files.py",
        "events/sdk/journal.py",  # appends, and syncs what it appended
        "warehouse/publish.py",  # replaces a symbolic link; and a file that DuckDB has open is synced by a child
    }


def test_nothing_but_the_settings_and_the_processes_reads_the_environment():
    reading = [path.relative_to(ROOT).as_posix() for path in MODULES if "os.environ" in path.read_text()]
    allowed = {
        "dagster_project/settings.py",  # the settings
        "dagster_project/paths.py",  # where the home folder is
        "dagster_project/processes/supervisor.py",  # hands ours on to children
        "dagster_project/processes/temporary.py",  # as above
        "dagster_project/defs/instance.py",  # DAGSTER_HOME is Dagster's own setting
        "dagster_project/processes/entry_points.py",  # as above
        "dagster_project/processes/up.py",  # as above
        "dagster_project/refresh/refresher.py",  # as above
        "pipelines/broker/runtime.py",  # the cache of jars
        "warehouse/failpoint.py",  # where the tests let a process die
    }
    assert set(reading) <= allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_docstring_of_a_module_begins_with_a_noun_and_a_colon(path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "no docstring"
    assert ":" in docstring.splitlines()[0], docstring.splitlines()[0]


def test_no_module_is_longer_than_the_limit():
    large = {
        path.relative_to(ROOT).as_posix(): lines
        for path in MODULES
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert not large


def test_no_function_is_longer_than_a_screen():
    large = {
        f"{path.relative_to(ROOT).as_posix()}: {node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= MOST_FUNCTION_LINES
    }
    assert not large


def test_words_that_were_replaced_do_not_come_back():
    # Beside each: what replaced it. tests/fixtures hold what platforms send, and refused_settings.py names what it refuses.
    replaced = (
        r"doors?|happenings?|keeper|strays|deeds|troupe|upheavals?|"  # source, action, warehouse, malformed, actions, population
        r"heard|told|anew|mend(ed|s)?|dirty|dirt|findings"  # last seen, reported, again, fix, stale, scoring
    )
    files = subprocess.run(
        ["git", "grep", "-nwiE", replaced, "--", "*.py", "*.sql", "*.md", "*.yaml", "*.toml", ":!tests/fixtures"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.splitlines()  # fmt: skip
    named = ("tests/test_architecture.py:", "dagster_project/refused_settings.py:", "tests/dagster_project/test_cli.py:")
    assert [line for line in files if not line.startswith(named)] == []


def test_every_package_has_a_readme():
    assert [name for name in PACKAGES if not (ROOT / name / "README.md").exists()] == []


def test_the_top_level_stays_as_it_is():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    top = {name.split("/")[0] for name in tracked if not name.startswith(".")}
    assert top <= {
        "pyproject.toml", "uv.lock", "Makefile", "README.md", "LICENSE", "docker-compose.yml", *PACKAGES, "tests",
    }  # fmt: skip


def test_every_exception_to_ruff_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text()
    ruff = tomllib.loads(text)["tool"]["ruff"]["lint"]
    lines = text.splitlines()
    for code in ruff["ignore"]:
        line = next(line for line in lines if f'"{code}",' in line)
        assert "#" in line, f"{code} is ignored without a reason"


def _imports(path: Path, names: tuple[str, ...]) -> bool:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import) and any(alias.name.split(".")[0] in names for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in names:
            return True
    return False
