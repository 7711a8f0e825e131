"""Application: the commands by group, the options before a command, and what each end of a command means.

A command imports what it needs when it runs: importing all commands takes a tenth of a second, so that `--help` is quick.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from dagster_project.cli import build, health, imports, poll, query, rejected, report, run, setup, sql, validate
from dagster_project.cli.common import REFUSED, WRONG_USE, show_error, state
from dagster_project.errors import explain

INTERRUPTED = 130
"""The exit code that typer gives to Ctrl-C."""


class Grouped(TyperGroup):
    """Lists the commands in the groups that they are registered with."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of registration."""
        del ctx
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section per group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            group = str(getattr(command, "rich_help_panel", None) or "Commands")
            groups.setdefault(group, []).append((name, command.get_short_help_str(limit=160)))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl(rows)


app = typer.Typer(
    name="guildhall",
    cls=Grouped,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Guildhall lets communities of practice see themselves: events in, health reports out.\n\n"
    "Try it with `guildhall demo`. For your own community run `guildhall init` and follow the next steps that it prints. "
    "`guildhall COMMAND --help` explains a command with an example.",
)
for family in (run, setup, imports, poll, rejected, build, report, query, validate, sql, health):
    family.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("guildhall"))
        raise typer.Exit


@app.callback()
def options(
    config: Annotated[
        Path | None,
        typer.Option(
            help="Settings file. Default: the variable GUILDHALL_CONFIG, else guildhall.toml in this folder.",
            show_default=False,
        ),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            help="Folder of all data. Default: the variable GUILDHALL_HOME, else var in this folder.", show_default=False
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Keep the options before the command."""
    state.config, state.home, state.debug = config, home, debug


def run_command(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are shown in three parts on standard error."""
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()  # a closed pipe is reported here, and not while Python exits
    except (typer.Abort, KeyboardInterrupt):
        return _failed(KeyboardInterrupt())
    except typer.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        return _pipe_closed()
    except SystemExit as end:  # typer and rich end so when a pipe is closed
        if isinstance(end.__context__, BrokenPipeError):
            return _pipe_closed()
        raise
    except TyperException as error:
        message = getattr(error, "format_message", error.__str__)()
        show_error("The command line is wrong.", message, "Add --help to see how the command is used.")
        return WRONG_USE
    except Exception as error:
        if state.debug:
            raise
        return _failed(error)
    if code == INTERRUPTED:
        return _failed(KeyboardInterrupt())
    return code if isinstance(code, int) else 0


def _failed(error: BaseException) -> int:
    found = explain(error)
    show_error(found.what, found.why, found.todo)
    return REFUSED


def _pipe_closed() -> int:
    """End quietly: a reader such as `head` that closes the pipe has all it wants."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
