"""Explanations: what a level or a metric's value rests on, in sentences, and what would change it.

They contain no score and compare nobody with anybody. Every threshold is read from the row that it was applied to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from events.errors import GuildhallError
from warehouse.build.build import use_macros
from warehouse.build.catalog import catalog, metrics
from warehouse.build.model import Model
from warehouse.in_touch import how_seen

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")


@dataclass(frozen=True, slots=True)
class WhyLevel:
    """One member's level in one community: `reason` and `would_change` are sentences, `ties` says how they were seen."""

    community: str
    member: str
    level: str
    since: datetime
    evaluation: datetime
    reason: str
    overlays: tuple[str, ...]
    ties: tuple[str, ...]
    would_change: tuple[str, ...]
    history: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhyMetric:
    """One metric's value at one evaluation: `definition` is what it counts, `columns` the numbers of its row by name."""

    id: str
    title: str
    version: int
    definition: str
    unit: str
    community: str
    evaluation: datetime | None
    part: str
    value: float | None
    numerator: float | None
    denominator: float | None
    low: float | None
    high: float | None
    columns: dict[str, object]
    reading: str
    caveats: tuple[str, ...]
    sentence: str


def why_member(
    con: duckdb.DuckDBPyConnection, *members: str, name: str | None = None, as_of: datetime | None = None
) -> tuple[WhyLevel, ...]:
    """The level of one person in each community that knows them, at the last evaluation up to `as_of` (naive UTC).

    `members` are the person's published pseudonyms, one for each community. `name` is what an error calls the person. Raises
    GuildhallError.
    """
    use_macros(con)
    last = _rows(
        con,
        """
        select evaluations.* exclude (reason), level_in_words(evaluations, windows.beat_days) as reason,
            windows.beat_days, windows.window_weeks, parameters.level_beats, parameters.alive_people
        from levels.evaluations
        join core.windows using (community, window_end)
        join core.parameters using (community)
        where list_contains(?, member) and window_end <= coalesce(?::timestamp, 'infinity')
        qualify row_number() over (partition by community order by window_end desc) = 1
        order by community
        """,
        [list(members), as_of],
    )
    if not last:
        raise GuildhallError(
            f"No community knows a member `{name or ', '.join(members)}`.",
            "A member is named by the published pseudonym; whoever opted out, or was not seen for long, has none.",
            "Name an account instead (`guildhall why platform/tenant/account`), or wait for the next Monday's evaluation.",
        )
    return tuple(_why_level(con, row) for row in last)


def why_metric(
    con: duckdb.DuckDBPyConnection, metric_id: str, community: str, *, as_of: datetime | None = None
) -> tuple[WhyMetric, ...]:
    """A metric's value at the community's last evaluation up to `as_of` (naive UTC), one item per part (a level, a series).

    Raises GuildhallError.
    """
    known = {model.header.id: model for model in metrics(catalog())}
    model = known.get(metric_id.upper()) or next((m for m in known.values() if m.name == metric_id), None)
    if model is None:
        raise GuildhallError(
            f"There is no metric `{metric_id}`.",
            f"Metrics are {', '.join(sorted(str(name) for name in known))}.",
            "Name one of them.",
        )
    dated = "window_end" in model.header.grain
    query = f"from {model.table} where community = ?"
    values: list[object] = [community]
    if dated:
        query += """
            and window_end = (
                select max(window_end) from core.windows
                where community = ? and window_end <= coalesce(?::timestamp, 'infinity')
            )
            order by all
        """
        values += [community, as_of]
    rows = _rows(con, query, values)
    if not rows:
        raise GuildhallError(
            f"`{community}` has no value of {model.header.title}.",
            "Either the community is unknown, or it had no evaluation yet; the first is on the Monday after its first week.",
            "See `guildhall levels` for the communities and their last evaluations.",
        )
    return tuple(_why_metric(model, row) for row in rows)


def would_change(row: dict[str, Any]) -> tuple[str, ...]:
    """What would raise or lower a level, from a row of levels.evaluations with its window's beat and the parameters."""
    level = row["level"]
    if level == "departed":
        return ("Taking part again, or joining again, gives a level at the next evaluation.",)
    if level == "insufficient":
        return (
            f"Levels need {_beats(row['level_beats'], row)} in the window, and it has {row['beats_alive']}.",
            f"A {_beat(row)} is live when at least {row['alive_people']} people take part in it.",
        )
    upwards = (_to_core(row) if level == "active" else _to_active(row), _to_occasional(row)) if level != "core" else ()
    return (*(sentence for sentence in upwards if sentence), *_downwards(row))


def _to_core(row: dict[str, Any]) -> str:
    hosts_enough = row["beats_hosted"] >= row["bar_core_hosted"]
    missing = [
        *_more(row["bar_core_beats"] - row["beats_active"], lambda n: f"take part in {_beats(n, row, 'more')}"),
        *_more(_ties_short(row, "bar_core_people"), lambda n: f"have mutual exchange with {_people(n, 'more')}"),
        *_more(
            0 if hosts_enough or not row["help_seen"] else row["bar_core_people"] - row["helped"],
            lambda n: f"help {_people(n, 'more')} (or host in {_beats(row['bar_core_hosted'], row)})",
        ),
        *([f"be a member for a window of {row['window_weeks']} weeks"] if _tenure_is_short(row) else []),
    ]
    return _raise_to("core", missing, row)


def _ties_short(row: dict[str, Any], bar: str) -> int:
    """Ties that are missing to a bar; none where ties are not visible."""
    return int(row[bar] - row["ties"]) if row["ties_seen"] else 0


def _tenure_is_short(row: dict[str, Any]) -> bool:
    """Whether the member has been seen for less than a window; of a possible veteran of a young archive too."""
    return row["tenure_days"] is None or int(row["tenure_days"]) < 7 * int(row["window_weeks"])


def _to_active(row: dict[str, Any]) -> str:
    missing = [
        *_more(row["bar_active_beats"] - row["beats_active"], lambda n: f"take part in {_beats(n, row, 'more')}"),
        *_more(_ties_short(row, "bar_active_ties"), lambda n: f"have mutual exchange with {_people(n, 'more')}"),
    ]
    return _raise_to("active", missing, row)


def _raise_to(level: str, missing: Sequence[str], row: dict[str, Any]) -> str:
    times = _evaluations(row["bar_met"])
    if missing:
        return f"To become {level}: {_listed(missing)}, at {times}."
    return f"The bars of {level} are met; the level follows when they are met at {times}."


def _to_occasional(row: dict[str, Any]) -> str | None:
    if row["level"] not in ("transactional", "peripheral", "dormant", "not seen"):
        return None
    if row["contributions"] and not row["explicit"]:
        return f"A contribution in another {_beat(row)} of the year, or joining, makes the member occasional at once."
    return (
        "A contribution makes the member occasional at once, if the member is declared, "
        f"or contributed in another {_beat(row)} of the year too."
    )


def _downwards(row: dict[str, Any]) -> tuple[str, ...]:
    level = row["level"]
    falls = f"below that at {_evaluations(row['bar_missed'])} the level falls ({NUMBERS[row['misses']]} so far)."
    if level in ("core", "active"):
        people = row["bar_stay_core_people" if level == "core" else "bar_stay_active_ties"]
        keeps = [
            f"take part in {_beats(row[f'bar_stay_{level}_beats'], row, total=True)}",
            *([f"have mutual exchange with {_people(people)}"] if row["ties_seen"] else []),
            *([f"help {_people(people)}"] if level == "core" and row["help_seen"] else []),
        ]
        return (f"To stay {level}: {_listed(keeps)}; {falls}",)
    if level in ("occasional", "peripheral", "transactional"):
        return (f"After {row['window_weeks']} weeks without a sign the level ends at once.",)
    return ()


def _why_level(con: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> WhyLevel:
    past = _rows(
        con,
        "from levels.history where community = ? and member = ? and from_at <= ? order by from_at",
        [row["community"], row["member"], row["window_end"]],
    )
    names = {
        "newcomer": "newcomer",
        "returning": "returning",
        "facilitator": "facilitator",
        "sponsor_staff": "sponsor or staff",
    }
    return WhyLevel(
        community=row["community"],
        member=row["member"],
        level=row["level"],
        since=past[-1]["from_at"] if past else row["window_end"],
        evaluation=row["window_end"],
        reason=row["reason"],
        overlays=tuple(words for column, words in names.items() if row[column]),
        ties=_how_seen(con, row),
        would_change=would_change(row),
        history=tuple(f"{step['level']} from {step['from_at']:%Y-%m-%d}: {step['changed_by']}" for step in past),
    )


def _how_seen(con: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> tuple[str, ...]:
    """In how many people's case a tie was seen in which way; nothing where no level asks for ties."""
    if not row["ties"] or not row["ties_seen"]:
        return ()
    seen = how_seen(con, row["community"], row["member"], row["window_end"])
    return tuple(f"with {_people(people)} by {how}" for how, people in seen)


def _why_metric(model: Model, row: dict[str, Any]) -> WhyMetric:
    header, measure = model.header, model.header.measure
    if measure is None:
        raise GuildhallError(
            f"{model.table} has no measure.", "Its header names no value.", "Add `measure` to the header of its file."
        )
    part = " ".join(str(row[name]) for name in header.grain if name not in ("community", "window_end"))
    value, numerator, denominator = (
        _number(row, measure.value),
        _number(row, measure.numerator),
        _number(row, measure.denominator),
    )
    low, high = _number(row, measure.low), _number(row, measure.high)
    shown = "not measured" if value is None else f"{value:.3g}"
    made = "" if numerator is None or denominator is None else f", {numerator:.0f} of {denominator:.0f} {measure.counts}"
    between = "" if low is None or high is None else f", 95 % interval {low:.3g} to {high:.3g}"
    return WhyMetric(
        id=header.id or model.name,
        title=header.title or model.name,
        version=header.version,
        definition=_definition(model),
        unit=header.unit or "",
        community=row["community"],
        evaluation=row.get("window_end"),
        part=part,
        value=value,
        numerator=numerator,
        denominator=denominator,
        low=low,
        high=high,
        columns={name: column for name, column in row.items() if name not in header.grain},
        reading=header.reading or "",
        caveats=header.caveats,
        sentence=f"{header.title}{f' ({part})' if part else ''}: {shown}{made}{between}.",
    )


def _definition(model: Model) -> str:
    header = model.header
    columns = "; ".join(f"{name}: {header.columns[name]}" for name in _named(model))
    return f"{header.summary} Columns: {columns}." if columns else header.summary


def _number(row: dict[str, Any], name: str | None) -> float | None:
    return None if name is None or row[name] is None else float(row[name])


def _named(model: Model) -> tuple[str, ...]:
    measure = model.header.measure
    names = (measure.value, measure.numerator, measure.denominator) if measure else ()
    return tuple(name for name in names if name is not None)


def _more(number: int, sentence: Callable[[int], str]) -> list[str]:
    """The sentence for what is still missing; none where nothing is."""
    return [sentence(number)] if number > 0 else []


def _listed(things: Sequence[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"


def _beat(row: dict[str, Any]) -> str:
    return "week" if row["beat_days"] == 7 else "beat"  # noqa: PLR2004 - days of a week


def _beats(number: int, row: dict[str, Any], more: str = "", *, total: bool = False) -> str:
    """`3 more live weeks`, `1 live beat of 28 days`; with `total` also of how many."""
    counted = f"{number} of {row['beats_alive']}" if total else f"{number} {more}".strip()
    plural = "" if (row["beats_alive"] if total else number) == 1 else "s"
    length = "" if _beat(row) == "week" else f" of {row['beat_days']} days"
    return f"{counted} live {_beat(row)}{plural}{length}"


def _people(number: int, more: str = "") -> str:
    return f"{f'{number} {more}'.strip()} {'person' if number == 1 else 'people'}"


def _evaluations(number: int) -> str:
    return "one evaluation" if number == 1 else f"{NUMBERS[number]} evaluations in a row"


def _rows(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object]) -> list[dict[str, Any]]:
    result = con.execute(query, values)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
