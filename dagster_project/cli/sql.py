"""SQL: queries against the published file, in one go or in a prompt."""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagster_project.cli.common import RED, note, show, show_json, show_table, state
from events.errors import GuildhallError
from events.plain import spreadsheet_cell

if TYPE_CHECKING:
    from dagster_project.published import Tables

GROUP = "Ask"
MOST_SHOWN = 1_000
"""Rows of a table on the screen: nobody reads more, and the width of its columns depends on all of them."""
AT_ONCE = 10_000
HELP = """\
.tables          the tables and what each holds
.schema TABLE    the columns of a table and what each means, for instance .schema levels.current
.help            this text
.quit            leave the prompt (or Ctrl-D)
Everything else is one SQL query in DuckDB's dialect, on one line. The file is read-only."""
_TABLES = """
    select distinct layer || '.' || "table" as "table", table_meaning as meaning from meta.dictionary order by 1
"""
_SCHEMA = """
    select "column", "type", meaning from meta.dictionary where layer || '.' || "table" = ? order by position
"""


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=GROUP)(sql)


def sql(
    query: Annotated[
        str | None, typer.Argument(help="A query, or .tables, .schema TABLE, .help; without it, a prompt.", show_default=False)
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="parquet writes bytes to standard output.")] = Format.TABLE,
) -> None:
    """Query the published tables with SQL, read-only.

    The schemas are core, levels, metrics, scorecard, reports and meta. `guildhall sql .tables` lists the tables,
    `guildhall sql ".schema levels.current"` the columns of one. To write a file, choose a format and redirect the output.
    In csv, a text that a spreadsheet would compute begins with an apostrophe.

    Example: `guildhall sql "from levels.current select community, level, count(*) group by all"`
    """
    from dagster_project.published import open_current

    if query is not None and query.strip() in {".help", ".quit", ".exit"}:
        show(HELP)
        return
    with open_current(state.paths().published) as tables:
        if query is not None:
            _answer(tables, query.strip(), output)
            return
        note(f"{tables.path.name}, read-only. One query per line; .help lists the commands; Ctrl-D or .quit ends.")
        while (line := _ask()) is not None:
            try:
                _answer(tables, line.strip(), output)
            except GuildhallError as error:
                note(f"{error.why} {error.todo}", RED)


def _ask() -> str | None:
    try:
        line = input("guildhall> ")
    except EOFError:
        return None
    return None if line.strip() in {".quit", ".exit"} else line


def _answer(tables: Tables, line: str, output: Format) -> None:
    name, _, rest = line.partition(" ")
    if name == ".help":
        show(HELP)
    elif name == ".tables":
        _run(tables, _TABLES, [], output)
    elif name == ".schema":
        _run(tables, _SCHEMA, [_table(tables, rest.strip())], output)
    elif name.startswith("."):
        raise GuildhallError(f"`{name}` is not a command.", "There are .tables, .schema, .help and .quit.", "Use one of them.")
    else:
        _run(tables, line, [], output)


def _table(tables: Tables, name: str) -> str:
    """The full name of a table; the schema may be left out where one table has the name. Raises GuildhallError."""
    known = [str(row["table"]) for row in tables.rows(_TABLES)]
    found = [full for full in known if name in {full, full.partition(".")[2]}]
    if len(found) != 1:
        why = f"Several tables have it: {', '.join(found)}." if found else "No published table has this name."
        raise GuildhallError(f"`{name}` is not a table.", why, "`guildhall sql .tables` lists the tables.")
    return found[0]


def _run(tables: Tables, query: str, values: list[str], output: Format) -> None:
    try:
        result = tables.con.execute(query, values)
        if result is None:  # DuckDB's result of white space, comments and semicolons
            return
        names = [column[0] for column in result.description or ()]
        if output is Format.PARQUET:
            _parquet(result)
            return
        rows = result.fetchmany(MOST_SHOWN + 1) if output is Format.TABLE else result.fetchmany(AT_ONCE)
    except BrokenPipeError:
        raise  # the reader closed the pipe: it has all it wants
    except Exception as error:
        raise _refused(query, error) from error
    match output:
        case Format.JSON:
            rows += result.fetchall()
            show_json([dict(zip(names, row, strict=True)) for row in rows])
        case Format.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(names)
            while rows:
                writer.writerows([spreadsheet_cell(cell) for cell in row] for row in rows)
                rows = result.fetchmany(AT_ONCE)
        case _:
            show_table(names, rows[:MOST_SHOWN])
            if len(rows) > MOST_SHOWN:
                note(f"  The first {MOST_SHOWN:,} rows; --format csv, json or parquet writes all.")


def _refused(query: str, error: Exception) -> GuildhallError:
    first = str(error).strip().splitlines()[0]
    if query.lower().startswith(("copy", "export", "install", "load", "attach")):
        todo = 'Queries only read. To write a file: guildhall sql --format csv "QUERY" > file.csv (or json, parquet).'
    elif first.startswith("Binder Error"):
        todo = 'List the columns of a table: guildhall sql ".schema TABLE".'
    else:
        todo = "List the tables: guildhall sql .tables."
    return GuildhallError("The query was refused.", first if first.endswith((".", "!", "?")) else f"{first}.", todo)


def _parquet(result: Any) -> None:
    import pyarrow.parquet as pq

    pq.write_table(result.to_arrow_table(), sys.stdout.buffer)
