"""One small demo for all tests of a run that look at its results."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

ROOT = Path(__file__).parent.parent.parent
RUN = "import sys; from pathlib import Path; from dagster_project.demo import demo; sys.exit(demo(Path({!r}), seed=2, weeks=40, members=90))"


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The home folder of a demo that has run, and its lines. The first worker that needs it runs it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if "PYTEST_XDIST_WORKER" not in os.environ else base.parent
    home, lines = shared / "small-demo", shared / "small-demo.txt"
    with FileLock(shared / "small-demo.lock"):
        if not lines.exists():
            command = [sys.executable, "-c", RUN.format(str(home))]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
            assert done.returncode == 0, done.stdout + done.stderr
            lines.write_text(done.stdout)
    return SimpleNamespace(home=home, lines=lines.read_text())
