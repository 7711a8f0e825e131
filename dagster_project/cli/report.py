"""Report: issues a community's report for one period from what is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.common import AsJson, note, show, show_json, state

if TYPE_CHECKING:
    from dagster_project.delivery.verify import Verified
    from dagster_project.settings import Settings
    from warehouse.report.data import Correction

GROUP = "Build and publish"
MOST_LINES = 20


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=GROUP)(report)
    app.command("verify-report", rich_help_panel=GROUP)(verify_report)


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


def verify_report(
    file: Annotated[Path, typer.Argument(help="An issued report: html, pdf, json or csv.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Check that a report is what was issued, and that its figures follow from the tables that they were made from.

    Exit code 1 where the file was changed, or a figure does not follow from its build. What was corrected since is listed and
    is no failure: an issued report does not change.

    Example: `guildhall verify-report var/reports/auditors/2026-10/index.html`
    """
    from dagster_project.delivery.verify import verify_report as verify

    found = verify(state.settings(), file)
    if as_json:
        show_json(asdict(found) | {"holds": found.holds})
    else:
        _show_verified(found)
    if not found.holds:
        raise typer.Exit(1)


def _show_verified(found: Verified) -> None:
    name = f"{found.community}, {found.period}, revision {found.revision}"
    if found.issued_at:
        show(f"issued     {name}, on {found.issued_at}")
    else:
        show(f"changed    it claims to be {name}, and differs from what was issued:")
        for line in found.altered:
            show(f"           {line}")
    if found.own_build is None:
        show(f"figures    {found.figures}; the published file of build {found.build} is not kept any more")
    else:
        agree = found.figures - len(found.own_build)
        show(f"figures    {agree} of {found.figures} follow from build {found.build}")
        _show_corrections(found.own_build)
    show(
        f"since      {len(found.now)} values differ in what is published now"
        if found.now
        else "since      nothing was corrected"
    )
    _show_corrections(found.now)


def _show_corrections(found: Sequence[Correction]) -> None:
    for one in found[:MOST_LINES]:
        at = max(estimate.at for estimate in (one.before, one.now) if estimate)
        before, now = (None if estimate is None else estimate.value for estimate in (one.before, one.now))
        show(
            f"           {one.subject} {one.part} at {at:%Y-%m-%d}: {before} in the report, {now} in the tables".replace(
                "  ", " "
            )
        )
    if len(found) > MOST_LINES:
        show(f"           … and {len(found) - MOST_LINES} more")


def _last_period(settings: Settings, community: str, today: date) -> str:
    """The last whole month; of a history that ended before it, the month of its last event."""
    from dagster_project.cli.query import last_event
    from dagster_project.published import open_current
    from warehouse.report.period import last_month

    with open_current(settings.paths.published) as tables:
        last = last_event(tables, community)
    return min(last_month(today), f"{last:%Y-%m}") if last else last_month(today)
