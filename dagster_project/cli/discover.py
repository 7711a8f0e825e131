"""Discover: which kind of export a path is, and the spaces in it, for the first settings of a community."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dagster_project.settings import UNNAMED_TENANTS
from events.communities import Communities
from events.errors import GuildhallError
from pipelines.connector import ExportError, ImportOptions, Platform
from pipelines.imports import importer
from pipelines.platforms import PLATFORMS
from pipelines.understand.understand import Context

COMMUNITY = "my-community"
MOST_SPACES = 200


@dataclass(frozen=True, slots=True)
class Discovered:
    """An export: its kind, its platform, the number of events by (workspace, space), and names of spaces, where it has them."""

    kind: str
    platform: str
    spaces: Counter[tuple[str, str]]
    titles: Mapping[str, str]


def discover(path: Path, now: datetime, progress: Callable[[int], None]) -> Discovered:
    """Read an export with no community configured: its spaces are those that no community has. Raises GuildhallError."""
    for kind, platform in _kinds():
        try:
            events = importer.begun(platform, kind, path, ImportOptions(), now)
            context = Context(key=bytes(32), communities=Communities({}), platforms=PLATFORMS)
            tally = importer.tally_export(platform, kind, path, ImportOptions(), context, now, progress, events=events)
        except ExportError:
            continue
        if tally.unmapped:
            titles = platform.space_titles(path) if platform.space_titles else {}
            return Discovered(kind, platform.slug, Counter(tally.unmapped), titles)
    raise GuildhallError(
        f"{path} is not an export that Guildhall can read.",
        f"The kinds of export are {', '.join(kind for kind, _ in _kinds())}, and none of them fits.",
        "Name the file or folder that the platform exported; `guildhall sources` describes each kind.",
    )


def _kinds() -> list[tuple[str, Platform]]:
    return [(kind, platform) for _, platform in sorted(PLATFORMS.items()) for kind in sorted(platform.exports)]


def settings_of(found: Discovered) -> str:
    """A community with the spaces of the export, as text for guildhall.toml: one block for each workspace."""
    lines = [
        "# Found in the export. Change the name in brackets and the title; remove the spaces that do not belong to it.",
        f"[community.{COMMUNITY}]",
        'title = "My community"',
    ]
    for workspace in sorted({workspace for workspace, _ in found.spaces}):
        spaces = [(space, count) for (owner, space), count in found.spaces.most_common(MOST_SPACES) if owner == workspace]
        comment = "   # the export does not name its workspace: write its id here" if workspace in UNNAMED_TENANTS else ""
        lines += [
            "",
            f"[[community.{COMMUNITY}.space]]",
            f"platform = {_quoted(found.platform)}",
            f"workspace = {_quoted(workspace)}{comment}",
            "spaces = [",
            *(f"    {_quoted(space)},   # {count:,} events" for space, count in spaces),
            "]",
            *_titles({space: found.titles[space] for space, _ in spaces if space in found.titles}),
        ]
    return "\n".join(lines) + "\n\n"


def _titles(titles: Mapping[str, str]) -> list[str]:
    """A table on one line, because TOML 1.0 allows no other inside a block that is not a heading of its own."""
    named = ", ".join(f"{_quoted(space)} = {_quoted(title)}" for space, title in titles.items())
    return [f"titles = {{ {named} }}"] if titles else []


def _quoted(text: str) -> str:
    """A TOML string. JSON's escapes of ASCII are TOML's."""
    return json.dumps(text)
