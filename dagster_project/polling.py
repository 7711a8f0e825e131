"""Polling: the sources of the settings that are polled, and the one poller of a home folder."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from filelock import FileLock, Timeout
from stamina.instrumentation import set_on_retry_hooks

from dagster_project.settings import Settings
from events.errors import GuildhallError
from events.source import SourceKind
from pipelines.broker.clients import bulk_producer
from pipelines.ingest.cursors import Cursors
from pipelines.ingest.http_limits import make_client
from pipelines.ingest.last_seen import POLLER_FILE, LastSeen
from pipelines.ingest.poller import ConfirmedPublisher, PolledSource, Poller
from pipelines.platforms import PLATFORMS


def is_polled(settings: Settings) -> bool:
    """Whether any source is polled."""
    return any(settings.source_of(name).kind is SourceKind.POLL for name in settings.source)


def polled_sources(settings: Settings, names: Sequence[str] = ()) -> list[PolledSource]:
    """The polled sources, or those with these names. Raises GuildhallError for a name that no polled source has."""
    polled = [name for name in settings.source if settings.source_of(name).kind is SourceKind.POLL]
    strange = [name for name in names if name not in polled]
    if strange or not polled:
        raise GuildhallError(
            f"`{strange[0]}` is not polled." if strange else "No source is polled.",
            f"Polled sources in {settings.config or 'guildhall.toml'}: {', '.join(polled) or 'none'}.",
            'Add a block [source.NAME] with platform, kind = "poll" and url; `guildhall init` writes an example.',
        )
    return [_polled(settings, name) for name in (names or polled)]


def _polled(settings: Settings, name: str) -> PolledSource:
    source, identity = settings.source[name], settings.source_of(name)
    return PolledSource(
        name=name,
        address=identity.address,
        platform=PLATFORMS[source.platform],
        url=str(source.url).rstrip("/"),
        every_seconds=source.poll_seconds,
        tenant=source.tenant,
        secrets=settings.secrets_of(name),
    )


@contextmanager
def open_poller(settings: Settings, bootstrap: str) -> Iterator[Poller]:
    """The poller of this home folder. Raises GuildhallError where another process polls."""
    settings.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.paths.poller_lock)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise GuildhallError(
            "The sources are polled already.",
            f"Another process polls for {settings.home}: `guildhall up`, or another `guildhall poll`.",
            "Nothing, if `guildhall up` runs: `guildhall sources` shows when each source was polled. Otherwise wait for it.",
        ) from error
    set_on_retry_hooks([])  # a pass that fails is logged once; a retry that succeeds is not news
    with lock, closing(Cursors(settings.paths.poller)) as cursors:
        yield Poller(
            ConfirmedPublisher(partial(bulk_producer, bootstrap)),
            cursors,
            LastSeen(settings.paths.sources, POLLER_FILE),
            partial(make_client, version("guildhall")),
            lambda: datetime.now(UTC),
        )
