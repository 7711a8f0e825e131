"""Stalls: a worker that makes no progress while work waits, as opposed to one that has nothing to do. No clock of its own."""


class Stall:
    """Decides whether a worker is stalled from its progress at each look."""

    def __init__(self, seconds: float) -> None:
        """A worker is stalled after `seconds` without progress while work waits."""
        self._seconds = seconds
        self._marks: object = None
        self._since: float | None = None

    def is_stalled(self, *, waiting: int, marks: object, now: float) -> bool:
        """Return whether the worker is stalled.

        `waiting` is the number of records to do; `marks` is a value that changes with every progress; `now` is in seconds of
        a monotonic clock.
        """
        if waiting <= 0 or marks != self._marks or self._since is None:
            self._marks, self._since = marks, now
            return False
        return now - self._since >= self._seconds
