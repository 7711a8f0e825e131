"""Delivery: the actions of the live weeks, sent to the gateway as platforms do: signed webhooks, and CloudEvents for wikis.

An event that is not acknowledged is sent again, with the same body and a new signature. The ledger has a line for each
acknowledged event. The order is approximate, because several connections send at once, as platforms do.
"""

import base64
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import urlsplit

from events.errors import GuildhallError
from events.raw import delivery_id
from events.source import MAIN, Source, SourceKind, parse
from pipelines.connector import Sign
from pipelines.platforms import PLATFORMS
from pipelines.simulator.actions import Action, Kind
from pipelines.simulator.expected import Expected
from pipelines.simulator.formats import garbage, slack, zoom
from pipelines.simulator.formats.mediawiki import MediaWiki
from pipelines.simulator.formats.world import World
from pipelines.simulator.ground_truth import secret
from pipelines.simulator.scenario import Scenario

BATCH_EVENTS = 200
FIRST_PAUSE_SECONDS = 0.05
LAST_PAUSE_SECONDS = 2.0
ANSWER_SECONDS = 30.0
RETRY_HEADERS = {"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}


class NotDeliveredError(GuildhallError):
    """The gateway refused an event for good, or did not answer for too long."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way: the address of its source (`webhook/slack/slack-main`), the raw id that it must get, the bytes."""

    source: str
    platform: str
    raw_id: str
    body: bytes
    again: bool
    due: int


def deliveries(scenario: Scenario, world: World, expected: Expected) -> Iterator[Delivery]:
    """Yield everything that comes through live sources, in order of delivery, and count it in `expected`."""
    live = scenario.calendar.ms(scenario.calendar.live_week)
    wiki = MediaWiki(world)
    for action in scenario.actions():
        if action.platform == "mediawiki" and action.kind is not Kind.GARBAGE:
            body = wiki.payload(action)  # before the live weeks too, because the revisions of a page are linked
            if action.at >= live:
                expected.count_live(action)
                yield Delivery(
                    _emitter(action.platform), action.platform, wiki.event_id(action), body, action.again, action.due
                )
        elif action.at >= live:
            expected.count_live(action)
            yield _webhook(action, world)


def _webhook(action: Action, world: World) -> Delivery:
    if action.kind is Kind.GARBAGE:
        body = garbage.payload(action)
        if action.platform == "mediawiki":
            return Delivery(
                _emitter(action.platform), action.platform, garbage.event_id(action), body, again=False, due=action.due
            )
    else:
        body = (slack if action.platform == "slack" else zoom).payload(action, world)
    source = Source(SourceKind.WEBHOOK, action.platform, f"{action.platform}-main").address
    return Delivery(source, action.platform, delivery_id(source, body), body, action.again, action.due)


def _emitter(platform: str) -> str:
    return Source(SourceKind.EMIT, platform, MAIN).address


@dataclass(slots=True)
class Delivered:
    """What the gateway acknowledged, by (platform, source), and how many requests were repeated."""

    acknowledged: Counter[tuple[str, str]] = field(default_factory=Counter)
    retries: int = 0
    seconds: float = 0.0


class Ledger:
    """A file with one JSON line per acknowledged event: raw id, source. Only whole lines count."""

    def __init__(self, path: Path) -> None:
        """Open the file for appending."""
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._file.close()

    def write(self, sent: Iterable[Delivery]) -> None:
        """Add acknowledged events. They survive the death of this process once this returns."""
        self._file.writelines(json.dumps({"id": one.raw_id, "source": one.source}) + "\n" for one in sent)
        self._file.flush()


def read_ledger(path: Path) -> Counter[tuple[str, str]]:
    """Return how often each (source, raw id) was acknowledged. A line that a kill cut off does not count."""
    found: Counter[tuple[str, str]] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        found[one["source"], one["id"]] += 1
    return found


def deliver(
    gateway: str,
    sent: Iterator[Delivery],
    world: World,
    ledger: Ledger,
    now: Callable[[], float],
    *,
    connections: int = 8,
    rate: float | None = None,
    patience_seconds: float = 120.0,
    token: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Delivered:
    """Send everything to the gateway at this URL, until all is acknowledged.

    `token` is the bearer token for CloudEvents. `now` gives epoch seconds, for signatures. `rate` is in events per second;
    without it, as fast as the gateway answers. An event is repeated for `patience_seconds` at most. Raises NotDeliveredError
    after that, and for a final refusal.
    """
    sender = _Sender(gateway, _parcels(sent, BATCH_EVENTS if rate is None else 1), world, ledger, now)
    sender.rate, sender.patience, sender.progress, sender.token = rate, patience_seconds, progress, token
    return sender.run(connections)


class _Sender:
    """Several threads with a connection each. `http.client` costs a tenth of the processor time of httpx."""

    rate: float | None = None
    patience = 120.0
    token: str | None = None
    progress: Callable[[int], None]

    def __init__(
        self, gateway: str, parcels: Iterator[list[Delivery]], world: World, ledger: Ledger, now: Callable[[], float]
    ) -> None:
        self.address = urlsplit(gateway).netloc
        self.parcels, self.ledger, self.now = parcels, ledger, now
        self.secrets = {platform: secret(world, platform) for platform in ("slack", "zoom")}
        self.signs: dict[str, Sign] = {slug: row.sign for slug, row in PLATFORMS.items() if row.sign is not None}
        self.taking, self.noting = threading.Lock(), threading.Lock()
        self.stopping = threading.Event()
        self.failed: list[BaseException] = []
        self.taken = 0
        self.done = Delivered()

    def run(self, connections: int) -> Delivered:
        self.began = time.monotonic()
        senders = [threading.Thread(target=self._send_all, daemon=True) for _ in range(connections)]
        try:
            for sender in senders:
                sender.start()
            while any(sender.is_alive() for sender in senders):
                senders[0].join(0.2) if senders[0].is_alive() else time.sleep(0.05)
                self.progress(self.done.acknowledged.total())
        finally:
            self.stopping.set()  # also on Ctrl-C: requests that have begun end, and no other begins
        if self.failed:
            raise self.failed[0]
        self.done.seconds = time.monotonic() - self.began
        return self.done

    def _send_all(self) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=ANSWER_SECONDS)
        try:
            while not self.stopping.is_set():
                parcel = self._take()
                if parcel is None:
                    return
                self._send(connection, parcel)
                with self.noting:
                    self.done.acknowledged.update((one.platform, one.source) for one in parcel)
                    self.ledger.write(parcel)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self.failed.append(error)
            self.stopping.set()
        finally:
            connection.close()

    def _take(self) -> list[Delivery] | None:
        with self.taking:
            parcel = next(self.parcels, None)
            if parcel is not None:
                if self.rate is not None:
                    self.stopping.wait(max(0.0, self.began + self.taken / self.rate - time.monotonic()))
                self.taken += len(parcel)
            return parcel

    def _send(self, connection: http.client.HTTPConnection, parcel: Sequence[Delivery]) -> None:
        until = time.monotonic() + self.patience
        pause = FIRST_PAUSE_SECONDS
        while True:
            path, body, headers = self._request(parcel)
            try:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()  # the next request opens it again
                why = type(error).__name__
            else:
                if answer.status in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
                    return
                why = f"{answer.status} {content[:200].decode(errors='replace')}"
                if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                    raise _refused(path, why)
            if time.monotonic() > until or self.stopping.is_set():
                raise _refused(path, f"{why}, for {self.patience:.0f} seconds")
            with self.noting:
                self.done.retries += 1
            self.stopping.wait(pause)
            pause = min(pause * 2, LAST_PAUSE_SECONDS)

    def _request(self, parcel: Sequence[Delivery]) -> tuple[str, bytes, dict[str, str]]:
        first = parcel[0]
        source = parse(first.source)
        if source.kind is SourceKind.EMIT:
            headers = {"content-type": "application/cloudevents-batch+json"}
            return "/v1/events", _batch(parcel), headers | ({"authorization": f"Bearer {self.token}"} if self.token else {})
        headers = self.signs[first.platform](first.body, self.secrets[first.platform], self.now())
        if first.again and first.platform == "slack":
            headers |= RETRY_HEADERS
        return f"/hooks/{source.platform}/{source.name}", first.body, headers


def _refused(path: str, why: str) -> NotDeliveredError:
    return NotDeliveredError(
        "The gateway does not take what the simulator sends.",
        f"{path}: {why}.",
        "Look at the gateway's log. The ledger has what it acknowledged so far.",
    )


def _parcels(sent: Iterator[Delivery], most: int) -> Iterator[list[Delivery]]:
    """Yield each webhook alone, and CloudEvents in batches of at most `most`."""
    batch: list[Delivery] = []
    for one in sent:
        if parse(one.source).kind is not SourceKind.EMIT:
            yield [one]
            continue
        batch.append(one)
        if len(batch) >= most:
            yield batch
            batch = []
    if batch:
        yield batch


def _batch(parcel: Sequence[Delivery]) -> bytes:
    return json.dumps(
        [
            {
                "specversion": "1.0",
                "id": one.raw_id,
                "source": "/simulator",
                "type": f"{one.platform}.recentchange",
                "data_base64": base64.b64encode(one.body).decode(),
            }
            for one in parcel
        ]
    ).encode()
