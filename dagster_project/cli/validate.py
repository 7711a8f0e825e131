"""Validate: `validate` compares levels with a roster, `ties` counts ties and those that chance would give."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.common import AsJson, show, show_json, show_table, state
from dagster_project.cli.query import GROUP, AsOf, check_community, evaluation_of

if TYPE_CHECKING:
    from datetime import date

    from dagster_project.published import Tables
    from dagster_project.settings import Settings
    from warehouse.identity.rosters import Named
    from warehouse.validation import Term


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (validate, ties):
        app.command(rich_help_panel=GROUP)(command)


def validate(
    community: Annotated[str, typer.Argument(help="The community, as in guildhall.toml.")],
    roster: Annotated[
        Path, typer.Option(help="CSV file with the column `person`, and with `role`, `from`, `to` and `community` if you like.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare levels with a list of people whom the community itself names: maintainers, chairs, facilitators.

    A person is written as in people.csv, as platform/tenant/account, by a name or handle that the platform shows, or by a
    pseudonym. `from` and `to` are days; an empty one is open. Prints, with 95 % intervals: how well the level tells the roster
    from everybody else (AUC), how much of the roster is core or active, how much of core is in the roster, how many moves into
    core and out of it are undone within 8 weeks, and how long it takes from the begin of a role to core.

    Example: `guildhall validate auditors --roster chairs.csv`
    """
    from dagster_project.published import open_current
    from warehouse.identity.rosters import read_roster
    from warehouse.validation import validate as compare

    settings = state.settings()
    named = read_roster(roster, community)
    with open_current(settings.paths.published) as tables:
        check_community(tables, community)
        terms, missing = _terms(settings, tables, community, named)
        figures = compare(tables.con, community, terms)
    if as_json:
        show_json({"community": community, "figures": [asdict(figure) for figure in figures], "lines_not_found": missing})
        return
    show_table(
        ("figure", "value", "from", "to", "of"),
        (
            (f.name, *(None if number is None else f"{number:.3g}" for number in (f.value, f.low, f.high)), f.of)
            for f in figures
        ),
        title=f"{community} against {roster.name}",
    )
    if missing:
        show(f"{len(missing)} of {len(named)} lines name nobody of this community, or several: {', '.join(map(str, missing))}")


def ties(
    community: Annotated[str, typer.Argument(help="The community, as in guildhall.toml.")],
    chance: Annotated[bool, typer.Option("--chance", help="Also how many ties chance would give.")] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """How many pairs of people are in touch, by medium and rule, in the window of the last evaluation.

    With `--chance` also how many the rule would find if the same acts were by other people of the same channel and day, meeting
    or week. In chat without threads a share of more than a quarter says that the rule finds little. In a meeting almost all
    would be there by chance, because being in the conversation is the act.

    Example: `guildhall ties auditors --chance`
    """
    from dagster_project.published import open_current
    from warehouse.build.build import use_macros
    from warehouse.chance import DRAWS, MOST_BY_CHANCE, ties_by_chance

    with open_current(state.paths().published) as tables:
        check_community(tables, community)
        at = evaluation_of(tables, community, as_of)
        use_macros(tables.con)
        rules = ties_by_chance(tables.con, community, at, draws=DRAWS if chance else 0) if at else ()
    if as_json:
        show_json({"community": community, "window_end": at, "rules": [asdict(rule) | {"share": rule.share} for rule in rules]})
        return
    if not rules:
        show("There is no evaluation yet. The first one is on the Monday after the first week.")
        return
    show_table(
        ("medium", "rule", "pairs", "by chance", "share"),
        ((one.medium, one.rule, one.ties, *_chance(one.by_chance, one.share, asked=chance)) for one in rules),
        title=f"{community}, in the window until {at:%Y-%m-%d}",
    )
    if any(one.unthreaded and (one.share or 0) > MOST_BY_CHANCE for one in rules):
        show(f"In chat without threads more than {MOST_BY_CHANCE:.0%} of the ties would be there by chance.")


def _chance(by_chance: float | None, share: float | None, *, asked: bool) -> tuple[str, str]:
    if by_chance is None:
        return ("seen, not inferred" if asked else "", "")
    return f"{by_chance:.1f}", "" if share is None else f"{share:.0%}"


def _terms(settings: Settings, tables: Tables, community: str, named: list[Named]) -> tuple[list[Term], list[int]]:
    """The terms of the members whom the roster names, and the lines that name nobody, or nobody in particular."""
    from warehouse.files import IDENTITY
    from warehouse.identity.named import Directory
    from warehouse.identity.store import IdentityStore
    from warehouse.validation import Term

    rows = tables.rows("select distinct member from levels.evaluations where community = ?", [community])
    with IdentityStore(settings.home / IDENTITY) as store:
        directory = Directory(store, settings.key(), community, {row["member"] for row in rows})
    terms, missing = [], []
    for one in named:
        members = directory.find(one.person)
        if len(members) == 1:
            terms.append(Term(members.pop(), _midnight(one.since), _midnight(one.until)))
        else:
            missing.append(one.line)
    return terms, missing


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time())


def _short(number: float | None) -> str | None:
    return None if number is None else f"{number:.3g}"
