"""Heartbeats: a process that stands still is noticed from outside, killed and started again; status reports it."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from dagster_project.cli.app import run_command
from dagster_project.cli.status import read_all
from dagster_project.processes import heartbeat
from dagster_project.processes.heartbeat import Pulse, beat_for_ever
from dagster_project.processes.supervisor import Child, RunState, Supervisor, alive, wait_for
from dagster_project.settings import Settings

BEATING = """
import sys, time
from pathlib import Path
from dagster_project.processes import heartbeat
heartbeat.BEAT_SECONDS = 0.05
heartbeat.beat_for_ever(Path(sys.argv[1]))
time.sleep(0.5 if len(sys.argv) > 2 else 600)
if len(sys.argv) > 2:  # a call that holds the interpreter for long
    import ctypes
    ctypes.PyDLL(None).sleep(600)
"""


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(heartbeat, "SILENT_SECONDS", 1.5)
    monkeypatch.setattr(heartbeat, "STOPPED_SECONDS", 0.5)


@pytest.fixture
def supervised(tmp_path, quick):
    """Start a supervisor of one child; gives a function that returns its pid, and what was reported."""
    running = []

    def start(*more: str):
        path, reports = tmp_path / "heartbeats" / "child", []
        child = Child("child", [sys.executable, "-c", BEATING, str(path), *more], heartbeat=path)
        supervisor = Supervisor([child], tmp_path / "log", reports.append, time.monotonic)
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        running.append((supervisor, thread))
        assert wait_for(path.exists, 60)
        return lambda: supervisor.pids().get("child", 0), reports

    yield start
    for supervisor, thread in running:
        supervisor.stop()
        thread.join()


def test_a_stopped_process_is_killed_and_started_again(supervised):
    pid, reports = supervised()
    first = pid()
    os.kill(first, signal.SIGSTOP)
    assert wait_for(lambda: pid() not in {0, first}, 60)
    assert not alive(first)
    assert "stopped by a signal" in reports[0]


def test_a_process_that_is_stuck_in_one_call_is_killed_and_started_again(supervised):
    pid, reports = supervised("stuck")
    first = pid()
    assert wait_for(lambda: pid() not in {0, first}, 60)
    assert "no heartbeat" in reports[0]


def test_a_process_that_lives_stays(supervised):
    pid, reports = supervised()
    first = pid()
    time.sleep(3)
    assert (pid(), reports) == (first, [])


def test_a_process_without_heartbeats_is_silent_for_as_long_as_it_likes(tmp_path):
    for path in (None, tmp_path / "not yet"):
        pulse = Pulse(path)
        assert pulse.why_still(os.getpid(), 0.0) is None
        assert pulse.why_still(os.getpid(), 10_000.0) is None


def test_status_names_what_stands_still_and_exits_with_1(tmp_path, monkeypatch, capsys):
    settings = Settings(home=tmp_path)
    beat = settings.paths.heartbeat("worker")
    beat_for_ever(beat)
    assert wait_for(beat.exists, 10)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        state = RunState(os.getpid(), "127.0.0.1:9", {"worker": os.getpid(), "webserver": child.pid})
        monkeypatch.setattr("dagster_project.cli.status.run_state_of", lambda _: state)
        monkeypatch.setattr("dagster_project.cli.status.admin.wait_ready", lambda *_: False)

        def wrong(after: float = 0.0) -> str:
            return " ".join(read_all(settings, datetime.fromtimestamp(time.time() + after, UTC))["wrong"])

        assert "Standing still" not in wrong()
        assert "Standing still: worker." in wrong(after=120)
        child.send_signal(signal.SIGSTOP)
        assert wait_for(lambda: "Standing still: webserver." in wrong(), 10)
        monkeypatch.chdir(tmp_path)
        assert run_command(["--home", str(tmp_path), "status"]) == 1
        assert "Standing still: webserver." in capsys.readouterr().out
        child.kill()
