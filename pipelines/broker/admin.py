"""Kafka: topics, their ends and what the stream worker has committed, for whoever asks. Reading and writing live elsewhere."""

import contextlib
import logging
import socket
import time
from collections.abc import Iterator

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
    TopicAlreadyExistsError,
)

from events.topics import TOPICS, Topic

GROUP = "guildhall-understand"
"""The consumer group of the stream workers: what it committed is what has been understood."""
ASK_MS = 5_000
LEADERS_SECONDS = 30.0

# It logs every attempt to connect as an error; whoever asks here is told by an exception, once.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def admin(bootstrap: str, *, timeout_ms: int = ASK_MS) -> Iterator[KafkaAdminClient]:
    """An admin client that is closed again. Raises KafkaError when nobody answers in `timeout_ms`."""
    client = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=timeout_ms, request_timeout_ms=timeout_ms)
    try:
        yield client
    finally:
        client.close()


def wait_ready(bootstrap: str, seconds: float) -> bool:
    """Whether a broker answers within `seconds`; asks again until then."""
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(KafkaError, OSError):
            if _takes_connections(bootstrap) and _knows_brokers(bootstrap):
                return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)


def _takes_connections(bootstrap: str) -> bool:
    """Much cheaper than asking, while nobody is there."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return True
    return False


def _knows_brokers(bootstrap: str) -> bool:
    with admin(bootstrap, timeout_ms=2_000) as ask:
        return bool(ask.describe_cluster()["brokers"])


def ensure_topics(bootstrap: str, topics: tuple[Topic, ...] = TOPICS) -> None:
    """Create the topics of the contract that are not there yet, and wait until every partition has a leader.

    A topic that exists is left as it is. Raises KafkaError.
    """
    with admin(bootstrap, timeout_ms=30_000) as ask:
        there = set(ask.list_topics())
        for topic in topics:
            if topic.name in there:
                continue
            wanted = {"num_partitions": topic.partitions, "replication_factor": -1, "configs": topic.config()}
            with contextlib.suppress(TopicAlreadyExistsError):  # another process makes it at this moment
                ask.create_topics({topic.name: wanted})
        _wait_for_leaders(ask, topics)


def _wait_for_leaders(ask: KafkaAdminClient, topics: tuple[Topic, ...]) -> None:
    until = time.monotonic() + LEADERS_SECONDS
    while True:
        found = ask.describe_topics([topic.name for topic in topics])
        if all(one["partitions"] and all(part["leader_id"] >= 0 for part in one["partitions"]) for one in found):
            return
        if time.monotonic() >= until:
            raise KafkaError("topics without leaders")
        time.sleep(0.05)


def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """The offset after the last record, by partition. Raises KafkaError."""
    return _offsets(bootstrap, topic, OffsetSpec.LATEST)


def starts(bootstrap: str, topic: str) -> dict[int, int]:
    """The first offset that has not expired, by partition. Raises KafkaError."""
    return _offsets(bootstrap, topic, OffsetSpec.EARLIEST)


def _offsets(bootstrap: str, topic: str, spec: OffsetSpec) -> dict[int, int]:
    with admin(bootstrap) as ask:
        parts = [part["partition_index"] for part in ask.describe_topics([topic])[0]["partitions"]]
        found = ask.list_partition_offsets({TopicPartition(topic, part): spec for part in parts})
    return {tp.partition: at.offset for tp, at in sorted(found.items())}


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """What a group has committed, by partition; partitions without a commit are left out. Raises KafkaError."""
    until = time.monotonic() + LEADERS_SECONDS
    with admin(bootstrap) as ask:
        while True:
            try:
                found = ask.list_group_offsets(group).get(group, {})
                break
            except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
                # A new or restarted broker makes the topic of commits on the first question.
                if time.monotonic() >= until:
                    raise
            time.sleep(0.1)
    return {tp.partition: at.offset for tp, at in sorted(found.items()) if tp.topic == topic and at.offset >= 0}
