"""Heartbeat: a sign of life that a process shows, and whoever watches it from outside looks for.

A process that is stopped, frozen or stuck in one call cannot report that itself.
"""

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path

BEAT_SECONDS = 3.0
SILENT_SECONDS = 60.0
"""Without a heartbeat for so long, a process that showed one before stands still. A busy machine delays them."""
STOPPED = frozenset({"T", "t"})
"""States of a process that a signal or a debugger stopped."""
STOPPED_SECONDS = 15.0
"""A process that was stopped by a signal for so long stands still; only debuggers do that for shorter."""


def beat_for_ever(path: Path) -> None:
    """Touch the file every few seconds, in a thread that ends with the process."""

    def beat() -> None:
        pause = threading.Event()
        while True:
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            pause.wait(BEAT_SECONDS)

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def state_of(pid: int) -> str:
    """The state of a process as /proc shows it: R runs, S sleeps, T is stopped, Z is a zombie; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return ""


def silent_seconds(path: Path, now: float) -> float:
    """How long ago the last heartbeat was; 0 for a process that has shown none yet. `now` is in epoch seconds."""
    try:
        return max(0.0, now - path.stat().st_mtime)
    except OSError:
        return 0.0


@dataclass(slots=True)
class Pulse:
    """What a supervisor knows of one process's signs of life. Moments are monotonic: a moved clock kills nothing."""

    path: Path | None
    """Its heartbeat file, absent when the process starts; None for a process that shows none."""
    last: float | None = None
    moved_at: float = 0.0
    stopped_at: float | None = None

    def why_still(self, pid: int, now: float) -> str | None:
        """Why the process stands still, or None for one that lives."""
        if state_of(pid) in STOPPED:
            self.stopped_at = now if self.stopped_at is None else self.stopped_at
            stopped = now - self.stopped_at
            return f"stopped by a signal for {stopped:.0f} s" if stopped >= STOPPED_SECONDS else None
        self.stopped_at = None
        beat = _beat(self.path)
        if beat != self.last:
            self.last, self.moved_at = beat, now
        silent = now - self.moved_at
        return f"no heartbeat for {silent:.0f} s" if beat is not None and silent >= SILENT_SECONDS else None


def _beat(path: Path | None) -> float | None:
    try:
        return path.stat().st_mtime if path else None
    except OSError:
        return None
