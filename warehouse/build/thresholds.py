"""Thresholds: the columns of core.parameters with their values, for the documentation."""

from dataclasses import dataclass
from fractions import Fraction

import duckdb

from warehouse.build.catalog import catalog

SMALL = 20
"""Largest denominator of a share that is written as a fraction: 2/3, not 0.6667."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold: its column in core.parameters, its value in words, what it means."""

    name: str
    value: str
    meaning: str


def thresholds() -> tuple[Threshold, ...]:
    """Every threshold, in the order of the table."""
    model = next(model for model in catalog() if model.table == "core.parameters")
    with duckdb.connect() as con:
        result = con.execute(f"with building as (select '' as community) {model.code}")
        names = [column[0] for column in result.description or ()]
        values = dict(zip(names, result.fetchall()[0], strict=True))
    return tuple(
        Threshold(name, str(Fraction(values[name]).limit_denominator(SMALL)), meaning)
        for name, meaning in model.header.columns.items()
        if name not in model.header.grain
    )
