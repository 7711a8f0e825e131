"""Publishing: the read-only file that analysts open. Always whole, always a new one, never in a reader's way."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

from events.errors import GuildhallError
from warehouse.build.meta import manifest
from warehouse.db import identifier, integer, quoted
from warehouse.failpoint import failpoint

POINTER = "current"
_NAME = re.compile(r"^guildhall-(\d{6,})\.duckdb$")
_NAMING = frozenset(
    {"actor", "actors", "account", "native_id", "raw_id", "handle", "display_name", "email", "person", "real_name", "name"}
)
"""Columns of these names would say who somebody is; `meta` may call a source or a check by its name."""
_LOOKED_AT = 2_000
# A child copies: closing any descriptor of a file takes from a process the locks that DuckDB holds on it (POSIX), so its owner
# must never open it a second time.
_COPY = """
import os, shutil, sys
shutil.copyfile(sys.argv[1], sys.argv[2])
with open(sys.argv[2], "rb+") as copy:
    os.fsync(copy.fileno())
"""


class PublishError(GuildhallError):
    """Nothing was published; the file that was current still is."""


def next_number(folder: Path) -> int:
    """The number of the next file, greater than all that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    return max((number for number, _ in _published(folder)), default=0) + 1


def publish(con: duckdb.DuckDBPyConnection, warehouse: Path, folder: Path, number: int, *, keep: int = 5) -> Path:
    """Copy the warehouse, which `con` has attached and nobody else has open, to a name of its own in `folder`; returns it.

    `dictionary.describe` has written its `meta`. The copy is synced, opened and compared with its manifest, and only then gets
    its name; the pointer moves after that. The newest `keep` files stay: whoever has an older one open keeps it. Raises
    PublishError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.tmp"):
        left.unlink()
    con.execute("checkpoint warehouse")
    wal = warehouse.with_name(warehouse.name + ".wal")
    if wal.exists() and wal.stat().st_size:
        raise PublishError(
            "Nothing was published.",
            f"{wal.name} is still there, so a copy would be stale.",
            "End what else writes to the warehouse.",
        )
    failpoint("publish-checkpointed")
    final = folder / f"guildhall-{number:06d}.duckdb"
    beside = folder / f"{final.name}.tmp"
    try:
        _copy(warehouse, beside)
        failpoint("publish-copied")
        _verify(con, beside, number)
        failpoint("publish-verified")
        beside.chmod(0o444)
        if final.exists():
            raise PublishError("Nothing was published.", f"There is a {final.name} already.", "Run it again.")
        beside.rename(final)
    finally:
        beside.unlink(missing_ok=True)
    _sync(folder)
    failpoint("publish-renamed")
    _point(folder, final)
    failpoint("publish-pointed")
    _prune(folder, keep)
    return final


def current(folder: Path) -> Path:
    """The file that the pointer names, by its own name. Raises PublishError when nothing was published."""
    try:
        return (folder / (folder / POINTER).readlink()).absolute()
    except OSError as error:
        raise PublishError(
            "There is no published file.", "Nothing has been built yet.", "Run `guildhall refresh`, or `make demo`."
        ) from error


def open_published(path: Path, *, memory_limit: str = "1GB", threads: int = 2) -> duckdb.DuckDBPyConnection:
    """Open a published file (or the current one of a folder) to read and nothing else: no other file, network or extension.

    By its own name: DuckDB keeps one database a path within a process, so the pointer's path would go on showing the old file.
    Raises PublishError.
    """
    tries = 5
    for left in reversed(range(tries)):
        place = current(path) if path.is_dir() else (path.parent / path.readlink() if path.is_symlink() else path)
        try:
            con = duckdb.connect(
                str(place),
                read_only=True,
                config={
                    "memory_limit": memory_limit,
                    "threads": threads,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                },
            )
        except duckdb.IOException as error:
            if left and not place.exists():
                continue  # it was the oldest one kept, and went while we looked: the pointer names a newer one by now
            raise PublishError(
                f"{place.name} cannot be opened.",
                "It is gone, is no such file, or is not yours to read.",
                "Open the current one; if it is that one, `guildhall publish` makes a new one.",
            ) from error
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        return con
    raise AssertionError  # pragma: no cover - the last try returns or raises


def nothing_that_names(con: duckdb.DuckDBPyConnection) -> None:
    """Refuse to publish a table that says who somebody is: by the names of its columns, and by values of its text columns.

    Of each column some rows are compared with the accounts' pseudonyms in the landing file: a model that forgets to map its
    members is found by any of its rows. Raises PublishError.
    """
    columns = con.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'warehouse' and schema_name <> 'meta' order by all"
    ).fetchall()
    for schema, table, column, kind in columns:
        if column in _NAMING or (kind in {"VARCHAR", "VARCHAR[]"} and _holds_actors(con, f"{schema}.{table}", column, kind)):
            raise PublishError(
                "Nothing was published.",
                f"{schema}.{table}.{column} says who somebody is.",
                "Build it on landing.people.member, the pseudonym made for publishing.",
            )


def _holds_actors(con: duckdb.DuckDBPyConnection, table: str, column: str, kind: str) -> bool:
    value = f"unnest({identifier(column)})" if kind.endswith("[]") else identifier(column)
    found = integer(
        con,
        f"select count(*) from (select {value} as actor from warehouse.{table} limit {_LOOKED_AT}) "
        "semi join landing.main.people using (actor)",
    )
    return found > 0


def _copy(source: Path, target: Path) -> None:
    free, wanted = shutil.disk_usage(target.parent).free, source.stat().st_size
    if free < wanted:
        raise PublishError(
            "Nothing was published.",
            f"The disk has {free >> 20} MiB free, and the file has {wanted >> 20} MiB.",
            "Make room, or keep fewer published files (`refresh.keep_published`).",
        )
    copied = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _COPY, source, target], capture_output=True, text=True, check=False
    )
    if copied.returncode:
        said = copied.stderr.strip().splitlines()
        raise PublishError(
            "Nothing was published.",
            f"The file could not be copied: {said[-1] if said else copied.returncode}.",
            "Make room, try again.",
        )


def _verify(con: duckdb.DuckDBPyConnection, path: Path, number: int) -> None:
    con.execute(f"attach {quoted(str(path))} as copied (read_only)")
    try:
        said = con.execute('select "table", rows from copied.meta.manifest order by all').fetchall()
        newest = con.execute("select max(build) from copied.meta.builds").fetchone()
        whole = sorted(said) == sorted(manifest(con, "copied")) and newest == (number,)
    except duckdb.Error:
        whole = False
    finally:
        con.execute("detach copied")
    if not whole:
        raise PublishError("Nothing was published.", "The copy is not what its manifest says.", "Run it again.")


def _point(folder: Path, target: Path) -> None:
    """Move the pointer: a symbolic link, replaced in one step."""
    fresh = folder / f"{POINTER}.tmp"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target.name)
    fresh.replace(folder / POINTER)
    _sync(folder)


def _prune(folder: Path, keep: int) -> None:
    with contextlib.suppress(PublishError):
        named = current(folder)
        for _, path in sorted(_published(folder), reverse=True)[keep:]:
            if path != named:
                path.unlink()


def _published(folder: Path) -> list[tuple[int, Path]]:
    return [(int(found[1]), path) for path in folder.iterdir() if (found := _NAME.match(path.name))]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
