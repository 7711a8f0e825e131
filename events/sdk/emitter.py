"""Emitter: what a platform embeds to send its events to Guildhall.

    from events.sdk.emitter import Emitter

    emitter = Emitter("kafka://127.0.0.1:9092", journal=Path("var/emitter"))
    emitter.emit({"happened": "…"}, type="slack.event", tenant="T024BE7LD")

`emit` writes the event to a journal on the disk and returns: the journal is the queue. A thread sends the journal's events,
oldest first, and removes them once Kafka or the gateway has acknowledged them. It repeats what fails under the same id, with
growing pauses. After a restart it continues where the process stopped. No event is dropped: when the journal is full, `emit`
returns False, and events that the receiver refuses for good are stored in a second journal.

Durability: the journal is written but not synced, so it survives the death of the process but not a power cut. With
`fsync=True` it survives both, and every `emit` waits for the disk.
"""

import base64
import contextlib
import json
import logging
import random
import threading
import time as clock
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import quote

import httpx

from events.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, MAX_RECORD_BYTES
from events.raw import RawEvent
from events.sdk.journal import Journal, JournalFullError, Taken, unpacked
from events.source import MAIN, Source, SourceKind
from events.topics import RAW

_log = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS = 0.2
LAST_PAUSE_SECONDS = 30.0
REFUSED_FOR_GOOD = frozenset({400, 413, 415, 422})


class Sender(Protocol):
    """Sends events to Kafka or to the gateway."""

    def send(self, events: Sequence[RawEvent]) -> list[str | None]:
        """For each event None once it is durable, or why it is refused for good. Raises where a later attempt may succeed."""

    def close(self) -> None:
        """Close connections. Never raises and never waits long."""


class Emitter:
    """Accepts events and delivers them. Thread-safe; use one per process and journal."""

    def __init__(
        self,
        target: str,
        *,
        journal: Path,
        source: str = "/emitter",
        token: str | None = None,
        fsync: bool = False,
        free_bytes: int = 64 << 20,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Start the sending thread. It connects later, so the receiver may be down.

        `target` is `kafka://host:port,host:port` or the gateway's `http(s)://host:port`; `token` is the gateway's bearer
        token. No other process may use the folder `journal`. At least `free_bytes` of the disk stay free. `source` is the
        `source` attribute of the CloudEvents. Raises ValueError for another kind of target, JournalInUseError when another
        process uses the folder.
        """
        if not source:
            raise ValueError("source: at least one character")
        self._sender = _sender(target, token)
        self._source, self._now = source, now
        self._journal = Journal(journal, fsync=fsync, free_bytes=free_bytes)
        self._refused = Journal(journal / "refused", fsync=fsync)
        self.not_taken = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="guildhall-emitter", daemon=True)
        self._thread.start()

    def emit(
        self,
        payload: bytes | Mapping[str, Any],
        type: str,  # noqa: A002 - the CloudEvents attribute's name
        id: str | None = None,  # noqa: A002 - as above
        time: datetime | None = None,
        tenant: str | None = None,
    ) -> bool:
        """Accept one event. True: it is in the journal and will arrive. False: the disk is full (counted in `not_taken`).

        `type` begins with the platform's slug and a dot. Events with the same `id` count once; without an `id` the event gets a
        new one. Raises ValueError for an event that can never be sent. It never raises for Kafka, the gateway or the network.
        """
        body = payload if isinstance(payload, bytes) else _json(payload)
        if self._stopping:
            raise ValueError("the emitter is closed")
        if not 0 < len(body) <= MAX_PAYLOAD_BYTES:
            raise ValueError(f"payload: 1 to {MAX_PAYLOAD_BYTES} bytes, not {len(body)}")
        if time is not None and time.tzinfo is None:
            raise ValueError("time: needs a time zone")
        if "" in {id, tenant}:
            raise ValueError("id, tenant: at least one character, or None")
        event = RawEvent(
            id=id or uuid.uuid4().hex,
            sender=self._source,
            type=type,
            source=_source_of(type).address,
            received_at=self._now(),
            payload=body,
            time=time,
            tenant=tenant,
        )
        packed = event.packed()
        with self._changed:
            try:
                self._journal.append([packed])
            except JournalFullError:
                self.not_taken += 1
                return False
            self._changed.notify_all()
        return True

    @property
    def pending(self) -> int:
        """Events that are not acknowledged yet."""
        return len(self._journal)

    @property
    def refused(self) -> int:
        """Events that the receiver refused for good. They are in the folder `refused` of the journal."""
        return len(self._refused)

    @property
    def damaged(self) -> int:
        """Places of the journal that a disk damaged. Their segments are in the folder `damaged` of the journal for 28 days."""
        return self._journal.damaged

    def flush(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until every event is acknowledged or refused for good. Returns whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not len(self._journal), timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Flush, then stop. Undelivered events stay in the journal for the next start. Returns whether there are none."""
        done = self.flush(timeout)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        # A thread that waits for an answer closes the journal afterwards; the process does not have to wait for it.
        self._thread.join(timeout=max(timeout, 1.0))
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or len(self._journal))
                if self._stopping:
                    break
            try:
                self._send_oldest()
            except Exception as error:  # noqa: BLE001 - a failure to send must not reach the process that embeds the SDK
                _log.warning("events wait in the journal: %s", type(error).__name__)
                # Jitter, so that many emitters do not retry at the same moment.
                if self._stops_within(pause * random.uniform(0.5, 1.0)):  # noqa: S311 - no secret
                    break
                pause = min(pause * 2, LAST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS
        self._sender.close()
        self._journal.close()
        self._refused.close()

    def _send_oldest(self) -> None:
        taken = self._journal.take(MAX_BATCH_EVENTS, MAX_BATCH_BYTES)
        if taken is None:
            return
        events, taken = unpacked(taken)
        self._apply(taken, self._sender.send(events) if events else [])

    def _apply(self, taken: Taken, verdicts: Sequence[str | None]) -> None:
        refused = [(record, why) for record, why in zip(taken.records, verdicts, strict=True) if why is not None]
        if refused:
            self._refused.append([record for record, _ in refused])
            _log.error("%d events are refused for good, the first because: %s", len(refused), refused[0][1])
        self._journal.acknowledge(taken)
        with self._changed:
            self._changed.notify_all()

    def _stops_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._stopping, seconds)


class KafkaSender:
    """Writes to the raw topic with kafka-python, which is pure Python and installs anywhere."""

    DELIVERY_MS = 10_000

    def __init__(self, bootstrap: str) -> None:
        """Connects at the first send, because kafka-python's constructor waits for a broker and raises without one."""
        self._bootstrap = bootstrap
        self._producer: Any = None

    def send(self, events: Sequence[RawEvent]) -> list[str | None]:
        """Raises what kafka-python raises. The next call then creates a new producer, because the sequence may be broken."""
        try:
            producer = self._connected()
            futures = [
                producer.send(RAW.name, key=event.id.encode(), value=event.payload, headers=event.headers()) for event in events
            ]
            # Not flush(): it has hung where batches expired. Every future ends by the delivery time-out.
            deadline = clock.monotonic() + self.DELIVERY_MS / 1000 + 2
            for future in futures:
                future.get(timeout=max(0.1, deadline - clock.monotonic()))
        except Exception:
            self.close()
            raise
        return [None] * len(events)

    def close(self) -> None:
        """Close the producer. What is not acknowledged is sent again by the next one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(Exception):
                producer.close(timeout=1)

    def _connected(self) -> Any:
        if self._producer is None:
            from kafka import KafkaProducer  # noqa: PLC0415 - emitting over HTTP needs no Kafka client

            self._producer = KafkaProducer(
                bootstrap_servers=self._bootstrap.split(","),
                acks="all",
                enable_idempotence=True,
                delivery_timeout_ms=self.DELIVERY_MS,
                request_timeout_ms=5000,
                max_block_ms=500,
                linger_ms=5,
                bootstrap_timeout_ms=3000,
                max_request_size=MAX_RECORD_BYTES,
            )
        return self._producer


class HttpSender:
    """Posts to the gateway's `/v1/events`: several events as a batch, a single one in binary mode."""

    def __init__(self, url: str, token: str | None) -> None:
        """`url` is the gateway's, without a path."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=httpx.Timeout(10.0, connect=3.0))

    def send(self, events: Sequence[RawEvent]) -> list[str | None]:
        """Raises httpx.HTTPError where a later attempt may succeed: no answer, 5xx, 401, 404, 429, a full disk."""
        answer = self._one(events[0]) if len(events) == 1 else self._many(events)
        if answer.status_code == httpx.codes.MULTI_STATUS or (
            len(events) > 1 and answer.status_code == httpx.codes.BAD_REQUEST
        ):
            verdicts = answer.json().get("events")
            if verdicts and len(verdicts) == len(events):
                return [None if each["status"] == "accepted" else str(each.get("reason")) for each in verdicts]
        if answer.status_code in REFUSED_FOR_GOOD:
            # The answer does not show which event of the batch is refused, so each is sent alone.
            return [answer.text[:200]] if len(events) == 1 else [why for event in events for why in self.send([event])]
        answer.raise_for_status()
        return [None] * len(events)

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(Exception):
            self._client.close()

    def _one(self, event: RawEvent) -> httpx.Response:
        headers = {
            "ce-" + name.removeprefix("ce_"): quote(value.decode(), safe=_PLAIN)
            for name, value in event.headers()
            if name in _SENT
        }
        return self._client.post("/v1/events", content=event.payload, headers=headers)

    def _many(self, events: Sequence[RawEvent]) -> httpx.Response:
        batch = [
            {name.removeprefix("ce_"): value.decode() for name, value in event.headers() if name in _SENT}
            | {"data_base64": base64.b64encode(event.payload).decode()}
            for event in events
        ]
        kind = "application/cloudevents-batch+json"
        return self._client.post("/v1/events", content=json.dumps(batch), headers={"Content-Type": kind})


_SENT = frozenset({"ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_tenant"})
"""Headers that are sent. The gateway sets the source and the time of receipt."""
_PLAIN = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("%", "")
"""Characters that a header of CloudEvents' HTTP binding carries without escaping."""


def _sender(target: str, token: str | None) -> Sender:
    if target.startswith("kafka://") and len(target) > len("kafka://"):
        return KafkaSender(target.removeprefix("kafka://"))
    if target.startswith(("http://", "https://")):
        return HttpSender(target, token)
    raise ValueError(f"target {target!r}: kafka://host:port or http(s)://host:port")


def _source_of(type_: str) -> Source:
    platform, dot, what = type_.partition(".")
    try:
        source = Source(SourceKind.EMIT, platform, MAIN)
    except ValueError:
        source = None
    if source is None or not dot or not what:
        raise ValueError(f"type {type_!r}: begins with the platform's slug and a dot, as in slack.event")
    return source


def _json(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
