"""Last seen: when each source last sent something, in a small file that outlives the process."""

import json
from datetime import datetime
from pathlib import Path

from events.files import write_atomic

FILE = "sources.json"
"""What the gateway writes. Each writer has a file of its own in the folder, so that none overwrites another."""
POLLER_FILE = "poller.json"


class LastSeen:
    """`{source: {"seen_at", "handshake_at", "refused_at"}}`: the last time each happened, UTC, ISO.

    `seen_at` is the last verified event or handshake. A killed gateway forgets at most the time between two writes.
    """

    def __init__(self, folder: Path, file: str = FILE) -> None:
        """Begin with what the file holds."""
        self._path = folder / file
        folder.mkdir(parents=True, exist_ok=True)
        self.sources = _read(self._path)
        self._changed = False

    def note(self, source: str, what: str, at: datetime) -> None:
        """Note that a source was `seen`, sent a `handshake`, or was `refused`."""
        moments = self.sources.setdefault(source, {})
        moments[f"{what}_at"] = at.isoformat(timespec="seconds")
        if what == "handshake":
            moments["seen_at"] = moments["handshake_at"]
        self._changed = True

    def write(self) -> None:
        """Write what changed, whole or not at all. A disk that refuses is tried again the next time."""
        if not self._changed:
            return
        try:
            write_atomic(self._path, json.dumps(self.sources, indent=1, sort_keys=True) + "\n", durable=False)
        except OSError:
            return
        self._changed = False


def read(folder: Path) -> dict[str, dict[str, str]]:
    """What the gateway and the poller last wrote, together; nothing if neither ever did."""
    found: dict[str, dict[str, str]] = {}
    for file in (FILE, POLLER_FILE):
        found |= _read(folder / file)
    return found


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
