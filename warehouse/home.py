"""Home folder: its lock and its two files, opened by one process at a time. A damaged file is moved aside as a whole."""

import contextlib
import os
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from events.errors import GuildhallError
from warehouse.build import meta
from warehouse.db import first, is_damage, open_files
from warehouse.files import LANDING, LOCK, QUARANTINE, WAREHOUSE


class WarehouseError(GuildhallError):
    """The files cannot be opened, or not be published."""


class WarehouseInUseError(WarehouseError):
    """Another process has the files open; they can be opened when it closes them."""


def take_lock(home: Path) -> FileLock:
    """Lock a home folder for this process and return the lock, which the caller releases. Raises WarehouseInUseError."""
    path = home / LOCK
    # Not per thread: the thread that closes the warehouse may be another one than the thread that opened it.
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        holder = path.read_text(errors="replace").strip() or "unknown"
        raise WarehouseInUseError(
            f"{home} is in use.",
            f"Process {holder} has its files open, and one process at a time may.",
            "Let the refresher of `guildhall up` do it, or stop it first.",
        ) from error
    path.write_text(f"{os.getpid()}\n")
    return lock


def open_home(home: Path, *, memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    """Open both files of a home folder, creating what is absent. The caller closes. Raises WarehouseError."""
    for name in (LANDING, WAREHOUSE):
        _check_file(home / name)
    con = open_files(home / LANDING, home / WAREHOUSE, memory_limit=memory_limit, threads=threads)
    try:
        (home / LANDING).chmod(0o600)
        meta.prepare(con)
    except BaseException:
        con.close()
        raise
    return con


def _check_file(path: Path) -> None:
    """Open a file alone, so that DuckDB replays its log. Move it aside when it is damaged; the error names the remedy."""
    try:
        duckdb.connect(str(path)).close()
    except duckdb.IOException as error:
        if "could not set lock" in str(error).lower():  # not "lock": a damaged block has a location
            raise WarehouseError(
                f"{path.name} is in use.",
                "Another program has it open.",
                "Close it; to look at data open var/published/current.",
            ) from error
        if is_damage(error):
            raise _quarantined(path) from error
        # A full disk or a missing permission is no fault of the file, so the file stays where it is.
        raise WarehouseError(
            f"{path.name} cannot be opened.",
            f"DuckDB reports: {str(error).splitlines()[0][:200]}",
            "Make sure that the disk has room and that the folder is yours, then try again; nothing was moved.",
        ) from error
    except duckdb.Error as error:
        if is_damage(error):
            raise _quarantined(path) from error
        raise


def set_damaged_aside(home: Path) -> WarehouseError | None:
    """Read both files whole, while nobody has them open. Move a damaged warehouse aside; returns the error to raise, if any.

    A damaged landing file stays where it is: it may be the only copy of what was imported.
    """
    for name in (WAREHOUSE, LANDING):
        try:
            _read_whole(home / name)
        except duckdb.Error as error:
            if not is_damage(error):
                continue
            if name == WAREHOUSE:
                return _quarantined(home / name)
            return WarehouseError(
                f"{name} is damaged.",
                f"DuckDB cannot read all of it: {str(error).splitlines()[0][:200]}",
                "Stop Guildhall and restore the file from your backup. Without one, move it away: what Kafka has of the last "
                "28 days lands again; import what is older again.",
            )
    return None


def _read_whole(path: Path) -> None:
    """Read every row of every table. Raises duckdb.Error."""
    with duckdb.connect(str(path)) as con:
        meta.manifest(con, first(con, "select current_database()")[0])


def _quarantined(path: Path) -> WarehouseError:
    """Move a file and its log aside; returns the error to raise."""
    aside = path.parent / QUARANTINE
    aside.mkdir(exist_ok=True)
    number = len(list(aside.iterdir()))
    for part in (path, path.with_name(path.name + ".wal")):
        with contextlib.suppress(FileNotFoundError):
            part.rename(aside / f"{part.name}.{number}")
    todo = (
        "Run it again: the warehouse is built again from the landing file."
        if path.name == WAREHOUSE
        else "Restore it from your backup, or run it again: the 28 days that Kafka keeps land again; import what is older."
    )
    return WarehouseError(f"{path.name} was moved to {aside}.", "DuckDB cannot read it.", todo)
