"""Bulk publisher: many raw events into Kafka, as fast as librdkafka sends; all are acknowledged or it raises."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from events.errors import GuildhallError
from events.raw import RawEvent
from events.topics import RAW


class PublishError(GuildhallError):
    """Kafka did not acknowledge everything."""


@dataclass(frozen=True, slots=True)
class Published:
    """The result of `publish_blocking`: every event was acknowledged."""

    acknowledged: int
    seconds: float


def publish_blocking(
    producer: Producer,
    events: Iterable[RawEvent],
    *,
    progress: Callable[[int], None] = lambda _: None,
    progress_every: int = 10_000,
    flush_seconds: float = 60.0,
) -> Published:
    """Send everything and wait until Kafka has acknowledged it. Raises PublishError.

    `producer` must report failures only, as `clients.bulk_producer` does: after a complete flush, every event without a
    report was acknowledged. When `events` raises, the events before are flushed, and then the error comes through.
    """
    started = time.perf_counter()
    failures: Counter[str] = Counter()

    def failed(error: KafkaError, _: Message) -> None:
        failures[error.name()] += 1

    sent = 0
    try:
        for event in events:
            _produce(producer, event, failed)
            sent += 1
            if sent % progress_every == 0:
                producer.poll(0)
                progress(sent)
                if failures:
                    break
    finally:
        left = producer.flush(flush_seconds)
    if left or failures:
        why = ", ".join(f"{name} ({count})" for name, count in failures.items()) or f"{left} not acknowledged in time"
        raise PublishError(
            "Not everything reached Kafka.",
            f"The client reports: {why}.",
            "Check that Kafka is up and its disk has room, then run it again: every event counts once.",
        )
    progress(sent)
    return Published(sent, time.perf_counter() - started)


def _produce(producer: Producer, event: RawEvent, failed: Callable[[KafkaError, Message], None]) -> None:
    headers = event.headers()
    while True:
        try:
            producer.produce(RAW.name, value=event.payload, key=event.id, headers=headers, on_delivery=failed)
        except BufferError:
            producer.poll(0.5)
        except KafkaException as error:
            raise PublishError(
                "Kafka refuses an event.",
                f"The client reports: {error.args[0].name()}.",
                "Check whether one message of the export is larger than 4 MB, and leave it out.",
            ) from error
        else:
            return
