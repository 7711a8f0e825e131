"""People: which accounts are one person. Accounts with their names live here, apart from every table; only pseudonyms leave.

`identity.db` is SQLite, readable by its owner only. It holds what platforms say of accounts (drained from the accounts topic,
its offsets moved in the same transaction) and links: account -> person, who said so, when, why. A link is never deleted, it is
undone. The member of an account is the person that links connect it with, or the account itself; what the warehouse sees of a
member is a pseudonym of its own in every community.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from events.account import Account
from events.errors import GuildhallError
from events.topics import ACCOUNTS
from warehouse.db import transaction
from warehouse.failpoint import failpoint
from warehouse.files import PEOPLE
from warehouse.landing.consumer import Chunk, look, read

PERSON = "person:"
"""A person's id begins with this, so that it is never an account's."""
SAID = ("handle", "display_name", "email", "kind", "organisation")
"""What a platform says of an account: each field by itself, the newest word wins."""

_SCHEMA = f"""
create table if not exists accounts (
    actor text primary key, platform text not null, tenant text not null, native_id text not null,
    {", ".join(f"{name} text, {name}_at text" for name in SAID)}
) strict;
create table if not exists links (
    id integer primary key, actor text not null, person text not null, linked_by text not null, linked_at text not null,
    why text not null, undone_by text, undone_at text, undone_why text
) strict;
create table if not exists offsets (
    topic text, topic_id text not null, partition integer, next_offset integer not null, primary key (topic, partition)
) strict;
"""
# Equal moments: the greater word wins, so that order never matters.
_SAY = f"""
insert into accounts (actor, platform, tenant, native_id, {", ".join(f"{name}, {name}_at" for name in SAID)})
values (?, ?, ?, ?, {", ".join("?, ?" for _ in SAID)})
on conflict (actor) do update set
{
    ", ".join(
        f"{column} = case when (excluded.{name}_at, excluded.{name}) > (coalesce({name}_at, ''), coalesce({name}, '')) "
        f"then excluded.{column} else {column} end"
        for name in SAID
        for column in (name, f"{name}_at")
    )
}
"""


@dataclass(frozen=True, slots=True)
class Link:
    """Somebody said that an account is a person's."""

    id: int
    actor: str
    person: str
    linked_by: str
    linked_at: datetime
    why: str
    undone_by: str | None = None
    undone_at: datetime | None = None
    undone_why: str | None = None


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain of the accounts topic read: accounts said, and records that are none."""

    accounts: int
    malformed: int


class IdentityStore:
    """The identity store. One connection; several processes may have it open (a command beside the refresher)."""

    def __init__(self, path: Path) -> None:
        """Open or make it. Raises GuildhallError when others may read it or it is no database."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made before SQLite opens it: its -wal and -shm get the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        if path.stat().st_mode & 0o077:
            raise GuildhallError(
                f"{path} may be read by others.", "It holds people's names.", f"Close it first: chmod 600 {path}."
            )
        self._db = sqlite3.connect(path, timeout=30.0, isolation_level=None)
        try:
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = full")
            self._db.execute("pragma secure_delete = on")
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._db.close()
            damaged = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
            raise GuildhallError(
                f"{path} cannot be opened.",
                f"SQLite reports: {error}.",
                "Restore it from your backup; the links are nowhere else."
                if damaged  # a full disk or a missing right is no fault of the file
                else "See that the disk has room and that the folder is yours, then do the same again; the file is as it was.",
            ) from error

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def drain(self, bootstrap: str) -> Drained:
        """Read the accounts topic from our own offsets to its end. Raises ConsumeError when Kafka is away.

        Saying an account twice changes nothing: so a topic that was made again is read from its beginning, and what the topic
        has forgotten the platforms will say again.
        """
        log = look(bootstrap, ACCOUNTS.name)
        accounts = malformed = 0
        offsets = self._offsets(log.topic, log.id)
        offsets = {
            partition: offset if start <= (offset := offsets.get(partition, start)) <= log.ends[partition] else start
            for partition, start in log.starts.items()
        }
        for chunk in read(bootstrap, log, offsets):
            said, bad = _accounts(chunk)
            with transaction(self._db):
                self._say(said)
                self._db.executemany(
                    "insert or replace into offsets values (?, ?, ?, ?)",
                    [(log.topic, log.id, partition, end) for partition, end in chunk.ends.items()],
                )
                failpoint("people-said")
            accounts += len(said)
            malformed += bad
        return Drained(accounts, malformed)

    def say(self, accounts: Iterable[Account]) -> None:
        """Keep what a platform says of accounts, field by field the newest."""
        with transaction(self._db):
            self._say(accounts)

    def account(self, actor: str) -> Account | None:
        """What is known of an account, with its names. For people who may see them, never for a table."""
        columns = ", ".join(SAID)
        row = self._db.execute(
            f"select platform, tenant, native_id, {columns}, max({', '.join(f'coalesce({n}_at, {_NEVER!r})' for n in SAID)}) "
            "from accounts where actor = ?",
            [actor],
        ).fetchone()
        if row is None or row[0] is None:
            return None
        names = ("platform", "tenant", "native_id", *SAID, "said_at")
        return Account.model_validate({"actor": actor} | dict(zip(names, row, strict=True)))

    def link(self, actors: Iterable[str], *, by: str, at: datetime, why: str, person: str | None = None) -> str:
        """Say that these accounts are one person; returns the person's id. `at` is aware. Linking again changes nothing."""
        accounts = sorted(set(actors))
        whose = person or PERSON + accounts[0]
        with transaction(self._db):
            there = {row[0] for row in self._db.execute(f"select actor from links where {_ACTIVE} and person = ?", [whose])}
            self._db.executemany(
                "insert into links (actor, person, linked_by, linked_at, why) values (?, ?, ?, ?, ?)",
                [(actor, whose, by, at.isoformat(), why) for actor in accounts if actor not in there],
            )
        return whose

    def unlink(self, actor: str, *, by: str, at: datetime, why: str, person: str | None = None) -> int:
        """Undo the links of an account (to one person, or to all); returns how many. Raises GuildhallError for the file's."""
        held = [link for link in self.links() if link.actor == actor and person in {None, link.person}]
        if any(link.linked_by == PEOPLE for link in held):
            raise GuildhallError(
                "This link was not undone.", f"{PEOPLE} makes it, and would make it again.", f"Take its line out of {PEOPLE}."
            )
        with transaction(self._db):
            self._db.executemany(
                f"update links set undone_by = ?, undone_at = ?, undone_why = ? where id = ? and {_ACTIVE}",
                [(by, at.isoformat(), why, link.id) for link in held],
            )
        return len(held)

    def links(self, *, undone: bool = False) -> list[Link]:
        """All links that hold, oldest first; with `undone` also those that do not."""
        rows = self._db.execute(f"select * from links where {'true' if undone else _ACTIVE} order by id").fetchall()
        moment = datetime.fromisoformat
        return [
            Link(id, actor, person, by, moment(at), why, undone_by, moment(undone_at) if undone_at else None, undone_why)
            for id, actor, person, by, at, why, undone_by, undone_at, undone_why in rows  # noqa: A001 - the column's name
        ]

    def apply_file(self, people: Mapping[str, str], at: datetime) -> int:
        """Let the links of `people.csv` be exactly these (actor -> person): add, undo; returns how many changed."""
        holds = {link.actor: link.person for link in self.links() if link.linked_by == PEOPLE}
        gone = [actor for actor, person in holds.items() if people.get(actor) != person]
        fresh = [(actor, person) for actor, person in people.items() if holds.get(actor) != person]
        if not gone and not fresh:
            return 0
        with transaction(self._db):
            self._db.executemany(
                f"""
                update links set undone_by = ?, undone_at = ?, undone_why = 'no longer in the file'
                where {_ACTIVE} and actor = ? and linked_by = ?
                """,
                [(PEOPLE, at.isoformat(), actor, PEOPLE) for actor in gone],
            )
            self._db.executemany(
                "insert into links (actor, person, linked_by, linked_at, why) values (?, ?, ?, ?, 'the file says so')",
                [(actor, person, PEOPLE, at.isoformat()) for actor, person in fresh],
            )
        return len(gone) + len(fresh)

    def members(self) -> dict[str, str]:
        """Actor -> member, for every account that is linked; any other account is a member of its own."""
        return connected((link.actor, link.person) for link in self.links())

    def _offsets(self, topic: str, topic_id: str) -> dict[int, int]:
        return dict(
            self._db.execute("select partition, next_offset from offsets where topic = ? and topic_id = ?", [topic, topic_id])
        )

    def _say(self, accounts: Iterable[Account]) -> None:
        rows = []
        for account in accounts:
            row: list[str | None] = [account.actor, account.platform, account.tenant, account.native_id]
            for name in SAID:
                value = getattr(account, name)
                row += [value, None if value is None else account.said_at.isoformat(timespec="milliseconds")]
            rows.append(row)
        self._db.executemany(_SAY, rows)


_ACTIVE = "undone_at is null"
_NEVER = "1970-01-01T00:00:00.000+00:00"


def connected(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Actor -> the smallest person that a chain of links (actor, person) connects it with, whatever the order of the links."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            parent[node] = node = parent[parent[node]]
        return node

    actors = set()
    persons = set()
    for actor, person in links:
        actors.add(actor)
        persons.add(person)
        one, other = root(actor), root(person)
        if one != other:
            parent[one] = other
    smallest: dict[str, str] = {}
    for person in sorted(persons):
        smallest.setdefault(root(person), person)
    return {actor: smallest[root(actor)] for actor in actors}


def _accounts(chunk: Chunk) -> tuple[list[Account], int]:
    found: list[Account] = []
    malformed = 0
    for value in chunk.values():
        if value is None:  # a tombstone: the topic is compacted
            continue
        try:
            found.append(Account.model_validate_json(value))
        except ValidationError:
            malformed += 1
    return found, malformed
