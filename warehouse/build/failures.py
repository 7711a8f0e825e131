"""Failures: what a failed check means, in sentences: which rows of whom, which rule, what follows, and what to do."""

from collections.abc import Iterable

from warehouse.build.build import Built, CheckResult, checks_of
from warehouse.build.model import Check, Model

_CONSEQUENCE = {
    "error": "Nothing is published until this is fixed.",
    "warn": "The tables are published all the same.",
}
_REMEDY = "Run `guildhall refresh --full`. If it fails again, the table's definition has an error: report it."


def failures(built: Iterable[Built], models: Iterable[Model]) -> list[tuple[CheckResult, str]]:
    """Return the checks that failed in these builds, each with its sentences."""
    known = {(model.table, check.name): check for model in models for check in checks_of(model)}
    return [
        (found, _sentences(found, known.get((found.table, found.name))))
        for one in built
        for found in one.checks
        if found.failures
    ]


def _sentences(found: CheckResult, check: Check | None) -> str:
    whose = f" of {', '.join(found.communities)}" if found.communities else ""
    rows = "1 row" if found.failures == 1 else f"{found.failures:,} rows"
    parts = [
        f"{found.table}, `{found.name}` ({found.severity}): {rows}{whose} {'fails' if found.failures == 1 else 'fail'}.",
        f"The rule: {check.rule}" if check else "",
        (check and check.consequence) or _CONSEQUENCE[found.severity],
        (check and check.remedy) or _REMEDY,
    ]
    return " ".join(part for part in parts if part)
