"""Watch: ends a process whose work shows no sign of life, because a call that hangs cannot be ended from within. Pauses."""

import os
import time
from collections.abc import Callable

import structlog

_log = structlog.get_logger()
STALLED_SECONDS = {"landing": 120.0, "building": 1_800.0, "publishing": 600.0, "resting": 300.0, "lent": float("inf")}
"""Seconds without a sign of life after which a phase counts as hung; landing gives one every batch, building every table."""
STALLED = 75
"""The exit code."""
LONGEST_PAUSE = 60.0
LOOK_EVERY = 5.0


class Watch:
    """Knows the phase of the work and its last sign of life."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self.phase, self._beat = "resting", clock()

    def beat(self, phase: str | None = None) -> None:
        """Show a sign of life, perhaps of a new phase."""
        self.phase, self._beat = phase or self.phase, self._clock()

    def stalled(self) -> bool:
        """Whether the phase has been silent for too long."""
        return self._clock() - self._beat > STALLED_SECONDS[self.phase]

    def run(self) -> None:
        """Look every few seconds, for ever; for a thread of its own."""
        while True:
            time.sleep(LOOK_EVERY)
            if self.stalled():
                _log.error("the refresher hangs and ends itself", phase=self.phase)
                os._exit(STALLED)


def pause(every: float, failures: int) -> float:
    """Seconds until the next refresh: longer after each failure in a row, a minute at most."""
    return min(max(every, LONGEST_PAUSE), every * 2.0 ** min(failures, 16))
