"""Landing rows: interactions as they would have landed, with defaults, for tests of the tables.

con = open_memory()
land(con, posted("ana", "2024-01-01 09:00"), posted("ben", "2024-01-01 09:05", thread_id="t"))
build_tables(con, as_of="2024-03-25")
rows(con, "core.threads")
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.build.build import Built, build
from warehouse.build.catalog import model_files, order
from warehouse.build.model import Model, read_model
from warehouse.landing.tables import LANDING_TABLES

Row = dict[str, Any]

_NOT_CONTENT = ("content_hash", "landed_at", "batch", "raw", "captured_at", "normaliser_version", "schema_version")


def moment(text: str | datetime) -> datetime:
    return datetime.fromisoformat(text) if isinstance(text, str) else text


BEGAN = moment("2022-01-03 09:00")
"""A Monday on which an archive begins."""


def weeks_later(weeks: int, **more: Any) -> datetime:
    return BEGAN + timedelta(weeks=weeks, **more)


def act(actor: str, at: str | datetime, verb: str = "post", **given: Any) -> Row:
    """One interaction: by default a chat message of a person in community `c`, whose event id is made of who, when and what."""
    at = moment(at)
    features = given.pop("features", None)
    if "is_question" in given or "thanks" in given:
        asked, thanked = given.pop("is_question", False), given.pop("thanks", False)
        features = {"is_question": asked, "thanks": thanked, "version": 1}
    row: Row = {
        "event_id": f"{actor}@{at:%Y-%m-%d %H:%M:%S.%f}:{verb}",
        "platform": "slack",
        "tenant": "t",
        "medium": "chat",
        "community": "c",
        "space": "general",
        "visibility": "public",
        "occurred_at": at,
        "verb": verb,
        "actor": actor,
        "actor_kind": "human",
        "object_kind": "message",
        "thread_id": None,
        "reply_to_id": None,
        "mentions": [],
        "refs": [],
        "revises": None,
        "change": None,
        "revision": None,
        "size": None,
        "size_unit": None,
        "started_at": None,
        "ended_at": None,
        "connection": None,
        "meeting_started_at": None,
        "features": features,
        "raw": {"partition": 0, "offset": 0},
        "schema_version": 1,
        "normaliser_version": 1,
        "landed_at": at,
        "batch": 1,
    } | given
    for name in ("started_at", "ended_at", "meeting_started_at"):
        row[name] = moment(row[name]) if row[name] else None
    row.setdefault("object_id", row["event_id"])
    row.setdefault("content_hash", content_hash(row))
    return row


def posted(actor: str, at: str | datetime, **given: Any) -> Row:
    """A chat message; a reply when it names a thread."""
    return act(actor, at, "reply" if given.get("thread_id") else "post", **given)


def edited(actor: str, at: str | datetime, page: str = "page", verb: str = "edit", **given: Any) -> Row:
    """A wiki edit of a page."""
    return act(
        actor,
        at,
        verb,
        **{"medium": "wiki", "object_id": page, "object_kind": "page", "space": "main", "platform": "mediawiki"} | given,
    )


def met(actor: str, at: str | datetime, verb: str = "attend", meeting: str = "m1", **given: Any) -> Row:
    """An act in a meeting; for `attend` give `started_at`, `ended_at` or both."""
    return act(
        actor,
        at,
        verb,
        **{"medium": "meeting", "object_id": meeting, "object_kind": "meeting", "space": "weekly", "platform": "zoom"} | given,
    )


def came(actor: str, at: str, **given: Any) -> Row:
    """Somebody joined a meeting."""
    return met(actor, at, started_at=at, event_id=given.pop("event_id", f"{actor}:in:{at}"), **given)


def went(actor: str, at: str, **given: Any) -> Row:
    """Somebody left a meeting."""
    return met(actor, at, ended_at=at, event_id=given.pop("event_id", f"{actor}:out:{at}"), **given)


def revised(row: Row, change: str, revision: int = 1, **given: Any) -> Row:
    """A revision of an interaction: a full action that names what it revises."""
    changes = {
        "event_id": f"{row['event_id']}:{change}:{revision}",
        "revises": row["event_id"],
        "change": change,
        "revision": revision,
    }
    copy = {name: value for name, value in row.items() if name != "content_hash"}
    again = act(
        row["actor"], given.pop("occurred_at", row["occurred_at"]), row["verb"], is_question=given.pop("is_question", False)
    )
    features = again["features"] if change == "edit" else None
    later = copy | {"features": features, "occurred_at": again["occurred_at"]} | changes | given
    return later | {"content_hash": content_hash(later)}


def content_hash(row: Row) -> int:
    content = repr(sorted((name, repr(value)) for name, value in row.items() if name not in _NOT_CONTENT))
    return int.from_bytes(hashlib.blake2b(content.encode(), digest_size=8).digest())


def land(con: duckdb.DuckDBPyConnection, *rows: Row, people: dict[str, str | None] | None = None) -> None:
    """Insert interactions, and a member for each actor: the actor's own name, unless `people` has another one (None: no member)."""
    if not rows:
        return
    names = list(con.execute("select * from landing.main.interactions limit 0").to_arrow_table().schema)
    table = pa.table({field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in names})
    con.register("landed_rows", table)
    con.execute("insert into landing.main.interactions by name from landed_rows")
    con.unregister("landed_rows")
    known = set(con.execute("select community, actor from landing.main.people").fetchall())
    seen = {(row["community"], actor) for row in rows for actor in (row["actor"], *row["mentions"])} - known
    members = [(community, actor, (people or {}).get(actor, actor)) for community, actor in sorted(seen)]
    add(con, "people", [{"community": c, "actor": a, "member": m} for c, a, m in members if m is not None])


def add(con: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Row]) -> None:
    """Insert rows by name into another landing table: communities, roles, breaks, sources, people."""
    assert table in LANDING_TABLES
    for row in rows:
        marks = ", ".join("?" for _ in row)
        con.execute(f"insert into landing.main.{table} ({', '.join(row)}) values ({marks})", list(row.values()))


def empty(con: duckdb.DuckDBPyConnection) -> None:
    """Delete everything that has landed; the next build of a community empties its tables."""
    for table in LANDING_TABLES:
        con.execute(f"delete from landing.main.{table}")


@cache
def models_of(*layers: str) -> tuple[Model, ...]:
    """The models of these layers, in order; they must not read others."""
    return order([read_model(path) for path in model_files() if path.parent.name in layers])


def build_tables(
    con: duckdb.DuckDBPyConnection,
    as_of: str | datetime,
    communities: Sequence[str] = ("c",),
    layers: Sequence[str] = ("core",),
    *,
    since: str | datetime | None = None,
) -> Built:
    """Build these layers; checks that fail are a failing test."""
    built = build(con, models_of(*layers), communities, moment(as_of), since=moment(since) if since else None)
    failed = [check for check in built.checks if check.failures and check.severity == "error"]
    assert not failed, failed
    return built


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """Rows of a table (`core.threads`) or of a query over the warehouse, as dictionaries."""
    sql = query if " " in query else f"from {query}"
    con.execute("use warehouse")
    try:
        result = con.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    finally:
        con.execute("use memory")
