"""Status: what the refresher says of itself, in a small file that `guildhall status` and the watchdog read."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dagster_project.paths import Paths
from events.files import write_atomic

SILENT_AFTER = timedelta(minutes=15)
"""A refresher that wrote nothing for so long is gone; a build of everything may take minutes."""
BEHIND_AFTER = timedelta(minutes=5)


def write_status(home: Path, said: Mapping[str, Any]) -> None:
    """Write it whole or not at all. Raises OSError."""
    path = Paths(home).status
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(said, indent=1, default=str) + "\n", durable=False)


def read_status(home: Path) -> dict[str, Any] | None:
    """What the refresher last said, or None."""
    try:
        found = json.loads(Paths(home).status.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def faults(said: Mapping[str, Any] | None, now: datetime) -> list[str]:
    """What is wrong with the refresher and what it publishes, a sentence each; nothing when all is well."""
    if said is None:
        return ["The refresher has never run."]
    found = []
    at = datetime.fromisoformat(str(said["at"]))
    if now - at > SILENT_AFTER:
        found.append(f"The refresher last said something at {at:%Y-%m-%d %H:%M} UTC.")
    behind = said.get("behind_since")
    if behind and now - datetime.fromisoformat(str(behind)) > BEHIND_AFTER:
        found.append(f"What was understood since {behind} is not published yet.")
    error = said.get("last_error")
    if error and said.get("state") == "failing":
        found.append(f"{error['what']} {error['why']} {error['todo']}")
    return found
