"""Query: `levels`, `why` and `metrics`: what is published, as sentences and small tables."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.common import BOLD, AsJson, show, show_fields, show_json, show_table, state
from events.errors import GuildhallError

if TYPE_CHECKING:
    from dagster_project.published import Tables
    from warehouse.explain import WhyLevel, WhyMetric

GROUP = "Ask"
LEVELS = ("core", "active", "occasional", "peripheral", "transactional")
WEEK = timedelta(days=7)

AsOf = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="The last evaluation up to this day. Default: the newest; of a history that has ended, the last with events.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (levels, why, metrics):
        app.command(rich_help_panel=GROUP)(command)


def levels(
    community: Annotated[str, typer.Argument(help="The community, as in guildhall.toml.")],
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """How many people are at each level of participation, and who moved.

    Every level is a good place to be. Numbers of people only: nobody is listed or ranked.

    Example: `guildhall levels auditors --as-of 2026-03-02`
    """
    from dagster_project.published import open_current

    with open_current(state.paths().published) as tables:
        check_community(tables, community)
        at = evaluation_of(tables, community, as_of)
        rows = tables.rows(
            """
            select window_end, level, members, level_share from metrics.level_distribution
            where community = ? and window_end = ?
            """,
            [community, at],
        )
        moves = tables.rows(
            """
            select from_level, to_level, members from levels.flow
            where community = ? and window_end = ? and from_level <> to_level
            order by members desc, from_level, to_level
            """,
            [community, at],
        )
    rows.sort(key=lambda row: LEVELS.index(row["level"]))
    if as_json:
        show_json({"community": community, "levels": rows, "moves": moves})
        return
    if not rows:
        show("There is no evaluation yet. The first one is on the Monday after the first week.")
        return
    show_table(
        ("level", "people", "share"),
        ((row["level"], row["members"], _percent(row["level_share"])) for row in rows),
        title=f"{community}, evaluated on {rows[0]['window_end']:%Y-%m-%d}",
    )
    if moves:
        show()
        show_table(
            ("from", "to", "people"),
            ((move["from_level"], move["to_level"], move["members"]) for move in moves),
            title="Since the window before",
        )


def why(
    subject: Annotated[
        str,
        typer.Argument(metavar="ACTOR|METRIC", help="A pseudonym, an account as platform/tenant/account, or a metric's id."),
    ],
    community: Annotated[str | None, typer.Argument(help="The community, for a metric.", show_default=False)] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Why a member has a level and what would change it, or what a number means.

    For a pseudonym or an account: the level with its reason, counts, bars and history. For a metric: its value, definition,
    numerator, denominator and caveats. Whoever runs this on the machine that has the key can look up an account, so that a
    member who asks gets an answer; nothing that is published leads from a pseudonym to an account.

    Example: `guildhall why N2 auditors`, or `guildhall why slack/T024BE7LD/U024BE7LH`
    """
    from dagster_project.cli.accounts import is_account, pseudonyms_of
    from dagster_project.published import open_current
    from events.identity import PUBLISHED, PUBLISHED_LENGTH
    from warehouse import explain
    from warehouse.build.catalog import catalog
    from warehouse.build.catalog import metrics as metrics_of
    from warehouse.files import IDENTITY

    wanted = subject.upper()
    is_metric = wanted in {model.header.id for model in metrics_of(catalog())}
    if is_metric and community is None:
        raise GuildhallError(
            f"{wanted} has a value for each community.", "No community was named.", f"Add one: guildhall why {wanted} COMMUNITY"
        )
    if not is_metric and not is_account(subject) and not PUBLISHED.fullmatch(subject):
        raise GuildhallError(
            f"`{subject}` is neither a pseudonym nor an account nor a metric.",
            f"A pseudonym has {PUBLISHED_LENGTH} letters a to z or digits 2 to 7; an account is platform/tenant/account.",
            'List the metrics: guildhall metrics; the pseudonyms: guildhall sql "select distinct member from levels.current".',
        )
    found: tuple[WhyLevel | WhyMetric, ...]
    with open_current(state.paths().published) as tables:
        if is_metric and community is not None:
            check_community(tables, community)
            found = explain.why_metric(tables.con, wanted, community, as_of=evaluation_of(tables, community, as_of))
        elif is_account(subject):
            known = [row["community"] for row in tables.rows("select community from core.communities order by 1")]
            settings = state.settings()
            members = pseudonyms_of(settings.home / IDENTITY, settings.key(), subject, known)
            found = explain.why_member(tables.con, *members.values(), name=subject, as_of=as_of)
        else:
            found = explain.why_member(tables.con, subject, as_of=as_of)
    if as_json:
        show_json([asdict(one) for one in found])
        return
    for one in found:
        _show_level(one) if isinstance(one, explain.WhyLevel) else _show_metric(one)


def _show_level(one: WhyLevel) -> None:
    show(f"{one.level} in {one.community}, since {one.since:%Y-%m-%d} (evaluated on {one.evaluation:%Y-%m-%d})", BOLD)
    show_fields(
        [
            ("reason", one.reason),
            *(("also", overlay) for overlay in one.overlays),
            *(("ties", tie) for tie in one.ties),
            *(("change", change) for change in one.would_change),
            *(("history", past) for past in one.history),
        ]
    )


def _show_metric(one: WhyMetric) -> None:
    at = f"{one.evaluation:%Y-%m-%d}" if one.evaluation else "now"
    show(f"{one.id} {one.title}{f' ({one.part})' if one.part else ''} of {one.community}, evaluated on {at}", BOLD)
    show_fields(
        [
            ("value", one.sentence),
            ("definition", f"{one.definition} (version {one.version})"),
            ("unit", one.unit),
            ("counts", ", ".join(f"{name} {_short(value)}" for name, value in one.columns.items())),
            ("reading", one.reading),
            *(("caveat", caveat) for caveat in one.caveats),
        ]
    )


def metrics(
    metric: Annotated[
        str | None, typer.Argument(metavar="ID", help="One metric, with everything about it.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The metrics: what each counts, how it is read, what it needs, its caveats.

    Example: `guildhall metrics N2`
    """
    from warehouse.build.catalog import catalog
    from warehouse.build.catalog import metrics as metrics_of

    models = metrics_of(catalog())
    if metric is not None:
        ids = ", ".join(str(model.header.id) for model in models)
        models = tuple(model for model in models if model.header.id == metric.upper())
        if not models:
            raise GuildhallError(f"There is no metric `{metric}`.", f"The metrics are {ids}.", "Name one of them.")
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
    show(f"{header.id} {header.title}", BOLD)
    show_fields(
        [
            ("what", header.summary),
            ("unit", header.unit),
            ("direction", header.direction),
            ("reading", header.reading),
            ("needs", ", ".join(header.needs)),
            ("minimum", header.minimum),
            ("reference", header.reference),
            ("table", models[0].table),
            ("version", header.version),
            *(("caveat", caveat) for caveat in header.caveats),
        ]
    )


def check_community(tables: Tables, community: str) -> None:
    """Refuse a community that is not published, naming those that are. Raises GuildhallError."""
    slugs = [row["community"] for row in tables.rows("select community from core.communities order by 1")]
    if community not in slugs:
        raise GuildhallError(
            f"There is no community `{community}`.", f"Published are: {', '.join(slugs) or 'none'}.", "Name one of them."
        )


def last_event(tables: Tables, community: str) -> datetime | None:
    """When the community's newest event happened (naive UTC); None without one."""
    moment: datetime | None = tables.rows(
        "select max(occurred_at) as at from core.interactions where community = ?", [community]
    )[0]["at"]
    return moment


def evaluation_of(tables: Tables, community: str, as_of: datetime | None) -> datetime | None:
    """The evaluation to show: the last one up to `as_of`, else up to a week after the newest event; None without one."""
    last = last_event(tables, community)
    until = as_of or (last + WEEK if last else None)
    at: datetime | None = tables.rows(
        "select max(window_end) as at from core.windows where community = ? and window_end <= ?", [community, until]
    )[0]["at"]
    return at


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "not measured" if value is None else str(value)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.0%}"
