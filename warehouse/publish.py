"""Publishing: the read-only file that analysts open. Each one is complete and new, and no reader is disturbed."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

from events.errors import GuildhallError
from events.files import sync
from warehouse.build.meta import manifest, replace_manifest, row_counts
from warehouse.coarse import copy_coarsely
from warehouse.db import first, identifier, integer, is_damage, quoted
from warehouse.failpoint import failpoint

POINTER = "current"
_NAME = re.compile(r"^guildhall-(\d{6,})\.duckdb$")
_PERSONAL = frozenset(
    {"actor", "actors", "account", "native_id", "raw_id", "handle", "display_name", "email", "person", "real_name", "name"}
)
"""Names of columns that would identify a person. The schema `meta` is excluded: its sources and checks have names."""
_SAMPLED_ROWS = 2_000
_SMALLEST_COMPACTED = 32
"""Blocks of 256 KiB. A smaller file is not worth it."""
# A child process copies. When a process closes any descriptor of a file, it loses all its POSIX locks on that file; DuckDB
# holds such a lock, so the process that owns the file must not open it a second time.
_COPY = """
import os, shutil, sys
shutil.copyfile(sys.argv[1], sys.argv[2])
with open(sys.argv[2], "rb+") as copy:
    os.fsync(copy.fileno())
"""


class PublishError(GuildhallError):
    """Nothing was published; the file that was current stays current."""


def file_name(number: int) -> str:
    """The name of a published file."""
    return f"guildhall-{number:06d}.duckdb"


def next_number(folder: Path) -> int:
    """Return the number of the next file, greater than those of all files in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return max((number for number, _ in _published(folder)), default=0) + 1


def publish(
    con: duckdb.DuckDBPyConnection, warehouse: Path, folder: Path, number: int, *, keep: int = 5, coarse_key: str | None = None
) -> Path:
    """Copy the warehouse, which `con` has attached and no other process has open, to a new file in `folder`; returns its path.

    `meta.describe` has written the schema `meta`. The copy is synced, opened, read whole and compared with its manifest
    before it gets its name; then the pointer moves. The newest `keep` files stay. A reader that has an older one open can go on
    reading it. With `coarse_key`, the copy is coarse (see warehouse.coarse). Raises PublishError.
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
            "Stop the other process that writes to the warehouse.",
        )
    failpoint("publish-checkpointed")
    final = folder / file_name(number)
    temporary = folder / f"{final.name}.tmp"
    try:
        _refuse_full_disk(warehouse, temporary)
        if coarse_key is not None or _is_bloated(con):
            _write(con, temporary, coarse_key)
        else:
            _copy(warehouse, temporary)
        failpoint("publish-copied")
        _verify(con, temporary, number)
        failpoint("publish-verified")
        temporary.chmod(0o400)
        if final.exists():
            raise PublishError("Nothing was published.", f"{final.name} exists already.", "Run it again.")
        temporary.rename(final)
    finally:
        temporary.unlink(missing_ok=True)
    sync(folder)
    failpoint("publish-renamed")
    _point(folder, final)
    failpoint("publish-pointed")
    _prune(folder, keep)
    return final


def current(folder: Path) -> Path:
    """Return the file that the pointer names. Raises PublishError when nothing was published."""
    try:
        return (folder / (folder / POINTER).readlink()).absolute()
    except OSError as error:
        raise PublishError(
            "There is no published file.", "Nothing has been built yet.", "Run `guildhall refresh`, or `make demo`."
        ) from error


def open_published(path: Path, *, memory_limit: str = "1GB", threads: int = 2) -> duckdb.DuckDBPyConnection:
    """Open a published file (or the current one of a folder) read-only, without access to other files, network or extensions.

    The file is opened by its own name, not by the pointer's: within a process DuckDB has one database per path, so the
    pointer's path would still show the old file. Raises PublishError.
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
                continue  # it was the oldest file and was deleted in the meantime; the pointer names a newer one
            raise PublishError(
                f"{place.name} cannot be opened.",
                "It was deleted, is not a published file, or you have no permission to read it.",
                "Open the current one; if it is that one, `guildhall publish` writes a new one.",
            ) from error
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        return con
    raise AssertionError  # pragma: no cover - the last try returns or raises


def refuse_personal_data(con: duckdb.DuckDBPyConnection) -> None:
    """Refuse to publish a table that identifies people, by the names of its columns or by values of its text columns.

    The first rows of each text column are compared with the accounts' pseudonyms in the landing file: any row of a model that
    does not map accounts to members is enough to find it. Raises PublishError.
    """
    columns = con.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'warehouse' and schema_name <> 'meta' order by all"
    ).fetchall()
    for schema, table, column, kind in columns:
        if column in _PERSONAL or (kind in {"VARCHAR", "VARCHAR[]"} and _holds_actors(con, f"{schema}.{table}", column, kind)):
            raise PublishError(
                "Nothing was published.",
                f"{schema}.{table}.{column} identifies people.",
                "Build it on landing.people.member, the pseudonym made for publishing.",
            )


def _holds_actors(con: duckdb.DuckDBPyConnection, table: str, column: str, kind: str) -> bool:
    value = f"unnest({identifier(column)})" if kind.endswith("[]") else identifier(column)
    found = integer(
        con,
        f"select count(*) from (select {value} as actor from warehouse.{table} limit {_SAMPLED_ROWS}) "
        "semi join landing.main.people using (actor)",
    )
    return found > 0


def _refuse_full_disk(source: Path, target: Path) -> None:
    free, wanted = shutil.disk_usage(target.parent).free, source.stat().st_size
    if free < wanted:
        raise PublishError(
            "Nothing was published.",
            f"The disk has {free >> 20} MiB free, and the file has {wanted >> 20} MiB.",
            "Free some space, or keep fewer published files (`refresh.keep_published`).",
        )


def _is_bloated(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a third of the warehouse file is free: blocks of rows that were replaced, which every copy would carry."""
    free, total = first(con, "select free_blocks, total_blocks from pragma_database_size() where database_name = 'warehouse'")
    return bool(total >= _SMALLEST_COMPACTED and free * 3 >= total)


def _write(con: duckdb.DuckDBPyConnection, target: Path, coarse_key: str | None) -> None:
    """Write the tables of the warehouse into a new file, without its free blocks; with a key, coarsely."""
    con.execute(f"attach {quoted(str(target))} as written")
    try:
        if coarse_key is None:
            con.execute("copy from database warehouse to written")
        else:
            copy_coarsely(con, "written", coarse_key)
            if row_counts(con, "written") != row_counts(con, "warehouse"):
                raise PublishError("Nothing was published.", "Rows are missing in the copy.", "Run it again.")
            replace_manifest(con, "written")
        con.execute("checkpoint written")
    finally:
        con.execute("detach written")
    with target.open("rb+") as written:
        os.fsync(written.fileno())


def _copy(source: Path, target: Path) -> None:
    copied = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _COPY, source, target], capture_output=True, text=True, check=False
    )
    if copied.returncode:
        output = copied.stderr.strip().splitlines()
        raise PublishError(
            "Nothing was published.",
            f"The file could not be copied: {output[-1] if output else copied.returncode}.",
            "Free some space, then try again.",
        )


def _verify(con: duckdb.DuckDBPyConnection, path: Path, number: int) -> None:
    con.execute(f"attach {quoted(str(path))} as copied (read_only)")
    try:
        listed = con.execute('select "table", rows, checksum from copied.meta.manifest order by all').fetchall()
        newest = con.execute("select max(build) from copied.meta.builds").fetchone()
        whole = sorted(listed) == sorted(manifest(con, "copied")) and newest == (number,)
    except duckdb.Error as error:
        if is_damage(error):  # of the copy, or of the file that was copied: the caller finds out
            raise
        whole = False
    finally:
        con.execute("detach copied")
    if not whole:
        raise PublishError("Nothing was published.", "The copy differs from its manifest.", "Run it again.")


def differing(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Read every table of an open published file; the tables that differ from its manifest. Raises duckdb.Error for damage."""
    listed = set(con.execute('select "table", rows, checksum from meta.manifest').fetchall())
    (name,) = first(con, "select current_database()")
    return sorted({table for table, *_ in listed ^ set(manifest(con, name))})


def _point(folder: Path, target: Path) -> None:
    """Move the pointer: a symbolic link, replaced in one step."""
    fresh = folder / f"{POINTER}.tmp"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target.name)
    fresh.replace(folder / POINTER)
    sync(folder)


def _prune(folder: Path, keep: int) -> None:
    with contextlib.suppress(PublishError):
        named = current(folder)
        for _, path in sorted(_published(folder), reverse=True)[keep:]:
            if path != named:
                path.unlink()


def _published(folder: Path) -> list[tuple[int, Path]]:
    return [(int(found[1]), path) for path in folder.iterdir() if (found := _NAME.match(path.name))]
