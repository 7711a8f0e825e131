"""Setting up: `init` writes the settings and the key, `sources` says where events can come in and whether they do."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from dagster_project.cli.common import AsJson, out, show_json, show_table, state
from dagster_project.processes.temporary import open_current
from dagster_project.settings import EXAMPLE, Settings, load, named_config
from events.errors import GuildhallError
from events.source import SourceKind
from pipelines.ingest import cursors, last_seen
from pipelines.platforms import PLATFORMS


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(init)
    app.command()(sources)


def init(
    path: Annotated[
        Path | None, typer.Argument(help="Where to write the settings; else as --config says.", show_default=False)
    ] = None,
) -> None:
    """Write a commented guildhall.toml and the secret key; never overwrites.

    Example: `guildhall init && $EDITOR guildhall.toml && guildhall up`
    """
    path = path or named_config(state.config) or Path("guildhall.toml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(EXAMPLE)
        out.print(f"  settings   {path}: every key explained; fill in a community and a source")
    except FileExistsError:
        out.print(f"  settings   {path} is there already and was left as it is")
    except OSError as error:
        raise GuildhallError(
            f"{path} cannot be written.", f"The system says: {error.strerror}.", "Choose another folder: guildhall init PATH."
        ) from error
    settings = load(path, state.home)
    settings.key()
    out.print(f"  key        {settings.paths.secret_key}: keep a copy elsewhere; with another key every pseudonym changes")
    out.print("  next       guildhall sources, then guildhall up")


def sources(as_json: AsJson = False) -> None:
    """The platforms: how events of each can arrive, what to set up, what is configured, when each source was last seen.

    Example: `guildhall sources`
    """
    settings = state.settings()
    signs = last_seen.read(settings.paths.sources)
    known = [_platform(slug) for slug in sorted(PLATFORMS)]
    progress = cursors.read(settings.paths.poller)
    configured = [_source(settings, name, signs, progress) for name in sorted(settings.source)]
    unmapped = _unmapped(settings)
    if as_json:
        show_json({"platforms": known, "sources": configured, "unmapped_spaces": unmapped})
        return
    show_table(
        ("platform", "medium", "arrives by", "import KIND", "reference"),
        ((p["title"], p["medium"], ", ".join(p["arrives"]), ", ".join(p["exports"]), p["reference"]) for p in known),
        title="Platforms",
    )
    out.print("\nTo set up")
    for platform in known:
        out.print(f"  {platform['title']}")
        for number, line in enumerate(platform["setup"], start=1):
            out.print(f"    {number}. {line}")
    out.print("")
    show_table(
        ("source", "endpoint", "secret", "last seen", "last refused"),
        ((d["source"], d["endpoint"], _secret(d), d["seen_at"], d["refused_at"]) for d in configured),
        title="Configured sources" if configured else "No source is configured yet: [source.NAME] in guildhall.toml",
    )
    polled = [d for d in configured if d["poll"] is not None]
    if polled:
        out.print("")
        show_table(
            ("source", "last answer", "cursor moved", "gaps", "last failure"),
            ((d["source"], *_polled(d["poll"])) for d in polled),
            title="Polled sources",
        )
    if unmapped:
        out.print("")
        show_table(
            ("records", "platform", "workspace", "space"),
            ((u["records"], u["platform"], u["tenant"], u["space"]) for u in unmapped),
            title="Spaces that no community has",
        )


def _platform(slug: str) -> dict[str, Any]:
    row = PLATFORMS[slug]
    return {
        "platform": slug,
        "title": row.title,
        "medium": str(row.medium),
        "arrives": [str(way) for way in row.arrives],
        "exports": sorted(row.exports),
        "webhook": f"/hooks/{slug}/<source>" if SourceKind.WEBHOOK in row.arrives else None,
        "setup": list(row.setup),
        "reference": row.reference,
    }


def _source(
    settings: Settings, name: str, signs: dict[str, dict[str, str]], progress: dict[str, cursors.Progress]
) -> dict[str, Any]:
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
        "poll": asdict(progress.get(source.address, cursors.Progress(url=endpoint or "")))
        if source.kind is SourceKind.POLL
        else None,
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


def _unmapped(settings: Settings) -> list[dict[str, Any]]:
    try:
        with open_current(settings) as tables:
            return tables.rows("from meta.unmapped order by records desc, platform, tenant, space limit 20")
    except GuildhallError:
        return []  # nothing is published yet, so nothing was heard
