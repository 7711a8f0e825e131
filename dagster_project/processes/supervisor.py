"""Supervision: one process tree, one Ctrl-C, a log per process, restarts with back-off."""

import ctypes
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from events.files import write_atomic

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0
"""Seconds of running after which a child counts as well again: its next restart is quick."""
GRACE = 30.0
"""Seconds a child has to stop after SIGTERM. Killing it then loses nothing; it only repeats a little work."""
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running."""

    name: str
    argv: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)
    last: bool = False
    """Stopped only when all others have ended, because they finish their work with it: Kafka."""


class _Kept:
    def __init__(self, child: Child, log: Path) -> None:
        self.child = child
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.pause = FIRST_PAUSE
        self.due = 0.0
        self.starts = 0

    def start(self, now: float) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
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

    def ask_to_stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def end(self, until: float) -> None:
        """Wait for the end; past `until` it is killed with everything it started."""
        assert self.process is not None
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Supervisor:
    """Keeps children running until `stop`; starts them in order, stops them together, those that are `last` last."""

    def __init__(self, children: Sequence[Child], logs: Path, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        """`say` gets one sentence for each start and death; `clock` gives monotonic seconds."""
        self._kept = [_Kept(child, logs / f"{child.name}.log") for child in children]
        self._say, self._clock = say, clock
        self._stopping = threading.Event()

    def pids(self) -> dict[str, int]:
        """The children that run now."""
        return {k.child.name: k.process.pid for k in self._kept if k.process and k.process.poll() is None}

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stopping.set()

    def run(self, on_change: Callable[[dict[str, int]], None] = lambda _pids: None) -> None:
        """Keep everything running until `stop`; `on_change` is told the pids whenever they change."""
        told: dict[str, int] = {}
        try:
            while not self._stopping.is_set():
                for kept in self._kept:
                    self._look_after(kept)
                pids = self.pids()
                if pids != told:
                    told = pids
                    on_change(pids)
                self._stopping.wait(0.2)
        finally:
            self._stop_all()

    def _look_after(self, kept: _Kept) -> None:
        now = self._clock()
        if kept.process is not None and kept.process.poll() is not None:
            lived = now - kept.started
            kept.pause = FIRST_PAUSE if lived > STEADY_AFTER else min(LONGEST_PAUSE, kept.pause * 2)
            kept.due = now + kept.pause
            self._say(
                f"{kept.child.name} ended with {kept.process.returncode} after {lived:.0f} s; again in {kept.pause:.0f} s"
            )
            kept.process = None
        if kept.process is None and now >= kept.due:
            kept.start(now)

    def _stop_all(self) -> None:
        for last in (False, True):
            wave = [
                k for k in reversed(self._kept) if k.child.last is last and k.process is not None and k.process.poll() is None
            ]
            for kept in wave:
                kept.ask_to_stop()
            until = time.monotonic() + GRACE
            for kept in wave:
                kept.end(until)
                self._say(f"{kept.child.name} stopped")


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies, so that kill -9 of the supervisor leaves nobody behind. Linux only."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    except (OSError, AttributeError):
        return


@dataclass(frozen=True, slots=True)
class RunState:
    """What runs now for a home folder, as `guildhall up` wrote it down."""

    pid: int
    bootstrap: str
    children: dict[str, int]

    def runs(self, name: str) -> bool:
        """Whether this child was started and is alive."""
        return alive(self.children.get(name, 0))


def write_run_state(path: Path, run_state: RunState) -> None:
    """Write it down whole or not at all."""
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
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return pid > 0 and state != "Z"


def wait_for(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Whether the condition came true in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(every)
    return condition()
