"""Signs of life: when each source was last heard from, in a small file that outlives the gateway."""

import json
import os
from datetime import datetime
from pathlib import Path

FILE = "sources.json"


class LastSeen:
    """`{source: {"seen_at", "handshake_at", "refused_at"}}`: the last time each happened, UTC, ISO.

    `seen_at` is the last verified event or handshake. A killed gateway forgets at most the time between two writes.
    """

    def __init__(self, folder: Path) -> None:
        """Begin with what the file says."""
        self._path = folder / FILE
        folder.mkdir(parents=True, exist_ok=True)
        self.sources = read(folder)
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
        beside = self._path.with_name(f"{FILE}.{os.getpid()}")
        try:
            beside.write_text(json.dumps(self.sources, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            beside.replace(self._path)
        except OSError:
            return
        self._changed = False


def read(folder: Path) -> dict[str, dict[str, str]]:
    """What the gateway last wrote; nothing if it never did."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
