"""Failpoints: named places where a test kills the process, to prove that the next refresh continues from there."""

import os
import signal

VARIABLE = "GUILDHALL_FAILPOINT"
"""Environment variable that names the place to die at."""


def failpoint(name: str) -> None:
    """Kill this process, as `kill -9` does, when the environment names this place. Otherwise do nothing."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
