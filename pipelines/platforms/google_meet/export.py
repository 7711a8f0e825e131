"""Export: replies of Meet's API as JSON, and attendance reports as CSV; a file, or a folder whose files are read together.

A session names its participant, and a participant its conference, by their places in the name; only the conference names its
space. So all resources are read first, and each is then passed on with those above it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from pipelines.connector import ExportError, ImportOptions, PlatformEvent, UnreadableError
from pipelines.platforms.google_meet.report_csv import read_report
from pipelines.shared.clocks import zone_of
from pipelines.shared.lines import content_id, opened_text, unreadable
from pipelines.shared.stored import MAX_WHOLE_BYTES, NAMES, files_of, read_stored

RESOURCE = "google_meet.resource"
_LISTS = ("conferenceRecords", "participants", "participantSessions", "transcriptEntries", "recordings", "transcripts")
_KINDS = frozenset({"participants", "participantSessions", "entries", "recordings", "transcripts"})
_WANTED = (
    "Give replies of Meet's API (`conferenceRecords`, their participants, sessions and entries) or attendance reports (CSV)."
)
Json = dict[str, Any]


def read_files(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every resource of a file, or of the files of a folder."""
    files = files_of(path, NAMES | {".csv"}, _WANTED)
    jsons = [file for file in files if not _is_csv(file)]
    known = _known(jsons, options)
    with_sessions = {_above(name, "participantSessions") for name, one in known.items() if _kind(one) == "participantSessions"}
    tenant = options.tenant or "unknown"

    def events(found: Any, place: str, _: Path) -> Iterator[PlatformEvent]:
        for one in _resources(found):
            if one["name"] not in with_sessions:
                yield _event(_joined(one, known), tenant, place)

    for file in jsons:
        yield from read_stored(file, options, RESOURCE, events, _WANTED)
    for file in files:
        if _is_csv(file):
            yield from (_event(one, tenant, file.name) for one in _report(file, options))


def _known(files: list[Path], options: ImportOptions) -> dict[str, Json]:
    """All resources by name."""
    known: dict[str, Json] = {}

    def note(found: Any, _place: str, _file: Path) -> Iterator[PlatformEvent]:
        known.update((one["name"], one) for one in _resources(found))
        return iter(())

    for file in files:
        try:
            list(read_stored(file, options, RESOURCE, note, _WANTED))
        except ExportError:
            continue  # reading it again says so
    return known


def _report(file: Path, options: ImportOptions) -> Iterator[Json]:
    zone = zone_of(file.name, options.time_zone)
    try:
        with opened_text(file) as opened:
            content = opened.read(MAX_WHOLE_BYTES)
    except OSError as error:
        raise unreadable("The report", file, error) from error
    yield from read_report(file.name, content, zone)


def _is_csv(file: Path) -> bool:
    return file.suffix.casefold() == ".csv"


def _resources(found: Any) -> list[Json]:
    """The resources of a reply. Raises ValueError for what is none."""
    if not isinstance(found, dict):
        raise UnreadableError("not a reply")
    lists = [found[name] for name in _LISTS if isinstance(found.get(name), list)]
    resources = [one for each in lists for one in each] if lists else [found]
    for one in resources:
        if not isinstance(one, dict) or not str(one.get("name") or "").startswith("conferenceRecords/"):
            raise UnreadableError("not a resource of a conference")
    return resources


def _kind(one: Json) -> str | None:
    """The kind of a resource, by its name; None for a conference."""
    return next((part for part in reversed(one["name"].split("/")[2::2]) if part in _KINDS), None)


def _above(name: str, kind: str) -> str:
    return name.partition(f"/{kind}/")[0]


def _joined(one: Json, known: dict[str, Json]) -> Json:
    kind = _kind(one)
    name = "/".join(one["name"].split("/")[:2])
    conference = known.get(name) or {"name": name}
    found: Json = {"space": conference.get("space") or name, "conference": conference}
    if kind == "participants":
        found["participant"] = one
    elif kind == "participantSessions":
        above = _above(one["name"], kind)
        found |= {"session": one, "participant": known.get(above) or {"name": above}}
    elif kind == "entries" and isinstance(one.get("participant"), str):
        found |= {"entry": one, "participant": known.get(one["participant"]) or {"name": one["participant"]}}
    elif kind is not None:
        found["other"] = kind
    return found


def _event(found: Json, tenant: str, place: str) -> PlatformEvent:
    payload = to_json(found)
    return PlatformEvent(id=content_id(payload), type=RESOURCE, payload=payload, tenant=tenant, place=place)
