"""Export: logs of IRC meetings in an archive or a folder. One log is one meeting and one record.

The path of a log identifies its meeting: the date in the name of the file, or of the nearest folder. The words beside that date
are the series (`2020-03-02-board-meeting.md`, `board/2020-03-02.log` and `2020-03-02-board/irc.log` belong to `board`), without
words that every such name has. A number or a clock right after the date distinguishes two meetings of one day. Of several logs
of one meeting, one is used, a corrected one before a raw one: their names differ by `raw`, or half of their lines are the same.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path, PurePosixPath
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from events.limits import MAX_RECORD_BYTES
from pipelines.connector import ExportError, ImportOptions, PlatformEvent, UnreadableError
from pipelines.imports.archive import ExportTree, open_tree
from pipelines.platforms.irc.clients import decode
from pipelines.platforms.irc.lines import FIRST_YEAR, LAST_YEAR, Kind, Line, read_lines

EXPORTED_LOG = "irc.log"
MAX_LOG_BYTES = MAX_RECORD_BYTES * 3 // 4
"""A longer log does not fit into a record of the raw topic."""
MAIN_SERIES = "main"
"""The series of logs whose names have nothing but a date."""
_SUFFIXES = frozenset({"", ".log", ".txt", ".md", ".markdown", ".irc"})
_DATE = re.compile(
    r"(?<![0-9])(?:(?P<year>[0-9]{4})(?P<mark>[-_.]?)(?P<month>[0-9]{2})(?P=mark)(?P<day>[0-9]{2})|"
    r"(?P<dd>[0-9]{2})\.(?P<mm>[0-9]{2})\.(?P<yyyy>[0-9]{4}))(?![0-9])"
)
"""2020-03-02, 2020_03_02, 20200302, and 02.03.2020 as it is written where days come first."""
_PARTS = (("year", "yyyy"), ("month", "mm"), ("day", "dd"))
_PART = re.compile(r"[-_T](?P<clock>[0-9]{2}[.:h][0-9]{2})(?![0-9])|[-_](?P<part>[0-9]{1,2})(?=$|[^0-9\w-])")
_WORD = re.compile(r"[^\W_]+")
_EVERYWHERE = frozenset(
    _WORD.findall(
        "and archive chat for held irc log logs meeting meetings minutes notes of on overview raw the transcript",
    )
)
"""Words of names that do not belong to the series."""
_NO_LOGS = frozenset(["email", "index", "license", "readme"])
"""Names, without suffix, of files beside logs. Minutes are often sent by email, which may quote the log."""
_MIN_TURNS = 0.25
"""The share of lines that must be turns: a message or a page may quote a few."""
_SAME_MEETING = 0.5
LeftOut = Callable[[str, str], object]
_FORMATS = (
    (b"{\\rtf", "RTF"),
    (b"WEBVTT", "a transcript of WebVTT"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "a zip or an office document"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|\?xml)", re.IGNORECASE)
_RAW = re.compile(r"[-_.]raw(?=[-_.][^/]*$)|raw[-_.](?=[^/]*$)", re.IGNORECASE)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnreadableError("no such time zone") from error
    return name


def _possible_year(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise UnreadableError("not a year of a log")
    return day


Name = Annotated[str, Field(min_length=1, max_length=128)]


class Meeting(BaseModel):
    """The meeting that a log belongs to: the first line of a record, as JSON. The unchanged bytes of the log follow."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tenant: Name
    series: Name
    date: Annotated[date, AfterValidator(_possible_year)]
    part: Annotated[str, Field(min_length=1, max_length=16)] | None = None
    zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    @property
    def occurrence(self) -> str:
        """The meeting's native id: the same in every format of its log."""
        return ":".join(filter(None, (self.series, self.date.isoformat(), self.part)))

    def lines(self, log: bytes) -> list[Line]:
        """The lines of this meeting's log, in whichever encoding its client wrote it."""
        return read_lines(decode(log), self.date, ZoneInfo(self.zone))


def pack(meeting: Meeting, log: bytes) -> bytes:
    """The payload of a meeting's record."""
    return meeting.model_dump_json(exclude_none=True).encode() + b"\n" + log


def unpack(payload: bytes) -> tuple[Meeting, bytes]:
    """The meeting and the log that `pack` wrote. Raises ValueError for anything else."""
    head, line_end, log = payload.partition(b"\n")
    if not line_end:
        raise UnreadableError("no log after the meeting")
    return Meeting.model_validate_json(head), log


def read_export(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every meeting of an archive (tar, zip) or folder, in the order of their ids. Raises ExportError.

    Files without a turn are not logs and are left out (readmes, published minutes, pages of meetings whose log is lost); so are
    files of other formats, files without a date, and copies. The options are called with each of them and the reason. The
    tenant is that of the options, otherwise the name of the archive without years and words such as `meetings`.
    """
    tenant = options.tenant or tenant_of(path)
    zone = _checked_zone(options.time_zone or "UTC")
    with open_tree(path) as tree:
        groups: dict[str, list[tuple[str, Meeting]]] = {}
        for name, meeting in _meetings(tree, tenant, zone, options.left_out):
            groups.setdefault(meeting.occurrence, []).append((name, meeting))
        found = False
        for _, files in sorted(groups.items()):
            for name, meeting, log in _apart(tree, files, options.left_out):
                found = True
                yield PlatformEvent(
                    id=meeting.occurrence,
                    type=EXPORTED_LOG,
                    payload=pack(meeting, log),
                    tenant=tenant,
                    time=datetime.combine(meeting.date, time(), UTC),
                    place=name,
                )
        if not found:
            raise ExportError(
                "There is no log of a meeting in the export.",
                f"No file of {path.name} has a date in its name or folder and a line such as `<nick> text`.",
                "Give the folder or archive whose logs are named like 2020-03-02-board.log; one file is one meeting.",
            )


def _checked_zone(name: str) -> str:
    try:
        return _known_zone(name)
    except ValueError as error:
        raise ExportError(
            "The logs cannot be read in that time zone.",
            f"There is no time zone {name}.",
            "Give an IANA name such as Europe/Oslo, or none for UTC.",
        ) from error


def tenant_of(path: Path) -> str:
    """The name of an archive or folder without years and words that every such name has."""
    stem = re.sub(r"(?:\.(?:tar|tgz|tbz|txz|zip|gz|bz2|xz))+$", "", path.resolve().name.casefold())
    words = [word for word in _WORD.findall(stem) if word not in _EVERYWHERE and not word.isdigit()]
    return "-".join(words)[:128] or "irc"


@dataclass(frozen=True, slots=True)
class _Taken:
    name: str
    turns_of_log: frozenset[tuple[str, str]]

    def is_same(self, name: str, turns_of_log: frozenset[tuple[str, str]]) -> bool:
        """Whether a log with this name and these lines is of the same meeting."""
        both = len(self.turns_of_log & turns_of_log)
        return _RAW.sub("", self.name) == _RAW.sub("", name) or both >= _SAME_MEETING * min(
            len(self.turns_of_log), len(turns_of_log)
        )


def _meetings(tree: ExportTree, tenant: str, zone: str, left_out: LeftOut) -> Iterator[tuple[str, Meeting]]:
    names = []
    for name in tree.names():
        if _is_text(name):
            names.append(name)
        else:
            left_out(name, f"{PurePosixPath(name).suffix or 'it'} is no text of a log; save it as plain text")
    tops = {PurePosixPath(name).parts[0] for name in tree.names()}
    # A single top folder is not part of the path: unpacked, it has another name or none.
    wrapped = len(tops) == 1 and all("/" in name for name in tree.names()) and not any(_dated(top) for top in tops)
    for name in names:
        parts = list(PurePosixPath(name).parts)[1 if wrapped else 0 :]
        while "." in parts[-1] and PurePosixPath(parts[-1]).suffix.casefold() in _SUFFIXES - {""}:
            parts[-1] = parts[-1].rpartition(".")[0]
        if parts[-1].casefold() in _NO_LOGS:
            left_out(name, "its name is not that of a log")
            continue
        placed = _placed(parts, tenant)
        if placed is None:
            left_out(name, "neither its name nor a folder has the day of the meeting; name it like 2020-03-02-board.log")
        else:
            series, day, part = placed
            yield name, Meeting(tenant=tenant, series=series, date=day, part=part, zone=zone)


def _is_text(name: str) -> bool:
    suffix = PurePosixPath(name).suffix.casefold()
    # What follows the last dot may be a part of the name: `weave.2026-W41`.
    return (suffix in _SUFFIXES or not suffix[1:].isalpha()) and ".log.html" not in name


def _placed(parts: list[str], tenant: str) -> tuple[str, date, str | None] | None:
    """Series, date and part of a meeting, from the path of its log. None where no part of the path has a date."""
    place = next((index for index in range(len(parts) - 1, -1, -1) if _dated(parts[index])), None)
    if place is None:
        return None
    found = _dated(parts[place])
    if found is None:
        return None
    match, day = found
    behind = _PART.match(parts[place], match.end())
    rest = parts[place][: match.start()] + " " + parts[place][behind.end() if behind else match.end() :]
    beside = [rest, *parts[place + 1 :]]
    above = parts[:place]
    while above and (more := _dated(above[-1])) is not None:  # 2020-03-02-board/2020-03-02.log
        beside.insert(0, above[-1][: more[0].start()] + " " + above[-1][more[0].end() :])
        above.pop()
    series = _words(" ".join(beside), tenant)
    while not series and above:
        series = _words(above.pop(), tenant)
    part = (behind["clock"] or behind["part"]) if behind else None
    return "-".join(series)[:128] or MAIN_SERIES, day, part


def _dated(text: str) -> tuple[re.Match[str], date] | None:
    for match in _DATE.finditer(text):
        try:
            day = date(*(int(match[one] or match[other]) for one, other in _PARTS))
        except ValueError:
            continue
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return match, day
    return None


def _words(text: str, tenant: str) -> list[str]:
    words = [word for word in _WORD.findall(_DATE.sub(" ", text).casefold()) if word not in _EVERYWHERE]
    words = [word for word in words if not word.isdigit()]
    return [word for word in words if word not in _WORD.findall(tenant.casefold())] or words


def _apart(tree: ExportTree, files: list[tuple[str, Meeting]], left_out: LeftOut) -> Iterator[tuple[str, Meeting, bytes]]:
    """The meetings among the logs of one series and day: copies of one are left out, others get a part of their own."""
    taken: list[_Taken] = []
    for name, meeting in sorted(files, key=lambda file: ("raw" in PurePosixPath(file[0]).name.casefold(), file[0])):
        log = tree.read(name)
        lines = [line for line in meeting.lines(log) if line.kind is not Kind.OUTSIDE]
        turns_of_log = frozenset(
            (line.nick.casefold(), line.text.replace("\\", "")) for line in lines if line.kind is Kind.TURN
        )
        turns = sum(1 for line in lines if line.kind in {Kind.TURN, Kind.AUTHORLESS})
        if not turns_of_log or turns < len(lines) * _MIN_TURNS or _form(log):
            left_out(name, _not_a_log(log, turns))
            continue
        copied = next((other.name for other in taken if other.is_same(name, turns_of_log)), None)
        if copied is not None:
            left_out(name, f"it is the log of the same meeting as {copied}")
            continue
        if len(log) > MAX_LOG_BYTES:
            raise ExportError(
                "A log is too long for one meeting.",
                f"{name} has more than {MAX_LOG_BYTES // 2**20} MiB.",
                "Split it into one file per meeting; what was imported so far stays.",
            )
        if taken:
            part = ".".join(filter(None, (meeting.part, str(len(taken) + 1))))
            meeting = meeting.model_copy(update={"part": part})  # noqa: PLW2901 - the same meeting, with its part
        taken.append(_Taken(name, turns_of_log))
        yield name, meeting, log


def _form(log: bytes) -> str | None:
    """The format of a file that is no plain text of a log, where its beginning shows it."""
    start = log.removeprefix(codecs.BOM_UTF8)
    return next((name for magic, name in _FORMATS if start.startswith(magic)), "HTML or XML" if _MARKUP.match(start) else None)


def _not_a_log(log: bytes, turns: int) -> str:
    """Why a file is no log, and what to do."""
    if form := _form(log):
        return f"it is {form}; save it as plain text"
    lines = sum(1 for line in decode(log).splitlines() if line.strip())
    return (
        f"{turns} of its {lines} lines are a turn of a known form, such as `[17:02] <nick> text`; export the log as text, or "
        "write pasted chat in that form"
    )
