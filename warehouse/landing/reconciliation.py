"""Accounting: every raw record has one outcome, and the sum can fail. Counts by partition and by source, never content."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from events.outcome import Verdict
from warehouse.db import integer


@dataclass(frozen=True, slots=True)
class Account:
    """One line: `raw` records wanted, and what became of them. `kind` is `partition` (of the raw topic) or `source`."""

    kind: str
    name: str
    raw: int
    understood: int
    ignored: int
    rejected: int
    waiting: int = 0
    """Behind the last outcome landed: the stream worker has not said yet."""
    missing: int = 0
    """Wanted, not waiting, and without an outcome: lost, if the stream worker is not merely out of order."""

    @property
    def holds(self) -> bool:
        """Whether raw = understood + ignored + rejected."""
        return self.raw == self.understood + self.ignored + self.rejected


@dataclass(frozen=True, slots=True)
class Accounting:
    """All lines. `holds` is the check; `waiting` tells "not yet" from "never"."""

    partitions: tuple[Account, ...]
    sources: tuple[Account, ...]
    malformed: int
    """Records of our own topics that are not what the contract says."""

    @property
    def holds(self) -> bool:
        """Whether every raw record has its outcome, and every record of ours was read."""
        return not self.malformed and all(line.holds for line in (*self.partitions, *self.sources))

    @property
    def waiting(self) -> int:
        """Raw records whose outcome may still come."""
        return sum(line.waiting for line in self.partitions)

    @property
    def missing(self) -> int:
        """Raw records before which and behind which there are outcomes, and which have none."""
        return sum(line.missing for line in self.partitions)

    @property
    def total(self) -> Account:
        """The sum over partitions: the accounting line of `guildhall import` and `demo`."""
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
    """Count the outcomes landed against the raw topic's offsets (of `drain.look`) and what producers counted by source.

    What the topic had forgotten before we landed first (28 days) is not wanted. `acknowledged`: records by source;
    re-deliveries, which have the raw id of another record of the source, come on top.
    """
    said = {row[0]: row[1:] for row in con.execute(_PARTITIONS).fetchall()}
    partitions = tuple(_partition(number, starts[number], ends[number], said.get(number)) for number in sorted(ends))
    sources = tuple(_source(row, acknowledged or {}) for row in con.execute(_SOURCES).fetchall())
    unheard = sorted(set(acknowledged or {}) - {source.name for source in sources})
    sources += tuple(Account("source", name, (acknowledged or {})[name], 0, 0, 0) for name in unheard)
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


def _partition(number: int, start: int, end: int, said: tuple[int, int, int, int, int, int] | None) -> Account:
    if said is None:
        return Account("partition", str(number), end - start, 0, 0, 0, waiting=end - start)
    first, last, rows, understood, ignored, rejected = said
    # The worker may have gone on since the ends were asked: what was said behind them was wanted too.
    wanted_to = max(end, last + 1)
    raw, waiting = wanted_to - min(start, first), wanted_to - (last + 1)
    return Account("partition", str(number), raw, understood, ignored, rejected, waiting, missing=raw - waiting - rows)


def _source(row: tuple[str, int, int, int, int, int], acknowledged: Mapping[str, int]) -> Account:
    source, records, distinct, understood, ignored, rejected = row
    wanted = acknowledged.get(source)
    raw = records if wanted is None else max(records, wanted + records - distinct)
    return Account("source", source, raw, understood, ignored, rejected, missing=raw - records)
