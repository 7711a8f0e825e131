"""Report: issues a community's report for one period from what is published."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.common import note, show, state

if TYPE_CHECKING:
    from dagster_project.settings import Settings

GROUP = "Build and publish"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=GROUP)(report)


def report(
    community: Annotated[str, typer.Argument(help="The community, as in guildhall.toml.")],
    period: Annotated[
        str | None,
        typer.Option(
            help="2026-10 or 2026-Q3. Default: the last whole month; of a history that has ended, its last month.",
            show_default=False,
        ),
    ] = None,
    formats: Annotated[str, typer.Option("--format", help="html, pdf, json, csv, or several: html,pdf.")] = "html",
    revise: Annotated[
        bool, typer.Option("--revise", help="Issue another revision where the published tables differ from the last one.")
    ] = False,
) -> None:
    """Issue a community's report for one period, and print its files.

    An issued report does not change. Until seven days after the last evaluation of the period, the files are a draft. While
    `guildhall up` runs, Dagster issues reports by itself when they are due.

    Example: `guildhall report auditors --period 2026-10`
    """
    from dagster_project.delivery.issue import make_report

    settings, now = state.settings(), datetime.now(UTC)
    chosen = tuple(dict.fromkeys(one.strip() for one in formats.split(",")))
    made = make_report(settings, community, period or _last_period(settings, community, now.date()), now, chosen, revise=revise)
    for path in made.files.values():
        show(str(path))
    if made.revision == 0:
        note("  A draft: late events may still come. It is issued when the period and its grace of seven days are over.")
    elif made.outdated:
        note(f"  This is revision {made.revision}; the published tables differ from it. `--revise` issues another revision.")


def _last_period(settings: Settings, community: str, today: date) -> str:
    """The last whole month; of a history that ended before it, the month of its last event."""
    from dagster_project.cli.query import last_event
    from dagster_project.published import open_current
    from warehouse.report.period import last_month

    with open_current(settings.paths.published) as tables:
        last = last_event(tables, community)
    return min(last_month(today), f"{last:%Y-%m}") if last else last_month(today)
