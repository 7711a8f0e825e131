"""Truth: what is planted in a play, written down for whoever checks what was found. Not computed by what it checks."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from pipelines.simulator.expected import Expected
from pipelines.simulator.formats.world import World
from pipelines.simulator.population import FOREVER, SPECS, Person, Plan
from pipelines.simulator.scenario import Script

CONFIRM_UP_WEEKS = 2
CONFIRM_DOWN_WEEKS = 4
"""metrics.md §3.2: two agreeing evaluations up, four down; evaluations are weekly where the beat is shorter than 28 days."""
FACILITATOR_SEATS = 2


@dataclass(frozen=True, slots=True)
class Core:
    """Who is in the core of a community at the last evaluation, by invented person.

    `established` are expected there for longer than any rule needs to see it: one window, and the confirmations.
    `in_transition` came or went more recently: finding them is no fault, and missing them is none.
    """

    established: tuple[str, ...]
    in_transition: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cold:
    """A planted cold shoulder: its weeks, the last exclusive, and the evaluations within which it must be seen."""

    community: str
    since: date
    until: date
    seen_by: date
    over_by: date


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything planted. Weeks are Mondays."""

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
    """Person -> (community, plan, from, to) of every spell in the core; to is absent while it lasts."""


def truth_of(script: Script) -> Truth:
    """What the script plants."""
    calendar = script.calendar
    cold = None
    if script.cold is not None:
        spec = SPECS[script.cold.community]
        window = spec.beat_weeks * spec.window_beats
        cold = Cold(
            spec.slug,
            calendar.day(script.cold.since),
            calendar.day(script.cold.until),
            # Two windows to see it; and the last of its threads leaves the window a window after it ended.
            calendar.day(script.cold.since + 2 * window),
            calendar.day(script.cold.until + window + 1),
        )
    return Truth(
        seed=script.seed,
        members=script.members,
        weeks=calendar.weeks,
        begins=calendar.day(0),
        ends=calendar.end,
        live_from=calendar.day(calendar.live_week),
        people={spec.slug: len(people) for spec, people in zip(SPECS, script.people, strict=True)},
        core={spec.slug: _core(script, i) for i, spec in enumerate(SPECS)},
        cold=cold,
        spells=dict(_spells(script)),
    )


def _core(script: Script, community: int) -> Core:
    spec, last = SPECS[community], script.calendar.weeks
    window = spec.beat_weeks * spec.window_beats
    established, in_transition = [], []
    for person in script.people[community]:
        spells = person.core_spells()
        if any(since + window + CONFIRM_UP_WEEKS <= last <= until for since, until in spells):
            established.append(person.key)
        elif any(until + window + CONFIRM_DOWN_WEEKS >= last for _, until in spells):
            in_transition.append(person.key)
    return Core(tuple(established), tuple(in_transition))


def _spells(script: Script) -> Iterator[tuple[str, list[tuple[str, str, date, date | None]]]]:
    day = script.calendar.day
    for spec, people in zip(SPECS, script.people, strict=True):
        for person in people:
            spells = person.core_spells()
            if spells:
                yield (
                    person.key,
                    [
                        (spec.slug, str(Plan.CORE), day(since), None if until == FOREVER else day(until))
                        for since, until in spells
                    ],
                )


def write_truth(path: Path, truth: Truth, expected: Expected) -> None:
    """Write everything as one JSON file."""
    counts = {
        "events": expected.total(),
        "interactions": expected.interactions,
        "duplicates": expected.duplicates,
        "by": [
            {"platform": platform, "by": how, "becomes": becomes, "events": count}
            for (platform, how, becomes), count in sorted(expected.events.items())
        ],
    }
    path.write_text(json.dumps(asdict(truth) | {"expected": counts}, default=str, indent=1), encoding="utf-8")


def write_settings(folder: Path, script: Script, world: World, *, port: int | None = None) -> Path:
    """Write guildhall.toml, people.csv, roles.csv and the sources' secrets for a play. The path of guildhall.toml.

    `port`: the gateway's, where it is not to be the usual one.
    """
    secrets = folder / "secrets"
    secrets.mkdir(parents=True, exist_ok=True)
    for platform in ("slack", "zoom"):
        path = secrets / platform
        path.touch(mode=0o600)
        path.write_text(secret(world, platform) + "\n", encoding="utf-8")
    _write_csv(folder / "people.csv", ("person", "platform", "tenant", "account"), people_rows(script, world))
    _write_csv(folder / "roles.csv", ("community", "person", "role", "from", "to"), _roles(script))
    path = folder / "guildhall.toml"
    path.write_text(settings_text(script, world, port), encoding="utf-8")
    return path


def secret(world: World, platform: str) -> str:
    """The secret with which an invented platform signs; no more a secret than the seed."""
    return world.id(f"secret-{platform}", 0, 20).lower()


def settings_text(script: Script, world: World, port: int | None = None) -> str:
    """The guildhall.toml of a play: three communities, their spaces and breaks, two sources."""
    lines = ["# The settings of an invented play. Written by the player; written again by the next play.", ""]
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
        for since, until in script.calendar.breaks():
            lines += [f"[[community.{spec.slug}.break]]", f"from = {since}", f"to = {until}"]
        lines.append("")
    for platform in ("slack", "zoom"):
        lines += [f"[source.{platform}-main]", f'platform = "{platform}"', f'secret_file = "secrets/{platform}"', ""]
    return "\n".join(lines)


def people_rows(script: Script, world: World) -> Iterator[tuple[str, ...]]:
    """(person, platform, tenant, account) of everybody whose accounts are known to be theirs."""
    for people in script.people:
        for person in people:
            if person.linked:
                for account in world.accounts(person):
                    yield (person.key, *account)


def _roles(script: Script) -> Iterator[tuple[str, ...]]:
    for person in _seated(script, range(FACILITATOR_SEATS)):
        for since, until in person.core_spells():
            ends = "" if until >= script.calendar.weeks else script.calendar.day(until).isoformat()
            yield SPECS[person.community].slug, person.key, "facilitator", script.calendar.day(since).isoformat(), ends


def _seated(script: Script, seats: range) -> Iterator[Person]:
    return (person for people in script.people for person in people if person.seat in seats)


def _write_csv(path: Path, header: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
