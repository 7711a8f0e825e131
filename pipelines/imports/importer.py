"""Importer: an export on disk becomes raw events in Kafka, as fast as Kafka takes them."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from events.outcome import Reason, Verdict
from events.raw import RawEvent, delivery_id
from events.source import Source, SourceKind
from events.topics import RAW
from pipelines.broker.admin import ends
from pipelines.broker.clients import bulk_producer
from pipelines.connector import ExportError, ImportOptions, Platform, PlatformEvent
from pipelines.imports.found import Found
from pipelines.ingest.bulk_publisher import publish_blocking
from pipelines.understand.understand import Context, understand

ANSWER_SECONDS = 10.0
MOST_PLACES = 10
"""Rejected events whose places are looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The result of an import."""

    events: int
    acknowledged: int
    seconds: float
    ends: dict[int, int]
    """By raw partition: the offset behind its last record, after everything was acknowledged. When every record before these
    has an outcome, the import is understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What an import would become if it were sent. Free of content."""

    events: int
    interactions: int
    accounts: int
    seconds: float
    outcomes: dict[tuple[Verdict, Reason | None], int]
    """Every event has one verdict, so these add up to `events`."""
    unmapped: dict[tuple[str, str], int]
    """Events by (tenant, space) of spaces that no community has."""
    unknown: dict[tuple[str, str], int]
    """Events by (tenant, space) of spaces of which the export does not show who can read them."""
    details: dict[str, int]
    """Events by the detail of their rejection: fields and kinds of error, never values."""
    rejected: tuple[tuple[str, str], ...] = ()
    """(raw id, detail) of the first events that were rejected although they could be read."""
    found: Found = field(default_factory=Found)


def import_export(
    platform: Platform,
    kind: str,
    path: Path,
    options: ImportOptions,
    bootstrap: str,
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
    *,
    events: Iterator[RawEvent] | None = None,
) -> Imported:
    """Send every event of an export and wait until Kafka has acknowledged all of them.

    `kind` is one of `platform.exports`; `events` are those of `begun`, for an export that was opened before. `progress` is
    called now and then with the number sent so far. The same export sent again has the same raw ids and adds no interaction.
    Raises ExportError for an export that cannot be read, KafkaUnavailableError when Kafka is away, and PublishError when it
    does not take everything.
    """
    ends(bootstrap, RAW.name, wait_seconds=ANSWER_SECONDS)  # a Kafka that is away fails here, not after minutes of queueing
    sending = raw_events(platform, kind, path, options, now) if events is None else events
    published = publish_blocking(bulk_producer(bootstrap), sending, progress=progress)
    return Imported(
        events=published.acknowledged,
        acknowledged=published.acknowledged,
        seconds=published.seconds,
        ends=ends(bootstrap, RAW.name),
    )


def tally_export(
    platform: Platform,
    kind: str,
    path: Path,
    options: ImportOptions,
    context: Context,
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
    *,
    events: Iterator[RawEvent] | None = None,
) -> Tally:
    """Understand every event of an export (or `events`, those of `begun`), and send nothing. Raises ExportError."""
    started = time.perf_counter()
    outcomes: Counter[tuple[Verdict, Reason | None]] = Counter()
    unmapped: Counter[tuple[str, str]] = Counter()
    unknown: Counter[tuple[str, str]] = Counter()
    details: Counter[str] = Counter()
    rejected: list[tuple[str, str]] = []
    found = Found()
    count = interactions = accounts = 0
    reading = raw_events(platform, kind, path, options, now) if events is None else events
    for count, raw in enumerate(reading, start=1):
        outcome = understand(raw.payload, raw.headers(), 0, count, context)
        record = outcome.record
        for one in outcome.interactions:
            found.add(one.actor, one.actor_kind, one.tenant, one.space)
        outcomes[record.verdict, record.reason] += 1
        interactions += record.interactions
        accounts += record.accounts
        if record.reason is Reason.UNMAPPED_SPACE:
            unmapped[record.tenant or "", record.space or ""] += 1
        if record.reason is Reason.UNKNOWN_PRIVACY:
            unknown[record.tenant or "", record.space or ""] += 1
        if record.detail:
            details[record.detail] += 1
            if raw.fault is None and len(rejected) < MOST_PLACES:
                rejected.append((raw.id, record.detail))
        if count % 10_000 == 0:
            progress(count)
    return Tally(
        events=count,
        interactions=interactions,
        accounts=accounts,
        seconds=time.perf_counter() - started,
        outcomes=dict(outcomes),
        unmapped=dict(unmapped),
        unknown=dict(unknown),
        details=dict(details),
        rejected=tuple(rejected),
        found=found,
    )


def raw_events(platform: Platform, kind: str, path: Path, options: ImportOptions, now: datetime) -> Iterator[RawEvent]:
    """Yield the raw events of an export, in its order.

    An export that holds the state at one moment is read twice: first for that moment, which is the newest that it shows.
    """
    source = Source(SourceKind.IMPORT, platform.slug, kind).address
    import_id = import_id_of(source, path, options.community) if options.community else None
    captured_at: datetime | None = None
    if kind in platform.snapshots:
        captured_at = max((exported.time for exported in platform.exports[kind](path, options) if exported.time), default=None)
    for exported in platform.exports[kind](path, options):
        yield RawEvent(
            id=_raw_id(source, exported),
            sender=f"/{source}",
            type=exported.type,
            source=source,
            received_at=now,
            payload=exported.payload,
            time=exported.time,
            tenant=exported.tenant,
            community=options.community,
            fault=exported.fault,
            captured_at=captured_at,
            import_id=import_id,
        )


def places(platform: Platform, kind: str, path: Path, options: ImportOptions, wanted: Collection[str]) -> dict[str, str]:
    """Where in an export the events with these raw ids stand, by raw id. The export is read again, to the last of them."""
    source = Source(SourceKind.IMPORT, platform.slug, kind).address
    found: dict[str, str] = {}
    for exported in platform.exports[kind](path, options) if wanted else ():
        raw_id = _raw_id(source, exported)
        if raw_id in wanted:
            found.setdefault(raw_id, exported.place or f"Record {exported.id}")
            if len(found) == len(wanted):
                break
    return found


def _raw_id(source: str, exported: PlatformEvent) -> str:
    """From the export's own ids, not the bytes: the same event has one raw id in every export of this kind."""
    return delivery_id(source, f"{exported.tenant}\n{exported.id}".encode("utf-8", "replace"))


def import_id_of(source: str, path: Path, community: str) -> str:
    """The id of an import: the same whenever this export, by its bytes, goes to this community. Raises ExportError."""
    digest = hashlib.blake2b(f"{source}\n{community}\n".encode(), digest_size=8)
    try:
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            with file.open("rb") as content:
                digest.update(f"{file.relative_to(path)}\n".encode())
                digest.update(hashlib.file_digest(content, "blake2b").digest())
    except OSError as error:
        raise ExportError(
            "The export cannot be read.", f"{path.name}: {error.strerror}.", "Check the path and its permissions."
        ) from error
    return digest.hexdigest()


def begun(platform: Platform, kind: str, path: Path, options: ImportOptions, now: datetime) -> Iterator[RawEvent]:
    """Return the raw events of an export and read the first: an unreadable export fails here. Raises ExportError."""
    events = raw_events(platform, kind, path, options, now)
    return chain(list(islice(events, 1)), events)
