"""Writer: what was understood, as records of the interactions, accounts and outcomes topics. Worker and replay use it."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message

from events.account import Account
from events.interaction import Interaction
from events.limits import MAX_CHUNK_BYTES, MAX_INTERACTION_BYTES
from events.outcome import Reason, RecordOutcome, Verdict
from events.topics import ACCOUNTS, INTERACTIONS, OUTCOMES
from pipelines.broker.clients import WRITER_TIMEOUT_MS, writer_producer
from pipelines.understand.chunks import Record
from pipelines.understand.understand import Context, Outcome, understand

FLUSH_SECONDS = WRITER_TIMEOUT_MS / 1000 + 5
"""Every record is acknowledged or has failed by then."""

_interaction_json = Interaction.__pydantic_serializer__.to_json
_account_json = Account.__pydantic_serializer__.to_json
_outcome_json = RecordOutcome.__pydantic_serializer__.to_json


class NotWrittenError(Exception):
    """Kafka did not acknowledge everything. The text has the client's error, never content."""


@dataclass(slots=True)
class Written:
    """Counts of what was handed to the writer."""

    records: int = 0
    interactions: int = 0
    accounts: int = 0
    rejected: int = 0


Outgoing = tuple[str, str, bytes]
"""(topic, key, value)"""


def messages(partition: int, records: Iterable[Record], context: Context, written: Written) -> Iterator[Outgoing]:
    """Yield everything that follows from raw records of one partition, in their order, with one outcome per record.

    It has no effect but the counts in `written`, and no record can make it raise.
    """
    outcomes: list[bytes] = []
    size = 0
    for record in records:
        outcome = understand(record.value, record.headers, partition, record.offset, context)
        try:
            made = _encoded(outcome)
        except Exception as error:  # noqa: BLE001 - what JSON or the topic cannot hold is rejected, and the next record follows
            outcome, made = _refused(outcome, error), []
        yield from made
        encoded = _outcome_json(outcome.record, exclude_none=True)
        if size + len(encoded) > MAX_CHUNK_BYTES:
            yield _chunk(partition, outcomes)
            outcomes, size = [], 0
        outcomes.append(encoded)
        size += len(encoded) + 1
        written.records += 1
        written.interactions += len(outcome.interactions)
        written.accounts += len(outcome.accounts)
        written.rejected += outcome.record.verdict is Verdict.REJECTED
    if outcomes:
        yield _chunk(partition, outcomes)


def _encoded(outcome: Outcome) -> list[Outgoing]:
    made = [(INTERACTIONS.name, one.community, _interaction_json(one, exclude_none=True)) for one in outcome.interactions]
    # The topic keeps the newest record of a key, and a later report of the account does not repeat what it is the same as.
    made += [
        (ACCOUNTS.name, f"{one.actor}={one.same_as}" if one.same_as else one.actor, _account_json(one, exclude_none=True))
        for one in outcome.accounts
    ]
    if any(len(value) > MAX_INTERACTION_BYTES for _, _, value in made):
        raise ValueError("larger than the topic takes")
    return made


def _refused(outcome: Outcome, error: Exception) -> Outcome:
    refused = {
        "verdict": Verdict.REJECTED,
        "reason": Reason.NORMALISER_FAILED,
        "detail": f"cannot be written: {type(error).__name__}",
    }
    return Outcome(outcome.record.model_copy(update={**refused, "interactions": 0, "accounts": 0}))


def _chunk(partition: int, outcomes: list[bytes]) -> Outgoing:
    value = b'{"partition":%d,"records":[%b]}' % (partition, b",".join(outcomes))
    return OUTCOMES.name, str(partition), value


class Writer:
    """Writes to Kafka through one idempotent producer and detects what did not arrive. One thread at a time may use it."""

    def __init__(self, bootstrap: str) -> None:
        """The producer connects in the background."""
        self._failed: str | None = None
        self._lock = threading.Lock()
        self._producer = writer_producer(bootstrap, self._reported)

    def _reported(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            with self._lock:
                self._failed = error.name()

    def write(self, made: Iterable[Outgoing]) -> None:
        """Hand records to the producer. They are durable after the next `flush`. Raises NotWrittenError."""
        produce = self._producer.produce
        for topic, key, value in made:
            while True:
                try:
                    produce(topic, value, key)
                    break
                except BufferError:  # librdkafka's queue is full, and empties while records are acknowledged
                    self._producer.poll(0.2)
                    self._check()
                except KafkaException as error:
                    raise NotWrittenError(error.args[0].name()) from error

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Block until everything is acknowledged. Raises NotWrittenError."""
        left = self._producer.flush(seconds)
        self._check()
        if left:
            raise NotWrittenError(f"{left} records were not acknowledged")

    def _check(self) -> None:
        with self._lock:
            if self._failed:
                raise NotWrittenError(self._failed)
