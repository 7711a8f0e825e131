"""Exports: the weeks before the live ones, in each platform's own export format. About a week is in memory at a time."""

import gzip
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from pipelines.simulator.actions import Action, Kind
from pipelines.simulator.calendar import DAY_MS
from pipelines.simulator.expected import UNDERSTOOD, UNMAPPED, Expected, repeats, verdict
from pipelines.simulator.formats import slack, zoom
from pipelines.simulator.formats.mediawiki import MediaWiki
from pipelines.simulator.formats.world import CHANNELS, MAPPED_CHANNELS, World
from pipelines.simulator.population import SPECS
from pipelines.simulator.scenario import Scenario

OPEN_DAYS = 7
"""Days after which no action changes a message any more, so that its day is written."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Export:
    """One export on disk: its platform, the KIND of `guildhall import`, its path and its tenant."""

    platform: str
    kind: str
    path: Path
    tenant: str


def write_exports(scenario: Scenario, world: World, folder: Path, expected: Expected) -> list[Export]:
    """Write the exports of all weeks before the first live one, and count their records. Without such weeks, write no file.

    A Slack zip for each workspace, a gzipped file of recent changes for each wiki, one file of stored Zoom webhooks.
    """
    if scenario.calendar.live_week == 0:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    live = scenario.calendar.ms(scenario.calendar.live_week)
    with ExitStack() as stack:
        chats = [stack.enter_context(_Chat(scenario, world, i, folder, expected)) for i in range(len(SPECS))]
        wiki = MediaWiki(world)
        changes = [stack.enter_context(_gzip(folder / f"{name}.jsonl.gz")) for name in world.domains]
        webhooks = stack.enter_context((folder / "zoom-webhooks.jsonl").open("wb"))
        for action in _before(scenario, live):
            if action.platform == "slack":
                chats[action.community].add(action)
                continue
            body, file = (
                (zoom.payload(action, world), webhooks)
                if action.platform == "zoom"
                else (wiki.payload(action), changes[action.community])
            )
            file.write(body + b"\n")
            outcome = verdict(action)
            again = repeats(action) if outcome == UNDERSTOOD else 0
            expected.count_exported(action.platform, outcome, int(outcome == UNDERSTOOD) + again, again)
    return [
        *(Export("slack", "slack-export", chat.path, chat.team) for chat in chats),
        *(Export("mediawiki", "mediawiki-recentchange", folder / f"{name}.jsonl.gz", name) for name in world.domains),
        Export("zoom", "zoom-webhooks", folder / "zoom-webhooks.jsonl", world.zoom_account),
    ]


def _before(scenario: Scenario, live: int) -> Iterator[Action]:
    return takewhile(lambda action: action.due < live, scenario.actions())


@contextmanager
def _gzip(path: Path) -> Iterator[gzip.GzipFile]:
    """Open a gzip file whose bytes do not depend on the time."""
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=3, mtime=0) as file:
        yield file


class _Chat:
    """The zip of one workspace while it is written."""

    def __init__(self, scenario: Scenario, world: World, community: int, folder: Path, expected: Expected) -> None:
        self.scenario, self.world, self.community, self.expected = scenario, world, community, expected
        self.team = world.teams[community]
        self.path = folder / f"{SPECS[community].slug}-slack-export.zip"
        self._zip = zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._days: dict[int, dict[str, dict[str, dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
        self._outcomes = {
            Kind.POST: UNDERSTOOD,
            Kind.REPLY: UNDERSTOOD,
            Kind.BOT_POST: UNDERSTOOD,  # an export does not show which app is Guildhall's
            Kind.ELSEWHERE: UNMAPPED,
            Kind.TEAM_JOIN: UNDERSTOOD,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write_days(None)
        self._write("channels.json", [self._channel(space) for space in CHANNELS])
        live = self.scenario.calendar.live_week
        people = [p for p in self.scenario.people[self.community] if p.arrives < live]
        updated = self.scenario.calendar.ms(live) // 1000
        self._write("users.json", [slack.user(person, self.world, updated) for person in people])
        for _person in people:
            self.expected.count_exported("slack", UNDERSTOOD)
        self._zip.close()

    def add(self, action: Action) -> None:
        """Add a message or change an earlier one. Actions that an export does not contain are ignored."""
        day = action.at // DAY_MS
        about = action.ref if isinstance(action.ref, Action) else None
        if action.kind in self._outcomes:
            found = self._joined(action) if action.kind is Kind.TEAM_JOIN else slack.message(action, self.world)
            self._days[day][action.space or "general"][slack.ts(action)] = {**found, "_outcome": self._outcomes[action.kind]}
        elif about is not None and action.kind in {Kind.EDIT, Kind.DELETE}:
            messages = self._days[about.at // DAY_MS][about.space]
            earlier = messages.pop(slack.ts(about), None)
            if earlier and action.kind is Kind.EDIT:
                messages[slack.ts(about)] = {**slack.edited(about, action, self.world), "_outcome": UNDERSTOOD}
        self._write_days(day - OPEN_DAYS)

    def _joined(self, action: Action) -> dict[str, Any]:
        assert action.who is not None
        user = self.world.slack_user(action.who)
        text = f"<@{user}> has joined the channel"
        return {"type": "message", "subtype": "channel_join", "user": user, "ts": slack.ts(action), "text": text}

    def _write_days(self, until: int | None) -> None:
        for day in sorted(day for day in self._days if until is None or day < until):
            name = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat()
            for space, messages in sorted(self._days.pop(day).items()):
                by_time = sorted(messages.values(), key=lambda message: str(message["ts"]))
                for message in by_time:
                    outcome = message.pop("_outcome")
                    self.expected.count_exported("slack", outcome, (1 + ("edited" in message)) * (outcome == UNDERSTOOD))
                if by_time:
                    self._write(f"{space}/{name}.json", by_time)

    def _channel(self, space: str) -> dict[str, Any]:
        return {
            "id": self.world.channels[self.community][space],
            "name": space,
            "created": self.scenario.calendar.ms(0) // 1000,
            "is_archived": False,
            "is_general": space == MAPPED_CHANNELS[0],
            "members": [],
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": f"{SPECS[self.community].title}: {space}", "creator": "", "last_set": 0},
        }

    def _write(self, name: str, rows: list[dict[str, Any]]) -> None:
        # A fixed date: the same simulation gives the same bytes.
        info = zipfile.ZipInfo(name, _EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(info, json.dumps(rows))
