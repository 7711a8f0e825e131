"""Supervision: one process tree, one Ctrl-C, a log per process, restarts with back-off."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dagster_project.processes.heartbeat import Pulse, state_of
from events.files import write_atomic

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0
"""Seconds of running after which a child counts as healthy: its next restart is quick."""
GRACE = 30.0
"""Seconds a child has to stop after SIGTERM. Killing it then loses nothing; it only repeats a little work."""
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running."""

    name: str
    argv: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)
    heartbeat: Path | None = None
    """The file that it touches; a process without one is watched for being stopped only."""
    last: bool = False
    """Stopped only when all others have ended, because they finish their work with it: Kafka."""


class _Running:
    def __init__(self, child: Child, log: Path) -> None:
        self.child = child
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.pulse: Pulse | None = None
        self.started = 0.0
        self.pause = FIRST_PAUSE
        self.due = 0.0
        self.starts = 0
        self.is_restarting = False

    def start(self, now: float) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.child.heartbeat:
            self.child.heartbeat.unlink(missing_ok=True)
        self.pulse = Pulse(self.child.heartbeat, moved_at=now)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.child.argv,
                env={**os.environ, **self.child.env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to pass on, in order
            )
        self.started, self.starts = now, self.starts + 1

    def kill(self) -> None:
        """End it and everything it started at once, also where it is stopped."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def ask_to_stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def end(self, until: float) -> None:
        """Wait for the end; past `until` it is killed with everything it started."""
        assert self.process is not None
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()


class Supervisor:
    """Keeps children running until `stop`; starts them in order, stops them together, those that are `last` last."""

    def __init__(
        self, children: Sequence[Child], logs: Path, report: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        """`report` gets one sentence for each end of a child; `clock` gives monotonic seconds."""
        self._running = [_Running(child, logs / f"{child.name}.log") for child in children]
        self._report, self._clock = report, clock
        self._stopping = threading.Event()

    def pids(self) -> dict[str, int]:
        """The children that run now."""
        return {r.child.name: r.process.pid for r in self._running if r.process and r.process.poll() is None}

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stopping.set()

    def restart(self, names: Collection[str]) -> None:
        """Ask these children to stop; each starts again as soon as it has ended."""
        for running in self._running:
            if running.child.name in names and running.process is not None and running.process.poll() is None:
                running.is_restarting = True
                running.ask_to_stop()

    def run(
        self, on_change: Callable[[dict[str, int]], None] = lambda _pids: None, each_time: Callable[[], None] = lambda: None
    ) -> None:
        """Keep everything running until `stop`; `on_change` gets the pids whenever they change; `each_time` is called often."""
        reported: dict[str, int] = {}
        try:
            while not self._stopping.is_set():
                for running in self._running:
                    self._look_after(running)
                pids = self.pids()
                if pids != reported:
                    reported = pids
                    on_change(pids)
                each_time()
                self._stopping.wait(0.2)
        finally:
            self._stop_all()

    def _look_after(self, running: _Running) -> None:
        now = self._clock()
        if running.process is not None and running.process.poll() is None:
            assert running.pulse is not None
            still = running.pulse.why_still(running.process.pid, now)
            if still:
                self._report(f"{running.child.name} stands still ({still}) and is killed")
                running.kill()
                running.process.wait()
        if running.is_restarting and running.process is not None and running.process.poll() is not None:
            self._report(f"{running.child.name} starts again")
            running.process, running.due, running.is_restarting = None, now, False
        elif running.process is not None and running.process.poll() is not None:
            lived = now - running.started
            running.pause = FIRST_PAUSE if lived > STEADY_AFTER else min(LONGEST_PAUSE, running.pause * 2)
            running.due = now + running.pause
            code = running.process.returncode
            self._report(f"{running.child.name} ended with {code} after {lived:.0f} s; again in {running.pause:.0f} s")
            running.process = None
        if running.process is None and now >= running.due:
            running.start(now)

    def _stop_all(self) -> None:
        for last in (False, True):
            wave = [
                k
                for k in reversed(self._running)
                if k.child.last is last and k.process is not None and k.process.poll() is None
            ]
            for running in wave:
                running.ask_to_stop()
            until = time.monotonic() + GRACE
            for running in wave:
                running.end(until)
                self._report(f"{running.child.name} stopped")


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies, so that kill -9 of the supervisor leaves nobody behind. Linux only."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    except (OSError, AttributeError):
        return


@dataclass(frozen=True, slots=True)
class RunState:
    """What runs now for a home folder, as `guildhall up` recorded it."""

    pid: int
    bootstrap: str
    children: dict[str, int]

    def runs(self, name: str) -> bool:
        """Whether this child was started and is alive."""
        return alive(self.children.get(name, 0))


def write_run_state(path: Path, run_state: RunState) -> None:
    """Write it whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"pid": run_state.pid, "bootstrap": run_state.bootstrap, "children": run_state.children}
    write_atomic(path, json.dumps(content), durable=False)


def read_run_state(path: Path) -> RunState | None:
    """What runs now, or None where nothing does."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        run_state = RunState(int(found["pid"]), str(found["bootstrap"]), dict(found["children"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return run_state if alive(run_state.pid) else None


def alive(pid: int) -> bool:
    """Whether a process of this number runs and is no zombie."""
    return pid > 0 and state_of(pid) not in {"", "Z"}


def wait_for(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Whether the condition came true in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(every)
    return condition()
