"""Ledger: which reports were issued, to whom, through which channel; a small SQLite file that only grows.

`reports` has one row per revision: the frozen value that every format is rendered from. `issued` has one row per file, mail
or request that was sent. A report counts as issued when its row in `issued` exists; neither table can be changed.
"""

import hashlib
import sqlite3
import zlib
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from events.errors import GuildhallError
from warehouse.db import transaction
from warehouse.report.data import ReportData

FOLDER = "folder"
"""The channel of files below the folder of reports."""
RECIPIENT = "reports"
"""The recipient of that channel: the folder itself."""
PATIENCE_SECONDS = 30.0
"""How long to wait for another process that writes."""

_TABLES = (
    """
    create table if not exists reports (
        community text not null,
        period text not null,
        revision integer not null check (revision >= 1),
        build integer not null,
        frozen_at text not null,
        value blob not null,
        primary key (community, period, revision)
    ) strict
    """,
    """
    create table if not exists issued (
        community text not null,
        period text not null,
        format text not null,
        channel text not null,
        recipient text not null,
        revision integer not null,
        issued_at text not null,
        build integer not null,
        content_hash text not null,
        path text not null,
        primary key (community, period, format, channel, recipient, revision),
        foreign key (community, period, revision) references reports
    ) strict
    """,
)
_TRIGGERS = tuple(
    f"create trigger if not exists {table}_{action} before {action} on {table} "
    "begin select raise(abort, 'a report that was issued does not change'); end"
    for table in ("reports", "issued")
    for action in ("update", "delete")
)


class Issued(NamedTuple):
    """One row of `issued`, in the order of its columns."""

    community: str
    period: str
    format: str
    channel: str
    recipient: str
    revision: int
    issued_at: str
    """UTC, ISO 8601."""
    build: int
    """Number of the published file that the revision was computed from."""
    content_hash: str
    """SHA-256 of the bytes, in hex."""
    path: str
    """The file, relative to the folder of reports; empty for a channel without a file."""


class Ledger:
    """The ledger of one folder of reports. Use it as a context manager; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        """Open the file, and create it with its folder where it is absent. Raises GuildhallError for another kind of file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._con = sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)
        try:
            self._con.execute("pragma foreign_keys = on")
            with transaction(self._con):
                for statement in (*_TABLES, *_TRIGGERS):
                    self._con.execute(statement)
        except sqlite3.DatabaseError as error:
            self._con.close()
            if isinstance(error, sqlite3.OperationalError):  # a full disk, a folder of somebody else: no matter of this file
                raise
            raise GuildhallError(
                f"{path} is not a ledger of reports.", f"SQLite reports: {error}.", "Restore it from a backup."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._con.close()

    def latest(self, community: str, period: str) -> ReportData | None:
        """The newest revision's frozen value, or None before the first."""
        row = self._con.execute(
            "select value from reports where community = ? and period = ? order by revision desc limit 1", [community, period]
        ).fetchone()
        return ReportData.model_validate_json(zlib.decompress(row[0])) if row else None

    def frozen(self, community: str, period: str, revision: int) -> ReportData | None:
        """The frozen value of one revision."""
        row = self._con.execute(
            "select value from reports where community = ? and period = ? and revision = ?", [community, period, revision]
        ).fetchone()
        return ReportData.model_validate_json(zlib.decompress(row[0])) if row else None

    def by_hash(self, content_hash: str) -> Issued | None:
        """The row of a file with these bytes, or None where no such file was issued."""
        row = self._con.execute(
            "select * from issued where content_hash = ? order by issued_at limit 1", [content_hash]
        ).fetchone()
        return Issued(*row) if row else None

    def freeze(self, data: ReportData, now: datetime) -> ReportData:
        """Store the value of a revision and return what is stored: another process may have been first. `now` is aware."""
        value = zlib.compress(data.model_dump_json(exclude_none=True).encode())
        self._con.execute(
            "insert or ignore into reports values (?, ?, ?, ?, ?, ?)",
            [data.community, data.period.name, data.revision, data.build.number, _iso(now), value],
        )
        return self.latest(data.community, data.period.name) or data

    def issue(
        self, data: ReportData, *, form: str, channel: str, recipient: str, content: bytes, path: str, now: datetime
    ) -> Issued:
        """Record that a revision was issued and return its row: the one that exists, if another process was first."""
        row = Issued(
            community=data.community,
            period=data.period.name,
            format=form,
            channel=channel,
            recipient=recipient,
            revision=data.revision,
            issued_at=_iso(now),
            build=data.build.number,
            content_hash=hash_of(content),
            path=path,
        )
        self._con.execute("insert or ignore into issued values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        return next(
            one
            for one in self.issued(data.community, data.period.name)
            if (one.format, one.channel, one.recipient, one.revision) == (form, channel, recipient, data.revision)
        )

    def issued(self, community: str | None = None, period: str | None = None) -> list[Issued]:
        """Every row, or those of a community or period; by community, period, format, channel, recipient, revision."""
        rows = self._con.execute(
            "select * from issued where (?1 is null or community = ?1) and (?2 is null or period = ?2) "
            "order by community, period, format, channel, recipient, revision",
            [community, period],
        )
        return [Issued(*row) for row in rows]


def hash_of(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
