"""The poller: reads every source that a platform's `poll` can read, and publishes what is new.

The cursor of a source moves only after Kafka has acknowledged every event before it. So a poller that is killed repeats at
most one page, and landing counts each event once. A platform that answers counts as seen, even with nothing new. Each source
has a thread of its own: one that fails or hangs does not stop the others.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import stamina
import structlog
from confluent_kafka import Producer

from events.errors import GuildhallError
from events.limits import MAX_BODY_BYTES
from events.raw import RawEvent, delivery_id
from pipelines.connector import CursorExpired, Page, Platform, PlatformBusy, PlatformEvent, PollOptions
from pipelines.ingest.bulk_publisher import publish_blocking
from pipelines.ingest.cursors import Cursors
from pipelines.ingest.http_limits import RETRIED_STATUSES, AnswerTooLargeError, pause_of
from pipelines.ingest.last_seen import LastSeen

_log = structlog.get_logger()
ATTEMPTS = 4
RETRY_SECONDS = 120.0
"""A pass that fails this long after its start is over. The next pass goes on from the stored cursor."""
LONGEST_WAIT = 60.0
"""A platform that asks for a longer pause ends the pass, and the next one waits for it."""
JITTER = 0.1
"""Share of the interval by which passes are spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledSource:
    """One configured source that is polled. `address` is its identity, such as `poll/mediawiki/main`."""

    name: str
    address: str
    platform: Platform
    url: str
    every_seconds: float
    tenant: str | None = None
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass over a source did, and how long it took. `wait_seconds` is the pause that the platform asked for."""

    source: str
    seconds: float
    events: int = 0
    pages: int = 0
    gap: bool = False
    failure: GuildhallError | None = None
    wait_seconds: float = 0.0


Publish = Callable[[Sequence[RawEvent]], None]
"""Returns once Kafka has acknowledged all of these events. Raises otherwise."""


class Poller:
    """Polls sources into Kafka. Threads may poll different sources at the same time."""

    def __init__(
        self,
        publish: Publish,
        cursors: Cursors,
        last_seen: LastSeen,
        make_client: Callable[[], httpx.Client],
        clock: Callable[[], datetime],
        attempts: int = ATTEMPTS,
    ) -> None:
        """`clock` gives an aware datetime; `attempts` is how often a pass is tried while it fails for a passing reason."""
        self._publish, self._cursors, self._last_seen = publish, cursors, last_seen
        self._make_client, self._clock, self._attempts = make_client, clock, attempts
        self._noting = threading.Lock()

    def run_pass(self, source: PolledSource) -> Pass:
        """Read everything that is new on one source. A failure of the source is part of the answer, and is not raised."""
        done = _Tally()
        try:
            with self._make_client() as client:
                self._tried(source, client, done)
        except Exception as error:  # noqa: BLE001 - one broken source must not stop the others, whatever breaks in it
            failure = explained(source, error)
            self._cursors.failed(source.address, source.url, failure.why, self._clock())
            asked = pause_of(error, self._clock())
            return done.as_pass(source, failure, 0.0 if isinstance(asked, bool) else asked)
        self._cursors.answered(source.address, source.url, self._clock())
        self._note(source)
        return done.as_pass(source)

    def run_passes(self, sources: Sequence[PolledSource]) -> Iterator[Pass]:
        """One pass over each source, all at the same time; the answers in their order."""
        if not sources:
            return
        with ThreadPoolExecutor(len(sources), thread_name_prefix="poll") as threads:
            yield from threads.map(self.run_pass, sources)

    def run(self, sources: Sequence[PolledSource], stop: threading.Event) -> None:
        """Poll every source at its interval until `stop` is set. Blocks."""
        threads = [threading.Thread(target=self._keep_polling, args=(source, stop), daemon=True) for source in sources]
        for thread in threads:
            thread.start()
        stop.wait()
        for thread in threads:
            thread.join(1.0)  # a thread inside a request is left behind: its cursor is as good as after a kill

    def _keep_polling(self, source: PolledSource, stop: threading.Event) -> None:
        while not stop.is_set():
            wait = source.every_seconds
            try:
                done = self.run_pass(source)
            except Exception:  # noqa: BLE001 - such as a full disk; a thread that ended would be a silent gap
                if stop.is_set():
                    return  # the files are closed
                _log.exception("a pass could not be recorded", source=source.address)
            else:
                wait = max(wait, done.wait_seconds)
                _logged(source, done)
            stop.wait(wait * (1 + random.uniform(0, JITTER)))  # noqa: S311 - no secret

    def _tried(self, source: PolledSource, client: httpx.Client, done: "_Tally") -> None:
        """One pass, repeated while the platform fails in a way that may pass."""
        retries = stamina.retry_context(
            on=self._pause, attempts=self._attempts, timeout=RETRY_SECONDS, wait_initial=1.0, wait_max=30.0, wait_jitter=1.0
        )
        for attempt in retries:
            with attempt:
                self._read(source, client, done)

    def _pause(self, error: Exception) -> float | bool:
        pause = pause_of(error, self._clock())
        return pause if isinstance(pause, bool) or pause <= LONGEST_WAIT else False

    def _read(self, source: PolledSource, client: httpx.Client, done: "_Tally") -> None:
        cursor = self._cursors.cursor(source.address, source.url)
        try:
            self._take(source, self._pages(source, client, cursor), done)
        except CursorExpired as expired:
            self._cursors.mark_gap(source.address, self._clock())
            self._cursors.move(source.address, source.url, expired.resume, self._clock())
            done.gap = True
            self._take(source, self._pages(source, client, expired.resume), done)

    def _pages(self, source: PolledSource, client: httpx.Client, cursor: str | None) -> Iterator[Page]:
        assert source.platform.poll is not None
        options = PollOptions(
            source=source.name, base_url=source.url, now=self._clock(), tenant=source.tenant, secrets=source.secrets
        )
        return source.platform.poll(client, options, cursor)

    def _take(self, source: PolledSource, pages: Iterator[Page], done: "_Tally") -> None:
        for page in pages:
            self._note(source)
            if page.events:
                self._publish([raw_event(source, event, self._clock()) for event in page.events])
            self._cursors.move(source.address, source.url, page.cursor, self._clock())
            done.pages += 1
            done.events += len(page.events)

    def _note(self, source: PolledSource) -> None:
        with self._noting:
            self._last_seen.note(source.address, "seen", self._clock())
            self._last_seen.write()


def _logged(source: PolledSource, done: Pass) -> None:
    if done.gap:
        _log.warning("the cursor had expired: events may be missing", source=source.address)
    if done.failure:
        _log.warning("a pass failed", source=source.address, why=done.failure.why, events=done.events)
    elif done.events:
        _log.info("polled", source=source.address, events=done.events, pages=done.pages)


class ConfirmedPublisher:
    """Publishes to Kafka and returns only when everything is acknowledged. Threads take turns."""

    def __init__(self, make_producer: Callable[[], Producer]) -> None:
        """`make_producer` gives a `bulk_producer`. After a failure a new one is made: the old one may be fatal."""
        self._make, self._turn = make_producer, threading.Lock()
        self._producer: Producer | None = None

    def __call__(self, events: Sequence[RawEvent]) -> None:
        """Raises PublishError, and then some of the events may be in Kafka."""
        with self._turn:
            if self._producer is None:
                self._producer = self._make()
            try:
                publish_blocking(self._producer, events)
            except BaseException:
                self._producer.purge()
                self._producer = None
                raise


@dataclass(slots=True)
class _Tally:
    started: float = field(default_factory=time.monotonic)
    events: int = 0
    pages: int = 0
    gap: bool = False

    def as_pass(self, source: PolledSource, failure: GuildhallError | None = None, wait_seconds: float = 0.0) -> Pass:
        return Pass(
            source=source.name,
            seconds=time.monotonic() - self.started,
            events=self.events,
            pages=self.pages,
            gap=self.gap,
            failure=failure,
            wait_seconds=wait_seconds,
        )


def raw_event(source: PolledSource, event: PlatformEvent, now: datetime) -> RawEvent:
    """The raw event of a platform's event. The same event polled again has the same id."""
    return RawEvent(
        id=delivery_id(source.address, f"{event.tenant}\n{event.id}".encode()),
        sender=f"/{source.address}",
        type=event.type,
        source=source.address,
        received_at=now,
        payload=event.payload[:MAX_BODY_BYTES],  # what is cut becomes a rejected record; Kafka would never take it whole
        time=event.time,
        tenant=event.tenant,
    )


def explained(source: PolledSource, error: Exception) -> GuildhallError:
    """An error of a pass in three parts, without the query of the URL, which may hold a secret."""
    what = f"The source `{source.name}` could not be polled."
    place = urlsplit(source.url)
    at = f"{place.scheme}://{place.hostname}{f':{place.port}' if place.port else ''}{place.path}"
    later = "the next pass goes on where this one stopped."
    match error:
        case GuildhallError():
            return GuildhallError(what, f"{error.what} {error.why}", error.todo)
        case PlatformBusy():
            return GuildhallError(what, f"{at} asks to come back later ({error.reason}).", f"Nothing: {later}")
        case httpx.HTTPStatusError():
            return GuildhallError(what, f"{at} answers with status {error.response.status_code}.", _todo(error, later))
        case AnswerTooLargeError():
            return GuildhallError(what, f"{at} answers with more bytes than a page of events has.", "See that `url` is right.")
        case httpx.TransportError():
            why = f"{at} does not answer ({type(error).__name__})."
            return GuildhallError(what, why, f"See that `url` is right and that the server runs; {later}")
        case _:
            why = f"{type(error).__name__} in the reader of {source.platform.title}."
            return GuildhallError(what, why, f"Report it with the log; {later}")


def _todo(error: httpx.HTTPStatusError, later: str) -> str:
    status = error.response.status_code
    if status in {401, 403}:
        return "See that the secret of the source is valid and may read; `guildhall sources` lists what to set up."
    if status in RETRIED_STATUSES:
        return f"Nothing, if it passes: {later}"
    return "See that `url` of the source is the right address."
