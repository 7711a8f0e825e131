"""A catalog of three tables, small enough to know every answer."""

from pathlib import Path

from warehouse.build.catalog import order
from warehouse.build.model import Model, read_model

FILES = {
    "core/actions.sql": """/*
summary: What stands.
grain: [community, event_id]
reads: [landing.interactions]
refresh: now
columns: {community: the community, event_id: the event, actor: who, occurred_at: when}
*/
select community, event_id, actor, occurred_at
from landing.interactions
semi join building using (community)
""",
    "metrics/action_counts.sql": """/*
summary: Actions and people.
grain: [community]
reads: [core.actions]
columns: {community: the community, actions: how many actions, people: how many people}
checks:
  - {name: few_actions, says: Nobody does more than three things., sql: "select community from {table} where actions > 3"}
  - {name: many_people, says: There are two people., severity: warn, sql: "select community from {table} where people < 2"}
*/
select community, count(event_id) as actions, count(distinct actor) as people
from core.actions
group by all
""",
    "reports/action_shares.sql": """/*
summary: Actions a head.
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
