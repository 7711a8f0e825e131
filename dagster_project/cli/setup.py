"""Setup: `init` writes the settings and the key; `sources` lists where events can come from and whether they arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagster_project.cli.common import AsJson, progress, show, show_fields, show_json, show_table, state
from events.errors import GuildhallError

if TYPE_CHECKING:
    from dagster_project.cli.discover import Discovered
    from dagster_project.settings import Settings
    from pipelines.ingest.cursors import Progress

NO_SOURCE = "(none)"
"""In the accounting: records whose headers name no source."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel="Start")(init)
    app.command(rich_help_panel="Bring events in")(sources)


def init(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="Settings file to write. Default: --config, else guildhall.toml in this folder.", show_default=False
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--from", help="An export on disk: write a community with the spaces found in it.", show_default=False),
    ] = None,
) -> None:
    """Write commented settings, the secret key and the tokens.

    Writes guildhall.toml, and beside it people.csv (accounts of one person) and roles.csv (facilitators, sponsors), all with
    examples that are commented out. Never overwrites a file.

    Example: `guildhall init --from export.zip`, then edit guildhall.toml, then `guildhall doctor`
    """
    from dagster_project.settings import load, named_config
    from warehouse.files import PEOPLE, ROLES

    path = path or named_config(state.config) or Path("guildhall.toml")
    found = _found(export, path) if export else None
    settings_text = example_of("guildhall.toml")
    if found:
        from dagster_project.cli.discover import settings_of

        settings_text = settings_of(found) + settings_text
    for what, target, text in (
        ("settings", path, settings_text),
        ("people", path.parent / PEOPLE, example_of(PEOPLE)),
        ("roles", path.parent / ROLES, example_of(ROLES)),
    ):
        show_fields([(what, f"{target}: {'written' if _write_new(target, text) else 'exists, not changed'}")])
    settings = load(path, state.home)
    settings.key()
    settings.pages_token()
    if settings.gateway.token_env is None:
        settings.events_tokens()
    show_fields(
        [
            ("key", f"{settings.paths.secret_key}: keep a copy elsewhere; with another key every pseudonym changes"),
            ("tokens", f"{settings.paths.events_token}: for programs that post to /v1/events (Authorization: Bearer TOKEN)"),
            ("", f"{settings.paths.pages_token}: the password of the reports, of /metrics and of Dagster's page"),
            *_next_steps(path, export, found),
        ]
    )


def _found(export: Path, path: Path) -> Discovered:
    """What an export holds, before anything is written. Raises GuildhallError where the settings exist already."""
    from dagster_project.cli.discover import discover

    if path.exists():
        raise GuildhallError(
            f"{path} exists.", "`init` never overwrites a file.", "Name a new file: guildhall init PATH --from EXPORT."
        )
    with progress(f"Reading {export.name}") as show_done:
        return discover(export, datetime.now(UTC), show_done)


def _next_steps(path: Path, export: Path | None, found: Discovered | None) -> list[tuple[str, str]]:
    from dagster_project.cli.discover import COMMUNITY
    from dagster_project.settings import UNNAMED_TENANTS

    edit = (
        f"check the community found in the {found.kind}: its name, title and spaces"
        if found
        else "remove the # from a community with its spaces, and from a source"
    )
    kind, place, name = (found.kind, str(export), COMMUNITY) if found else ("KIND", "EXPORT", "NAME")
    if found and any(workspace in UNNAMED_TENANTS for workspace, _ in found.spaces):
        edit = f"{edit}; write the id of the workspace, which the export does not name"
    return [
        ("next", f"1. Edit {path}: {edit}."),
        ("", "2. guildhall doctor"),
        ("", f"3. guildhall import {kind} {place} --community {name} --refresh"),
        ("", "4. guildhall sources     lists what each platform needs for live events; then guildhall up"),
    ]


def _write_new(path: Path, text: str) -> bool:
    """Write a file unless it exists; whether it was written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def example_of(name: str) -> str:
    """The text of an example file: guildhall.toml, people.csv or roles.csv."""
    return (resources("dagster_project") / "examples" / name).read_text(encoding="utf-8")


def sources(as_json: AsJson = False) -> None:
    """List the platforms and your sources.

    For each platform: how events can arrive, the KIND for `guildhall import`, and what to set up. For each source of your
    settings: its address, whether its secret is set, how many events came, and when it was last seen. Then whatever else sent
    events, such as imports and emitters without a source in the settings. Last, spaces that belong to no community.

    Example: `guildhall sources`
    """
    from pipelines.ingest import cursors, last_seen
    from pipelines.platforms import PLATFORMS

    settings = state.settings()
    signs = last_seen.read(settings.paths.sources)
    known = [_platform(slug) for slug in sorted(PLATFORMS)]
    polled_to = cursors.read(settings.paths.poller)
    counts = {row["name"]: row for row in _published(settings, "from meta.accounting where kind = 'source'")}
    configured = [
        found | {"events": _events(counts, found["source"])}
        for found in (_source(settings, name, signs, polled_to) for name in sorted(settings.source))
    ]
    others = _others(signs, counts, {found["source"] for found in configured})
    unmapped = _published(settings, "from meta.unmapped order by records desc, platform, tenant, space limit 20")
    if as_json:
        show_json({"platforms": known, "sources": configured, "other_sources": others, "unmapped_spaces": unmapped})
        return
    show_table(
        ("platform", "medium", "arrives by", "import KIND", "reference"),
        ((p["title"], p["medium"], ", ".join(p["arrives"]), ", ".join(p["exports"]), p["reference"]) for p in known),
        title="Platforms",
    )
    show("\nTo set up")
    for platform in known:
        show(f"  {platform['title']}")
        for number, line in enumerate(platform["setup"], start=1):
            show(f"    {number}. {line}")
    _show_sources(configured, others)
    if unmapped:
        show()
        show_table(
            ("records", "platform", "workspace", "space"),
            ((u["records"], u["platform"], u["tenant"], u["space"]) for u in unmapped),
            title="Spaces that belong to no community: add them to a [[community.NAME.space]], then `guildhall replay`",
        )


def _show_sources(configured: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    show()
    show_table(
        ("source", "endpoint", "secret", "events", "rejected", "last seen", "last refused"),
        ((d["source"], d["endpoint"], _secret(d), *_counted(d["events"]), d["seen_at"], d["refused_at"]) for d in configured),
        title="Your sources" if configured else "No source is configured: add [source.NAME] to guildhall.toml",
    )
    polled = [d for d in configured if d["poll"] is not None]
    if polled:
        show()
        show_table(
            ("source", "last answer", "cursor moved", "gaps", "last failure"),
            ((d["source"], *_polled(d["poll"])) for d in polled),
            title="Polled sources",
        )
    if others:
        show()
        show_table(
            ("source", "events", "rejected", "last seen"),
            ((d["source"], *_counted(d["events"]), d["seen_at"]) for d in others),
            title="Imports, and emitters without a source in guildhall.toml",
        )


def _others(
    signs: Mapping[str, Mapping[str, str]], counts: Mapping[str, Mapping[str, int]], own: set[str]
) -> list[dict[str, Any]]:
    """Sources that sent events and that the settings do not name: imports, and emitters."""
    return [
        {"source": address, "events": _events(counts, address), "seen_at": _seen_at(signs, address)}
        for address in sorted({*signs, *counts} - own - {NO_SOURCE})
    ]


def _seen_at(signs: Mapping[str, Mapping[str, str]], address: str) -> str | None:
    return signs.get(address, {}).get("seen_at")


def _platform(slug: str) -> dict[str, Any]:
    from events.source import SourceKind
    from pipelines.platforms import PLATFORMS

    row = PLATFORMS[slug]
    return {
        "platform": slug,
        "title": row.title,
        "medium": str(row.medium),
        "arrives": [str(way) for way in row.arrives],
        "exports": sorted(row.exports),
        "webhook": f"/hooks/{slug}/<source>" if SourceKind.WEBHOOK in row.arrives else None,
        "setup": list(row.setup),
        "reads": list(row.reads),
        "does_not_read": list(row.does_not_read),
        "reference": row.reference,
    }


def _source(settings: Settings, name: str, signs: dict[str, dict[str, str]], progress: dict[str, Progress]) -> dict[str, Any]:
    from events.source import SourceKind
    from pipelines.ingest.cursors import Progress

    source = settings.source_of(name)
    sign = signs.get(source.address, {})
    gateway = f"http://{settings.gateway.host}:{settings.gateway.port}"
    endpoint = {
        SourceKind.WEBHOOK: f"{gateway}/hooks/{source.platform}/{source.name}",
        SourceKind.EMIT: f"{gateway}/v1/events",
        SourceKind.POLL: settings.source[name].url,
    }[source.kind]
    return {
        "source": source.address,
        "platform": source.platform,
        "tenant": settings.source[name].tenant,
        "endpoint": endpoint,
        "secret": bool(settings.secrets_of(name)),
        "seen_at": sign.get("seen_at"),
        "handshake_at": sign.get("handshake_at"),
        "refused_at": sign.get("refused_at"),
        "poll": asdict(progress.get(source.address, Progress(url=endpoint or ""))) if source.kind is SourceKind.POLL else None,
    }


def _secret(configured: dict[str, Any]) -> str | None:
    if configured["secret"]:
        return "set"
    return None if configured["poll"] is not None else "missing"  # most polled sources need none


def _polled(known: dict[str, Any]) -> tuple[str | None, ...]:
    """The cells of a polled source: last answer, age of the cursor, gaps, last failure."""
    now = datetime.now(UTC)
    gaps = "; ".join(f"{_day(gap['since'])} to {_day(gap['noted_at'])}" for gap in known["gaps"])
    failure = f"{_ago(known['failed_at'], now)}: {known['failure']}" if known["failure"] else None
    return _ago(known["answered_at"], now), _ago(known["moved_at"], now), gaps or "none", failure


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "the beginning"


def _ago(moment: datetime | None, now: datetime) -> str | None:
    if moment is None:
        return None
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _events(counts: Mapping[str, Mapping[str, int]], address: str) -> dict[str, int] | None:
    """How many records came from a source, and what became of them, as published last."""
    found = counts.get(address)
    return {name: found[name] for name in ("raw", "understood", "ignored", "rejected")} if found else None


def _counted(events: Mapping[str, int] | None) -> tuple[str | None, str | None]:
    return (f"{events['raw']:,}", f"{events['rejected']:,}") if events else (None, None)


def _published(settings: Settings, query: str) -> list[dict[str, Any]]:
    from dagster_project.published import open_current

    try:
        with open_current(settings.paths.published) as tables:
            return tables.rows(query)
    except GuildhallError:
        return []  # nothing is published yet, so no event is known
