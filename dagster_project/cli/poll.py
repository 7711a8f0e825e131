"""Polling: `poll` reads what is new on the sources that are polled, once."""

from typing import Annotated, Any

import typer

from dagster_project.cli.common import REFUSED, AsJson, err, out, show_error, show_json, state
from dagster_project.polling import open_poller, polled_sources
from dagster_project.processes.temporary import services
from pipelines.ingest.poller import Pass


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(poll)


def poll(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...", help="Names of [source.NAME]; all polled sources without one.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read once what is new on each polled source. `guildhall up` does it all the time.

    Example: `guildhall poll wiki`
    """
    settings = state.settings()
    wanted = polled_sources(settings, sources or ())
    with services(settings, ("kafka",), err.print) as bootstrap, open_poller(settings, bootstrap) as poller:
        passes = []
        for done in poller.run_passes(wanted):
            passes.append(done)
            if not as_json:
                _show(done)
    if as_json:
        show_json([_values(done) for done in passes])
    elif any(done.events for done in passes):
        out.print("  next       guildhall refresh")
    if any(done.failure for done in passes):
        raise typer.Exit(REFUSED)


def _show(done: Pass) -> None:
    gap = "; its cursor had expired, so events may be missing: see guildhall sources" if done.gap else ""
    if done.failure is None:
        out.print(f"  {done.source:10} {done.events:,} new events in {done.seconds:.1f} s{gap}")
        return
    out.print(f"  {done.source:10} {done.events:,} new events, then it failed{gap}")
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
