"""Stored: JSON bodies in files, as one value, as an array or one per line; of one file or of the files of a folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.shared.entries import Fault, faulty
from pipelines.shared.lines import numbered_lines, opened_text, unreadable
from pipelines.shared.text import parse_payload

MAX_WHOLE_BYTES = 256 << 20
"""Of a file that is read as a whole."""
MOST_FAULTS_FIRST = 100
"""A file that begins with more values that are none of the platform's is no file of it."""
NAMES = frozenset({".json", ".jsonl", ".ndjson", ".log", ".txt"})

Events = Callable[[Any, str, Path], Iterator[PlatformEvent]]
"""(JSON value, its place, its file) -> events. Raises ValueError for a value that is none of the platform's."""


def files_of(path: Path, names: frozenset[str], wanted: str) -> list[Path]:
    """The file, or the files of a folder with these endings. Raises ExportError where there is none."""
    files = [path]
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file() and one.suffix.casefold() in names)
    if not files:
        raise ExportError("There is nothing to read.", f"{path.name} has no file of a kind that is read.", wanted)
    return files


def read_stored(path: Path, options: ImportOptions, raw_type: str, events: Events, wanted: str) -> Iterator[PlatformEvent]:
    """The events of every value. What is none is one rejected record. Raises ExportError for a file without any event."""
    for file in files_of(path, NAMES, wanted):
        found, faults = False, 0
        try:
            for event in _file(file, raw_type, events, options.tenant or "unknown"):
                found, faults = found or event.fault is None, faults + 1
                if file == path and not found and faults > MOST_FAULTS_FIRST:
                    break
                yield event
        except OSError as error:
            raise unreadable("The file", file, error) from error
        if not found and file == path:
            raise ExportError("The file cannot be read.", f"{file.name} holds nothing that is read.", wanted)


def _file(file: Path, raw_type: str, events: Events, tenant: str) -> Iterator[PlatformEvent]:
    for place, found in _values(file):
        try:
            if isinstance(found, Fault):
                yield faulty(found, raw_type, tenant)
            else:
                yield from list(events(found, place, file))
        except ValueError:
            yield faulty(Fault(place, "it is not what this kind of import reads"), raw_type, tenant)


def _values(file: Path) -> Iterator[tuple[str, Any]]:
    with opened_text(file) as opened:
        whole = opened.read(MAX_WHOLE_BYTES)
    try:
        found = parse_payload(whole)
    except ValueError:
        with opened_text(file) as opened:
            for number, line in numbered_lines(opened):
                place = f"{file.name}, line {number}"
                try:
                    yield place, parse_payload(line[line.find(b"{") :] if b"{" in line else line)
                except ValueError:
                    yield place, Fault(place, "it is not JSON", line)
    else:
        if isinstance(found, list):
            yield from ((f"{file.name}, entry {number}", one) for number, one in enumerate(found, start=1))
        else:
            yield file.name, found
