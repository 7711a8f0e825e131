"""Health: `status` shows what runs, how fresh it is and what is wrong; `doctor` checks the installation."""

from dataclasses import asdict
from datetime import UTC, datetime
from textwrap import indent

import typer

from dagster_project.cli.common import GREEN, RED, REFUSED, AsJson, show, show_fields, show_json, state

GROUP = "Operate"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (status, doctor):
        app.command(rich_help_panel=GROUP)(command)


def status(as_json: AsJson = False) -> None:
    """Show what runs, how fresh the published tables are, and what is wrong.

    `--json` prints everything that is known, for a program. Exit code 1 if anything is wrong.

    Example: `guildhall status`
    """
    from dagster_project.cli.status import lines, read_all

    now = datetime.now(UTC)
    found = read_all(state.settings(), now)
    if as_json:
        show_json(found)
    else:
        show_fields(lines(found, now))
    if found["wrong"]:
        raise typer.Exit(REFUSED)


def doctor(as_json: AsJson = False) -> None:
    """Check everything that this installation rests on.

    Settings, secrets, the key, disk space, Java and Kafka, the published file, and accounts that look like programs.
    Each line is ok or fail; a failure comes with its remedy. Exit code 1 if anything fails.

    Example: `guildhall doctor`
    """
    from dagster_project.cli.doctor import examine

    results = list(examine(state.settings))
    if as_json:
        # What people send with a report of a problem: advice names accounts, so it is for the screen only.
        show_json([{name: value for name, value in asdict(result).items() if name != "advice"} for result in results])
    else:
        for result in results:
            show(f"  {'ok  ' if result.ok else 'fail'}  {result.what}", GREEN if result.ok else RED)
            if not result.ok:
                show(f"        why    {result.why}\n        to do  {result.todo}")
            if result.advice:
                show(indent(result.advice, "        "))
    if not all(result.ok for result in results):
        raise typer.Exit(REFUSED)
