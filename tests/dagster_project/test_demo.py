"""Demo: it clears only its own folder, its numbers add up, and it leaves nothing running."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dagster_project.demo.folder import prepare
from dagster_project.demo.lines import DemoError
from dagster_project.paths import Paths
from dagster_project.settings import load
from warehouse.warehouse import Warehouse

WHAT = {"seed": 1}
ROOT = Path(__file__).parent.parent.parent


def test_a_demo_begins_in_an_empty_folder(tmp_path):
    prepare(tmp_path / "var", WHAT)
    assert json.loads(Paths(tmp_path / "var").demo_marker.read_text()) == WHAT


def test_an_installation_is_never_overwritten(tmp_path):
    (tmp_path / "landing.duckdb").write_bytes(b"years of somebody's work")
    with pytest.raises(DemoError, match="cannot be used for a demo"):
        prepare(tmp_path, WHAT)
    assert (tmp_path / "landing.duckdb").read_bytes() == b"years of somebody's work"


def test_a_key_that_init_made_is_kept(tmp_path):
    key = load(home=tmp_path).key()
    prepare(tmp_path, WHAT)
    (tmp_path / "kafka").mkdir()
    prepare(tmp_path, WHAT)
    assert load(home=tmp_path).key() == key


def test_an_earlier_demo_makes_room(tmp_path):
    prepare(tmp_path, WHAT)
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "guildhall-000001.duckdb").write_bytes(b"old")
    (tmp_path / "published" / "current").symlink_to("guildhall-000001.duckdb")
    prepare(tmp_path, {"seed": 2})
    assert [path.name for path in tmp_path.iterdir()] == [Paths(tmp_path).demo_marker.name]


def test_a_demo_to_which_somebody_added_a_community_is_left_alone(tmp_path):
    prepare(tmp_path, WHAT)
    with Warehouse(tmp_path, key=load(home=tmp_path).key(), communities={}) as warehouse:
        warehouse.con.execute("insert into landing.main.interactions (event_id, community) values ('a', 'ours')")
    with pytest.raises(DemoError, match="does not hold a demo alone"):
        prepare(tmp_path, WHAT)


@pytest.mark.kafka
def test_a_small_demo_adds_up_finds_what_is_planted_and_leaves_nothing_running(small_demo):
    home, output = small_demo.home, small_demo.lines
    names = re.findall(r"^  (\w+) ", output, re.MULTILINE)
    assert names == ["kafka", "emitted", "understood", "landed", "built", "planted", "published", "report"]
    assert (home / "published" / "current").exists()
    assert list((home / "reports").rglob("index.html"))
    assert _running(home) == []
    truth = json.loads((home / "demo" / "truth.json").read_text())
    events = int(re.search(r"emitted\s+([\d,]+) events", output).group(1).replace(",", ""))
    assert truth["expected"]["events"] == events


@pytest.mark.kafka
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_interrupted_leaves_nothing_running(tmp_path, sign):
    home = tmp_path / "var"
    code = f"from pathlib import Path; from dagster_project.demo import demo; demo(Path({str(home)!r}), weeks=60)"
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ
    )
    try:
        while b"kafka " not in child.stdout.readline():
            assert child.poll() is None
        while len(_running(home)) < 3:
            assert child.poll() is None
            time.sleep(0.05)
        child.send_signal(sign)
        assert child.wait(60) != 0
    finally:
        child.kill()
    assert _running(home) == []


def _running(home):
    """Processes that this home folder's demo started: they name it in their arguments or their environment."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            try:
                words = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
                state = (place / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if str(home).encode() in words and state != "Z" and b"demo import demo" not in words:
                found.append(int(place.name))
    return found
