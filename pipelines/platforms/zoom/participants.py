"""Participants: Zoom's participants report, a CSV with one row per stay, as the bodies that `normalise` reads.

The report shows clocks of the account's time zone and names no zone. It has two layouts: with the meeting's block above the
rows, and without it, where the file's name holds the meeting's number. Its headings changed over the years.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms.zoom.webhook import LIVE
from pipelines.shared.lines import content_id
from pipelines.shared.text import decoded

REPORTED = "meeting.participant_reported"
"""The type of a body that is made of a row. Zoom sends no such event."""
HELD = "meeting.reported"

_FORMATS = (
    "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S", "%b %d, %Y %I:%M %p", "%b %d, %Y %I:%M:%S %p",
)  # fmt: skip
_NAMED = re.compile(r"(?P<name>.*?)\s*\((?P<original>.+)\)\s*")
_HOST = re.compile(r".*\((?P<email>[^()\s]+@[^()\s]+)\)\s*")
_NUMBER = re.compile(r"\d[\d ]{7,}\d")

Row = dict[str, str]


def is_participants_report(content: bytes) -> bool:
    """Whether the beginning of a file looks like Zoom's participants report."""
    head = decoded(content).casefold()
    return "join time" in head or ("name (original name)" in head) or ("meeting id" in head and "topic" in head)


def read_participants(name: str, content: bytes, options: ImportOptions) -> Iterator[PlatformEvent]:
    """One event for the meeting and one per row. Raises ExportError for a report without times or a zone."""
    meeting, rows = _parts(name, content)
    if not rows or not any(row.get("join time") for row in rows):
        raise ExportError(
            "The participants report cannot be read.",
            f"{name} is a CSV of Zoom without a join time per row.",
            "Export it again with `Show unique users` off, so that each row has a join time and a leave time.",
        )
    if options.time_zone is None:
        raise ExportError(
            "The participants report cannot be read without a time zone.",
            f"{name} is Zoom's participants CSV: it shows local clocks and names no zone.",
            "Give the zone of the Zoom account, for instance `--time-zone Europe/Oslo`.",
        )
    zone = _zone(options.time_zone)
    tenant = options.tenant or "unknown"
    number = "".join((meeting.get("meeting id") or meeting.get("id") or _number(name)).split())
    stays = [(row, _moment(name, row["join time"], zone), _moment(name, row.get("leave time", ""), zone)) for row in rows]
    begins = _moment(name, meeting.get("start time", ""), zone) or min((came for _, came, _ in stays if came), default=None)
    if begins is None or not number:
        raise _unreadable(name, "it shows no meeting's number, neither in its rows nor in the file's name")
    held = {"id": number, "uuid": f"report:{number}:{int(begins.timestamp())}", "start_time": begins.isoformat()}
    host = _host(meeting)
    ends = _moment(name, meeting.get("end time", ""), zone)
    if host:
        yield _event(HELD, tenant, held | {"host_id": host} | ({"end_time": ends.isoformat()} if ends else {}), begins)
    seen: Counter[datetime] = Counter()
    for row, came, left in stays:
        waited = row.get("in waiting room", "").casefold() == "yes"
        if came is not None:
            seen[came] += 1
            # The report numbers no connections, and each row is one.
            connection = {"user_id": f"row:{int(came.timestamp())}:{seen[came]}"}
            person = (
                _person(row) | connection | {"join_time": came.isoformat()} | ({"leave_time": left.isoformat()} if left else {})
            )
            kind = "meeting.participant_joined_waiting_room" if waited else REPORTED
            yield _event(kind, tenant, held | {"participant": person}, came)


def _parts(file: str, content: bytes) -> tuple[Row, list[Row]]:
    """The meeting's block (empty where there is none) and the rows, by headings in lower case."""
    lines = [[cell.strip() for cell in line] for line in csv.reader(io.StringIO(decoded(content), newline=""))]
    heads = [
        place
        for place, line in enumerate(lines)
        if line and line[0].casefold().startswith("name") and any("email" in cell.casefold() for cell in line)
    ]
    if not heads:
        raise _unreadable(file, "it has no line of headings with `Name (Original Name)` and `User Email`")
    above = [line for line in lines[: heads[0]] if any(line)]
    meeting = dict(zip([cell.casefold() for cell in above[0]], above[1], strict=False)) if len(above) > 1 else {}
    names = [_heading(cell) for cell in lines[heads[0]]]
    return meeting, [dict(zip(names, line, strict=False)) for line in lines[heads[0] + 1 :] if any(line)]


def _heading(cell: str) -> str:
    folded = cell.casefold()
    if folded.startswith("name"):
        return "name"
    return "email" if folded in {"user email", "email"} else folded


def _person(row: Row) -> Row:
    name = row.get("name", "")
    renamed = _NAMED.fullmatch(name)
    return {"user_name": renamed["original"] if renamed else name, "email": row.get("email", "")}


def _host(meeting: Row) -> str | None:
    """The host's email address: of the older block a column, of the newer one behind the host's name."""
    named = _HOST.fullmatch(meeting.get("host", ""))
    email = meeting.get("user email") or meeting.get("email") or (named["email"] if named else "")
    return email.strip().casefold() if "@" in email else None


def _number(file: str) -> str:
    found = _NUMBER.search(file)
    return found[0] if found else ""


def _moment(file: str, text: str, zone: ZoneInfo) -> datetime | None:
    """The UTC moment of a local clock; None for an empty cell. Raises ExportError for a clock of another form."""
    if not text:
        return None
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            continue
    raise _unreadable(file, f"`{text[:40]}` is no time like 10/05/2026 05:00:00 PM")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # KeyError: zoneinfo's way of not knowing a name
        raise ExportError(
            "The participants report cannot be read in that time zone.",
            f"There is no time zone {name}.",
            "Give an IANA name such as Europe/Oslo.",
        ) from error


def _event(kind: str, tenant: str, found: Mapping[str, object], at: datetime) -> PlatformEvent:
    payload = to_json({"event": kind, "payload": {"account_id": tenant, "object": found}})
    return PlatformEvent(id=content_id(payload), type=LIVE, payload=payload, tenant=tenant, time=at)


def _unreadable(file: str, why: str) -> ExportError:
    return ExportError(
        "The participants report cannot be read.",
        f"{file}: {why}.",
        "Give the CSV as Zoom exports it (Reports, Usage, Participants), with the file name that Zoom gives it.",
    )
