"""Await outcomes: wait until the stream worker has understood the raw records that were just sent, and count the results."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import TopicPartition

from events.errors import GuildhallError
from events.outcome import Verdict
from events.topics import OUTCOMES
from pipelines.broker.clients import outcomes_consumer

POLL_SECONDS = 0.5
MOST_REJECTED = 1_000


class AwaitError(GuildhallError):
    """The stream worker did not finish the records."""


@dataclass(slots=True)
class Outcomes:
    """The outcomes of the raw records of one source."""

    records: int = 0
    interactions: int = 0
    accounts: int = 0
    outcomes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """Records by verdict and reason; they add up to `records`."""
    unmapped: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Records by tenant and space, of spaces that no community has."""
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Records by tenant and space, of spaces of which the export does not show who can read them."""
    details: Counter[str] = field(default_factory=Counter)
    """Records by the detail of their rejection, which is free of content."""
    rejected: dict[str, str] = field(default_factory=dict)
    """Raw id -> detail, of records that were rejected; the first ones only."""

    def of(self, verdict: Verdict) -> int:
        """Return how many records have this verdict."""
        return sum(count for (found, _), count in self.outcomes.items() if found == verdict)


def await_outcomes(
    bootstrap: str,
    since: Mapping[int, int],
    starts: Mapping[int, int],
    ends: Mapping[int, int],
    source: str,
    *,
    progress: Callable[[int], None] = lambda _: None,
    patience_seconds: float = 120.0,
) -> Outcomes:
    """Wait until every raw record from `starts` to `ends` (offsets by raw partition) has an outcome; count those of `source`.

    `since` has the offsets of the outcomes topic from before the first record was sent (`broker.admin.ends`). `progress` is
    called with the number of records that have an outcome. Raises AwaitError after `patience_seconds` without any outcome.
    """
    waiting = {part: end - starts.get(part, 0) for part, end in ends.items() if end > starts.get(part, 0)}
    seen: dict[int, set[int]] = {part: set() for part in waiting}
    found, silence = Outcomes(), 0.0
    consumer = outcomes_consumer(bootstrap)
    try:
        consumer.assign([TopicPartition(OUTCOMES.name, part, offset) for part, offset in since.items()])
        while any(len(seen[part]) < count for part, count in waiting.items()):
            messages = consumer.consume(500, POLL_SECONDS)
            silence = 0.0 if messages else silence + POLL_SECONDS
            if silence > patience_seconds:
                raise _stuck(waiting, seen)
            for message in messages:
                if not message.error():
                    _count(json.loads(message.value()), starts, ends, seen, source, found)
            progress(sum(map(len, seen.values())))
    finally:
        consumer.close()
    return found


def _count(
    chunk: dict[str, object],
    starts: Mapping[int, int],
    ends: Mapping[int, int],
    seen: dict[int, set[int]],
    source: str,
    found: Outcomes,
) -> None:
    part = int(str(chunk["partition"]))
    if part not in seen:
        return
    records = chunk["records"]
    assert isinstance(records, list)
    for record in records:
        offset = record["offset"]
        if not starts.get(part, 0) <= offset < ends[part] or offset in seen[part]:
            continue
        seen[part].add(offset)
        if record.get("source") not in {source, None}:
            continue
        found.records += 1
        found.interactions += record.get("interactions", 0)
        found.accounts += record.get("accounts", 0)
        found.outcomes[record["verdict"], record.get("reason")] += 1
        if record.get("space") and record.get("reason") == "unmapped_space":
            found.unmapped[record.get("tenant") or "", record["space"]] += 1
        if record.get("space") and record.get("reason") == "unknown_privacy":
            found.unknown[record.get("tenant") or "", record["space"]] += 1
        if record.get("detail"):
            found.details[record["detail"]] += 1
            if len(found.rejected) < MOST_REJECTED and record.get("raw_id"):
                found.rejected[record["raw_id"]] = record["detail"]


def _stuck(waiting: Mapping[int, int], seen: Mapping[int, set[int]]) -> AwaitError:
    left = sum(count - len(seen[part]) for part, count in waiting.items())
    return AwaitError(
        f"{left} records have no outcome yet.",
        "The stream worker makes no progress. The records are safe in Kafka.",
        "See var/log/worker.log. `guildhall status` shows the lag, and a later refresh includes the rest.",
    )
