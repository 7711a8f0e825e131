"""Identity store: which accounts are one person. Accounts with their names are here and in no table; only pseudonyms leave.

`identity.db` is SQLite, readable by its owner only. It has the accounts as platforms describe them (read from the accounts
topic; its offsets move in the same transaction) and links: account -> person, who made the link, when and why. What a platform
itself states (one account was renamed to another) is a link at once. A link is never deleted, it is undone; a platform's link
that somebody has undone is not made again. The member of an account is the person that links connect it with, or the account
itself. The warehouse has a pseudonym for each member, a different one in each community.
"""

import os
import sqlite3
from collections.abc import Collection, Iterable, Mapping
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
DETAILS = ("handle", "display_name", "email", "kind", "organisation")
"""What a platform reports of an account. Of each field by itself, the newest value wins."""
PLATFORM = "platform"
"""Who makes the links that a platform itself states."""
STATED = "the platform states that the accounts are one"
SHARED = "the account has one number in workspaces that share a channel"

_SCHEMA = f"""
create table if not exists accounts (
    actor text primary key, platform text not null, tenant text not null, native_id text not null,
    {", ".join(f"{name} text, {name}_at text" for name in DETAILS)}
) strict;
create table if not exists links (
    id integer primary key, actor text not null, person text not null, linked_by text not null, linked_at text not null,
    why text not null, undone_by text, undone_at text, undone_why text
) strict;
create table if not exists offsets (
    topic text, topic_id text not null, partition integer, next_offset integer not null, primary key (topic, partition)
) strict;
"""
# Of equal moments the greater value wins, so the order of records does not matter.
_RECORD = f"""
insert into accounts (actor, platform, tenant, native_id, {", ".join(f"{name}, {name}_at" for name in DETAILS)})
values (?, ?, ?, ?, {", ".join("?, ?" for _ in DETAILS)})
on conflict (actor) do update set
{
    ", ".join(
        f"{column} = case when (excluded.{name}_at, excluded.{name}) > (coalesce({name}_at, ''), coalesce({name}, '')) "
        f"then excluded.{column} else {column} end"
        for name in DETAILS
        for column in (name, f"{name}_at")
    )
}
"""
# Repeating a statement changes nothing, also after somebody has undone the link.
_LINK_STATED = f"""
insert into links (actor, person, linked_by, linked_at, why)
select actor, person, '{PLATFORM}', at, why
from (select ? as actor, ? as person, ? as at, ? as why) as stated
where not exists (
    select 1 from links
    where links.actor = stated.actor and links.person = stated.person and links.linked_by = '{PLATFORM}'
)
"""
_SAME_NUMBER = """
select one.actor, other.actor
from accounts as one
join accounts as other using (platform, native_id)
where platform = ? and native_id not like 'name:%' and one.tenant in ({marks}) and other.tenant in ({marks})
    and one.actor < other.actor
"""


@dataclass(frozen=True, slots=True)
class Link:
    """An account belongs to a person: who linked them, when and why, and whether the link was undone."""

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
class Consumed:
    """What was read from the accounts topic: accounts, and records that are not accounts."""

    accounts: int
    malformed: int


class IdentityStore:
    """The identity store. One connection; several processes may have it open (a command beside the refresher)."""

    def __init__(self, path: Path) -> None:
        """Open or create it. Raises GuildhallError when other users may read it, or when it is not a database."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # Created before SQLite opens it: the files -wal and -shm get the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        if path.stat().st_mode & 0o077:
            raise GuildhallError(
                f"{path} may be read by others.", "It has people's names.", f"Restrict it first: chmod 600 {path}."
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
                if damaged  # a full disk or a missing permission is no fault of the file
                else "Make sure that the disk has room and that the folder is yours, then try again; the file is unchanged.",
            ) from error

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def consume(self, bootstrap: str) -> Consumed:
        """Read the accounts topic from the stored offsets to its end. Raises ConsumeError when Kafka is not available.

        Recording an account twice changes nothing. So a topic that was created again is read from its beginning, and the
        platforms report again what the topic no longer has.
        """
        log = look(bootstrap, ACCOUNTS.name)
        accounts = malformed = 0
        offsets = self._offsets(log.topic, log.id)
        offsets = {
            partition: offset if start <= (offset := offsets.get(partition, start)) <= log.ends[partition] else start
            for partition, start in log.starts.items()
        }
        for chunk in read(bootstrap, log, offsets):
            found, invalid = _accounts(chunk)
            with transaction(self._db):
                self._record(found)
                self._db.executemany(
                    "insert or replace into offsets values (?, ?, ?, ?)",
                    [(log.topic, log.id, partition, end) for partition, end in chunk.ends.items()],
                )
                failpoint("accounts-recorded")
            accounts += len(found)
            malformed += invalid
        return Consumed(accounts, malformed)

    def record(self, accounts: Iterable[Account]) -> None:
        """Store what a platform reports of accounts; of each field the newest value."""
        with transaction(self._db):
            self._record(accounts)

    def account(self, actor: str) -> Account | None:
        """Return an account with its names, or None. For people who may see the names; never for a table."""
        moments = ", ".join(f"coalesce({name}_at, {_NEVER!r})" for name in DETAILS)
        row = self._db.execute(
            f"select platform, tenant, native_id, {', '.join(DETAILS)}, max({moments}) from accounts where actor = ?", [actor]
        ).fetchone()
        if row is None or row[0] is None:
            return None
        names = ("platform", "tenant", "native_id", *DETAILS, "seen_at")
        return Account.model_validate({"actor": actor} | dict(zip(names, row, strict=True)))

    def actors(self) -> list[str]:
        """Every account that a platform reported."""
        return [actor for (actor,) in self._db.execute("select actor from accounts order by actor")]

    def link(self, actors: Iterable[str], *, by: str, at: datetime, why: str, person: str | None = None) -> str:
        """Link these accounts to one person; returns the person's id. `at` is aware. Linking again changes nothing."""
        accounts = sorted(set(actors))
        whose = person or PERSON + accounts[0]
        with transaction(self._db):
            linked = {row[0] for row in self._db.execute(f"select actor from links where {_ACTIVE} and person = ?", [whose])}
            self._db.executemany(
                "insert into links (actor, person, linked_by, linked_at, why) values (?, ?, ?, ?, ?)",
                [(actor, whose, by, at.isoformat(), why) for actor in accounts if actor not in linked],
            )
        return whose

    def link_stated(self, pairs: Iterable[tuple[str, str]], at: datetime, why: str = STATED) -> int:
        """Link pairs of accounts that a platform states to be one person's; returns how many links are new. `at` is aware.

        Each pair has a person of its own, so that the order of pairs does not matter and each link can be undone by itself.
        """
        with transaction(self._db):
            return self._link_stated(pairs, at, why)

    def link_shared(self, sharing: Mapping[str, Collection[str]], at: datetime) -> int:
        """Link accounts that have one number in workspaces that share a channel (platform -> workspaces); how many are new."""
        pairs: list[tuple[str, str]] = []
        for platform, tenants in sharing.items():
            marks = ", ".join("?" for _ in tenants)
            pairs += self._db.execute(_SAME_NUMBER.format(marks=marks), [platform, *sorted(tenants), *sorted(tenants)])
        return self.link_stated(pairs, at, SHARED)

    def _link_stated(self, pairs: Iterable[tuple[str, str]], at: datetime, why: str) -> int:
        rows = [(actor, PERSON + "=".join(sorted(pair)), at.isoformat(), why) for pair in pairs for actor in sorted(pair)]
        return self._db.executemany(_LINK_STATED, rows).rowcount if rows else 0

    def unlink(self, actor: str, *, by: str, at: datetime, why: str, person: str | None = None) -> int:
        """Undo an account's links, to one person or to all; returns how many. Raises GuildhallError for links of the file."""
        held = [link for link in self.links() if link.actor == actor and person in {None, link.person}]
        if any(link.linked_by == PEOPLE for link in held):
            raise GuildhallError(
                "This link was not undone.", f"{PEOPLE} defines it and would add it again.", f"Remove its line from {PEOPLE}."
            )
        with transaction(self._db):
            self._db.executemany(
                f"update links set undone_by = ?, undone_at = ?, undone_why = ? where id = ? and {_ACTIVE}",
                [(by, at.isoformat(), why, link.id) for link in held],
            )
        return len(held)

    def links(self, *, undone: bool = False) -> list[Link]:
        """Return the links that are in force, oldest first; with `undone` also those that were undone."""
        rows = self._db.execute(f"select * from links where {'true' if undone else _ACTIVE} order by id").fetchall()
        moment = datetime.fromisoformat
        return [
            Link(id, actor, person, by, moment(at), why, undone_by, moment(undone_at) if undone_at else None, undone_why)
            for id, actor, person, by, at, why, undone_by, undone_at, undone_why in rows  # noqa: A001 - the column's name
        ]

    def apply_file(self, people: Mapping[str, str], at: datetime) -> int:
        """Make the links of `people.csv` exactly these (actor -> person); returns how many were added or undone."""
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
                "insert into links (actor, person, linked_by, linked_at, why) values (?, ?, ?, ?, 'listed in the file')",
                [(actor, person, PEOPLE, at.isoformat()) for actor, person in fresh],
            )
        return len(gone) + len(fresh)

    def kinds(self) -> dict[str, str]:
        """Actor -> kind, for every account whose kind the platform's list of accounts shows."""
        return dict(self._db.execute("select actor, kind from accounts where kind is not null"))

    def members(self) -> dict[str, str]:
        """Return actor -> member for every linked account; any other account is a member of its own."""
        return connected((link.actor, link.person) for link in self.links())

    def _offsets(self, topic: str, topic_id: str) -> dict[int, int]:
        return dict(
            self._db.execute("select partition, next_offset from offsets where topic = ? and topic_id = ?", [topic, topic_id])
        )

    def _record(self, accounts: Iterable[Account]) -> None:
        rows = []
        for account in accounts:
            row: list[str | None] = [account.actor, account.platform, account.tenant, account.native_id]
            for name in DETAILS:
                value = getattr(account, name)
                row += [value, None if value is None else account.seen_at.isoformat(timespec="milliseconds")]
            rows.append(row)
            if account.same_as is not None and account.same_as != account.actor:
                self._link_stated([(account.actor, account.same_as)], account.seen_at, STATED)
        self._db.executemany(_RECORD, rows)


_ACTIVE = "undone_at is null"
_NEVER = "1970-01-01T00:00:00.000+00:00"


def connected(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return actor -> the smallest person that a chain of links (actor, person) connects it with, in any order of the links."""
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
