"""Loans: one process owns the warehouse, and hands it over between two pieces of work to a process that asks for it.

The warehouse has a lock, which its owner holds. A second lock says that somebody waits: whoever wants the warehouse holds it
until the warehouse is open. The owner looks at the second lock, closes the warehouse, and opens it again when nobody holds it.
Both are locks of the kernel, so a process that is killed gives back what it held.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dagster_project.paths import Paths
from warehouse.warehouse import Warehouse, WarehouseInUseError

POLL_SECONDS = 0.1
Opened = Callable[[], AbstractContextManager[Warehouse]]
"""Opens the warehouse, or raises WarehouseInUseError at once."""


@contextmanager
def borrowed(home: Path, opened: Opened, report: Callable[[str], None] = lambda _text: None) -> Iterator[Warehouse]:
    """Wait for the warehouse of this home folder, however long its owner needs, and hold it.

    `report` gets one sentence when there is something to wait for. Raises what `opened` raises.
    """
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with FileLock(Paths(home).warehouse_wanted, poll_interval=POLL_SECONDS):
            warehouse = _wait(stack, opened, report)
        yield warehouse


def is_wanted(home: Path) -> bool:
    """Whether a process waits for the warehouse."""
    lock = FileLock(Paths(home).warehouse_wanted)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


class Owner:
    """Holds the warehouse for as long as the process lives, but for loans. `warehouse` is open except during `lend`."""

    def __init__(self, home: Path, opened: Opened) -> None:
        """Open the warehouse. Raises what `opened` raises."""
        self._home, self._opened = home, opened
        self._stack = ExitStack()
        self.warehouse = self._stack.enter_context(opened())

    def close(self) -> None:
        """Give the warehouse back for good."""
        self._stack.close()

    def lend(self, waiting: Callable[[], bool]) -> bool:
        """Hand the warehouse to whoever wants it and take it back afterwards; whether anybody wanted it.

        `waiting` is called every moment until then; when it returns False, the wait ends without the warehouse.
        """
        if not is_wanted(self._home):
            return False
        self._stack.close()
        while waiting():
            if not is_wanted(self._home):
                try:
                    self.warehouse = self._stack.enter_context(self._opened())
                except WarehouseInUseError:
                    pass
                else:
                    break
            time.sleep(POLL_SECONDS)
        return True


def _wait(stack: ExitStack, opened: Opened, report: Callable[[str], None]) -> Warehouse:
    reported = False
    while True:
        try:
            return stack.enter_context(opened())
        except WarehouseInUseError as error:
            if not reported:
                report(f"Waiting for the warehouse. {error.why}")
                reported = True
            time.sleep(POLL_SECONDS)
