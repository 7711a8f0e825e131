"""Cursors: how far each polled source has been read, when it last answered, and its gaps. One small SQLite file."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_TABLES = """
create table if not exists cursors (
    source text primary key, url text not null, cursor text, moved_at text, answered_at text, failed_at text, failure text
);
create table if not exists gaps (source text not null, since text, noted_at text not null);
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """Events of a source between `since` (its last answer before, None where unknown) and `noted_at` may be missing."""

    since: datetime | None
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of one polled source. Times are aware, in UTC.

    `moved_at` is when the cursor last moved, `answered_at` when a pass last came to its end. `failed_at` is when a pass last
    failed, with `failure` in one sentence. A pass without a failure clears both.
    """

    url: str
    cursor: str | None = None
    moved_at: datetime | None = None
    answered_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str | None = None
    gaps: tuple[Gap, ...] = ()


class Cursors:
    """The file, opened for writing. Threads of one process may share it."""

    def __init__(self, path: Path) -> None:
        """Open or create the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._con = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
        self._lock = threading.Lock()
        with self._lock, self._con:
            self._con.execute("pragma journal_mode = wal")
            self._con.executescript(_TABLES)

    def cursor(self, source: str, url: str) -> str | None:
        """The stored cursor; None on the first run, and where the source has another URL now."""
        with self._lock:
            row = self._con.execute("select cursor from cursors where source = ? and url = ?", [source, url]).fetchone()
        return row[0] if row else None

    def move(self, source: str, url: str, cursor: str | None, now: datetime) -> None:
        """Store a cursor: everything before it is in Kafka."""
        self._set(source, url, cursor=cursor, moved_at=_text(now))

    def answered(self, source: str, url: str, now: datetime) -> None:
        """A whole pass succeeded."""
        self._set(source, url, answered_at=_text(now), failed_at=None, failure=None)

    def failed(self, source: str, url: str, failure: str, now: datetime) -> None:
        """A pass failed."""
        self._set(source, url, failed_at=_text(now), failure=failure)

    def mark_gap(self, source: str, now: datetime) -> None:
        """Events may be missing between the last answer of the source and now."""
        with self._transaction() as con:
            con.execute(
                """
                insert into gaps
                select ?, (select coalesce(max(answered_at, moved_at), moved_at) from cursors where source = ?), ?
                """,
                [source, source, _text(now)],
            )

    def close(self) -> None:
        """Close the file."""
        self._con.close()

    def _set(self, source: str, url: str, **values: str | None) -> None:
        # Columns are names of arguments in this class, never input.
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with self._transaction() as con:
            con.execute(
                "insert into cursors (source, url) values (:source, :url) on conflict (source) do update set url = :url",
                {"source": source, "url": url},
            )
            con.execute(f"update cursors set {columns} where source = :source", {**values, "source": source})  # noqa: S608

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._con:
            yield self._con


def read(path: Path) -> dict[str, Progress]:
    """What is known of each polled source, by its address. Empty where nothing was polled yet."""
    if not path.exists():
        return {}
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as con:
        gaps: dict[str, list[Gap]] = {}
        for source, since, noted_at in con.execute("select source, since, noted_at from gaps order by noted_at"):
            gaps.setdefault(source, []).append(Gap(_moment(since), datetime.fromisoformat(noted_at)))
        rows = con.execute("select source, url, cursor, moved_at, answered_at, failed_at, failure from cursors").fetchall()
    return {
        source: Progress(url, cursor, _moment(moved), _moment(answered), _moment(failed), failure, tuple(gaps.get(source, ())))
        for source, url, cursor, moved, answered, failed, failure in rows
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
