"""A catalog of three tables, small enough to know every answer, and a warehouse of it that needs no Kafka."""

# ruff: noqa: DTZ001 - the warehouse speaks naive UTC

import time
from collections import Counter
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from events.communities import Community
from events.topics import INTERACTIONS
from warehouse.build.catalog import order
from warehouse.build.model import Model, read_model
from warehouse.landing.batch import Landed
from warehouse.landing.reconciliation import Accounting
from warehouse.warehouse import Warehouse

LAST_WEEK, THIS_WEEK = datetime(2026, 1, 28), datetime(2026, 2, 3)

FILES = {
    "core/actions.sql": """/*
summary: Every action.
grain: [community, event_id]
reads: [landing.interactions]
refresh: now
columns: {community: the community, event_id: the event, member: who, occurred_at: when}
*/
select community, event_id, md5(actor) as member, occurred_at
from landing.interactions
semi join building using (community)
""",
    "metrics/action_counts.sql": """/*
summary: Actions and people.
grain: [community]
reads: [core.actions]
columns: {community: the community, actions: how many actions, people: how many people}
checks:
  - {name: few_actions, rule: Nobody does more than three things., sql: "select community from {table} where actions > 3"}
  - name: many_people
    rule: There are two people.
    severity: warn
    sql: select community from {table} where people < 2
    consequence: The tables are published all the same.
    remedy: Do nothing.
*/
select community, count(event_id) as actions, count(distinct member) as people
from core.actions
group by all
""",
    "reports/action_shares.sql": """/*
summary: Actions per person.
grain: [community]
reads: [metrics.action_counts]
columns: {community: the community, people_share: people divided by actions}
*/
select community, people / actions as people_share
from metrics.action_counts
""",
}


def small_catalog(folder: Path) -> tuple[Model, ...]:
    """Write the files and read them back as models."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return order([read_model(folder / name) for name in FILES])


class SmallWarehouse(Warehouse):
    """The real warehouse of the small catalog; what Kafka would give is put into `arriving`."""

    def __init__(self, home: Path, models, communities=("gardeners",)) -> None:
        super().__init__(
            home, key=b"k" * 32, communities={slug: Community(slug=slug, title=slug) for slug in communities}, models=models
        )
        self.arriving: list[tuple[str, datetime, int]] = []
        self.trouble: Exception | None = None

    def arrive(self, number: int, at: datetime = THIS_WEEK, community: str = "gardeners") -> None:
        """So many actions at a moment, for the next landing."""
        self.arriving.append((community, at, number))

    def land(self, now, *, progress=lambda *_: None) -> Landed:
        if self.trouble:
            raise self.trouble
        rows = 0
        for community, at, number in self.arriving:
            progress("interactions", number)
            rows += number
            self._insert(community, at, number)
        self.arriving.clear()
        return Landed(rows=rows, outcomes=Counter({("understood", None): rows}))

    def accounting(self, acknowledged=None) -> Accounting:
        return Accounting((), (), 0)

    def _insert(self, community: str, at: datetime, number: int) -> None:
        batch = time.time_ns()  # greater than any before, also where several homes share one instance of Dagster
        self.con.execute(
            "insert into landing.main.interactions (community, event_id, actor, occurred_at, batch)"
            " select ?, ? || ' ' || i, 'x', ?, ? from range(?) as t(i)",
            [community, f"batch {batch}", at, batch, number],
        )
        self.con.execute(
            "insert into landing.main.batches (batch, topic, added) values (?, ?, ?)", [batch, INTERACTIONS.name, number]
        )
        self.con.execute(
            "insert into landing.main.arrivals (batch, community, interactions, revisions, touches_at) values (?, ?, ?, 0, ?)",
            [batch, community, number, at],
        )


def small_opener(home: Path, models, **kwargs):
    """Opens the same warehouse again and again, as an owner does."""

    @contextmanager
    def opened():
        with SmallWarehouse(home, models, **kwargs) as warehouse:
            yield warehouse

    return opened
