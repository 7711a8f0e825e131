"""Coarse: the tables as they are published to readers who must not find people in them. Levels and metrics stay exact.

Whoever can read a chat could join a published file to it: an id held the channel and the moment of a message, and times were
exact. So ids become keyed pseudonyms of their community, times the hour (the day where they may show attendance), sizes powers
of two. Who was active in which hours is still a pattern, so a file with rows about people is never anonymous.
"""

import hashlib
import hmac
from dataclasses import dataclass

import duckdb

from warehouse.db import identifier, integer, quoted

LAYERS = ("core", "levels")
"""The layers with rows about people and what they did; the others hold numbers of communities."""
_ID = r"^[a-z][a-z0-9_-]*:\S*:\S+$"
"""Made by events.identity from what the platform calls a thing, or by a model from such an id."""
_SUBJECTS = frozenset({"member", "starter", "creator", "to_member", "space"})
"""Columns of tables whose moments are somebody's."""
_PARTS = frozenset({"event_id", "thread_id"})
"""Columns of tables whose rows are actions or threads, of which the hour is published; of others the day, as for attendance."""
_KEY = b"guildhall published ids"
_KEY_CHARACTERS, _PSEUDONYM_CHARACTERS = 32, 24
_MINUTES = 15


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: str
    ids: bool


def published_key(key: bytes) -> str:
    """The key of published ids, from the deployment key."""
    return hmac.new(key, _KEY, hashlib.sha256).hexdigest()[:_KEY_CHARACTERS]


def copy_coarsely(con: duckdb.DuckDBPyConnection, target: str, key: str) -> None:
    """Fill an attached, empty catalog from the warehouse, with ids, times and sizes coarsened. `key` is a published key."""
    con.execute(f"copy from database warehouse to {identifier(target)} (schema)")
    tables = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse' order by all"
    ).fetchall()
    for schema, table in tables:
        place = f"{identifier(schema)}.{identifier(table)}"
        chosen = _expressions(con, schema, table, key) if schema in LAYERS else "*"
        con.execute(f"insert into {identifier(target)}.{place} select {chosen} from warehouse.{place}")


def _expressions(con: duckdb.DuckDBPyConnection, schema: str, table: str, key: str) -> str:
    columns = _columns(con, schema, table)
    names = {column.name for column in columns}
    personal = bool(names & _SUBJECTS) or any(column.ids for column in columns)
    return ", ".join(_expression(column, names, key, personal=personal) for column in columns)


def _columns(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> list[_Column]:
    found = con.execute(
        "select column_name, data_type from duckdb_columns() where database_name = 'warehouse' and schema_name = ? "
        "and table_name = ? order by column_index",
        [schema, table],
    ).fetchall()
    return [
        _Column(name, kind, _holds_ids(con, f"{identifier(schema)}.{identifier(table)}", name, kind)) for name, kind in found
    ]


def _holds_ids(con: duckdb.DuckDBPyConnection, table: str, column: str, kind: str) -> bool:
    if kind not in {"VARCHAR", "VARCHAR[]"}:
        return False
    value = f"unnest({identifier(column)})" if kind.endswith("[]") else identifier(column)
    listed = f"(select {value} as value from warehouse.{table})"
    query = f"select count(*) from {listed} where value like '%:%:%' and regexp_matches(value, {quoted(_ID)})"
    return integer(con, query) > 0


def _expression(column: _Column, names: set[str], key: str, *, personal: bool) -> str:
    name = identifier(column.name)
    if column.ids:
        if column.kind.endswith("[]"):
            return f"list_transform({name}, value -> {_pseudonym('value', names, key)}) as {name}"
        return f"{_pseudonym(name, names, key)} as {name}"
    if not personal:
        return name
    if column.kind == "TIMESTAMP":
        if not names & _PARTS:
            return f"date_trunc('day', {name}) as {name}"
        if "verb" in names:
            return f"date_trunc(case verb when 'attend' then 'day' else 'hour' end, {name}) as {name}"
        return f"date_trunc('hour', {name}) as {name}"
    if column.name == "size":
        return f"case when size = 0 then 0 else sign(size) * 2 ** floor(log2(abs(size))) end::bigint as {name}"
    if column.name == "minutes":
        return f"ceil(minutes / {_MINUTES}) * {_MINUTES} as {name}"
    return name


def _pseudonym(value: str, names: set[str], key: str) -> str:
    """Of an id: its first part (platform, or kind), then a keyed hash, the same wherever the id stands in its community."""
    community = "community" if "community" in names else "''"
    hashed = f"sha256({quoted(key)} || {community} || chr(31) || {value})"  # cut to half, so that nobody can extend it
    shown = f"split_part({value}, ':', 1) || ':' || left({hashed}, {_PSEUDONYM_CHARACTERS})"
    return f"case when {value} like '%:%:%' then {shown} else {value} end"
