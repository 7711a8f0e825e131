"""Common ground of all commands: settings, tables, JSON, and errors in three parts."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from dagster_project.settings import Settings, load

REFUSED = 1
WRONG_USE = 2

# A pipe has no width: a table for one is not folded to eighty columns.
out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, soft_wrap=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]


@dataclass(slots=True)
class State:
    """What the options before the command said."""

    config: Path | None = None
    home: Path | None = None
    debug: bool = False

    def settings(self) -> Settings:
        """The settings, read when a command first needs them."""
        return load(self.config, self.home)


state = State()


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows as a table."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, not markup: what stands in a table is shown as it is, and no `[/]` of it is a command.
        table.add_row(*(Text("–" if cell is None else str(cell)) for cell in row))
    out.print(table)


def show_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) + "\n")


def _plain(value: Any) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def show_error(what: str, why: str, todo: str) -> None:
    """What happened, why, what to do: on standard error."""
    err.print(f"[bold red]{_escaped(what)}[/]\n  why    {_escaped(why)}\n  to do  {_escaped(todo)}")


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")


@contextmanager
def progress(words: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; gives a function that is told how many are done in all. Into a pipe: one line, and no bar."""
    if not err.is_terminal:
        err.print(f"  {words} …")
        yield lambda _done: None
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    ) as bar:
        task = bar.add_task(words, total=total)
        yield lambda done: bar.update(task, completed=done)
