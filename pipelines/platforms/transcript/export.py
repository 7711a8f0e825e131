"""Export: transcripts as WebVTT or SRT, one file per meeting. The file's name has the day, and where it can the time.

Times in a transcript count from its beginning. `GMT20260302-100000` in a name is UTC, as Zoom writes it. `2026-03-02 10-00` is
a clock of the zone that the import gives. A day without a time begins at noon of that zone. The rest of the name is the series.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic_core import to_json

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms.transcript.cues import is_transcript, turns
from pipelines.shared.clocks import zone_of
from pipelines.shared.lines import content_id, opened_text, unreadable
from pipelines.shared.stored import files_of
from pipelines.shared.text import decoded

TURN = "transcript.turn"
MAX_WHOLE_BYTES = 64 << 20
_NAMES = frozenset({".vtt", ".srt"})
_UTC = re.compile(r"GMT(\d{8})-(\d{6})")
_LOCAL = re.compile(r"(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?:[T _-]+(\d\d)[-_.:h]?(\d\d)(?!\d))?")
_NOON = 12
_WANTED = "Give a WebVTT or SRT file whose name has the day of the meeting, such as `2026-03-02 10-00 Pruning.vtt`."


def read_transcripts(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every turn of a file, or of the files of a folder. Raises ExportError for a file of another form or without a day."""
    for file in files_of(path, _NAMES, _WANTED):
        try:
            with opened_text(file) as opened:
                text = decoded(opened.read(MAX_WHOLE_BYTES))
        except OSError as error:
            raise unreadable("The transcript", file, error) from error
        if not is_transcript(text):
            raise ExportError("The transcript cannot be read.", f"{file.name} has no cue with times.", _WANTED)
        begins, title = _begins(file, options)
        series = "title:" + hashlib.blake2b(title.encode(), digest_size=8).hexdigest()
        meeting = {"series": series, "id": f"{series}:{int(begins.timestamp())}"}
        for number, turn in enumerate(turns(text), start=1):
            start, end = (begins + timedelta(seconds=moment) for moment in (turn.start, turn.end))
            found = {
                "meeting": meeting,
                "name": turn.name,
                "start": start.isoformat(),
                "end": end.isoformat(),
                "text": turn.text,
            }
            payload = to_json(found)
            place = f"{file.name}, turn {number}"
            tenant = options.tenant or "unknown"
            yield PlatformEvent(id=content_id(payload), type=TURN, payload=payload, tenant=tenant, place=place)


def _begins(file: Path, options: ImportOptions) -> tuple[datetime, str]:
    """When the file begins, in UTC, and the rest of its name."""
    name = file.stem
    try:
        if zoom := _UTC.search(name):
            return datetime.strptime("".join(zoom.groups()), "%Y%m%d%H%M%S").replace(tzinfo=UTC), _rest(name, zoom)
        if local := _LOCAL.search(name):
            zone = zone_of(file.name, options.time_zone)
            year, month, day = (int(local[place]) for place in (1, 2, 3))
            hour, minute = (int(local[4]), int(local[5])) if local[4] else (_NOON, 0)
            return datetime(year, month, day, hour, minute, tzinfo=zone).astimezone(UTC), _rest(name, local)
    except ValueError:
        pass
    raise ExportError("The transcript cannot be read.", f"The name {file.name} does not show the day of the meeting.", _WANTED)


def _rest(name: str, found: re.Match[str]) -> str:
    return " ".join(f"{name[: found.start()]} {name[found.end() :]}".replace("_", " ").split()).casefold()
