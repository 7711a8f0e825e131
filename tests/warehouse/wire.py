"""Records for tests: interactions, outcomes and accounts as the stream worker writes them, in topics of the test's own."""

import json
import multiprocessing
import os
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from confluent_kafka import Producer

from events.account import Account
from events.communities import Community, SpaceRule
from events.interaction import Interaction
from events.topics import ACCOUNTS, INTERACTIONS, OUTCOMES, RAW
from warehouse import warehouse as warehouse_module
from warehouse.build.model import Header, Model
from warehouse.failpoint import VARIABLE
from warehouse.identity import store
from warehouse.landing import land
from warehouse.landing.consumer import Chunk, Log
from warehouse.warehouse import Warehouse

TOPICS = land.TOPICS
MONDAY = datetime(2024, 4, 29)  # noqa: DTZ001 - the warehouse stores naive UTC
KEY = b"k" * 32
SPACE = SpaceRule(platform="slack", workspace="T1", spaces=("*",))
GARDENERS = {slug: Community(slug=slug, title=slug.title(), space=(SPACE,)) for slug in ("gardeners", "bakers")}


def model(layer: str, name: str, columns: str, sql: str, **header) -> Model:
    described = dict.fromkeys(columns.split(), "what it holds")
    return Model(layer, name, Header(summary=f"The {name}.", columns=described, **header), sql, Path(f"{name}.sql"))


MODELS = (
    model(
        "core", "interactions", "community event_id member occurred_at",
        """select community, event_id, member, occurred_at from landing.interactions
           join landing.people using (community, actor) semi join building using (community)
           where occurred_at < (select max(as_of) from building)
           and occurred_at >= coalesce((select max(since) from building), timestamp '1970-01-01')""",
        grain=("community", "event_id"), reads=("landing.interactions", "landing.people"), refresh="now",
    ),
    model(
        "core", "sums", "community messages",
        """select community, count(*) as messages from landing.interactions semi join building using (community)
           where occurred_at < (select date_trunc('week', max(as_of)) from building) group by all""",
        grain=("community",), reads=("landing.interactions",),
    ),
)  # fmt: skip


def warehouse(home: Path, kafka: str | None = None, **given) -> Warehouse:
    return Warehouse(home, key=KEY, bootstrap=kafka, **{"communities": GARDENERS, "models": MODELS} | given)


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
    return {
        "offset": offset,
        "verdict": "understood",
        "interactions": 1,
        "normaliser_version": 1,
        "source": "webhook/slack/main",
    } | fields


def account(actor: str, seen_at: str = "2024-04-01T00:00:00Z", **fields) -> Account:
    return Account(actor=actor, platform="slack", tenant="T1", native_id=f"U-{actor}", seen_at=seen_at, **fields)


def rename(suffix: str) -> dict:
    """Let landing, identity and warehouse use topics of their own: called in the test, and again in the processes it starts."""
    named = {topic.name: replace(topic, name=f"{topic.name}.{suffix}") for topic in (RAW, INTERACTIONS, OUTCOMES, ACCOUNTS)}
    land.TOPICS = tuple(replace(topic, name=named[topic.name].name) for topic in TOPICS)
    store.ACCOUNTS = named[ACCOUNTS.name]
    warehouse_module.RAW = named[RAW.name]
    return {
        "raw": warehouse_module.RAW,
        "interactions": named[INTERACTIONS.name],
        "outcomes": named[OUTCOMES.name],
        "accounts": store.ACCOUNTS,
    }


def restore() -> None:
    land.TOPICS, store.ACCOUNTS, warehouse_module.RAW = TOPICS, ACCOUNTS, RAW


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
        plain = value.model_dump_json().encode() if isinstance(value, Account) else value
        body = plain if isinstance(plain, bytes) or plain is None else json.dumps(plain).encode()
        producer.produce(topic, body, key=key, partition=partition, on_delivery=note)
        producer.poll(0)
    assert producer.flush(60) == 0
    assert not failed, failed[0]


def refresh_and_die(home: Path, bootstrap: str, suffix: str, place: str) -> None:
    """A refresh in a process of its own, killed at a place."""
    os.environ[VARIABLE] = place
    rename(suffix)
    with warehouse(home, bootstrap) as kept:
        kept.refresh([], lambda: datetime(2024, 5, 1, 12, tzinfo=UTC))


def run(target, *arguments) -> int:
    """Run a function of an importable module in a process of its own, forked from one that has everything imported; its exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.warehouse.wire"])
    process = context.Process(target=target, args=arguments)
    process.start()
    process.join(120)
    return process.exitcode


def put(kept, values: list) -> None:
    """Land values without Kafka."""
    log = Log(INTERACTIONS.name, "id", {0: 0}, {0: 1_000_000})
    offsets = land.begin_at(kept.con, log)
    texts = [json.dumps(value).encode() for value in values]
    chunk = Chunk.of(texts, 0, offsets[0])
    land.land_chunk(kept.con, log, chunk, offsets, MONDAY, land.TOPICS[0])
