"""Export: stored posts of the event sync component, one per line, as an array, or one per file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from pipelines.connector import ImportOptions, PlatformEvent
from pipelines.platforms.jitsi.payloads import Post
from pipelines.platforms.jitsi.webhook import LIVE
from pipelines.shared.lines import content_id
from pipelines.shared.stored import read_stored


def read_posts(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every post of a file, or of the files of a folder."""

    def events(found: Any, place: str, _: Path) -> Iterator[PlatformEvent]:
        post, payload = Post.model_validate(found), to_json(found)
        tenant = options.tenant or post.domain or "unknown"
        yield PlatformEvent(id=content_id(payload), type=LIVE, payload=payload, tenant=tenant, place=place)

    return read_stored(path, options, LIVE, events, "Give stored posts of Prosody's event sync component, as JSON.")
