"""Helpers: a small play, and what `understand` makes of everything in it, without Kafka."""

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
from pipelines.simulator.scenario import Script
from pipelines.understand.understand import Context, Outcome, understand

KEY = bytes(range(32))
END = date(2026, 3, 30)
NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)


@dataclass
class Performed:
    """A play, understood."""

    script: Script
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
    """What the gateway makes of a delivery, its signature checked."""
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


def perform(folder: Path, *, seed: int, weeks: int, live_weeks: int, members: int, end: date = END) -> Performed:
    script = Script(seed, Calendar(end, weeks, live_weeks), members)
    world = World(seed)
    settings = load(write_settings(folder, script, world), folder / "var")
    context = Context(KEY, settings.communities(), PLATFORMS)
    expected = Expected()
    exports = write_exports(script, world, folder / "exports", expected)
    done = Performed(script, world, context, expected, exports)
    offset = 0
    for export in exports:
        for raw in raw_events(PLATFORMS[export.platform], export.kind, export.path, ImportOptions(tenant=None), NOW):
            offset += 1
            _take(done, raw, "export", offset)
    for delivery in deliveries(script, world, expected):
        offset += 1
        _take(done, raw_of(delivery, world), "live", offset)
    return done


def _take(done: Performed, raw: RawEvent, how: str, offset: int) -> None:
    outcome = understand(raw.payload, raw.headers(), 0, offset, done.context)
    becomes = outcome.record.verdict + (f":{outcome.record.reason}" if outcome.record.reason else "")
    done.found[raw.platform, how, becomes] += 1
    done.outcomes.append((how, outcome))


@pytest.fixture(scope="session")
def play(tmp_path_factory) -> Performed:
    """Thirty weeks of eighty people, the last ten of them live."""
    return perform(tmp_path_factory.mktemp("play"), seed=3, weeks=30, live_weeks=10, members=80)
