"""Database: connections, transactions, rows and quoting. No other module begins, commits or rolls back a transaction."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from warehouse.build.model import LAYERS
from warehouse.landing.tables import LANDING_TABLES

Parameters = Sequence[object]


def open_files(landing: Path, warehouse: Path, *, memory_limit: str = "1GB", threads: int = 2) -> duckdb.DuckDBPyConnection:
    """Attach both files as the catalogs `landing` and `warehouse`, and create the tables and schemas that are absent.

    The caller closes the connection. Raises duckdb.IOException when another process has one of the files open.

    The memory limit is DuckDB's; what a step computes in NumPy is not part of it. With 1 GB, one million interactions of three
    years are built within 1.5 GiB and in the same time as with 4 GB; the rest is written to `tmp` beside the warehouse.
    """
    con = duckdb.connect(config={"memory_limit": memory_limit, "threads": threads, "preserve_insertion_order": False})
    # Landing makes many small commits into a large file. Each checkpoint rewrites the last row group, so checkpoints are rare.
    con.execute("set wal_autocheckpoint = '256MB'")
    con.execute(f"set temp_directory = {quoted(str(warehouse.parent / 'tmp'))}")
    con.execute(f"attach {quoted(str(landing))} as landing")
    con.execute(f"attach {quoted(str(warehouse))} as warehouse")
    _create(con)
    return con


def open_memory() -> duckdb.DuckDBPyConnection:
    """Attach both catalogs in memory: for tests."""
    con = duckdb.connect(config={"threads": 2})
    con.execute("attach ':memory:' as landing")
    con.execute("attach ':memory:' as warehouse")
    _create(con)
    return con


def _create(con: duckdb.DuckDBPyConnection) -> None:
    for table, columns in LANDING_TABLES.items():
        con.execute(f"create table if not exists landing.main.{table} ({columns})")
        _add_columns(con, table, columns)
    for layer in LAYERS:
        con.execute(f"create schema if not exists warehouse.{layer}")


def _add_columns(con: duckdb.DuckDBPyConnection, table: str, columns: str) -> None:
    """Add the columns that a landing file of an earlier version lacks; they are empty in its rows."""
    con.execute(f"create or replace temp table expected_columns ({columns})")
    expected = con.execute(
        "select column_name, data_type from duckdb_columns() where table_name = 'expected_columns'"
    ).fetchall()
    present = con.execute(
        "select column_name from duckdb_columns() where database_name = 'landing' and table_name = ?", [table]
    ).fetchall()
    for name, kind in expected:
        if (name,) not in present:
            con.execute(f"alter table landing.main.{table} add column {identifier(name)} {kind}")
    con.execute("drop table expected_columns")


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection | sqlite3.Connection) -> Iterator[None]:
    """Commit what the block did, or roll all of it back when the block or the commit raises.

    The first error is the one that is raised. A commit that fails (a full disk) has already ended the transaction, so the
    rollback fails as well; its error would hide the cause.
    """
    # SQLite takes the write lock at the beginning: a transaction that takes it later can fail with "database is locked".
    con.execute("begin immediate" if isinstance(con, sqlite3.Connection) else "begin")
    try:
        yield
        con.execute("commit")
    except BaseException:
        with contextlib.suppress(duckdb.Error, sqlite3.Error):
            con.execute("rollback")
        raise


_DAMAGED = ("not a valid duckdb", "corrupt", "checksum", "serializ", "could not read enough bytes")
"""Texts in DuckDB's errors about a file whose bytes are wrong. Other errors are about a file that cannot be read or locked."""
_BROKEN = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)


def is_damage(error: BaseException) -> bool:
    """Whether an error of DuckDB may come from a file whose bytes are wrong."""
    return isinstance(error, _BROKEN) or (
        isinstance(error, duckdb.IOException) and any(text in str(error).lower() for text in _DAMAGED)
    )


def first(con: duckdb.DuckDBPyConnection, query: str, parameters: Parameters = ()) -> tuple[Any, ...]:
    """Return the first row of a query that always has one."""
    found: tuple[Any, ...] | None = con.execute(query, list(parameters)).fetchone()
    assert found is not None, "the query returned no row"
    return found


def integer(con: duckdb.DuckDBPyConnection, query: str, parameters: Parameters = ()) -> int:
    """Return the single integer that a query computes, such as a count."""
    return int(first(con, query, parameters)[0])


def rows(con: duckdb.DuckDBPyConnection, query: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
    """Return the rows of a query as dictionaries, column name to value."""
    result = con.execute(query, list(parameters))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
