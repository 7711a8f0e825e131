"""Arrivals: marks communities as changed although no record of them landed, so that they are built again whole."""

from collections.abc import Sequence
from datetime import datetime

import duckdb

from warehouse.db import integer


def touch_history(con: duckdb.DuckDBPyConnection, communities: Sequence[str], now: datetime) -> None:
    """Add a batch that touches the whole history of these communities; `now` is naive UTC.

    Call it in the transaction that changes what the tables read, so that no kill separates the change from the build it needs.
    """
    if not communities:
        return
    batch = integer(con, "select coalesce(max(batch), 0) + 1 from landing.main.batches")
    con.execute("insert into landing.main.batches values (?, 'people', ?, 0, 0, 0, 0)", [batch, now])
    con.executemany(
        "insert into landing.main.arrivals values (?, ?, 0, 0, null, timestamp '1970-01-01')",
        [(batch, community) for community in communities],
    )
