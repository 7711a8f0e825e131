"""State: what the warehouse and the landing file hold now, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from events.topics import INTERACTIONS, OUTCOMES
from warehouse.build.build import CheckResult
from warehouse.build.meta import row_counts


@dataclass(frozen=True, slots=True)
class TableState:
    """One table of the warehouse: its rows, when it was last built (naive UTC), and what its checks found over all rows."""

    rows: int
    built_at: datetime
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True)
class LandingState:
    """One table of the landing file: its rows, the newest batch, and the rows that came after a batch."""

    rows: int
    batch: int
    new_rows: int


def table_states(con: duckdb.DuckDBPyConnection) -> dict[str, TableState]:
    """`layer.name` -> its state, for every table that was ever built; `con` has the warehouse attached."""
    found: dict[str, list[CheckResult]] = {}
    built_at: dict[str, datetime] = {}
    for table, name, severity, failures, checked_at in con.execute(
        'select "table", name, any_value(severity), cast(sum(failures) as bigint), max(checked_at) '
        "from warehouse.meta.checks group by all order by all"
    ).fetchall():
        found.setdefault(table, []).append(CheckResult(table, name, severity, failures))
        built_at[table] = max(checked_at, built_at.get(table, checked_at))
    rows = row_counts(con, "warehouse")
    return {table: TableState(rows[table], built_at[table], tuple(checks)) for table, checks in found.items() if table in rows}


def landing_states(con: duckdb.DuckDBPyConnection, after: Mapping[str, int]) -> dict[str, LandingState]:
    """Table -> its state; `after` gives for each table wanted the batch after which rows count as new."""
    topics = {"interactions": INTERACTIONS.name, "outcomes": OUTCOMES.name}
    states = {}
    for table, batch in after.items():
        total = con.execute(f"select count(*) from landing.main.{table}").fetchone()
        newest = con.execute(
            "select coalesce(max(batch), 0), coalesce(cast(sum(added) filter (batch > ?) as bigint), 0) "
            "from landing.main.batches where topic = coalesce(?, topic)",
            [batch, topics.get(table)],
        ).fetchone()
        assert total is not None
        assert newest is not None
        states[table] = LandingState(int(total[0]), int(newest[0]), int(newest[1]) if table in topics else 0)
    return states
