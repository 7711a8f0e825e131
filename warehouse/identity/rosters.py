"""Rosters: the dated CSV files people.csv and roles.csv beside the settings. A wrong cell refuses the whole file.

A line that begins with # is a comment.
"""

import csv
import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from events.errors import GuildhallError
from events.identity import actor_id, name_account
from warehouse.identity.store import PERSON

PEOPLE_COLUMNS = ("person", "platform", "tenant", "account")
ROLE_COLUMNS = ("community", "person", "role", "from", "to")
ROSTER_COLUMNS = ("person",)
ROSTER_MAY_HAVE = frozenset(ROLE_COLUMNS) - frozenset(ROSTER_COLUMNS)
MAY_BE_EMPTY = frozenset({"from", "to"})
_ROLE = re.compile(r"^[a-z][a-z_]{0,39}$")


@dataclass(frozen=True, slots=True)
class Role:
    """A person's role in a community, from a day until another (exclusive); None is open. `who` is an actor or a person."""

    community: str
    who: str
    role: str
    since: date | None
    until: date | None


def account_id(key: bytes, platform: str, tenant: str, account: str) -> str:
    """Return the actor of an account as it is written in a roster: its native id, or `name:` and a name."""
    native = name_account(account.removeprefix("name:")) if account.startswith("name:") else account
    return actor_id(key, platform, tenant, native)


def account_ids(key: bytes, platform: str, tenant: str, account: str) -> set[str]:
    """Return the actors that a listed program can mean: as it is written, as a name, and as an address in small letters.

    Whether a platform knows an account by its id, its address or its name is not always obvious to whoever writes the list. An
    actor that nobody is costs nothing.
    """
    name = account.removeprefix("name:")
    natives = {account, name, name_account(name)} | ({name.strip().casefold()} if "@" in name else set())
    return {actor_id(key, platform, tenant, native) for native in natives}


def read_people(path: Path, key: bytes) -> dict[str, str]:
    """Return actor -> person of people.csv; empty when there is no file. Raises GuildhallError naming line and column."""
    people: dict[str, str] = {}
    for line, row in _rows(path, PEOPLE_COLUMNS):
        actor = account_id(key, row["platform"], row["tenant"], row["account"])
        person = PERSON + row["person"]
        if people.setdefault(actor, person) != person:
            raise _error(path, line, "account", "This account belongs to another person already", "List it for one of them.")
    return people


def read_roles(path: Path, key: bytes, communities: Collection[str], persons: Collection[str]) -> list[Role]:
    """Return the roles of roles.csv; empty when there is no file. `persons` are those of people.csv, with their prefix.

    A person is named as in people.csv, or as platform/tenant/account. Raises GuildhallError naming line and column.
    """
    return [_role(path, line, row, key, communities, persons) for line, row in _rows(path, ROLE_COLUMNS)]


@dataclass(frozen=True, slots=True)
class Named:
    """A line of a roster to compare with: whom it names, in any way that `find` knows, and the days of the role."""

    line: int
    person: str
    since: date | None
    until: date | None


def read_roster(path: Path, community: str) -> list[Named]:
    """Return the lines of a roster that are about this community, which all are where there is no such column.

    It has the column `person`, and may have the others of roles.csv. Raises GuildhallError naming line and column.
    """
    if not path.is_file():
        raise GuildhallError(
            f"{path.name} cannot be read.", "There is no such file.", "Name a CSV file with the column `person`."
        )
    return [
        Named(line, row["person"], *(_day(path, line, column, row.get(column, "")) for column in ("from", "to")))
        for line, row in _rows(path, ROSTER_COLUMNS, ROSTER_MAY_HAVE)
        if row.get("community", community) == community
    ]


def _role(
    path: Path, line: int, row: Mapping[str, str], key: bytes, communities: Collection[str], persons: Collection[str]
) -> Role:
    if row["community"] not in communities:
        near = difflib.get_close_matches(row["community"], communities, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "Add it to guildhall.toml first."
        raise _error(path, line, "community", "The settings have no such community", hint)
    who = PERSON + row["person"]
    if who not in persons:
        parts = row["person"].split("/", 2)
        if len(parts) < 3 or not all(parts):  # noqa: PLR2004 - platform, tenant, account
            raise _error(
                path,
                line,
                "person",
                "This person is not in people.csv",
                "Add the person there, or write platform/tenant/account.",
            )
        who = account_id(key, *parts)
    if not _ROLE.match(row["role"]):
        raise _error(path, line, "role", "A role is lower-case letters and underscores", "Write facilitator, for example.")
    since, until = (_day(path, line, column, row[column]) for column in ("from", "to"))
    if since and until and until <= since:
        raise _error(path, line, "to", "It is not after `from`", "`to` is the first day without the role.")
    return Role(row["community"], who, row["role"], since, until)


def _day(path: Path, line: int, column: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _error(path, line, column, "It is not a date", "Write it as 2026-01-31.") from None


def _rows(path: Path, columns: tuple[str, ...], may_have: frozenset[str] = frozenset()) -> Iterator[tuple[int, dict[str, str]]]:
    if not path.exists():
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GuildhallError(f"{path.name} cannot be read.", f"{_reason(error)}.", "Save it as CSV in UTF-8.") from error
    # A comment counts as an empty line, so that errors name the right line.
    lines = ["\n" if line.lstrip().startswith("#") else line for line in text.splitlines(keepends=True)]
    reader = csv.reader(lines, strict=True)
    rows = (row for row in _guarded(path, reader, lambda: reader.line_num) if any(cell.strip() for cell in row))
    header = _header(path, next(rows, []), columns, may_have)
    for row in rows:
        line = reader.line_num
        if len(row) != len(header):
            column = header[min(len(row), len(header)) - 1]
            raise _error(path, line, column, "The line has more or fewer cells than the header", "Correct the line.")
        found = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
        for name, cell in found.items():
            if not cell and name not in MAY_BE_EMPTY | may_have:
                raise _error(path, line, name, "The cell is empty", "Fill it, or remove the line.")
        yield line, found


def _header(path: Path, cells: list[str], columns: tuple[str, ...], may_have: frozenset[str]) -> list[str]:
    header, known = [name.strip() for name in cells], (*columns, *sorted(may_have))
    for name in header:
        if name not in known or header.count(name) > 1:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Its columns are {', '.join(known)}."
            raise _error(path, 1, name or "(empty)", "This is not a column, or it occurs twice", hint)
    for name in columns:
        if name not in header:
            raise _error(path, 1, name, "This column is missing", f"The first line is: {','.join(columns)}.")
    return header


def _guarded(path: Path, rows: Iterator[list[str]], line: Callable[[], int]) -> Iterator[list[str]]:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise GuildhallError(
                f"{path.name}, line {line()}, is not valid CSV.", f"{error}.", "Correct the quotes of that line."
            ) from error
        yield row


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return f"It is not UTF-8: {error.reason}" if isinstance(error, UnicodeDecodeError) else str(error.strerror)


def _error(path: Path, line: int, column: str, why: str, todo: str) -> GuildhallError:
    # Never the cell itself: it may be a name.
    return GuildhallError(f"{path.name}, line {line}, column `{column}`, was refused.", f"{why}.", todo)
