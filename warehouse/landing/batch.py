"""Batch: what one transaction landed, how one topic lands, and what all batches of a landing add up to."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import duckdb


@dataclass(slots=True)
class Batch:
    """What one transaction landed. The counts are records, except `rows`, `renewed` and `outcomes`, which are rows."""

    records: int = 0
    rows: int = 0
    duplicates: int = 0
    renewed: int = 0
    malformed: int = 0
    outcomes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    outcome_duplicates: int = 0

    @property
    def added(self) -> int:
        """Rows that are in the file since this batch: new ones, and those that took the place of an older row."""
        return self.rows + self.renewed + self.outcomes.total()


Insert = Callable[[duckdb.DuckDBPyConnection, datetime, int, int], Batch]
"""Writes one batch from the staged tables: connection, `landed_at` (naive UTC), number of the batch, number of its records."""


@dataclass(frozen=True, slots=True)
class LandedTopic:
    """A topic that lands: its name, how its records are staged in temporary tables, and how these become rows."""

    name: str
    stage: tuple[str, ...]
    """SQL statements. They read the temporary table `given` (value, partition, offset) and create `malformed_records` and
    what `insert` reads."""
    insert: Insert


@dataclass(slots=True)
class Landed:
    """What a landing did: interactions as rows, duplicates, renewed and malformed; outcomes apart."""

    records: int = 0
    """Records of both topics."""
    rows: int = 0
    duplicates: int = 0
    """Interactions that were in the file already, or twice in one batch."""
    renewed: int = 0
    """Rows whose content came again from a newer normaliser version."""
    malformed: int = 0
    outcomes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """By (verdict, reason): outcomes that were new, or that replaced an older outcome of the same raw record."""
    outcome_duplicates: int = 0
    seconds: float = 0.0

    def add(self, batch: Batch) -> None:
        """Count a batch that was committed."""
        self.records += batch.records
        self.rows += batch.rows
        self.duplicates += batch.duplicates
        self.renewed += batch.renewed
        self.malformed += batch.malformed
        self.outcomes += batch.outcomes
        self.outcome_duplicates += batch.outcome_duplicates
