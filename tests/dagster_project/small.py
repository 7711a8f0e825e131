"""A catalog of three tables, small enough to know every answer."""

from pathlib import Path

from warehouse.build.catalog import order
from warehouse.build.model import Model, read_model

FILES = {
    "core/deeds.sql": """/*
summary: What stands.
grain: [community, event_id]
source: [landing.interactions]
refresh: now
columns: {community: the community, event_id: the event, actor: who, occurred_at: when}
*/
select community, event_id, actor, occurred_at
from landing.interactions
semi join building using (community)
""",
    "metrics/deed_counts.sql": """/*
summary: Deeds and people.
grain: [community]
source: [core.deeds]
columns: {community: the community, deeds: how many deeds, people: how many people}
checks:
  - {name: few_deeds, says: Nobody does more than three things., sql: "select community from {table} where deeds > 3"}
  - {name: many_people, says: There are two people., severity: warn, sql: "select community from {table} where people < 2"}
*/
select community, count(event_id) as deeds, count(distinct actor) as people
from core.deeds
group by all
""",
    "reports/deed_shares.sql": """/*
summary: Deeds a head.
grain: [community]
source: [metrics.deed_counts]
columns: {community: the community, people_share: people divided by deeds}
*/
select community, people / deeds as people_share
from metrics.deed_counts
""",
}


def small_catalog(folder: Path) -> tuple[Model, ...]:
    """Write the files and read them back as models."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return order([read_model(folder / name) for name in FILES])
