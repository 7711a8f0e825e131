"""Found: the people and the spaces of an import, counted from what was understood."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka import TopicPartition

from events.interaction import ActorKind
from events.topics import INTERACTIONS
from pipelines.broker.clients import interactions_consumer

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 10.0


@dataclass(slots=True)
class Found:
    """Accounts by their pseudonyms, and interactions by space. A person may have several accounts."""

    accounts: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    spaces: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Interactions by tenant and space."""

    def add(self, actor: str, actor_kind: str, tenant: str, space: str) -> None:
        """Count one interaction."""
        self.accounts.add(actor)
        if actor_kind != ActorKind.HUMAN:
            self.programs.add(actor)
        self.spaces[tenant, space] += 1


def read_found(
    bootstrap: str,
    since: Mapping[int, int],
    starts: Mapping[int, int],
    ends: Mapping[int, int],
    wanted: int,
    where: Mapping[str, str | None],
) -> Found:
    """Read the interactions that follow from the raw records from `starts` to `ends` (offsets by raw partition).

    `wanted` is their number, `where` has their platform and community, and `since` the offsets of the interactions topic from
    before the first record was sent. It ends when all are there, or when none has come for some seconds.
    """
    found, seen, silence = Found(), set[tuple[int, int, str]](), 0.0
    consumer = interactions_consumer(bootstrap)
    try:
        consumer.assign([TopicPartition(INTERACTIONS.name, part, offset) for part, offset in since.items()])
        while len(seen) < wanted and silence < PATIENCE_SECONDS:
            messages = consumer.consume(2_000, POLL_SECONDS)
            silence = 0.0 if messages else silence + POLL_SECONDS
            for message in messages:
                made = None if message.error() else json.loads(message.value())
                if made is None or any(made[name] != value for name, value in where.items()):
                    continue
                part, offset = made["raw"]["partition"], made["raw"]["offset"]
                place = (part, offset, made["event_id"])
                if starts.get(part, 0) <= offset < ends.get(part, 0) and place not in seen:
                    seen.add(place)
                    found.add(made["actor"], made["actor_kind"], made["tenant"], made["space"])
    finally:
        consumer.close()
    return found
