"""Play: the deeds of the live weeks, delivered as their platforms would: signed webhooks, and CloudEvents for the wikis.

Nothing is given up: what is not acknowledged is sent again, the same body newly signed, until the gateway says yes. What it
said yes to is in the ledger, a line each. Order holds only loosely: several connections send at once, as platforms do.
"""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from events.errors import GuildhallError
from events.raw import delivery_id
from pipelines.platform import Sign
from pipelines.platforms import PLATFORMS
from pipelines.player.deeds import Deed, Kind
from pipelines.player.formats import garbage, slack, zoom
from pipelines.player.formats.mediawiki import MediaWiki
from pipelines.player.formats.world import World
from pipelines.player.planned import Planned
from pipelines.player.script import Script
from pipelines.player.truth import secret

BATCH_EVENTS = 200
FIRST_PAUSE_SECONDS = 0.05
LAST_PAUSE_SECONDS = 2.0
RETRY_HEADERS = {"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}


class NotDeliveredError(GuildhallError):
    """The gateway refused for good what a platform sent, or did not answer for too long."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way: the door (`hooks/slack/slack-main`, or `events`), the raw id that it must get, the bytes."""

    door: str
    platform: str
    raw_id: str
    body: bytes
    again: bool
    due: int


def deliveries(script: Script, world: World, planned: Planned) -> Iterator[Delivery]:
    """Everything that comes through live doors, in order of delivery, counted in `planned` as it is made."""
    live = script.calendar.ms(script.calendar.live_week)
    wiki = MediaWiki(world)
    for deed in script.deeds():
        if deed.platform == "mediawiki" and deed.kind is not Kind.GARBAGE:
            body = wiki.payload(deed)  # before the live weeks too: a page's revisions are linked
            if deed.at >= live:
                planned.live(deed)
                yield Delivery("events", deed.platform, wiki.event_id(deed), body, deed.again, deed.due)
        elif deed.at >= live:
            planned.live(deed)
            yield _webhook(deed, world)


def _webhook(deed: Deed, world: World) -> Delivery:
    if deed.kind is Kind.GARBAGE:
        body = garbage.payload(deed)
        if deed.platform == "mediawiki":
            return Delivery("events", deed.platform, garbage.event_id(deed), body, again=False, due=deed.due)
    else:
        body = (slack if deed.platform == "slack" else zoom).payload(deed, world)
    door = f"hooks/{deed.platform}/{deed.platform}-main"
    return Delivery(door, deed.platform, delivery_id(door, body), body, deed.again, deed.due)


@dataclass(slots=True)
class Delivered:
    """What the gateway acknowledged, by platform; and how often it had to be asked again."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    seconds: float = 0.0


class Ledger:
    """A file of what was acknowledged, one JSON line an event: raw id, door. Appended; whole lines only matter."""

    def __init__(self, path: Path) -> None:
        """Lines that are there stay."""
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._file.close()

    def write(self, sent: Iterable[Delivery]) -> None:
        """Note these as acknowledged; on the disk's side of this process when it returns."""
        self._file.writelines(json.dumps({"id": one.raw_id, "door": one.door}) + "\n" for one in sent)
        self._file.flush()


def read_ledger(path: Path) -> Counter[tuple[str, str]]:
    """How often each (door, raw id) was acknowledged. A line that a kill cut off is not counted."""
    found: Counter[tuple[str, str]] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        found[one["door"], one["id"]] += 1
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
    progress: Callable[[int], None] = lambda _: None,
) -> Delivered:
    """Send everything to the gateway at this URL and wait for every yes.

    `now` gives epoch seconds, for signatures. `rate`: events a second, steadily; without it as fast as the gateway answers. An
    event is asked for again for `patience_seconds` at most; then, and for what the gateway refuses for good, NotDeliveredError.
    """
    player = _Player(gateway, world, ledger, now, rate, patience_seconds, progress)
    try:
        return asyncio.run(player.play(sent, connections))
    except* NotDeliveredError as errors:
        found = errors
    raise found.exceptions[0]


class _Player:
    def __init__(
        self,
        gateway: str,
        world: World,
        ledger: Ledger,
        now: Callable[[], float],
        rate: float | None,
        patience: float,
        progress: Callable[[int], None],
    ) -> None:
        self.gateway, self.ledger, self.now, self.rate = gateway, ledger, now, rate
        self.patience, self.progress = patience, progress
        self.secrets = {platform: secret(world, platform) for platform in ("slack", "zoom")}
        self.signs: dict[str, Sign] = {slug: row.sign for slug, row in PLATFORMS.items() if row.sign is not None}
        self.done = Delivered()

    async def play(self, sent: Iterator[Delivery], connections: int) -> Delivered:
        loop = asyncio.get_running_loop()
        began = loop.time()
        queue: asyncio.Queue[list[Delivery]] = asyncio.Queue(maxsize=connections * 4)
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        async with (
            httpx.AsyncClient(base_url=self.gateway, limits=limits, timeout=httpx.Timeout(30.0), trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            senders = [group.create_task(self._send_all(client, queue)) for _ in range(connections)]
            count = 0
            for parcel in _parcels(sent, most=BATCH_EVENTS if self.rate is None else 1):
                if self.rate is not None:
                    await asyncio.sleep(max(0.0, began + count / self.rate - loop.time()))
                count += len(parcel)
                await queue.put(parcel)
            await queue.join()
            for sender in senders:
                sender.cancel()
        self.done.seconds = loop.time() - began
        return self.done

    async def _send_all(self, client: httpx.AsyncClient, queue: asyncio.Queue[list[Delivery]]) -> None:
        while True:
            parcel = await queue.get()
            await self._send(client, parcel)
            queue.task_done()
            self.done.acknowledged.update(one.platform for one in parcel)
            self.ledger.write(parcel)
            self.progress(self.done.acknowledged.total())

    async def _send(self, client: httpx.AsyncClient, parcel: Sequence[Delivery]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self.patience
        pause = FIRST_PAUSE_SECONDS
        while True:
            path, body, headers = self._request(parcel)
            try:
                answer = await client.post(path, content=body, headers=headers)
            except httpx.TransportError as error:
                why = type(error).__name__
            else:
                if answer.is_success and answer.status_code != httpx.codes.MULTI_STATUS:
                    return
                why = f"{answer.status_code} {answer.text[:200]}"
                if (
                    answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
                    and answer.status_code != httpx.codes.TOO_MANY_REQUESTS
                ):
                    raise _refused(path, why)
            if loop.time() > until:
                raise _refused(path, f"{why}, for {self.patience:.0f} seconds")
            self.done.retries += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, LAST_PAUSE_SECONDS)

    def _request(self, parcel: Sequence[Delivery]) -> tuple[str, bytes, dict[str, str]]:
        first = parcel[0]
        if first.door == "events":
            return "/v1/events", _batch(parcel), {"content-type": "application/cloudevents-batch+json"}
        headers = self.signs[first.platform](first.body, self.secrets[first.platform], self.now())
        if first.again and first.platform == "slack":
            headers |= RETRY_HEADERS
        return f"/{first.door}", first.body, headers


def _refused(path: str, why: str) -> NotDeliveredError:
    return NotDeliveredError(
        "The gateway does not take what the player sends.",
        f"{path}: {why}.",
        "Look at the gateway's log; what it acknowledged until now is in the ledger.",
    )


def _parcels(sent: Iterator[Delivery], most: int) -> Iterator[list[Delivery]]:
    """Each webhook alone; CloudEvents together, at most so many."""
    batch: list[Delivery] = []
    for one in sent:
        if one.door != "events":
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
                "source": "/player",
                "type": f"{one.platform}.recentchange",
                "data_base64": base64.b64encode(one.body).decode(),
            }
            for one in parcel
        ]
    ).encode()
