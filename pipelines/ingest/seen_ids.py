"""Seen ids: which deliveries a gateway accepted lately, so that a repeated one does not count as a sign of life.

Some platforms sign no time (MediaWiki's feeds, Zulip). A stored request of theirs passes its check for ever.
"""

import contextlib
from pathlib import Path

from events.files import write_atomic

FILE = "seen.ids"
MOST = 200_000
"""Ids that are remembered. An older delivery that comes again counts as new."""
ID_BYTES = 16


class SeenIds:
    """The last ids, newest last, in a file that outlives the process. A killed gateway forgets those since the last `write`."""

    def __init__(self, folder: Path, most: int = MOST) -> None:
        """Begin with what the file holds. What follows the last whole id in it is left out."""
        self._path, self._most = folder / FILE, most
        folder.mkdir(parents=True, exist_ok=True)
        try:
            stored = self._path.read_bytes()
        except OSError:
            stored = b""
        whole = len(stored) // ID_BYTES * ID_BYTES
        self._ids = dict.fromkeys(stored[at : at + ID_BYTES] for at in range(0, whole, ID_BYTES))
        self._changed = False

    def add(self, delivery: str) -> bool:
        """Remember a delivery; whether it is new. `delivery` is the hex id of `events.raw.delivery_id`."""
        id_ = bytes.fromhex(delivery)
        if id_ in self._ids:
            return False
        self._ids[id_] = None
        while len(self._ids) > self._most:
            del self._ids[next(iter(self._ids))]
        self._changed = True
        return True

    def write(self) -> None:
        """Write the ids, whole or not at all. A disk that refuses is tried again the next time."""
        if self._changed:
            with contextlib.suppress(OSError):
                write_atomic(self._path, b"".join(tuple(self._ids)), durable=False)
                self._changed = False
