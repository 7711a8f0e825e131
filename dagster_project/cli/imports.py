"""Imports: `import` sends an export on disk through the pipeline."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.common import AsJson, note, progress, show, state
from dagster_project.cli.import_result import Result, Span, check_result, show_result
from events.errors import GuildhallError

if TYPE_CHECKING:
    from dagster_project.settings import Settings
    from events.raw import RawEvent
    from pipelines.connector import ImportOptions, Platform
    from pipelines.imports.import_log import Compared

GROUP = "Bring events in"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("import", rich_help_panel=GROUP)(import_)


def kinds() -> dict[str, Platform]:
    """KIND of an import -> its platform."""
    from pipelines.platforms import PLATFORMS

    return {kind: platform for platform in PLATFORMS.values() for kind in platform.exports}


def import_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Format of the export: `guildhall sources` lists the kinds.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The export: a file, or the unpacked folder.")],
    community: Annotated[str, typer.Option(help="The community that it belongs to, as in guildhall.toml.")],
    tenant: Annotated[
        str | None,
        typer.Option(
            help="Workspace or site of the export, where the export itself does not name it. Default: `tenant` of the "
            "platform's sources in guildhall.toml, else the workspace of the community's spaces. "
            "With another id than live events the same people count as different people.",
            show_default=False,
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="Time zone of clock times without one, for instance Europe/Berlin.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what the import would give; send nothing.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Land, build and publish afterwards.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Undo the import of this export into this community; nothing else is touched.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import a history from an export on disk.

    The events take the same way as live events. Importing the same export again adds nothing twice. Try --dry-run first: it
    names the workspace, the dates, the spaces and how many people it found. After an import into the wrong community, give the
    same command with --undo: the history is then as if the import had never been.

    Example: `guildhall import slack-export export.zip --community auditors --refresh`
    """
    from dagster_project.cli.import_undo import undo_import
    from pipelines.connector import ImportOptions

    settings = state.settings()
    platform = _platform(kind)
    _check_community(community, settings)
    _check_path(path)
    configured = settings.tenant_of(platform.slug, community)
    span = Span(tenant_from="--tenant" if tenant else "guildhall.toml" if configured else None)
    options = ImportOptions(
        tenant=tenant or configured,
        community=community,
        time_zone=time_zone,
        left_out=span.left_out.setdefault,
    )
    export = _Export(platform, kind, path, options, span)
    if undo:
        undo_import(export.source, path, community, settings, dry_run=dry_run, refresh=refresh, as_json=as_json)
        return
    if dry_run:
        result = _tally(export, settings)
        show_result(result, as_json=as_json)
        check_result(result)
        return
    _send(export, settings, refresh=refresh, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Export:
    """What is imported, and as what."""

    platform: Platform
    kind: str
    path: Path
    options: ImportOptions
    span: Span

    @property
    def source(self) -> str:
        """Address of the source that the records come from."""
        from events.source import Source, SourceKind

        return Source(SourceKind.IMPORT, self.platform.slug, self.kind).address


def _begun(export: _Export) -> Iterator[RawEvent]:
    """The events of an export whose first has been read. Raises GuildhallError where nothing names the workspace."""
    from dagster_project.settings import UNNAMED_TENANTS
    from pipelines.imports import importer

    events = importer.begun(export.platform, export.kind, export.path, export.options, datetime.now(UTC))
    first = next(events, None)
    if first is None:
        return events
    if export.options.tenant is None and first.tenant in UNNAMED_TENANTS:
        raise GuildhallError(
            "The workspace is unknown.",
            "The export does not name it. With another id than live events, the same people count as different people.",
            "Write its id as `workspace` of the community's spaces in guildhall.toml, or add --tenant with it.",
        )
    return chain([first], events)


def _tally(export: _Export, settings: Settings) -> Result:
    from dagster_project.processes.temporary import context_of
    from pipelines.imports import importer
    from pipelines.imports.import_log import Compared, ImportLog

    now, span, compared = datetime.now(UTC), export.span, Compared()
    events = span.note(_begun(export))
    with (
        ImportLog(settings.paths.imports, settings.key()) as log,
        progress(f"Reading {export.path.name}") as show_done,
    ):
        events = log.compare(events, str(export.options.community), compared)
        tally = importer.tally_export(
            export.platform, export.kind, export.path, export.options, context_of(settings), now, show_done, events=events
        )
    outcomes = Counter({(str(verdict), str(reason) if reason else None): n for (verdict, reason), n in tally.outcomes.items()})
    return Result(
        export.kind,
        span,
        tally.events,
        tally.interactions,
        outcomes,
        tally.details,
        tally.unmapped,
        tally.unknown,
        _rejected(export, span, dict(tally.rejected)),
        tally.seconds,
        tally.found,
        compared,
        _titles(export),
    )


def _titles(export: _Export) -> Mapping[str, str]:
    return export.platform.space_titles(export.path) if export.platform.space_titles else {}


def _rejected(export: _Export, span: Span, details: Mapping[str, str]) -> tuple[str, ...]:
    """The first rejected records, each with its place and the reason. What the reader could not read names its place itself."""
    from pipelines.imports import importer

    read = {raw_id: detail for raw_id, detail in details.items() if detail not in span.faults}
    read = dict(list(read.items())[: importer.MOST_PLACES])
    places = importer.places(export.platform, export.kind, export.path, export.options, read)
    found = [*span.faults, *(f"{places[raw_id]}: {detail}" for raw_id, detail in read.items() if raw_id in places)]
    return tuple(found[: importer.MOST_PLACES])


def _send(export: _Export, settings: Settings, *, refresh: bool, as_json: bool) -> None:
    from dagster_project.assembly import warehouse_of
    from dagster_project.cli.build import refresh_once, refuse_while_up, show_step
    from dagster_project.processes.temporary import services
    from pipelines.imports.import_log import Compared, ImportLog
    from pipelines.imports.importer import import_id_of

    if refresh:
        refuse_while_up(settings)
    span, compared, community = export.span, Compared(), str(export.options.community)
    # Before Kafka starts: an export that cannot be opened is refused at once.
    events = span.note(_begun(export))
    with (
        ImportLog(settings.paths.imports, settings.key()) as log,
        services(settings, ("kafka", "worker"), note) as bootstrap,
    ):
        result = _understand(export, log.compare(events, community, compared), compared, bootstrap)
        log.add(import_id_of(export.source, export.path, community), community, compared)
        show_result(result, as_json=as_json)
        if refresh:
            with warehouse_of(settings, bootstrap) as warehouse:
                for step, done in refresh_once(settings, warehouse).items():
                    if not as_json:
                        show_step(step, done)
    if not as_json:
        show(f"  next       {f'guildhall levels {community}' if refresh else next_step(settings)}")
    check_result(result)


def _understand(export: _Export, events: Iterator[RawEvent], compared: Compared, bootstrap: str) -> Result:
    from events.topics import INTERACTIONS, OUTCOMES, RAW
    from pipelines.broker import admin
    from pipelines.imports import await_outcomes, importer
    from pipelines.imports.found import read_found

    began = time.perf_counter()
    starts = admin.ends(bootstrap, RAW.name, wait_seconds=importer.ANSWER_SECONDS)
    since, since_interactions = admin.ends(bootstrap, OUTCOMES.name), admin.ends(bootstrap, INTERACTIONS.name)
    with progress(f"Sending {export.path.name}") as show_done:
        sent = importer.import_export(
            export.platform,
            export.kind,
            export.path,
            export.options,
            bootstrap,
            datetime.now(UTC),
            show_done,
            events=events,
        )
    with progress("Understanding", total=sent.events) as show_done:
        found = await_outcomes.await_outcomes(bootstrap, since, starts, sent.ends, export.source, progress=show_done)
    if found.records != sent.acknowledged:
        raise GuildhallError(
            f"Of {sent.acknowledged} records sent, {found.records} have an outcome.",
            "Every record should have exactly one.",
            "Report it with var/log/worker.log; nothing is lost, the records are in Kafka.",
        )
    seconds = time.perf_counter() - began
    where = {"platform": export.platform.slug, "community": export.options.community}
    people = read_found(bootstrap, since_interactions, starts, sent.ends, found.interactions, where)
    return Result(
        export.kind,
        export.span,
        found.records,
        found.interactions,
        found.outcomes,
        found.details,
        found.unmapped,
        found.unknown,
        _rejected(export, export.span, found.rejected),
        seconds,
        people,
        compared,
        _titles(export),
    )


def next_step(settings: Settings) -> str:
    """What to do after events came in: nothing while `guildhall up` runs, otherwise a refresh."""
    from dagster_project.processes.temporary import run_state_of

    run_state = run_state_of(settings)
    if run_state and run_state.runs("refresher"):
        return "guildhall status   (`guildhall up` builds and publishes it by itself)"
    return "guildhall refresh"


def _platform(kind: str) -> Platform:
    known = kinds()
    if kind not in known:
        raise GuildhallError(
            f"`{kind}` cannot be imported.", f"The kinds of export are {', '.join(sorted(known))}.", "Use one of them."
        )
    return known[kind]


def _check_community(community: str, settings: Settings) -> None:
    if community not in settings.community:
        known = ", ".join(sorted(settings.community)) or "none"
        raise GuildhallError(
            f"There is no community `{community}`.",
            f"{settings.config or 'guildhall.toml'} has: {known}.",
            f"Add [community.{community}] with a title and spaces, or name another one; `guildhall init` writes an example.",
        )


def _check_path(path: Path) -> None:
    """Refuse a device or a pipe: an export is read more than once and has an end."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise GuildhallError(f"{path} is not an export.", "It is neither a file nor a folder.", "Name the file or the folder.")
