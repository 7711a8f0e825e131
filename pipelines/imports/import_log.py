"""Import log: which records each import sent, as hashes, so that an import can say what is new, known and changed.

A small SQLite file. It holds no content: a hash of each record's id and a keyed hash of its bytes.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from events.raw import RawEvent

_TABLES = """
create table if not exists imports (number integer primary key, import_id text not null unique, community text not null);
create table if not exists records (
    number integer not null, record integer not null, content integer not null, primary key (number, record)
) without rowid;
"""


@dataclass(slots=True)
class Compared:
    """Records of an import, compared with what earlier imports sent to the same community."""

    new: int = 0
    known: int = 0
    changed: int = 0
    sent: dict[int, int] = field(default_factory=dict)


class ImportLog:
    """The imports of a home folder. `compare` looks only; `add` notes an import that Kafka has."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Open the file, and create it when it is absent."""
        self._con, self._key = sqlite3.connect(path, timeout=30.0), key
        self._con.executescript(_TABLES)

    def compare(self, events: Iterator[RawEvent], community: str, compared: Compared) -> Iterator[RawEvent]:
        """Pass the events on, and count in `compared`."""
        query = "select record, content from records join imports using (number) where community = ? order by number"
        known = dict(self._con.execute(query, [community]))
        for event in events:
            record, content = _hash(event.id.encode(), b""), _hash(event.payload, self._key)
            before = known.get(record)
            if before is None:
                compared.new += 1
            elif before == content:
                compared.known += 1
            else:
                compared.changed += 1
            compared.sent[record] = known[record] = content
            yield event

    def add(self, import_id: str, community: str, compared: Compared) -> None:
        """Note what an import sent, after Kafka has it."""
        with self._con as con:
            con.execute("insert or ignore into imports (import_id, community) values (?, ?)", [import_id, community])
            (number,) = con.execute("select number from imports where import_id = ?", [import_id]).fetchone()
            con.executemany(
                "insert or replace into records values (?, ?, ?)",
                ((number, record, content) for record, content in sorted(compared.sent.items())),
            )

    def forget(self, import_id: str) -> None:
        """Forget an import that was undone."""
        with self._con as con:
            con.execute("delete from records where number in (select number from imports where import_id = ?)", [import_id])
            con.execute("delete from imports where import_id = ?", [import_id])

    def close(self) -> None:
        """Close the file."""
        self._con.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _hash(content: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8, key=key).digest(), signed=True)
