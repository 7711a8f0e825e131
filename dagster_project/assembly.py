"""Keeping: the settings as the plain values that the warehouse's keeper asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from dagster_project.settings import Settings
from pipelines.ingest.last_seen import read as heard
from warehouse.identity.mapping import Door
from warehouse.warehouse import Keeper

DOORS = "doors"
"""Folder below the home where the gateway writes when each door was last heard from."""


@contextmanager
def keeper_of(settings: Settings, bootstrap: str | None = None) -> Iterator[Keeper]:
    """Hold the landing file and the warehouse of this home folder; who lands names a Kafka.

    Raises GuildhallError when another process holds them.
    """
    with Keeper(
        settings.home,
        key=settings.key(),
        communities=settings.community,
        bootstrap=bootstrap,
        folder=settings.folder,
        memory_limit=settings.refresh.memory_limit,
        keep_published=settings.refresh.keep_published,
    ) as keeper:
        yield keeper


def doors_of(settings: Settings) -> list[Door]:
    """The doors of the settings, and when the gateway last heard from each (naive UTC)."""
    moments = heard(settings.home / DOORS)
    found = []
    for name, door in settings.door.items():
        at = moments.get(f"hooks/{door.platform}/{name}", {}).get("heard_at")
        last = datetime.fromisoformat(at).astimezone(UTC).replace(tzinfo=None) if at else None
        found.append(Door(name, door.platform, door.max_gap_hours, last))
    return found
