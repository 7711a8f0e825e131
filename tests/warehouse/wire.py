"""What tests put on the wire: interactions, outcomes and accounts as the stream worker writes them, in topics of the test's own."""

import json
import sys
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from confluent_kafka import Producer

from events.account import Account
from events.interaction import Interaction
from events.topics import ACCOUNTS, INTERACTIONS, OUTCOMES, RAW
from warehouse import keeper, landing, people

MONDAY = datetime(2024, 4, 29)


def interaction(number: int = 1, **fields) -> dict:
    """An interaction: the n-th minute of Monday 2024-04-29, by one of three accounts."""
    made = {
        "event_id": f"slack:T1:C1:{number}", "platform": "slack", "tenant": "T1", "medium": "chat", "community": "gardeners",
        "space": "C1", "visibility": "public", "occurred_at": (MONDAY + timedelta(minutes=number)).isoformat() + "Z", "verb": "post",
        "actor": f"actor-{number % 3}", "actor_kind": "human", "object_id": f"slack:T1:C1:{number}", "object_kind": "message",
        "raw": {"partition": 0, "offset": number}, "normaliser_version": 1,
    } | fields  # fmt: skip
    return Interaction.model_validate(made).model_dump(mode="json")


def outcome(offset: int, **fields) -> dict:
    return {"offset": offset, "verdict": "understood", "interactions": 1, "normaliser_version": 1, "door": "slack-main"} | fields


def account(actor: str, said_at: str = "2024-04-01T00:00:00Z", **fields) -> Account:
    return Account(actor=actor, platform="slack", tenant="T1", native_id=f"U-{actor}", said_at=said_at, **fields)


def rename(suffix: str) -> dict:
    """Let landing, identity and keeper use topics of their own: called in the test, and again in the processes it starts."""
    named = {topic.name: replace(topic, name=f"{topic.name}.{suffix}") for topic in (RAW, INTERACTIONS, OUTCOMES, ACCOUNTS)}
    landing._TOPICS = tuple(replace(t, name=named[t.name].name) for t in ORIGINAL["topics"])
    landing.OUTCOMES = named[OUTCOMES.name]
    people.ACCOUNTS = named[ACCOUNTS.name]
    keeper.RAW = named[RAW.name]
    return {"raw": keeper.RAW, "interactions": named[INTERACTIONS.name], "outcomes": landing.OUTCOMES, "accounts": people.ACCOUNTS}


ORIGINAL = {"topics": landing._TOPICS}


def restore() -> None:
    landing._TOPICS, landing.OUTCOMES, people.ACCOUNTS, keeper.RAW = ORIGINAL["topics"], OUTCOMES, ACCOUNTS, RAW


def fresh() -> tuple[str, dict]:
    suffix = uuid.uuid4().hex[:10]
    return suffix, rename(suffix)


def send(bootstrap: str, topic: str, values: list, partition: int = 0) -> None:
    """Send values (dicts as JSON, bytes as they are) to one partition, and wait until they are there."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 2_000_000})
    failed = []

    def note(error, _message) -> None:
        if error is not None:
            failed.append(error)

    for value in values:
        key = getattr(value, "actor", "key")  # a compacted topic refuses what has none
        if hasattr(value, "model_dump_json"):
            value = value.model_dump_json().encode()
        body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        producer.produce(topic, body, key=key, partition=partition, on_delivery=note)
        producer.poll(0)
    assert producer.flush(60) == 0
    assert not failed, failed[0]


if __name__ == "__main__":
    sys.exit("a helper of tests")
