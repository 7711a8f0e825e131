"""Reconciliation: checks that every raw record has one outcome. Counts by partition and by source, never content."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from events.outcome import Verdict
from warehouse.db import integer


@dataclass(frozen=True, slots=True)
class Account:
    """One line: `raw` records, and what became of them. `kind` is `partition` (of the raw topic) or `source`."""

    kind: str
    name: str
    raw: int
    understood: int
    ignored: int
    rejected: int
    waiting: int = 0
    """Raw records behind the last outcome landed: the stream worker has not reported on them yet."""
    missing: int = 0
    """Raw records that are not waiting and have no outcome: lost, unless the stream worker reports out of order."""

    @property
    def holds(self) -> bool:
        """Whether raw = understood + ignored + rejected."""
        return self.raw == self.understood + self.ignored + self.rejected


@dataclass(frozen=True, slots=True)
class Accounting:
    """All lines. `holds` is the check; `waiting` counts outcomes that can still come, `missing` those that cannot."""

    partitions: tuple[Account, ...]
    sources: tuple[Account, ...]
    malformed: int
    """Records of the landed topics that are not what the contract says."""

    @property
    def holds(self) -> bool:
        """Whether every raw record has its outcome, and every record of the landed topics was valid."""
        return not self.malformed and all(line.holds for line in (*self.partitions, *self.sources))

    @property
    def waiting(self) -> int:
        """Raw records whose outcome can still come."""
        return sum(line.waiting for line in self.partitions)

    @property
    def missing(self) -> int:
        """Raw records without an outcome, although later records of their partition have one."""
        return sum(line.missing for line in self.partitions)

    @property
    def total(self) -> Account:
        """The sum over partitions: the accounting line of `guildhall import` and `guildhall demo`."""
        lines = self.partitions
        counts = {
            name: sum(getattr(line, name) for line in lines)
            for name in ("raw", "understood", "ignored", "rejected", "waiting", "missing")
        }
        return Account("all", "raw", **counts)


def accounting(
    con: duckdb.DuckDBPyConnection,
    starts: Mapping[int, int],
    ends: Mapping[int, int],
    acknowledged: Mapping[str, int] | None = None,
) -> Accounting:
    """Count the landed outcomes against the raw topic's offsets (of `consumer.look`) and what producers counted by source.

    Records that the topic had deleted (after 28 days) before the first landing are not expected. `acknowledged`: records by
    source. Re-deliveries, which have the raw id of another record of the source, come on top.
    """
    landed = {row[0]: row[1:] for row in con.execute(_PARTITIONS).fetchall()}
    partitions = tuple(_partition(number, starts[number], ends[number], landed.get(number)) for number in sorted(ends))
    sources = tuple(_source(row, acknowledged or {}) for row in con.execute(_SOURCES).fetchall())
    without_outcome = sorted(set(acknowledged or {}) - {source.name for source in sources})
    sources += tuple(Account("source", name, (acknowledged or {})[name], 0, 0, 0) for name in without_outcome)
    return Accounting(partitions, sources, integer(con, "select count(*) from landing.main.malformed"))


_COUNTS = ", ".join(f"count(*) filter (verdict = '{verdict}') as {verdict}" for verdict in Verdict)
_PARTITIONS = f"""
select raw_partition, min(raw_offset), max(raw_offset), count(*), {_COUNTS}
from landing.main.outcomes
group by all
"""
_SOURCES = f"""
select
    coalesce(source, '(none)') as source,
    count(*),
    count(distinct coalesce(raw_id, raw_partition || '/' || raw_offset)),
    {_COUNTS}
from landing.main.outcomes
group by coalesce(source, '(none)')
order by all
"""


def _partition(number: int, start: int, end: int, landed: tuple[int, int, int, int, int, int] | None) -> Account:
    if landed is None:
        return Account("partition", str(number), end - start, 0, 0, 0, waiting=end - start)
    first, last, rows, understood, ignored, rejected = landed
    # The worker may have continued since the ends were read: outcomes behind them belong to raw records as well.
    end_known = max(end, last + 1)
    raw, waiting = end_known - min(start, first), end_known - (last + 1)
    return Account("partition", str(number), raw, understood, ignored, rejected, waiting, missing=raw - waiting - rows)


def _source(row: tuple[str, int, int, int, int, int], acknowledged: Mapping[str, int]) -> Account:
    source, records, distinct, understood, ignored, rejected = row
    expected = acknowledged.get(source)
    raw = records if expected is None else max(records, expected + records - distinct)
    return Account("source", source, raw, understood, ignored, rejected, missing=raw - records)
