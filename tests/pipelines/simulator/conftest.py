"""Helpers: a small simulation, and the outcomes of everything in it, without Kafka."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dagster_project.settings import load
from events.interaction import Interaction
from events.raw import RawEvent
from pipelines.connector import ImportOptions, Request
from pipelines.imports.importer import raw_events
from pipelines.platforms import PLATFORMS
from pipelines.simulator.calendar import Calendar
from pipelines.simulator.delivery import Delivery, deliveries
from pipelines.simulator.expected import Expected
from pipelines.simulator.exports import Export, write_exports
from pipelines.simulator.formats.world import World
from pipelines.simulator.ground_truth import secret, write_settings
from pipelines.simulator.scenario import Scenario
from pipelines.understand.understand import Context, Outcome, understand

KEY = bytes(range(32))
END = date(2026, 3, 30)
NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)


@dataclass
class Simulated:
    """A simulation, understood."""

    scenario: Scenario
    world: World
    context: Context
    expected: Expected
    exports: list[Export]
    found: Counter = field(default_factory=Counter)
    outcomes: list[tuple[str, Outcome]] = field(default_factory=list)

    @property
    def interactions(self) -> list[Interaction]:
        return [one for _, outcome in self.outcomes for one in outcome.interactions]


def raw_of(delivery: Delivery, world: World) -> RawEvent:
    """The raw event that the gateway makes of a delivery after its signature was checked."""
    received = datetime.fromtimestamp(delivery.due / 1000, UTC) + timedelta(seconds=1)
    if delivery.source.startswith("emit/"):
        kind = f"{delivery.platform}.recentchange"
    else:
        row, key = PLATFORMS[delivery.platform], secret(world, delivery.platform)
        request = Request("POST", f"/{delivery.source}", row.sign(delivery.body, key, 1.0), delivery.body)
        kind = row.verify(request, (key,), 1.0).type
    return RawEvent(
        id=delivery.raw_id, sender="/test", type=kind, source=delivery.source, received_at=received, payload=delivery.body
    )


def simulate(folder: Path, *, seed: int, weeks: int, live_weeks: int, members: int, end: date = END) -> Simulated:
    scenario = Scenario(seed, Calendar(end, weeks, live_weeks), members)
    world = World(seed)
    settings = load(write_settings(folder, scenario, world), folder / "var")
    context = Context(KEY, settings.communities(), PLATFORMS)
    expected = Expected()
    exports = write_exports(scenario, world, folder / "exports", expected)
    done = Simulated(scenario, world, context, expected, exports)
    offset = 0
    for export in exports:
        for raw in raw_events(PLATFORMS[export.platform], export.kind, export.path, ImportOptions(tenant=None), NOW):
            offset += 1
            _take(done, raw, "export", offset)
    for delivery in deliveries(scenario, world, expected):
        offset += 1
        _take(done, raw_of(delivery, world), "live", offset)
    return done


def _take(done: Simulated, raw: RawEvent, how: str, offset: int) -> None:
    outcome = understand(raw.payload, raw.headers(), 0, offset, done.context)
    verdict = outcome.record.verdict + (f":{outcome.record.reason}" if outcome.record.reason else "")
    done.found[raw.platform, how, verdict] += 1
    done.outcomes.append((how, outcome))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory) -> Simulated:
    """Thirty weeks of eighty people, the last ten of them live."""
    return simulate(tmp_path_factory.mktemp("simulation"), seed=3, weeks=30, live_weeks=10, members=80)
