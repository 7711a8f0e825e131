"""Assembly: opens the warehouse with the values that the settings give."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from dagster_project.settings import Settings
from pipelines.ingest.last_seen import read as last_seen
from pipelines.platforms import PLATFORMS
from warehouse.identity.mapping import Source
from warehouse.warehouse import Warehouse


@contextmanager
def warehouse_of(settings: Settings, bootstrap: str | None = None) -> Iterator[Warehouse]:
    """Open the warehouse of this home folder; landing also needs the address of Kafka, `bootstrap`.

    Raises GuildhallError while another process has the files open.
    """
    with Warehouse(
        settings.home,
        key=settings.key(),
        communities=settings.community,
        bots=settings.communities().bots,
        sharing=[slug for slug, platform in PLATFORMS.items() if platform.shares],
        bootstrap=bootstrap,
        folder=settings.folder,
        memory_limit=settings.refresh.memory_limit,
        keep_published=settings.refresh.keep_published,
        coarse=settings.publish.detail == "coarse",
    ) as warehouse:
        yield warehouse


def sources_of(settings: Settings) -> list[Source]:
    """The sources of the settings, and when each was last seen (naive UTC)."""
    moments = last_seen(settings.paths.sources)
    found = []
    for name, source in settings.source.items():
        address = settings.source_of(name).address
        at = moments.get(address, {}).get("seen_at")
        last = datetime.fromisoformat(at).astimezone(UTC).replace(tzinfo=None) if at else None
        found.append(Source(address, source.platform, source.max_gap_hours, last))
    return found
