"""Poll: reads what is new on the polled sources, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagster_project.cli.common import REFUSED, AsJson, note, show, show_error, show_json, state

if TYPE_CHECKING:
    from pipelines.ingest.poller import Pass

GROUP = "Bring events in"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=GROUP)(poll)


def poll(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="Names of [source.NAME]; all polled sources without one.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read once what is new on each polled source.

    A polled source has `kind = "poll"` and a `url` in guildhall.toml. Reading resumes where it stopped. `guildhall up` polls
    continuously.

    Example: `guildhall poll wiki`
    """
    from dagster_project.cli.imports import next_step
    from dagster_project.polling import open_poller, polled_sources
    from dagster_project.processes.temporary import services

    settings = state.settings()
    wanted = polled_sources(settings, sources or ())
    with services(settings, ("kafka",), note) as bootstrap, open_poller(settings, bootstrap) as poller:
        passes = []
        for done in poller.run_passes(wanted):
            passes.append(done)
            if not as_json:
                _show(done)
    if as_json:
        show_json([_values(done) for done in passes])
    elif any(done.events for done in passes):
        show(f"  next       {next_step(settings)}")
    if any(done.failure for done in passes):
        raise typer.Exit(REFUSED)


def _show(done: Pass) -> None:
    gap = "; its cursor had expired, so events may be missing: see guildhall sources" if done.gap else ""
    if done.failure is None:
        show(f"  {done.source:10} {done.events:,} new events in {done.seconds:.1f} s{gap}")
        return
    show(f"  {done.source:10} {done.events:,} new events, then it failed{gap}")
    show_error(done.failure.what, done.failure.why, done.failure.todo)


def _values(done: Pass) -> dict[str, Any]:
    failure = done.failure
    return {
        "source": done.source,
        "events": done.events,
        "gap": done.gap,
        "seconds": round(done.seconds, 1),
        "failure": {"what": failure.what, "why": failure.why, "todo": failure.todo} if failure else None,
    }
