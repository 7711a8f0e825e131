"""Kafka administration: topics, their first and end offsets, and what consumer groups have committed.

Every function of pipelines and dagster_project that needs an offset or a lag asks this module. (`warehouse.landing.consumer`
asks Kafka itself: the warehouse imports nothing of pipelines, and it also compares the id of the topic.)
"""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    NotCoordinatorError,
    NotLeaderForPartitionError,
    TopicAlreadyExistsError,
    UnknownBrokerIdError,
    UnknownTopicOrPartitionError,
)

from events.errors import GuildhallError
from events.topics import TOPICS, Topic
from pipelines.broker.clients import ASK_MS, admin_client

GROUP = "guildhall-understand"
"""The consumer group of the stream workers. A raw record below the group's committed offset has been understood."""
READY_MS = 2_000
CREATE_MS = 30_000
LEADERS_SECONDS = 30.0
"""How long new partitions may take to get a leader, and a group to get its coordinator."""
LEADER_SECONDS = 5.0
"""How long partitions that had a leader may be without one."""
PAUSE_SECONDS = 0.05

T = TypeVar("T")


class KafkaUnavailableError(GuildhallError):
    """Kafka does not answer, or does not have the topic."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a consumer group has read a topic, by partition."""

    ends: dict[int, int]
    """The offset after the last record."""
    committed: dict[int, int]
    """The next offset that the group reads. Partitions without a commit are absent."""

    @property
    def lag(self) -> int:
        """Records that the group has not committed. A partition without a commit counts from offset 0."""
        return sum(max(0, end - self.committed.get(partition, 0)) for partition, end in self.ends.items())


def wait_ready(bootstrap: str, seconds: float) -> bool:
    """Return whether a broker answers within `seconds`."""
    try:
        _retried(lambda: _check_brokers(bootstrap), (KafkaUnavailableError,), seconds)
    except KafkaUnavailableError:
        return False
    return True


def ensure_topics(bootstrap: str, topics: tuple[Topic, ...] = TOPICS) -> None:
    """Create the topics of the contract that do not exist, and wait until every partition has a leader.

    Existing topics are not changed. Raises KafkaUnavailableError.
    """
    with _admin(bootstrap, timeout_ms=CREATE_MS) as client:
        existing = set(client.list_topics())
        for topic in topics:
            if topic.name in existing:
                continue
            wanted = {"num_partitions": topic.partitions, "replication_factor": -1, "configs": topic.config()}
            with contextlib.suppress(TopicAlreadyExistsError):  # another process creates it at the same time
                client.create_topics({topic.name: wanted})
        _retried(lambda: _check_leaders(client, topics), (KafkaError,), LEADERS_SECONDS)


def ends(bootstrap: str, topic: str, *, wait_seconds: float = 0.0) -> dict[int, int]:
    """Return the offset after the last record, by partition.

    A broker that is just starting is asked again for `wait_seconds`. Raises KafkaUnavailableError.
    """
    return _offsets(bootstrap, topic, OffsetSpec.LATEST, wait_seconds)


def starts(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the first offset that has not expired, by partition. Raises KafkaUnavailableError."""
    return _offsets(bootstrap, topic, OffsetSpec.EARLIEST, 0.0)


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """Return what a group has committed, by partition; partitions without a commit are absent. Raises KafkaUnavailableError."""
    # A new or restarted broker creates or loads its topic of commits only when somebody asks for one.
    loading = (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)
    with _admin(bootstrap) as client:
        found = _retried(lambda: client.list_group_offsets(group).get(group, {}), loading, LEADERS_SECONDS)
    return {tp.partition: at.offset for tp, at in sorted(found.items()) if tp.topic == topic and at.offset >= 0}


def progress(bootstrap: str, group: str, topic: str) -> Progress:
    """Return how far a group has read a topic. Raises KafkaUnavailableError."""
    return Progress(ends(bootstrap, topic), committed(bootstrap, group, topic))


def _offsets(bootstrap: str, topic: str, spec: OffsetSpec, wait_seconds: float) -> dict[int, int]:
    # A broker on a busy machine may lose the leadership of its partitions for a second or two.
    passing = (LeaderNotAvailableError, NotLeaderForPartitionError, UnknownBrokerIdError)

    def ask() -> dict[int, int]:
        with _admin(bootstrap) as client:
            return _retried(lambda: _list_offsets(client, topic, spec), passing, LEADER_SECONDS)

    return _retried(ask, (KafkaUnavailableError,), wait_seconds)


def _list_offsets(client: KafkaAdminClient, topic: str, spec: OffsetSpec) -> dict[int, int]:
    described = client.describe_topics([topic])[0]
    if described["error_code"] == UnknownTopicOrPartitionError.errno:
        raise UnknownTopicOrPartitionError(topic)
    if any(part["leader_id"] < 0 for part in described["partitions"]):
        raise LeaderNotAvailableError(topic)
    places = [TopicPartition(topic, part["partition_index"]) for part in described["partitions"]]
    found = client.list_partition_offsets(dict.fromkeys(places, spec))
    return {tp.partition: at.offset for tp, at in sorted(found.items())}


@contextlib.contextmanager
def _admin(bootstrap: str, *, timeout_ms: int = ASK_MS) -> Iterator[KafkaAdminClient]:
    """Open an admin client, close it again, and report its errors in three parts."""
    try:
        if not _accepts_connections(bootstrap):
            raise KafkaConnectionError
        client = admin_client(bootstrap, timeout_ms=timeout_ms)
        try:
            yield client
        finally:
            client.close()
    except UnknownTopicOrPartitionError as error:
        raise KafkaUnavailableError(
            f"Kafka at {bootstrap} lacks a topic of Guildhall.",
            f"The client reports: {error}.",
            "Run `guildhall up`: it creates the topics.",
        ) from error
    except (KafkaError, OSError) as error:
        raise KafkaUnavailableError(
            f"Kafka at {bootstrap} does not answer.",
            f"The client reports: {type(error).__name__}.",
            "Start it with `guildhall up`, or set KAFKA_BOOTSTRAP_SERVERS to one that runs.",
        ) from error


def _retried(call: Callable[[], T], errors: tuple[type[Exception], ...], seconds: float) -> T:
    """Call until it raises none of these errors, for `seconds` at most; then the error comes through."""
    until = time.monotonic() + seconds
    while True:
        try:
            return call()
        except errors:
            if time.monotonic() >= until:
                raise
        time.sleep(PAUSE_SECONDS)


def _accepts_connections(bootstrap: str) -> bool:
    # While no broker runs, this answers at once; an admin client tries until its timeout.
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return True
    return False


def _check_brokers(bootstrap: str) -> None:
    with _admin(bootstrap, timeout_ms=READY_MS) as client:
        if not client.describe_cluster()["brokers"]:
            raise KafkaConnectionError


def _check_leaders(client: KafkaAdminClient, topics: tuple[Topic, ...]) -> None:
    found = client.describe_topics([topic.name for topic in topics])
    if not all(one["partitions"] and all(part["leader_id"] >= 0 for part in one["partitions"]) for one in found):
        raise KafkaError("topics without leaders")
