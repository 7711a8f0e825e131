"""Kafka clients: the settings of every consumer, producer and admin client of pipelines, each setting with its reason.

Three libraries, each where it is best:

* confluent-kafka (librdkafka) carries the records: it has an idempotent producer and reads in batches, at a
  fraction of the processor time of a client in Python.
* kafka-python is the admin client: it reads a group's committed offsets without joining the group, in a few lines. The SDK
  (`events.sdk.emitter`) uses it too, because a client in plain Python installs wherever a platform's own software runs.
* aiokafka is Faust's. Its settings go through Faust (`faust_settings`).
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, Message, Producer

from events.limits import MAX_RECORD_BYTES

ASK_MS = 5_000
WRITER_TIMEOUT_MS = 60_000

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

Settings = dict[str, Any]

# kafka-python logs every attempt to connect as an error. The exception reports the failure once, and that is enough.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


def live_producer(bootstrap: str) -> Producer:
    """Return the gateway's producer, for a few events at a time. It connects in the background, and again after an outage."""
    return Producer(
        _producer(bootstrap)
        | {
            "linger.ms": 2,  # a sender waits for the acknowledgement
            # After the sender's wait the spool has the event; sending it later only repeats it.
            "message.timeout.ms": 5_000,
            "request.timeout.ms": 3_000,  # below message.timeout.ms, so that a lost request is sent once more
            "queue.buffering.max.kbytes": 64 << 10,  # an outage fills memory up to here, then the spool takes over
            "topic.metadata.refresh.fast.interval.ms": 100,  # events flow again soon after the broker is back
        }
    )


def bulk_producer(bootstrap: str) -> Producer:
    """Return the importers' producer: large batches. It reports failures only, which `publish_blocking` relies on."""
    return Producer(
        _producer(bootstrap)
        | _large_batches()
        | {
            "linger.ms": 50,  # nobody waits for a single event
            "compression.type": "gzip",  # every client reads it without another package
            "compression.level": 1,  # most of the gain for little of the time
            "message.timeout.ms": 60_000,  # a broker that restarts does not end an import
            "queue.buffering.max.kbytes": 128 << 10,
        }
    )


def writer_producer(bootstrap: str, on_delivery: Callable[[KafkaError | None, Message], None]) -> Producer:
    """Return the producer of what was understood. `on_delivery` is called with failures only, in the thread that polls."""
    return Producer(
        _producer(bootstrap)
        | _large_batches()
        | {
            "linger.ms": 5,  # the worker waits for each chunk
            "compression.type": "lz4",  # the codec that costs the least processor time
            "message.timeout.ms": WRITER_TIMEOUT_MS,
            "queue.buffering.max.kbytes": 256 << 10,  # a chunk's interactions, accounts and outcomes fit at once
            "on_delivery": on_delivery,
            "error_cb": _ignore,  # an outage is reported record by record, or ends by itself
        }
    )


def outcomes_consumer(bootstrap: str) -> Consumer:
    """Return a consumer of the outcomes topic, for `assign` from known offsets."""
    return Consumer(_consumer(bootstrap, "guildhall-await-outcomes"))


def interactions_consumer(bootstrap: str) -> Consumer:
    """Return a consumer of the interactions topic, for `assign` from known offsets."""
    return Consumer(_consumer(bootstrap, "guildhall-imported"))


def replay_consumer(bootstrap: str) -> Consumer:
    """Return a consumer of the raw topic, for `assign` to known offsets. It reports the end of a partition as an error."""
    return Consumer(_consumer(bootstrap, "guildhall-replay") | {"enable.partition.eof": True})


def admin_client(bootstrap: str, *, timeout_ms: int = ASK_MS) -> "KafkaAdminClient":
    """Return an admin client; close it after use. Raises `kafka.errors.KafkaError` when no broker answers in `timeout_ms`."""
    from kafka import KafkaAdminClient  # noqa: PLC0415 - half a second of imports that the gateway does not need

    return KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=timeout_ms, request_timeout_ms=timeout_ms)


def faust_settings(bootstrap: str) -> Settings:
    """Return the settings of the stream worker's Faust app that concern Kafka."""
    return {
        "broker": f"kafka://{bootstrap}",
        "processing_guarantee": "at_least_once",  # exactly_once has open faults that lose or stall (reliability notes)
        "broker_commit_interval": 1.0,  # seconds: a kill repeats the chunks of one second
        "broker_session_timeout": 10.0,  # seconds until the partitions of a dead worker go to another
        "broker_rebalance_timeout": 10.0,
        "broker_heartbeat_interval": 3.0,  # a third of the session timeout
        "broker_max_poll_records": 8_000,  # a fetch of this size keeps several chunks ready
        "consumer_max_fetch_size": MAX_RECORD_BYTES,  # the largest record fits
        "consumer_auto_offset_reset": "earliest",  # a new group understands what is already there
        "producer_acks": -1,
    }


def _producer(bootstrap: str) -> Settings:
    return {
        "bootstrap.servers": bootstrap,
        "acks": "all",
        "enable.idempotence": True,  # a retry neither duplicates nor reorders
        "message.max.bytes": MAX_RECORD_BYTES,  # as the topics: a larger record fails before it is sent
        "reconnect.backoff.max.ms": 1_000,  # a broker that is back is used within a second
        "log_level": 0,  # errors are reported by exceptions and delivery reports, not on stderr
    }


def _large_batches() -> Settings:
    return {
        "batch.num.messages": 10_000,
        "batch.size": 1 << 20,
        "queue.buffering.max.messages": 200_000,
        "delivery.report.only.error": True,  # a callback into Python for each record would cost more than sending it
    }


def _consumer(bootstrap: str, group: str) -> Settings:
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,  # librdkafka requires one; the consumer never joins it and commits nothing
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",  # records that expired since the offsets were read are left out
        "log_level": 0,
    }


def _ignore(_: KafkaError) -> None:
    return
