"""Histories: `import` an export on disk, look at what was `rejected`, `replay` it after a mend."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.common import AsJson, err, out, progress, show_json, show_table, state
from dagster_project.processes.temporary import context_of, open_current, services
from dagster_project.settings import Settings
from events.errors import GuildhallError
from events.outcome import Verdict
from events.source import Source, SourceKind
from events.topics import OUTCOMES, RAW
from pipelines.broker import admin
from pipelines.connector import ImportOptions, Platform
from pipelines.imports import await_outcomes, importer
from pipelines.platforms import PLATFORMS

MOST_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("import")(import_)
    app.command()(rejected)
    app.command()(replay)


def kinds() -> dict[str, Platform]:
    """KIND of an import -> its platform."""
    return {kind: platform for platform in PLATFORMS.values() for kind in platform.exports}


def import_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What it is: `guildhall sources` lists the kinds.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The export: a file, or the unpacked folder.")],
    community: Annotated[str, typer.Option(help="The community it belongs to, as in guildhall.toml.")],
    tenant: Annotated[
        str | None,
        typer.Option(help="Workspace or site of the export; otherwise that of the platform's sources.", show_default=False),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Of clocks in the export that name none, such as Europe/Berlin.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Understand everything, send nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a history on disk through the same source as live traffic. Again = nothing twice.

    Example: `guildhall import slack-export export.zip --community auditors`
    """
    settings = state.settings()
    platform = _platform(kind)
    _known(community, settings)
    options = ImportOptions(tenant=tenant or settings.tenant_of(platform.slug), community=community, time_zone=time_zone)
    now = datetime.now(UTC)
    if dry_run:
        with progress(f"Reading {path.name}") as told:
            tally = importer.tally_export(platform, kind, path, options, context_of(settings), now, told)
        outcomes = Counter(
            {(str(verdict), str(reason) if reason else None): n for (verdict, reason), n in tally.outcomes.items()}
        )
        _show(kind, tally.events, tally.interactions, outcomes, tally.details, tally.unmapped, tally.seconds, as_json=as_json)
        return
    events = importer.begun(platform, kind, path, options, now)  # before Kafka is started: a wrong path is known at once
    with services(settings, ("kafka", "worker"), err.print) as bootstrap:
        starts = admin.ends(bootstrap, RAW.name, wait_seconds=importer.ANSWER_SECONDS)
        since = admin.ends(bootstrap, OUTCOMES.name)
        with progress(f"Sending {path.name}") as told:
            sent = importer.import_export(platform, kind, path, options, bootstrap, now, told, events=events)
        with progress("Understanding", total=sent.events) as told:
            found = await_outcomes.await_outcomes(
                bootstrap, since, starts, sent.ends, Source(SourceKind.IMPORT, platform.slug, kind).address, progress=told
            )
    seconds = (datetime.now(UTC) - now).total_seconds()
    _show(kind, sent.acknowledged, found.interactions, found.outcomes, found.details, found.unmapped, seconds, as_json=as_json)
    if found.records != sent.acknowledged:
        raise GuildhallError(
            f"Of {sent.acknowledged} records sent, {found.records} have an outcome.",
            "Every record should have exactly one.",
            "Look at var/log/worker.log and report it; nothing is lost, the records are in Kafka.",
        )
    if not as_json:
        out.print("  next       guildhall refresh")


def _show(
    kind: str,
    events: int,
    interactions: int,
    outcomes: Mapping[tuple[str, str | None], int],
    details: Mapping[str, int],
    unmapped: Mapping[tuple[str, str], int],
    seconds: float,
    *,
    as_json: bool,
) -> None:
    verdicts: Counter[str] = Counter()
    for (verdict, _), count in outcomes.items():
        verdicts[verdict] += count
    rate = events / seconds if seconds else 0.0
    if as_json:
        show_json(
            {
                "kind": kind,
                "records": events,
                "interactions": interactions,
                "verdicts": dict(verdicts),
                "reasons": {f"{verdict}: {reason}": count for (verdict, reason), count in outcomes.items() if reason},
                "unmapped": {f"{tenant}/{space}": count for (tenant, space), count in unmapped.items()},
                "details": dict(details),
                "seconds": round(seconds, 1),
                "records_per_second": round(rate),
            }
        )
        return
    parts = " + ".join(f"{verdicts[verdict]:,} {verdict}" for verdict in Verdict)
    out.print(f"  {kind}   {events:,} records = {parts} · {interactions:,} interactions")
    for (verdict, reason), count in sorted(outcomes.items(), key=lambda entry: -entry[1]):
        if reason:
            out.print(f"    {count:>9,}  {verdict}: {reason}")
    for detail, count in Counter(details).most_common(MOST_SHOWN):
        out.print(f"    {count:>9,}  {detail}")
    for (tenant, space), count in Counter(unmapped).most_common(MOST_SHOWN):
        out.print(f"    {count:>9,}  in {tenant}/{space}, which no community has")
    out.print(f"  rate       {rate:,.0f} records/s, {seconds:.1f} s")


def _platform(kind: str) -> Platform:
    known = kinds()
    if kind not in known:
        raise GuildhallError(f"`{kind}` cannot be imported.", f"Known kinds: {', '.join(sorted(known))}.", "Name one of them.")
    return known[kind]


def _known(community: str, settings: Settings) -> None:
    if community not in settings.community:
        known = ", ".join(sorted(settings.community)) or "none"
        raise GuildhallError(
            f"There is no community `{community}`.",
            f"{settings.config or 'guildhall.toml'} has: {known}.",
            f"Add a block [community.{community}] with a title, or name another; `guildhall init` writes an example.",
        )


def rejected(
    reason: Annotated[str | None, typer.Option(help="Only this reason.", show_default=False)] = None,
    show: Annotated[
        str | None, typer.Option(help="Print the bytes of one record, partition:offset.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What was not understood: how often, why, and where the raw records are.

    Example: `guildhall rejected --reason unreadable_payload`
    """
    settings = state.settings()
    if show is not None:
        _print_raw(settings, show)
        return
    with open_current(settings) as tables:
        rows = tables.rows(
            """
            select reason, platform, source, detail, count(*) as records, min(raw_partition || ':' || raw_offset) as example
            from meta.replayable
            where verdict = 'rejected' and (? is null or reason = ?)
            group by all order by records desc, reason, platform, source, detail
            """,
            [reason, reason],
        )
    if as_json:
        show_json(rows)
    elif not rows:
        out.print("Nothing was rejected.")
    else:
        show_table(
            ("records", "reason", "platform", "source", "detail", "example"),
            ((r["records"], r["reason"], r["platform"], r["source"], r["detail"], r["example"]) for r in rows),
        )


def _print_raw(settings: Settings, place: str) -> None:
    import sys

    from pipelines.understand.replay import read_raw

    with services(settings, ("kafka",), err.print) as bootstrap:
        for _, _, value, _ in read_raw(bootstrap, [_place(place)]):
            sys.stdout.buffer.write((value or b"") + b"\n")
            return
    raise GuildhallError(
        f"The raw record {place} is gone.", "The raw topic keeps records for 28 days.", "Ask the platform to send it again."
    )


def _place(text: str) -> tuple[int, int]:
    partition, _, offset = text.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise GuildhallError(f"`{text}` is no place.", "A place is partition:offset.", "Copy one from `guildhall rejected`.")
    return int(partition), int(offset)


def replay(
    reason: Annotated[str | None, typer.Option(help="Only records rejected for this reason.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Understand again what was rejected or lies in spaces that were mapped since, with today's code and settings.

    Example: `guildhall replay --reason unreadable_payload`, then `guildhall refresh`
    """
    from pipelines.understand.replay import replay as again

    settings = state.settings()
    with open_current(settings) as tables:
        rows = tables.rows(
            """
            select raw_partition, raw_offset from meta.replayable where ? is null or reason = ? order by all
            """,
            [reason, reason],
        )
    positions = [(row["raw_partition"], row["raw_offset"]) for row in rows]
    with services(settings, ("kafka",), err.print) as bootstrap:
        done = again(bootstrap, positions, context_of(settings))
    said = {**asdict(done), "expired": done.expired}
    if as_json:
        show_json(said)
        return
    out.print("  replayed   " + ", ".join(f"{count:,} {name}" for name, count in said.items()))
    out.print("  next       guildhall refresh")
