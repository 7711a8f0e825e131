"""Ground truth: what a simulation plants, in a file and as values. It is not computed by the code that it checks."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from pipelines.simulator.expected import Expected
from pipelines.simulator.formats.world import World
from pipelines.simulator.population import FOREVER, SPECS, Pattern, Person
from pipelines.simulator.scenario import Scenario

CONFIRM_UP_WEEKS = 2
CONFIRM_DOWN_WEEKS = 4
"""Evaluations in a row that confirm a higher level, and a lower one. Evaluations are weekly."""
FACILITATOR_SEATS = 2
WELCOME_WEEKS = 13
"""Weeks of the fixed window in which the welcome of newcomers is looked at."""


@dataclass(frozen=True, slots=True)
class Core:
    """The people in the core of a community at the last evaluation, by their keys.

    `required` have been there for one window and the confirmations, so every correct analysis finds them. `optional` arrived
    or left more recently: both finding and missing them is correct.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cold:
    """A planted cold shoulder: its weeks (`until` is exclusive) and the evaluations by which it must be seen and be over."""

    community: str
    since: date
    until: date
    seen_by: date
    over_by: date


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that a simulation plants. Dates are Mondays."""

    seed: int
    members: int
    weeks: int
    begins: date
    ends: date
    live_from: date
    people: dict[str, int]
    core: dict[str, Core]
    cold: Cold | None
    spells: dict[str, list[tuple[str, str, date, date | None]]]
    """Person -> (community, pattern, from, to) of every spell in the core; `to` is None while it lasts."""


def truth_of(scenario: Scenario) -> Truth:
    """Return what the scenario plants."""
    calendar = scenario.calendar
    cold = None
    if scenario.cold is not None:
        spec = SPECS[scenario.cold.community]
        cold = Cold(
            spec.slug,
            calendar.day(scenario.cold.since),
            calendar.day(scenario.cold.until),
            # Two windows to see it. The last of its threads leaves the window one window after it ended.
            calendar.day(scenario.cold.since + 2 * WELCOME_WEEKS),
            calendar.day(scenario.cold.until + WELCOME_WEEKS + 1),
        )
    return Truth(
        seed=scenario.seed,
        members=scenario.members,
        weeks=calendar.weeks,
        begins=calendar.day(0),
        ends=calendar.end,
        live_from=calendar.day(calendar.live_week),
        people={spec.slug: len(people) for spec, people in zip(SPECS, scenario.people, strict=True)},
        core={spec.slug: _core(scenario, i) for i, spec in enumerate(SPECS)},
        cold=cold,
        spells=dict(_spells(scenario)),
    )


def _core(scenario: Scenario, community: int) -> Core:
    spec, last = SPECS[community], scenario.calendar.weeks
    window = spec.beat_weeks * spec.window_beats
    required, optional = [], []
    for person in scenario.people[community]:
        spells = person.core_spells()
        if any(since + window + CONFIRM_UP_WEEKS <= last <= until for since, until in spells):
            required.append(person.key)
        elif any(until + window + CONFIRM_DOWN_WEEKS >= last for _, until in spells):
            optional.append(person.key)
    return Core(tuple(required), tuple(optional))


def _spells(scenario: Scenario) -> Iterator[tuple[str, list[tuple[str, str, date, date | None]]]]:
    day = scenario.calendar.day
    for spec, people in zip(SPECS, scenario.people, strict=True):
        for person in people:
            spells = person.core_spells()
            if spells:
                yield (
                    person.key,
                    [
                        (spec.slug, str(Pattern.CORE), day(since), None if until == FOREVER else day(until))
                        for since, until in spells
                    ],
                )


def write_truth(path: Path, truth: Truth, expected: Expected) -> None:
    """Write everything to one JSON file."""
    counts = {
        "events": expected.total(),
        "interactions": expected.interactions,
        "duplicates": expected.duplicates,
        "by": [
            {"platform": platform, "by": how, "outcome": outcome, "events": count}
            for (platform, how, outcome), count in sorted(expected.events.items())
        ],
    }
    path.write_text(json.dumps(asdict(truth) | {"expected": counts}, default=str, indent=1), encoding="utf-8")


def write_settings(folder: Path, scenario: Scenario, world: World, *, port: int | None = None) -> Path:
    """Write guildhall.toml, people.csv, roles.csv and the secrets of the sources. Returns the path of guildhall.toml.

    `port` is the gateway's, if not the default one.
    """
    secrets = folder / "secrets"
    secrets.mkdir(parents=True, exist_ok=True)
    for platform in ("slack", "zoom"):
        path = secrets / platform
        path.touch(mode=0o600)
        path.write_text(secret(world, platform) + "\n", encoding="utf-8")
    _write_csv(folder / "people.csv", ("person", "platform", "tenant", "account"), people_rows(scenario, world))
    _write_csv(folder / "roles.csv", ("community", "person", "role", "from", "to"), _roles(scenario))
    path = folder / "guildhall.toml"
    path.write_text(settings_text(scenario, world, port), encoding="utf-8")
    return path


def secret(world: World, platform: str) -> str:
    """Return the secret with which an invented platform signs. It is as public as the seed."""
    return world.id(f"secret-{platform}", 0, 20).lower()


def settings_text(scenario: Scenario, world: World, port: int | None = None) -> str:
    """Return guildhall.toml: three communities, their spaces and breaks, and two sources."""
    lines = ["# The settings of a simulation. The next simulation overwrites this file.", ""]
    if port is not None:
        lines += ["[gateway]", f"port = {port}", ""]
    for i, spec in enumerate(SPECS):
        lines += [
            f"[community.{spec.slug}]",
            f'title = "{spec.title}"',
            f'origin = "{spec.origin}"',
            'time_zone = "Europe/Amsterdam"',
            f"beat_days = {7 * spec.beat_weeks}",
        ]
        channels = [world.channels[i][space] for space in ("general", "questions")]
        spaces = (
            ("slack", world.teams[i], [*channels, "workspace"]),
            ("mediawiki", world.domains[i], ["*"]),
            ("zoom", world.zoom_account, [world.series[i]]),
        )
        for platform, workspace, names in spaces:
            lines += [
                f"[[community.{spec.slug}.space]]",
                f'platform = "{platform}"',
                f'workspace = "{workspace}"',
                f"spaces = {json.dumps(names)}",
            ]
        for since, until in scenario.calendar.breaks():
            lines += [f"[[community.{spec.slug}.break]]", f"from = {since}", f"to = {until}"]
        lines.append("")
    for platform in ("slack", "zoom"):
        lines += [f"[source.{platform}-main]", f'platform = "{platform}"', f'secret_file = "secrets/{platform}"', ""]
    return "\n".join(lines)


def people_rows(scenario: Scenario, world: World) -> Iterator[tuple[str, ...]]:
    """Yield (person, platform, tenant, account) of everybody whose accounts are linked."""
    for people in scenario.people:
        for person in people:
            if person.linked:
                for account in world.accounts(person):
                    yield (person.key, *account)


def _roles(scenario: Scenario) -> Iterator[tuple[str, ...]]:
    for person in _seated(scenario, range(FACILITATOR_SEATS)):
        for since, until in person.core_spells():
            ends = "" if until >= scenario.calendar.weeks else scenario.calendar.day(until).isoformat()
            yield SPECS[person.community].slug, person.key, "facilitator", scenario.calendar.day(since).isoformat(), ends


def _seated(scenario: Scenario, seats: range) -> Iterator[Person]:
    return (person for people in scenario.people for person in people if person.seat in seats)


def _write_csv(path: Path, header: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
