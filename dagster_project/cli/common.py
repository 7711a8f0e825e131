"""Common: what all commands share: the options before the command, lines, tables, JSON, errors in three parts, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from events.plain import plain, plain_json

if TYPE_CHECKING:
    from dagster_project.paths import Paths
    from dagster_project.settings import Settings

REFUSED = 1
WRONG_USE = 2
PIPE_WIDTH = 200
"""Columns of a table that goes into a pipe: a pipe has no width, and eighty columns fold too much."""
LONGEST_UNFOLDED = 36
"""Cells up to this length stay on one line: pseudonyms, dates, ids."""
BOLD, GREEN, RED = "1", "32", "1;31"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


@dataclass(slots=True)
class State:
    """The options before the command."""

    config: Path | None = None
    home: Path | None = None
    debug: bool = False

    def paths(self) -> Paths:
        """What lies where, for a command that reads what is published and needs no settings."""
        from dagster_project.paths import Paths, home_folder

        return Paths(home_folder(self.home))

    def settings(self) -> Settings:
        """The settings, read when a command first needs them."""
        from dagster_project.settings import load

        return load(self.config, self.home)


state = State()


def show(text: str = "", style: str = "") -> None:
    """Print a line of the result on standard output; `style` is an ANSI code that a terminal shows."""
    sys.stdout.write(_styled(text, style, sys.stdout) + "\n")


def note(text: str, style: str = "") -> None:
    """Print a line about the progress on standard error."""
    sys.stderr.write(_styled(text, style, sys.stderr) + "\n")
    sys.stderr.flush()


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print named values, one per line, the names in a column."""
    for name, value in fields:
        show(f"  {name:10} {value}")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows as a table. Short cells stay on one line, even where the table becomes wider than the screen."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [["–" if cell is None else plain(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[number]) for row in [list(columns), *cells]) for number in range(len(columns))]
    least = [min(width, LONGEST_UNFOLDED) for width in widths]
    # Text, not markup: a name in [brackets] is shown as it is, and so is a cell.
    table = Table(
        title=Text(plain(title)) if title else None, title_justify="left", header_style="bold", box=None, pad_edge=False
    )
    for column, width in zip(columns, least, strict=True):
        table.add_column(column, overflow="fold", min_width=width)
    for row in cells:
        table.add_row(*map(Text, row))
    screen = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    screen.print(table, width=max(screen.width, sum(least) + len(least)))


def show_json(value: object) -> None:
    """Print one JSON document."""
    sys.stdout.write(plain_json(json.dumps(value, default=_plain, ensure_ascii=False, indent=2)) + "\n")


def show_error(what: str, why: str, todo: str) -> None:
    """Print what happened, why and what to do, on standard error."""
    note(what, RED)
    note(f"  why    {why}\n  to do  {todo}")


@contextmanager
def progress(text: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error; yields a function that takes how many are done in all. A pipe gets one line, no bar."""
    if not sys.stderr.isatty():
        note(f"  {text} …")
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
        console=Console(stderr=True, soft_wrap=True, highlight=False),
        transient=True,
    ) as bar:
        task = bar.add_task(text, total=total)
        yield lambda done: bar.update(task, completed=done)


def counted(count: int, plural: str) -> str:
    """`1 community`, `2 communities`: a count with its noun, given in the plural."""
    singular = f"{plural.removesuffix('ies')}y" if plural.endswith("ies") else plural.removesuffix("s")
    return f"{count:,} {singular if count == 1 else plural}"


def _plain(value: Any) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def _styled(text: str, style: str, stream: TextIO) -> str:
    shown = plain(text)  # names of strangers are in it
    return f"\x1b[{style}m{shown}\x1b[0m" if style and stream.isatty() else shown
