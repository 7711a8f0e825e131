"""Checks: each number of the demo against another that was counted independently, and the result against the planted truth."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from dagster_project.demo.lines import DemoError, line
from dagster_project.published import open_current
from dagster_project.settings import Settings
from events.identity import actor_id, published_pseudonym
from events.source import parse
from events.topics import INTERACTIONS
from pipelines.broker import admin
from pipelines.simulator.expected import Expected
from pipelines.simulator.formats.world import World
from pipelines.simulator.ground_truth import Truth
from pipelines.simulator.population import SPECS
from pipelines.simulator.scenario import Scenario
from pipelines.simulator.scoring import ColdFound, CoreFound, Welcome, compare_cold, compare_core
from warehouse.build.build import Built
from warehouse.landing.batch import Landed
from warehouse.landing.reconciliation import Account
from warehouse.report.data import Comparison
from warehouse.report.period import period_of
from warehouse.report.read import report_data
from warehouse.report.story import changes
from warehouse.warehouse import Warehouse

ENOUGH_THREADS = 30
WELCOME = "N2"
"""The metric that shows a cold shoulder."""

_OUTCOMES = """
    select platform, if(source like 'import/%', 'export', 'live'), verdict || coalesce(':' || reason, ''), count(*)
    from landing.main.outcomes
    group by all
"""


def check_equal(one: str, count: int, other: str, wanted: int) -> None:
    """Compare two numbers that must be the same. Raises DemoError."""
    if count != wanted:
        raise fault("A number does not add up", f"{one}: {count:,}; {other}: {wanted:,}")


def fault(what: str, why: str) -> DemoError:
    """The error of a demo whose result is wrong."""
    return DemoError(f"{what}.", f"{why}.", "This is a fault of the software: report it with the seed and with var/log.")


def check_sent(sent: Counter[tuple[str, str]], expected: Expected, seconds: float) -> None:
    """Compare the acknowledged events of each platform with the expected ones, and print them."""
    by_platform: Counter[str] = Counter()
    for (platform, _), count in sent.items():
        by_platform[platform] += count
    parts = " · ".join(f"{platform} {count:,}" for platform, count in by_platform.most_common())
    line("emitted", f"{sent.total():,} events   {parts}", seconds)
    for platform, count in by_platform.items():
        check_equal(f"{platform} events acknowledged", count, "expected", expected.of_platform(platform))


def check_landed(
    warehouse: Warehouse,
    landed: Landed,
    expected: Expected,
    sent: Counter[tuple[str, str]],
    delivered: Counter[str],
    understood_in: float,
) -> None:
    """Compare what was landed with what was sent, produced and expected, and print it.

    `sent` counts the acknowledged events by (platform, source), `delivered` the live ones by source, each event once: an
    event that was sent again is in the topic again, under the same id.
    """
    once = delivered + Counter({source: count for (_, source), count in sent.items() if not parse(source).is_live})
    sums = warehouse.accounting(once)
    total = sums.total
    line(
        "understood",
        f"{total.raw:,} = {total.understood:,} understood + {total.ignored:,} ignored + {total.rejected:,} rejected",
        understood_in,
    )
    for account in (*sums.partitions, *sums.sources):
        _check_account(account)
    _check_outcomes(warehouse, expected)
    line("landed", f"{landed.rows:,} rows, {landed.duplicates:,} duplicates dropped", landed.seconds)
    produced = sum(admin.ends(str(warehouse.bootstrap), INTERACTIONS.name).values())
    check_equal("rows and duplicates landed", landed.rows + landed.duplicates, "interactions produced", produced)
    check_equal("rows landed", landed.rows, "interactions expected", expected.interactions - expected.duplicates)


def _check_account(account: Account) -> None:
    if not account.holds or account.missing:
        raise fault(
            "Some events have no outcome",
            f"{account.kind} {account.name}: {account.raw:,} sent, {account.understood:,} understood, "
            f"{account.ignored:,} ignored, {account.rejected:,} rejected",
        )


def _check_outcomes(warehouse: Warehouse, expected: Expected) -> None:
    """Compare the outcomes by platform, way in, verdict and reason with the expected ones, each number by itself."""
    found = {
        (platform, way, outcome): int(count) for platform, way, outcome, count in warehouse.con.execute(_OUTCOMES).fetchall()
    }
    for place in sorted(found.keys() | expected.events.keys()):
        check_equal(" ".join(place), found.get(place, 0), "expected", expected.events[place])


def check_built(built: Sequence[Built], seconds: float) -> None:
    """Print what was built. Raises DemoError where a community is missing or a check with severity error failed."""
    checks = [check for one in built for check in one.checks]
    failed = Counter(check.severity for check in checks if check.failures)
    tables = len({table for one in built for table in one.rows})
    passed = f"{len(checks) - failed.total():,} checks passed"
    line("built", f"{tables} tables, {passed}, {failed['warn']} warnings", seconds)
    check_equal("communities built", len({slug for one in built for slug in one.communities}), "communities", len(SPECS))
    worst = next((check for check in checks if check.failures and check.severity == "error"), None)
    if worst:
        raise fault(f"The check `{worst.name}` of {worst.table} failed", f"{worst.failures} rows")


def check_planted(settings: Settings, script: Scenario, world: World, truth: Truth, members: dict[str, str]) -> None:
    """Compare the published tables with the planted truth, and print what was found. `members`: account -> member."""
    with open_current(settings.paths.published) as tables:
        core = tables.rows("from levels.current where level = 'core'")
        welcome = tables.rows("from metrics.newcomer_welcome")
    scores = compare_core(truth, _core_found(core, _invented_people(settings.key(), script, world, members)))
    cold = compare_cold(
        truth.cold,
        [
            Welcome(row["community"], row["window_end"].date(), row["newcomer_welcome_share"], row["newcomer_threads"])
            for row in welcome
        ],
    )
    total = sum(scores.values(), CoreFound(0, 0, 0))
    line(
        "planted",
        f"core {total.found} of {total.planted} found, {total.strangers} strangers · {_cold_sentence(truth, cold)}",
    )
    for community, score in scores.items():
        if not score.good:
            raise fault(
                f"The planted core of {community} was not found",
                f"{score.found} of {score.planted} found, and {score.strangers} who were never planted there",
            )
    if not cold.good:
        raise fault("The planted cold shoulder was not found where it is", _cold_sentence(truth, cold))


def check_story(settings: Settings, truth: Truth) -> str:
    """Compare the first screens of the month in which the planted cold shoulder ended; return a sentence about them.

    It is the first change of its community, where newcomers opened enough threads to be sure of it, and of no other.
    """
    if truth.cold is None:
        return ""
    period = period_of(f"{truth.cold.until:%Y-%m}")
    with open_current(settings.paths.published) as tables:
        reports = {spec.slug: report_data(tables.con, spec.slug, period) for spec in SPECS}
    welcomed = {slug: next((one for one in data.comparisons if one.metric == WELCOME), None) for slug, data in reports.items()}
    first = {
        slug: change.headline
        for slug, data in reports.items()
        for change in changes(data)[:1]
        if change.comparison.metric == WELCOME
    }
    planted = welcomed.get(truth.cold.community)
    if planted and _enough(planted) and truth.cold.community not in first:
        raise fault("The planted cold shoulder is not what its report begins with", f"{period.title}, {truth.cold.community}")
    if others := sorted(first.keys() - {truth.cold.community}):
        raise fault("A report begins with a cold shoulder that was not planted", f"{period.title}, {', '.join(others)}")
    headline = first.get(truth.cold.community)
    return f"{period.title}, {truth.cold.community}: “{headline}” comes first, and in no other" if headline else ""


def _enough(one: Comparison) -> bool:
    """Whether both values rest on enough threads for a fall from most to few to be sure."""
    return all(e is not None and (e.denominator or 0) >= ENOUGH_THREADS for e in (one.before, one.now))


def _core_found(rows: Sequence[dict[str, Any]], people: dict[str, str]) -> dict[str, set[str]]:
    """Community -> the invented people whom the tables have in its core."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["community"], set()).add(people.get(row["member"], row["member"]))
    return found


def _invented_people(key: bytes, script: Scenario, world: World, members: dict[str, str]) -> dict[str, str]:
    """Published pseudonym -> invented person."""
    people = {}
    for spec, persons in zip(SPECS, script.people, strict=True):
        for person in persons:
            actor = actor_id(key, *world.accounts(person)[0])
            people[published_pseudonym(key, spec.slug, members.get(actor, actor))] = person.key
    return people


def _cold_sentence(truth: Truth, cold: ColdFound) -> str:
    if truth.cold is None:
        found = f"seen in {len(cold.elsewhere)} evaluations" if cold.elsewhere else "none found"
        return f"no cold shoulder planted (too few weeks), {found}"
    planted = _week(truth, truth.cold.since)
    if cold.seen is None:
        return f"cold shoulder not found (planted: week {planted})"
    elsewhere = f", and {len(cold.elsewhere)} where there is none" if cold.elsewhere else ""
    return f"cold shoulder found in week {_week(truth, cold.seen)} (planted: week {planted}){elsewhere}"


def _week(truth: Truth, day: date) -> int:
    return (day - truth.begins).days // 7
