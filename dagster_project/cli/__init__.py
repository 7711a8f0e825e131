"""Command line: `guildhall`. One module a family of commands; each is thin, teaches with an example, and names its errors."""

import contextlib
import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from dagster_project.cli import build, health, imports, poll, query, run, setup
from dagster_project.cli.common import REFUSED, WRONG_USE, show_error, state
from dagster_project.errors import explain

INTERRUPTED = 130
"""What typer makes of Ctrl-C."""
app = typer.Typer(
    name="guildhall",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Lets communities of practice see themselves: interaction events in, health reports out.\n\n"
    "Begin with `guildhall demo`, or with `guildhall init` and `guildhall up`.",
)
for family in (run, setup, imports, poll, build, query, health):
    family.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(version_of("guildhall"))
        raise typer.Exit


@app.callback()
def options(
    config: Annotated[
        Path | None, typer.Option(help="Settings; else GUILDHALL_CONFIG, else guildhall.toml here.", show_default=False)
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="Folder of everything written; else GUILDHALL_HOME, else var here.", show_default=False)
    ] = None,
    debug: Annotated[bool, typer.Option(help="Show a traceback where something fails.")] = False,
    _version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options before the command."""
    state.config, state.home, state.debug = config, home, debug


def main() -> None:
    """Run a command: 0 done, 1 refused or failed, 2 wrong use."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are shown in three parts on standard error."""
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()  # a pipe that was closed shows here, not in Python's last words
    except (typer.Abort, KeyboardInterrupt):
        return _stopped()
    except typer.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        return _seen_enough()
    except SystemExit as end:  # how typer and rich end on a pipe that was closed
        if isinstance(end.__context__, BrokenPipeError):
            return _seen_enough()
        raise
    except TyperException as error:
        said = getattr(error, "format_message", error.__str__)()
        show_error("That is not how this command is used.", said, "Add --help to see how.")
        return WRONG_USE
    except Exception as error:
        if state.debug:
            raise
        found = explain(error)
        show_error(found.what, found.why, found.todo)
        return REFUSED
    if code == INTERRUPTED:
        return _stopped()
    return code if isinstance(code, int) else 0


def _stopped() -> int:
    show_error("Stopped.", "You asked for it.", "Do the same again to go on: what is done is kept, and counts once.")
    return REFUSED


def _seen_enough() -> int:
    """Who reads us closed the pipe, as `head` does: nothing failed, and nothing more is to be said."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
