"""Status: what the refresher reports about itself, in a small file that `guildhall status` and the sensor read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dagster_project.paths import Paths
from events.files import write_atomic

SILENT_AFTER = timedelta(minutes=15)
"""A refresher that wrote nothing for so long is gone; a build of everything may take minutes."""
BEHIND_AFTER = timedelta(minutes=5)


@dataclass(slots=True)
class RefreshStatus:
    """The refresher's state; becomes the status file. Moments are aware, UTC."""

    started_at: datetime
    state: str = "starting"
    """starting, idle, working, lent (to another process), failing or stopped"""
    refreshes: int = 0
    landed_rows: int = 0
    landed_outcomes: int = 0
    not_understood: int | None = None
    behind_since: datetime | None = None
    published: str | None = None
    published_at: datetime | None = None
    last_run: dict[str, Any] = field(default_factory=dict)
    failed_checks: list[str] = field(default_factory=list)
    failures_in_a_row: int = 0
    surprises_in_a_row: int = 0
    last_error: dict[str, str] | None = None

    def json(self, at: datetime) -> dict[str, Any]:
        """For the file; moments as ISO, UTC."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {"at": at.isoformat(), **{n: v.isoformat() if isinstance(v, datetime) else v for n, v in plain.items()}}


def write_status(home: Path, status: Mapping[str, Any]) -> None:
    """Write it whole or not at all. Raises OSError."""
    path = Paths(home).status
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(status, indent=1, default=str) + "\n", durable=False)


def read_status(home: Path) -> dict[str, Any] | None:
    """The newest status, or None."""
    try:
        found = json.loads(Paths(home).status.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def faults(status: Mapping[str, Any] | None, now: datetime) -> list[str]:
    """What is wrong with the refresher and what it publishes, one sentence each; empty when nothing is wrong."""
    if status is None:
        return ["The refresher has never run."]
    found = []
    at = datetime.fromisoformat(str(status["at"]))
    if now - at > SILENT_AFTER:
        found.append(f"The refresher last reported at {at:%Y-%m-%d %H:%M} UTC.")
    behind = status.get("behind_since")
    if behind and now - datetime.fromisoformat(str(behind)) > BEHIND_AFTER:
        found.append(f"What was understood since {behind} is not published yet.")
    error = status.get("last_error")
    if error and status.get("state") == "failing":
        found.append(f"{error['what']} {error['why']} {error['todo']}")
    return found
