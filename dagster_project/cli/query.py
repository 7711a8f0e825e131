"""Asking: `sql`, `levels`, `why`, `metrics`: what is published, in words and rows."""

import csv
import re
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from dagster_project.cli.common import AsJson, err, out, show_json, show_table, state
from dagster_project.processes.temporary import Tables, open_current
from events.errors import GuildhallError
from warehouse import explain as reasons
from warehouse.build.catalog import catalog
from warehouse.build.catalog import metrics as metrics_of

PSEUDONYM = re.compile(r"[0-9a-f]{6,32}")
MOST_SHOWN = 1_000
"""Rows of a table on the screen: nobody reads more, and its widths need all of them at once."""
AT_ONCE = 10_000
LEVELS = ("core", "active", "occasional", "peripheral", "transactional")


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (sql, levels, why, metrics):
        app.command()(command)


def sql(
    query: Annotated[str | None, typer.Argument(help="A query; without one, a prompt.", show_default=False)] = None,
    output: Annotated[Format, typer.Option("--format", help="parquet goes to standard output as bytes.")] = Format.TABLE,
) -> None:
    """Query the published file, read-only: schemas core, levels, metrics, scorecard, reports, meta.

    Example: `guildhall sql "from levels.current select community, level, count(*) group by all"`
    """
    with open_current(state.settings()) as tables:
        if query is not None:
            _answer(tables, query, output)
            return
        err.print(f"{tables.path.name}, read-only. One query a line; .tables lists what there is; Ctrl-D ends.")
        while (line := _ask()) is not None:
            if line.strip() == ".tables":
                line = "select distinct layer || '.' || \"table\" as name, table_meaning from meta.dictionary order by 1"
            if line.strip():
                try:
                    _answer(tables, line, output)
                except GuildhallError as error:
                    err.print(f"[red]{error.why}[/]")


def _ask() -> str | None:
    try:
        return input("guildhall> ")
    except EOFError:
        return None


def _answer(tables: Tables, query: str, output: Format) -> None:
    try:
        result = tables.con.execute(query)
        if result is None:  # DuckDB's answer to white space, comments and semicolons
            return
        names = [column[0] for column in result.description or ()]
        if output is Format.PARQUET:
            _parquet(result)
            return
        rows = result.fetchmany(MOST_SHOWN + 1) if output is Format.TABLE else result.fetchmany(AT_ONCE)
    except BrokenPipeError:
        raise  # who reads us has seen enough
    except Exception as error:
        first = str(error).strip().splitlines()[0]
        raise GuildhallError(
            "The query was refused.", first, "`guildhall sql` without a query lists tables with .tables."
        ) from error
    match output:
        case Format.JSON:
            rows += result.fetchall()
            show_json([dict(zip(names, row, strict=True)) for row in rows])
        case Format.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(names)
            while rows:
                writer.writerows(rows)
                rows = result.fetchmany(AT_ONCE)
        case _:
            show_table(names, rows[:MOST_SHOWN])
            if len(rows) > MOST_SHOWN:
                err.print(f"  The first {MOST_SHOWN:,} rows; --format csv, json or parquet writes all.")


def _parquet(result: Any) -> None:
    import pyarrow.parquet as pq

    pq.write_table(result.to_arrow_table(), sys.stdout.buffer)


def levels(
    community: Annotated[str, typer.Argument(help="The community.")],
    as_json: AsJson = False,
) -> None:
    """How many people are at each level, and who moved where since the window before. Every level is a good place to be.

    Example: `guildhall levels auditors`
    """
    with open_current(state.settings()) as tables:
        known(tables, community)
        rows = tables.rows(
            """
            select window_end, level, members, level_share from metrics.level_distribution
            where community = ? and window_end = (select max(window_end) from core.windows where community = ?)
            """,
            [community, community],
        )
        moves = tables.rows(
            """
            select from_level, to_level, members from levels.flow
            where community = ? and window_end = (select max(window_end) from core.windows where community = ?)
              and from_level <> to_level
            order by members desc, from_level, to_level
            """,
            [community, community],
        )
    rows.sort(key=lambda row: LEVELS.index(row["level"]))
    if as_json:
        show_json({"community": community, "levels": rows, "moves": moves})
        return
    if not rows:
        out.print("Nothing was evaluated yet.")
        return
    show_table(
        ("level", "people", "share"),
        ((row["level"], row["members"], _percent(row["level_share"])) for row in rows),
        title=f"{community}, evaluated on {rows[0]['window_end']:%Y-%m-%d}",
    )
    if moves:
        out.print("")
        show_table(
            ("from", "to", "people"),
            ((move["from_level"], move["to_level"], move["members"]) for move in moves),
            title="Since the window before",
        )


def why(
    subject: Annotated[str, typer.Argument(metavar="ACTOR|METRIC", help="A pseudonym, or a metric's id such as N2.")],
    community: Annotated[str | None, typer.Argument(help="The community, for a metric.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Why a member has the level they have and what would change it; or what a number means and rests on.

    Example: `guildhall why N2 auditors`
    """
    wanted = subject.upper()
    is_metric = wanted in {model.header.id for model in metrics_of(catalog())}
    if is_metric and community is None:
        raise GuildhallError(
            f"{wanted} is measured for each community.", "None was named.", f"guildhall why {wanted} COMMUNITY"
        )
    if not is_metric and not PSEUDONYM.fullmatch(subject):
        raise GuildhallError(
            f"`{subject}` is neither a pseudonym nor a metric.",
            "A pseudonym is made of 32 digits and letters a to f.",
            "`guildhall metrics` lists the metrics.",
        )
    found: tuple[reasons.WhyLevel | reasons.WhyMetric, ...]
    with open_current(state.settings()) as tables:
        if is_metric and community is not None:
            known(tables, community)
            found = reasons.why_metric(tables.con, wanted, community)
        else:
            found = reasons.why_member(tables.con, subject)
    if not found:
        raise GuildhallError(
            f"Nothing is published about `{subject}`.",
            "No member has this pseudonym, or nothing was evaluated yet.",
            '`guildhall sql "select distinct member from levels.current"` lists the pseudonyms.',
        )
    if as_json:
        show_json([asdict(one) for one in found])
        return
    for one in found:
        _tell_level(one) if isinstance(one, reasons.WhyLevel) else _tell_metric(one)


def _tell_level(one: reasons.WhyLevel) -> None:
    out.print(f"[bold]{one.level}[/] in {one.community}, since {one.since:%Y-%m-%d} (evaluated on {one.evaluation:%Y-%m-%d})")
    out.print(f"  reason     {one.reason}")
    for overlay in one.overlays:
        out.print(f"  also       {overlay}")
    for change in one.would_change:
        out.print(f"  would change it   {change}")
    for past in one.history:
        out.print(f"  history    {past}")


def _tell_metric(one: reasons.WhyMetric) -> None:
    at = f"{one.evaluation:%Y-%m-%d}" if one.evaluation else "now"
    out.print(f"[bold]{one.id} {one.title}[/]{f' ({one.part})' if one.part else ''} of {one.community}, evaluated on {at}")
    lines = {
        "value": one.sentence,
        "what": f"{one.definition} (version {one.version})",
        "unit": one.unit,
        "counts": ", ".join(f"{name} {value}" for name, value in one.columns.items()),
        "reading": one.reading,
    }
    for name, said in lines.items():
        out.print(f"  {name:10} {said}")
    for caveat in one.caveats:
        out.print(f"  caveat     {caveat}")


def metrics(
    metric: Annotated[str | None, typer.Argument(metavar="ID", help="One of them, whole.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """The registry: what each metric is, in which direction it is read, what it needs, and what it does not say.

    Example: `guildhall metrics N2`
    """
    models = metrics_of(catalog())
    if metric is not None:
        models = tuple(model for model in models if model.header.id == metric.upper())
        if not models:
            ids = ", ".join(str(model.header.id) for model in metrics_of(catalog()))
            raise GuildhallError(f"There is no metric `{metric}`.", f"There are: {ids}.", "Name one of them.")
    if as_json:
        show_json([{"table": model.table, **model.header.model_dump(mode="json")} for model in models])
        return
    if metric is None:
        show_table(
            ("id", "title", "unit", "direction", "table"),
            ((m.header.id, m.header.title, m.header.unit, m.header.direction, m.table) for m in models),
        )
        return
    header = models[0].header
    lines = {
        "what": header.summary,
        "unit": header.unit,
        "direction": header.direction,
        "reading": header.reading,
        "needs": ", ".join(header.needs),
        "minimum": header.minimum,
        "reference": header.reference,
        "table": models[0].table,
        "version": header.version,
    }
    out.print(f"[bold]{header.id} {header.title}[/]")
    for name, text in lines.items():
        out.print(f"  {name:10} {text}")
    for caveat in header.caveats:
        out.print(f"  caveat     {caveat}")


def known(tables: Tables, community: str) -> None:
    """Refuse a community that is not published, naming those that are."""
    slugs = [row["community"] for row in tables.rows("select community from core.communities order by 1")]
    if community not in slugs:
        raise GuildhallError(
            f"There is no community `{community}`.", f"Published are: {', '.join(slugs) or 'none'}.", "Name one of them."
        )


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.0%}"
