"""Work: what one run in Dagster has to do, as plain functions that the refresher gives it.

Dagster's definitions know tables, checks and lineage; who holds the files, which communities are stale and what was landed is
the refresher's. So the definitions load anywhere (the page, the daemon, a test) and build only where there is work.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.build.build import Built, CheckResult


@dataclass(frozen=True, slots=True)
class Work:
    """One refresh.

    `landed` is the rows that the landing tables just got, by table; `build` builds the tables named and replaces them in one
    transaction, and `publish` gives the path of the file that shows them. `accounting` gives a sentence for each partition
    whose outcomes do not add up.
    """

    build: Callable[[Collection[str]], Sequence[Built]]
    publish: Callable[[], Path]
    landed: Mapping[str, int] = field(default_factory=dict)
    accounting: Callable[[], Sequence[str]] = lambda: ()


@dataclass(frozen=True, slots=True)
class BuiltTable:
    """What became of one table: rows made, seconds, its checks' results over all communities that were built."""

    rows: int
    seconds: float
    checks: Mapping[str, CheckResult]


def by_table(built: Sequence[Built]) -> dict[str, BuiltTable]:
    """Several builds (whole communities, and the open week of others) as one result a table."""
    found: dict[str, BuiltTable] = {}
    for one in built:
        checks: dict[str, dict[str, CheckResult]] = {}
        for result in one.checks:
            checks.setdefault(result.table, {})[result.name] = result
        for table, rows in one.rows.items():
            before = found.get(table, BuiltTable(0, 0.0, {}))
            merged = {name: _sum(before.checks.get(name), result) for name, result in checks.get(table, {}).items()}
            found[table] = BuiltTable(before.rows + rows, before.seconds + one.seconds[table], {**before.checks, **merged})
    return found


def _sum(before: CheckResult | None, result: CheckResult) -> CheckResult:
    failures = result.failures + (before.failures if before else 0)
    return CheckResult(result.table, result.name, result.severity, failures)
