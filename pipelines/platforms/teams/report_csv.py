"""Report: the attendance CSV as people download it, as records like Graph's.

It is UTF-16 or UTF-8, with tabs or commas, in three layouts and in every language that Teams speaks. So nothing is read by its
heading: a row is somebody's where a name and two times begin it, and the language changes neither.

* Since 2022: sections `1. …` (title, beginning, end), `2. …` (people, first joining, last leaving) and `3. …` (one row per
  stay). The stays are read where there are any.
* 2021: a block with title, number, beginning and end, then one row per stay or per person.
* The list downloaded during a meeting: a name, what it did (`Joined`, `Left`), and when.

Whether the day or the month comes first is read from the whole file; where every date fits both, `AM` shows that of the United
States. Clocks are of the browser's time zone, which the file does not name.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from pipelines.connector import ExportError
from pipelines.shared.text import decoded

_DATE = r"(?P<a>\d{1,4})\s?[./-]\s?(?P<b>\d{1,2})\s?[./-]\s?(?P<c>\d{1,4})\.?"
_MARK = r"(?P<mark>[ap]\.?\s?m\.?|上午|下午|午前|午後|오전|오후|[πp]\.?μ\.?|μ\.?μ\.?)"
_CLOCK = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?"
_MOMENT = re.compile(rf"{_DATE},?\s*(?:{_MARK.replace('mark', 'before')}\s*)?{_CLOCK}(?:\s*{_MARK})?", re.IGNORECASE)
_AFTERNOON = re.compile(r"p|下|後|오후|^μ", re.IGNORECASE)
_SECTION = re.compile(r"\d\.\s")
_LEFT = re.compile(
    r"left|verlassen|quitt|parti|sali|abandon|saiu|uscit|forlat|poistu|opuści|退|离|離|나감|вышел|покину", re.IGNORECASE
)
_DURATION = re.compile(r"[\d\s]*\d\s*\D{0,12}(?:[\d\s]+\D{0,12})*")
_TWO = 2
_DAYS_OF_MONTHS, _MONTHS = 31, 12


@dataclass(frozen=True, slots=True)
class Row:
    """One row: somebody, with what stands behind the times."""

    name: str
    came: str
    went: str
    rest: tuple[str, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The email address and the user principal name, of those that are there."""
        return tuple(cell for cell in self.rest if "@" in cell)


def is_report(content: bytes) -> bool:
    """Whether the beginning of a file may be a report: its text has a date with a clock in a table."""
    text = decoded(content)
    return _MOMENT.search(text) is not None and ("\t" in text or "," in text)


def read_report(file: str, content: bytes, zone: ZoneInfo) -> tuple[dict[str, str], list[dict[str, object]]]:
    """The meeting and its records, as `payloads.Attended` reads them. Raises ExportError for a file of another form."""
    text = decoded(content)
    dialect = "\t" if "\t" in text else ","
    lines = [[cell.strip() for cell in line] for line in csv.reader(io.StringIO(text, newline=""), delimiter=dialect)]
    lines = [line for line in lines if any(line)]
    summary, rows = _parts(lines)
    clock = _Clock(file, [cell for line in lines for cell in line], zone)
    if not rows:
        raise _unreadable(file, "it has no row with a name and two times")
    times = [at for line in summary if len(line) > 1 and (at := clock.at(line[1]))]
    stays = [(row, clock.at(row.came), clock.at(row.went)) for row in rows]
    seen = [at for _, *ends in stays for at in ends if at]
    if not seen and not times:
        raise _unreadable(file, "it has no time")
    start = times[0] if times else min(seen)
    title = next((line[1] for line in summary if len(line) > 1 and _is_title(line[1])), file)
    series = "title:" + hashlib.blake2b(" ".join(title.split()).casefold().encode(), digest_size=8).hexdigest()
    meeting = {"series": series, "id": f"{series}:{int(start.timestamp())}", "start": start.isoformat()}
    if len(times) > 1:
        meeting["end"] = times[1].isoformat()
    return meeting, list(_records(stays))


def _is_title(cell: str) -> bool:
    return bool(cell) and not cell.isdigit() and not _MOMENT.fullmatch(cell) and not _DURATION.fullmatch(cell)


def _parts(lines: list[list[str]]) -> tuple[list[list[str]], list[Row]]:
    """The lines above the rows, and the rows of the last section that has any; where there are no sections, all rows."""
    acts = [line for line in lines if len(line) > _TWO and not _is_time(line[1]) and _is_time(line[2])]
    sections: list[list[Row]] = [[]]
    summary: list[list[str]] = []
    for line in lines:
        if len(line) == 1 or (_SECTION.match(line[0]) and not any(line[1:])):
            if _SECTION.match(line[0]):
                sections.append([])
        elif len(line) > _TWO and line[0] and _is_time(line[1], empty=True) and _is_time(line[2], empty=True):
            if line[1] or line[2] or any("@" in cell for cell in line):
                sections[-1].append(Row(line[0], line[1], line[2], tuple(line[3:])))
        elif len(line) >= _TWO and not any(sections):
            summary.append([line[0], line[1]])
    found = [rows for rows in sections if rows]
    if not found and acts:
        return summary, _stays_of(acts)
    # The section of stays repeats those of the section before; a last section of people without times is not one.
    return summary, next((rows for rows in reversed(found[:3]) if any(row.came for row in rows)), found[0] if found else [])


def _stays_of(acts: list[list[str]]) -> list[Row]:
    """Rows of a list of what each one did: a joining and the leaving that follows it are one stay."""
    rows: list[Row] = []
    for name in dict.fromkeys(line[0] for line in acts):
        own = [(_LEFT.search(line[1]) is not None, line[2]) for line in acts if line[0] == name]
        for (left, at), (next_left, next_at) in pairwise([*own, (False, "")]):
            if not left:
                rows.append(Row(name, at, next_at if next_left else "", ()))
    return rows


def _is_time(cell: str, *, empty: bool = False) -> bool:
    return (empty and not cell) or _MOMENT.fullmatch(cell) is not None


def _records(stays: list[tuple[Row, datetime | None, datetime | None]]) -> Iterator[dict[str, object]]:
    """One record per person: rows of one address, or of one name without an address."""
    people: dict[tuple[str, ...], list[tuple[Row, datetime | None, datetime | None]]] = {}
    for number, (row, came, went) in enumerate(stays):
        # Two telephones may have the same masked number: each such row is one.
        key = row.addresses or ((row.name,) if any(sign.isalpha() for sign in row.name) else (row.name, str(number)))
        people.setdefault(tuple(key), []).append((row, came, went))
    for own in people.values():
        row = own[0][0]
        addresses = row.addresses
        yield {
            "identity": {"displayName": row.name},
            "emailAddress": addresses[0] if addresses else None,
            "upn": addresses[1] if len(addresses) > 1 else None,
            "role": row.rest[-1] if row.rest and "@" not in row.rest[-1] and len(row.rest) > 1 else None,
            "attendanceIntervals": [
                {"joinDateTime": came.isoformat() if came else None, "leaveDateTime": went.isoformat() if went else None}
                for _, came, went in own
            ],
        }


class _Clock:
    """Reads the local times of one file: the order of day and month is the same in all of it."""

    def __init__(self, file: str, cells: list[str], zone: ZoneInfo) -> None:
        self._file, self._zone = file, zone
        found = [match for cell in cells if (match := _MOMENT.fullmatch(cell))]
        first = max((int(one["a"]) for one in found if len(one["a"]) < 4), default=0)  # noqa: PLR2004 - digits of a year
        second = max((int(one["b"]) for one in found), default=0)
        american = any((one["mark"] or "").isupper() for one in found) and not any("." in one[0].split()[0] for one in found)
        self._month_first = second > _MONTHS or (first <= _MONTHS and american)
        self._year_first = any(one["before"] and one["before"][0] == "오" for one in found) or first > _DAYS_OF_MONTHS

    def at(self, text: str) -> datetime | None:
        """The UTC moment of a local time; None for an empty cell. Raises ExportError for one that is none."""
        found = _MOMENT.fullmatch(text)
        if not found:
            return None
        a, b, c = int(found["a"]), int(found["b"]), int(found["c"])
        if len(found["a"]) == 4 or self._year_first:  # noqa: PLR2004 - digits of a year
            year, month, day = a, b, c
        elif self._month_first:
            year, month, day = c, a, b
        else:
            year, month, day = c, b, a
        hour, mark = int(found["hour"]), found["mark"] or found["before"]
        if mark:
            hour = hour % 12 + (12 if _AFTERNOON.search(mark) else 0)
        year += 2000 if year < 100 else 0  # noqa: PLR2004 - a year of two digits
        try:
            local = datetime(year, month, day, hour, int(found["minute"]), int(found["second"] or 0), tzinfo=self._zone)
        except ValueError as error:
            raise _unreadable(self._file, "a time in it is none of the calendar") from error
        return local.astimezone(UTC)


def _unreadable(file: str, why: str) -> ExportError:
    return ExportError(
        "The attendance report cannot be read.",
        f"{file}: {why}.",
        "Give the CSV as Teams downloads it (Attendance tab of the meeting, Download).",
    )
