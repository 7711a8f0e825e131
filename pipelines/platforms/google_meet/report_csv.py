"""Report: Meet's attendance report as CSV: first name, last name, address, duration, time joined, time exited.

The columns are known by their place, because the headings are translated. The times are clocks of the organizer's time zone,
often without a date: that stands in the file's name, as does the meeting's code or title.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipelines.connector import ExportError
from pipelines.shared.text import decoded

_DATE = re.compile(r"(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)")
_CODE = re.compile(r"(?<![a-z])[a-z]{3}-[a-z]{4}-[a-z]{3}(?![a-z])")
_CLOCK = re.compile(r"(?:.*\s)?(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?\s*([ap])?\.?\s?m?\.?", re.IGNORECASE)
_COLUMNS = 6


def read_report(file: str, content: bytes, zone: ZoneInfo) -> Iterator[dict[str, object]]:
    """The resources of a report, as `payloads.Resource` reads them. Raises ExportError for a file of another form."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(decoded(content), newline=""))]
    stays = [row for row in rows if len(row) >= _COLUMNS and _CLOCK.fullmatch(row[4])]
    day = _day(file, stays)
    if not stays or day is None:
        raise ExportError(
            "The attendance report cannot be read.",
            f"{file}: it has no row with times, or neither it nor its name shows the date.",
            "Give the CSV of Meet's attendance report under the name that Meet gives it.",
        )
    code = _CODE.search(file)
    title = _DATE.sub("", file).casefold()
    space = f"spaces/{code[0]}" if code else "title:" + hashlib.blake2b(title.encode(), digest_size=8).hexdigest()
    conference = {"name": f"{space}:{day.isoformat()}"}
    for number, row in enumerate(stays):
        came = _moment(row[4], day, zone)
        went = _moment(row[5], day, zone)
        if went and came and went < came:
            went += timedelta(days=1)
        name = " ".join(cell for cell in row[:2] if cell)
        yield {
            "space": space,
            "conference": conference,
            "participant": {
                "name": f"report/{conference['name']}/{number}",
                "anonymousUser": {"displayName": name},
                "email": row[2],
                "earliestStartTime": came.isoformat() if came else None,
                "latestEndTime": went.isoformat() if went else None,
            },
        }


def _day(file: str, stays: list[list[str]]) -> date | None:
    for text in (*(row[4] for row in stays[:1]), file):
        found = _DATE.search(text)
        if found:
            try:
                return date(int(found[1]), int(found[2]), int(found[3]))
            except ValueError:
                continue
    return None


def _moment(text: str, day: date, zone: ZoneInfo) -> datetime | None:
    found, dated = _CLOCK.fullmatch(text), _DATE.search(text)
    if not found:
        return None
    hour = int(found[1])
    if found[4]:
        hour = hour % 12 + (12 if found[4] in "pP" else 0)
    try:
        on = date(int(dated[1]), int(dated[2]), int(dated[3])) if dated else day
        return datetime(on.year, on.month, on.day, hour, int(found[2]), int(found[3] or 0), tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None
