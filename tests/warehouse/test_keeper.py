"""The keeper: one process holds both files; landing, building and publishing go on wherever they were killed."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from events.communities import Community, SpaceRule
from pipelines.kafka import ensure_topics
from tests.warehouse import wire
from tests.warehouse.wire import account, interaction, outcome, send
from warehouse.failpoint import VARIABLE
from warehouse.keeper import Keeper, KeeperError
from warehouse.members import Door
from warehouse.model import Header, Model
from warehouse.publish import current, open_published

KEY = b"k" * 32
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
REPOSITORY = Path(__file__).resolve().parents[2]
SPACE = SpaceRule(platform="slack", workspace="T1", spaces=("*",))
GARDENERS = {slug: Community(slug=slug, title=slug.title(), space=(SPACE,)) for slug in ("gardeners", "bakers")}


def model(layer: str, name: str, columns: str, sql: str, **header) -> Model:
    described = dict.fromkeys(columns.split(), "what it says")
    return Model(layer, name, Header(summary=f"The {name}.", columns=described, **header), sql, Path(f"{name}.sql"))


MODELS = (
    model(
        "core", "interactions", "community event_id member occurred_at",
        """select community, event_id, member, occurred_at from landing.interactions
           join landing.people using (community, actor) semi join building using (community)
           where occurred_at < (select max(as_of) from building)
           and occurred_at >= coalesce((select max(since) from building), timestamp '1970-01-01')""",
        grain=("community", "event_id"), source=("landing.interactions", "landing.people"), refresh="now",
    ),
    model(
        "core", "sums", "community messages",
        "select community, count(*) as messages from landing.interactions semi join building using (community) group by all",
        grain=("community",), source=("landing.interactions",),
    ),
)  # fmt: skip


def keeper(home: Path, kafka: str | None = None, **given) -> Keeper:
    return Keeper(home, key=KEY, bootstrap=kafka, **{"communities": GARDENERS, "models": MODELS} | given)


@pytest.fixture
def topics(kafka):
    suffix, topics = wire.fresh()
    ensure_topics(kafka, tuple(topics.values()))
    yield {name: topic.name for name, topic in topics.items()} | {"suffix": suffix}
    wire.restore()


def test_two_keepers_of_one_home_are_one_too_many(tmp_path):
    with keeper(tmp_path), pytest.raises(KeeperError, match=f"Process {os.getpid()} has its files open"):
        keeper(tmp_path)
    keeper(tmp_path).close()


@pytest.mark.kafka
def test_from_kafka_to_a_published_file(kafka, topics, tmp_path):
    send(kafka, topics["raw"], [b"x"] * 4)
    send(kafka, topics["interactions"], [interaction(1), interaction(2), interaction(1), interaction(3, community="bakers")])
    send(kafka, topics["accounts"], [account("actor-1", display_name="Ada Canary")])
    said = [outcome(0), outcome(1), outcome(2), outcome(3, verdict="ignored", reason="unmapped_space", platform="slack", tenant="T1", space="C9")]
    send(kafka, topics["outcomes"], [{"partition": 0, "records": said}])
    with keeper(tmp_path, kafka) as kept:
        done = kept.refresh(NOW, [Door("slack-main", "slack", 72)])
        assert (done.landed.rows, done.landed.duplicates, done.mapped.fresh) == (3, 1, 3)
        assert kept.accounting({"slack-main": 4}).holds
        assert kept.identity.account("actor-1").display_name == "Ada Canary"
        assert done.published == current(tmp_path / "published")
        again = kept.refresh(NOW, [Door("slack-main", "slack", 72, last_heard_at=datetime(2024, 5, 1))])
        assert (again.landed.records, again.built, again.published) == (0, (), None)
    with open_published(tmp_path / "published") as con:
        assert con.execute("select count(*), count(distinct member) from core.interactions").fetchone() == (3, 3)
        assert con.execute("select * from meta.unmapped").fetchall() == [("slack", "T1", "C9", 1)]
        assert con.execute("select bool_and(holds) from meta.accounting").fetchone() == (True,)
