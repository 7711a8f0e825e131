"""Why: what a level or a metric's value rests on, in sentences, and what would change it.

No score, and nobody is compared with anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

import duckdb

from events.errors import GuildhallError
from warehouse.build.build import use_macros
from warehouse.build.catalog import catalog, metrics
from warehouse.build.model import Model

LONG_BEAT = 28


@dataclass(frozen=True, slots=True)
class WhyLevel:
    """One member's level in one community: `reason` and `would_change` are sentences, `history` is oldest first."""

    community: str
    member: str
    level: str
    since: datetime
    evaluation: datetime
    reason: str
    overlays: tuple[str, ...]
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


def why_member(con: duckdb.DuckDBPyConnection, member: str, *, as_of: datetime | None = None) -> tuple[WhyLevel, ...]:
    """A published pseudonym's level in each community that knows it, at the last evaluation up to `as_of` (naive UTC).

    Raises GuildhallError.
    """
    use_macros(con)
    last = _rows(
        con,
        """
        select evaluations.* exclude (reason), level_in_words(evaluations, windows.beat_days) as reason,
            windows.beat_days, windows.n_beats, windows.window_weeks
        from levels.evaluations
        join core.windows using (community, window_end)
        where member = ? and window_end <= coalesce(?::timestamp, 'infinity')
        qualify row_number() over (partition by community order by window_end desc) = 1
        order by community
        """,
        [member, as_of],
    )
    if not last:
        raise GuildhallError(
            f"No community knows a member `{member}`.",
            "A member is named by the published pseudonym; whoever opted out, or was not seen for long, has none.",
            "Copy the pseudonym as `guildhall levels` shows it, or wait for the next evaluation, a Monday.",
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
    """What would raise or lower a level, from one row of levels.evaluations with its window's beat."""
    level, alive = row["level"], row["beats_alive"]
    if level == "departed":
        return ("Taking part again, or joining again, gives a level at the next evaluation.",)
    if level == "insufficient":
        return (f"Levels begin with three live beats in the window; it has {alive}. Three people taking part make one live.",)
    upwards = (_to_core(row) or _to_active(row), _to_occasional(row)) if level != "core" else ()
    return (*(sentence for sentence in upwards if sentence), *_downwards(row))


def _to_core(row: dict[str, Any]) -> str | None:
    if row["level"] != "active":
        return None
    alive, bar = row["beats_alive"], row["bar"]
    lacking = _lacking(
        row,
        (ceil(2 * alive / 3) - row["beats_active"], "more live {beat} taken part in"),
        (bar - row["ties"], "more {people} with mutual exchange"),
        (
            0 if row["beats_hosted"] and 3 * row["beats_hosted"] >= alive else bar - row["helped"],
            "more {people} helped (or hosting in a third of the beats)",
        ),
    )
    if row["newcomer"]:
        lacking.append(f"a whole window of {row['window_weeks']} weeks since the beginning")
    return f"Core needs {_listed(lacking)}{_confirmation(row)}" if lacking else f"The bars of core are met{_confirmation(row)}"


def _to_active(row: dict[str, Any]) -> str:
    lacking = _lacking(
        row,
        (ceil(row["beats_alive"] / 3) - row["beats_active"], "more live {beat} taken part in"),
        (row["bar_active"] - row["ties"], "more {people} with mutual exchange"),
    )
    return (
        f"Active needs {_listed(lacking)}{_confirmation(row)}" if lacking else f"The bars of active are met{_confirmation(row)}"
    )


def _to_occasional(row: dict[str, Any]) -> str | None:
    if row["level"] not in ("transactional", "peripheral", "dormant", "not seen"):
        return None
    if row["contributions"] and not row["explicit"]:
        return "A contribution in another beat of the year, or joining, makes occasional at once."
    return (
        "A contribution makes occasional at once, if there was one in another beat of the year or the membership is declared."
    )


def _downwards(row: dict[str, Any]) -> tuple[str, ...]:
    level, alive = row["level"], row["beats_alive"]
    needed = "two" if row["beat_days"] >= LONG_BEAT else "four"
    below = f"{row['misses']} so far" if row["misses"] else "none so far"
    if level == "core":
        few = ceil(3 * row["bar"] / 5)
        return (
            (
                f"Core is kept with {ceil(alive / 2)} of {alive} live {_beat(row)}, exchange with {few} and {few} helped; "
                f"{needed} evaluations in a row below lower it ({below})."
            ),
        )
    if level == "active":
        return (
            (
                f"Active is kept with {ceil(alive / 4)} of {alive} live {_beat(row)} and exchange with one person; "
                f"{needed} evaluations in a row below lower it ({below})."
            ),
        )
    if level in ("occasional", "peripheral", "transactional"):
        return (f"After {row['window_weeks']} weeks without a sign it ends at once.",)
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
        would_change=would_change(row),
        history=tuple(f"{step['level']} from {step['from_at']:%Y-%m-%d}: {step['changed_by']}" for step in past),
    )


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


def _lacking(row: dict[str, Any], *bars: tuple[int, str]) -> list[str]:
    return [
        f"{lack} {what.format(beat=_beat(row, lack), people='person' if lack == 1 else 'people')}"
        for lack, what in bars
        if lack > 0
    ]


def _listed(things: Sequence[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"


def _beat(row: dict[str, Any], count: int = 2) -> str:
    plural = "" if count == 1 else "s"
    return f"week{plural}" if row["beat_days"] == 7 else f"beat{plural} of {row['beat_days']} days"  # noqa: PLR2004 - a week


def _confirmation(row: dict[str, Any]) -> str:
    return ", at one evaluation." if row["beat_days"] >= LONG_BEAT else ", at two evaluations in a row."


def _rows(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object]) -> list[dict[str, Any]]:
    result = con.execute(query, values)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
