"""JSON files: an export whose file is one object with a long list in it, such as the messages of a channel.

The list is read entry by entry, so a file may be larger than memory. An export is one such file (plain or compressed), or a
folder, a zip or a tar of them.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from events.limits import MAX_BODY_BYTES
from pipelines.connector import ExportError
from pipelines.imports.archive import open_tree
from pipelines.shared.entries import Fault, IsEntry, entries
from pipelines.shared.lines import DAMAGED, opened_text, unreadable
from pipelines.shared.text import decoded, without_lone_surrogates

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_Open = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file: its name within the export, the fields in front of its list, and the entries of the list."""

    name: str
    head: dict[str, Any]
    entries: Iterator[dict[str, Any] | Fault] = field(compare=False)


def listed_files(path: Path, list_name: str, is_entry: IsEntry, left_out: Callable[[str, str], object]) -> Iterator[ListedFile]:
    """Every file of an export that holds `list_name` as a list. Read one before you take the next. Raises ExportError.

    `left_out` is called for a file of another form.
    """
    try:
        for number, (name, opened) in enumerate(_files(path), 1):
            with opened() as binary:
                text = io.TextIOWrapper(binary, encoding="utf-8", errors="replace")
                found = _head(text, list_name)
                if found is None:
                    left_out(name, f"it has no list `{list_name}`")
                else:
                    head, rest = found
                    yield ListedFile(name, head, _entries(rest, text, f"File {number}", is_entry))
                text.detach()
    except OSError as error:
        raise unreadable("The export", path, error) from error


def _files(path: Path) -> Iterator[tuple[str, _Open]]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield file.relative_to(path).as_posix(), partial(opened_text, file)
    elif path.name.lower().endswith(_ARCHIVES):
        with open_tree(path) as tree:
            for name in tree.names():
                if name.lower().endswith(".json"):
                    yield name, lambda name=name: closing(io.BytesIO(decoded(tree.read(name)).encode()))  # type: ignore[misc]
    elif path.is_file():
        yield path.name, partial(opened_text, path)
    else:
        raise ExportError("The export cannot be read.", f"There is no file {path.name}.", "Check the path.")


def _head(text: IO[str], list_name: str) -> tuple[dict[str, Any], str] | None:
    """The fields in front of the list, and what was read of the list."""
    before = ""
    try:
        while len(before) <= MAX_BODY_BYTES:
            piece = text.read(MAX_BODY_BYTES)
            before += piece
            found = re.search(rf'"{list_name}"\s*:\s*(?=\[)', before)
            if found:
                head = json.loads(without_lone_surrogates(before[: found.start()].lstrip("\ufeff") + f'"{list_name}":null}}'))
                return (head, before[found.end() :]) if isinstance(head, dict) else None
            if not piece:
                return None
    except (ValueError, RecursionError, *DAMAGED):
        return None
    return None


def _entries(begun: str, text: IO[str], place: str, is_entry: IsEntry) -> Iterator[dict[str, Any] | Fault]:
    pieces = [begun]

    def read(size: int) -> str:
        return pieces.pop() if pieces else text.read(size)

    try:
        yield from entries(read, place, is_entry)
    except DAMAGED:
        yield Fault(place, "the file is damaged or ends in the middle")
