"""Rejected: what was not understood, and how to process it again."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.common import AsJson, note, show, show_fields, show_json, show_table, state
from dagster_project.cli.imports import GROUP, next_step
from events.errors import GuildhallError

if TYPE_CHECKING:
    from dagster_project.settings import Settings


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (rejected, replay):
        app.command(rich_help_panel=GROUP)(command)


def rejected(
    reason: Annotated[str | None, typer.Option(help="Only this reason.", show_default=False)] = None,
    show_record: Annotated[
        str | None, typer.Option("--show", help="Print the bytes of one record, partition:offset.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what was not understood: how often, why, and where the raw records are.

    `--show` prints one raw record as it came. It may contain names and text.

    Example: `guildhall rejected --reason unreadable_payload`
    """
    from dagster_project.published import open_current

    if show_record is not None:
        _print_raw(state.settings(), show_record)
        return
    with open_current(state.paths().published) as tables:
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
        show("Nothing was rejected.")
    else:
        show_table(
            ("records", "reason", "platform", "source", "detail", "example"),
            ((r["records"], r["reason"], r["platform"], r["source"], r["detail"], r["example"]) for r in rows),
        )


def _print_raw(settings: Settings, place: str) -> None:
    from dagster_project.processes.temporary import services
    from pipelines.understand.replay import read_raw

    position = _position(place)
    with services(settings, ("kafka",), note) as bootstrap:
        for _, _, value, _ in read_raw(bootstrap, [position]):
            sys.stdout.buffer.write((value or b"") + b"\n")
            return
    raise GuildhallError(
        f"The raw record {place} is gone.", "The raw topic keeps records for 28 days.", "Ask the platform to send it again."
    )


def _position(text: str) -> tuple[int, int]:
    partition, _, offset = text.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise GuildhallError(
            f"`{text}` is not a position of a record.",
            "A position is partition:offset, for instance 3:1204.",
            "Copy one from the column `example` of `guildhall rejected`.",
        )
    return int(partition), int(offset)


def replay(
    reason: Annotated[str | None, typer.Option(help="Only records rejected for this reason.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Process rejected and unmapped records again.

    Use it after an update, or after you added spaces to guildhall.toml: records of the last 28 days are understood again with
    today's software and settings.

    Example: `guildhall replay --reason unreadable_payload`, then `guildhall refresh`
    """
    from dagster_project.processes.temporary import context_of, services
    from dagster_project.published import open_current
    from pipelines.understand.replay import replay as process_again

    settings = state.settings()
    with open_current(settings.paths.published) as tables:
        rows = tables.rows(
            "select raw_partition, raw_offset from meta.replayable where ? is null or reason = ? order by all", [reason, reason]
        )
    positions = [(row["raw_partition"], row["raw_offset"]) for row in rows]
    with services(settings, ("kafka",), note) as bootstrap:
        done = process_again(bootstrap, positions, context_of(settings))
    result = {**asdict(done), "expired": done.expired}
    if as_json:
        show_json(result)
        return
    show_fields([("replayed", ", ".join(f"{count:,} {name}" for name, count in result.items())), ("next", next_step(settings))])
