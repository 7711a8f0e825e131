"""Export: Zoom's webhooks, stored in a file with one body per line."""

from collections.abc import Iterator
from pathlib import Path

from pydantic_core import from_json

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.platforms.zoom.payloads import Envelope
from pipelines.platforms.zoom.webhook import LIVE
from pipelines.shared.lines import content_id, numbered_lines, unreadable
from pipelines.shared.payload import at_milliseconds


def read_webhooks(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every webhook of a file, in its order. The id of a record is the hash of its line. Raises ExportError with the line."""
    try:
        with path.open("rb") as file:
            for number, line in numbered_lines(file):
                yield _stored(line, number, options)
    except OSError as error:
        raise unreadable("The webhooks", path, error) from error


def _stored(line: bytes, number: int, options: ImportOptions) -> PlatformEvent:
    try:
        envelope = Envelope.model_validate(from_json(line, allow_inf_nan=False))
    except ValueError as error:
        raise ExportError(
            "The webhooks cannot be read to the end of the file.",
            f"Line {number} is not the JSON body of a Zoom webhook.",
            "Correct or remove the line; what was imported so far stays, and a second import adds only what is missing.",
        ) from error
    account = envelope.payload.get("account_id")
    return PlatformEvent(
        id=content_id(line),
        type=LIVE,
        payload=line,
        tenant=account if isinstance(account, str) and account else options.tenant or "unknown",
        time=at_milliseconds(envelope.event_ts) if envelope.event_ts else None,
    )
