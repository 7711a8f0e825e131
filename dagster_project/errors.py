"""Errors: any exception as three parts: what happened, why, what to do. Commands, refresher and processes all show these.

`GuildhallError` brings its parts along. Everything else comes from the operating system or a library and is recognised here, by
its number or by the module of its class, so that translating an error imports nothing.
"""

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from events.errors import GuildhallError

LONGEST_REASON = 300
_NO_ROOM = ("no space left", "disk is full", "disk quota exceeded")
"""DuckDB, SQLite and Java report a full disk in text only."""
_DAMAGED = ("not a valid duckdb", "corrupt", "checksum", "serializ", "malformed", "is not a database")


@dataclass(frozen=True, slots=True)
class Explanation:
    """An error for a person.

    `foreseen` is False for a fault of the software or a broken file: the trace belongs in the log, and a long-lived process
    restarts rather than tries again.
    """

    what: str
    why: str
    todo: str
    foreseen: bool = True


def explain(error: BaseException) -> Explanation:
    """Translate the first of the error and its causes that is recognised; without one, the error is a fault of the software."""
    for cause in causes(error):
        for translate in _TRANSLATORS:
            found = translate(cause)
            if found is not None:
                return found
    return Explanation(
        "Something failed that should not fail.",
        f"{type(error).__name__}: {_reason(error)}",
        "Report it with its trace: a command prints it with --debug, a process writes it to its log.",
        foreseen=False,
    )


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, then what caused it, and so on; each once."""
    seen: set[int] = set()  # an exception raised twice may be its own context
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _own(error: BaseException) -> Explanation | None:
    return Explanation(error.what, error.why, error.todo) if isinstance(error, GuildhallError) else None


def _interrupted(error: BaseException) -> Explanation | None:
    if not isinstance(error, KeyboardInterrupt):
        return None
    return Explanation(
        "Stopped.", "Ctrl-C was pressed.", "Run the same command again to continue: finished work is kept and counts once."
    )


def _full_disk(error: BaseException) -> Explanation | None:
    number = getattr(error, "errno", None)
    if number not in {errno.ENOSPC, errno.EDQUOT} and not any(sign in str(error).lower() for sign in _NO_ROOM):
        return None
    return Explanation("The disk is full.", _reason(error), "Free some space. Work continues where it stopped.")


def _system(error: BaseException) -> Explanation | None:
    if not isinstance(error, OSError):
        return None
    if error.errno in _NUMBERS:
        what, todo = _NUMBERS[error.errno]
        place = str(error.filename) if error.filename else "A file"
        return Explanation(what.format(place=place), _reason(error), todo)
    if isinstance(error, ConnectionError | TimeoutError):
        return Explanation("A service does not answer.", _reason(error), "Check that it runs and that its address is right.")
    if error.filename and error.strerror:
        return Explanation(f"{error.filename} cannot be used.", _reason(error), "Check the path, or name another one.")
    return None


_OTHER_HOME = "Run as the user who owns it, or name another folder with --home or GUILDHALL_HOME."
_NUMBERS = {
    errno.EACCES: ("{place} cannot be used.", _OTHER_HOME),
    errno.EPERM: ("{place} cannot be used.", _OTHER_HOME),
    errno.EROFS: (
        "{place} cannot be written.",
        "Make the file system writable, or name another folder with --home or GUILDHALL_HOME.",
    ),
    errno.ENOENT: ("{place} is missing.", "Check the path. A relative path starts in the current folder."),
    errno.EMFILE: ("Too many files are open.", "Raise the limit (`ulimit -n 65536`) and start again."),
    errno.ENFILE: ("Too many files are open.", "Close other programs and start again."),
    errno.EIO: ("{place} cannot be read or written.", "Check the disk: it reports an input/output error."),
    errno.EADDRINUSE: ("The port is in use.", "Stop the program that uses it, or set another port in guildhall.toml."),
    errno.ENOMEM: ("There is not enough memory.", "Close other programs and start again."),
}
"""Number of the operating system -> what happened and what to do."""


def _kafka(error: BaseException) -> Explanation | None:
    if _module(error) not in {"kafka", "cimpl", "confluent_kafka", "aiokafka"}:
        return None
    return Explanation(
        "Kafka does not answer.",
        f"The client reports {type(error).__name__}.",
        "Check that Kafka runs (`guildhall doctor`). No event is lost; work continues when Kafka is back.",
    )


def _database(error: BaseException) -> Explanation | None:
    if _module(error) not in {"_duckdb", "duckdb", "sqlite3"}:
        return None
    text, kind = str(error).lower(), type(error).__name__
    if "could not set lock" in text or "database is locked" in text or "conflicting lock" in text:
        return Explanation("A database file is in use.", _reason(error), "Close the program that has it open, then repeat.")
    if kind == "OutOfMemoryException":
        return Explanation(
            "A query needs more memory than it may use.", _reason(error), "Raise `memory_limit` of [refresh] in guildhall.toml."
        )
    if "readonly database" in text or "read-only file system" in text or "permission denied" in text:
        return Explanation("A database file cannot be written.", _reason(error), _OTHER_HOME)
    if any(sign in text for sign in _DAMAGED):
        return Explanation(
            "A database file is damaged.",
            _reason(error),
            "Restore it from a backup; the warehouse file alone can be deleted, and `guildhall build --full` makes it again.",
            foreseen=False,
        )
    return None


def _memory(error: BaseException) -> Explanation | None:
    if not isinstance(error, MemoryError):
        return None
    return Explanation(
        "There is not enough memory.", "The system refused more.", "Close other programs and start again.", foreseen=False
    )


def _package(error: BaseException) -> Explanation | None:
    if not isinstance(error, ModuleNotFoundError) or (error.name or "").split(".")[0] in _OURS:
        return None
    return Explanation("A Python package is missing.", f"{error}.", "Install everything: `make install`.")


_OURS = {"events", "pipelines", "warehouse", "dagster_project"}
_TRANSLATORS: tuple[Callable[[BaseException], Explanation | None], ...] = (
    _own,
    _interrupted,
    _full_disk,
    _kafka,
    _database,
    _system,
    _memory,
    _package,
)


def _module(error: BaseException) -> str:
    """The top-level package of the error's class or of the library class that it derives from."""
    for cls in type(error).__mro__:
        top = cls.__module__.split(".")[0]
        if top not in {"builtins", *_OURS}:
            return top
    return ""


def _reason(error: BaseException) -> str:
    text = str(getattr(error, "strerror", None) or error).strip()
    first = text.splitlines()[0][:LONGEST_REASON] if text else type(error).__name__
    return first if first.endswith((".", "!", "?")) else f"{first}."
