"""Validation: levels against a roster, a list of people whom the community itself names, with the dates of their roles.

A snapshot is an evaluation, one in four weeks. In each, those of the roster who are in their role and took part are set against
everybody else who took part. All figures are shares or counts of people over all snapshots; none is about one person. The
intervals are of 95 %, by drawing the people again with Poisson weights; the seed is fixed, so that every run prints the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import numpy as np
import numpy.typing as npt

from events.errors import GuildhallError

LEVELS = ("transactional", "peripheral", "occasional", "active", "core")
"""From the least to the most."""
ACTIVE, CORE = LEVELS.index("active"), LEVELS.index("core")
SNAPSHOT_WEEKS = 4
UNDONE_WEEKS = 8
"""A move into core, or out of it, that is undone within so many weeks is a flap back."""
LEAST_PEOPLE = 5
"""People of a roster below which nothing is shown: figures about fewer would be about somebody."""
REPLICATES = 1000
SEED = 20190107
WEEKS_OF_A_YEAR = 52

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Term:
    """A member who has a role from a moment until another (exclusive); None is open."""

    member: str
    since: datetime | None = None
    until: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Whether the member has the role at that moment."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval, and what it was counted from; None where nothing could be counted."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    of: str


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """Members by number with their places in LEVELS; -1 of somebody who is known and took no part."""

    at: datetime
    who: npt.NDArray[np.int64]
    level: npt.NDArray[np.int64]


def validate(con: duckdb.DuckDBPyConnection, community: str, terms: Sequence[Term]) -> tuple[Figure, ...]:
    """Compare the published levels of a community with a roster. Raises GuildhallError for a roster of too few people."""
    rows = con.execute(
        "select window_end, member, level from levels.evaluations where community = ? order by window_end, member", [community]
    ).fetchall()
    number = {member: place for place, member in enumerate(sorted({member for _, member, _ in rows}))}
    known = {term.member for term in terms} & number.keys()
    if len(known) < LEAST_PEOPLE:
        raise GuildhallError(
            "This roster is too short.",
            f"{len(known)} of its people are known in `{community}`; fewer than {LEAST_PEOPLE} are somebody.",
            "Name more people, or check how they are named.",
        )
    evaluations = _evaluations(rows, number)
    weights = np.random.default_rng(SEED).poisson(1, (len(number), REPLICATES)).astype(float)
    weights = np.hstack([np.ones((len(number), 1)), weights])
    terms = [term for term in terms if term.member in known]
    return (
        *_compared(evaluations, terms, number, weights),
        *_stability(evaluations, weights),
        _wait(evaluations, terms, number),
    )


def _evaluations(rows: Iterable[tuple[datetime, str, str]], number: Mapping[str, int]) -> list[_Evaluation]:
    place = {level: code for code, level in enumerate(LEVELS)}
    by_date: dict[datetime, list[tuple[int, int]]] = {}
    for at, member, level in rows:
        by_date.setdefault(at, []).append((number[member], place.get(level, -1)))
    return [_Evaluation(at, *np.array(found, dtype=np.int64).reshape(-1, 2).T) for at, found in sorted(by_date.items())]


def _snapshots(evaluations: Sequence[_Evaluation]) -> list[_Evaluation]:
    kept: list[_Evaluation] = []
    for one in evaluations:
        if not kept or one.at - kept[-1].at >= timedelta(weeks=SNAPSHOT_WEEKS):
            kept.append(one)
    return kept


def _compared(
    evaluations: Sequence[_Evaluation], terms: Sequence[Term], number: Mapping[str, int], weights: Floats
) -> tuple[Figure, ...]:
    """How well levels find the roster. The first column of `weights` is 1 for everybody, the others are the draws."""
    draws = weights.shape[1]
    named, rest, won = np.zeros((len(LEVELS), draws)), np.zeros((len(LEVELS), draws)), np.zeros(draws)
    pairs, absent, seen = np.zeros(draws), 0, 0
    for one in _snapshots(evaluations):
        in_role = np.zeros(len(number), bool)
        in_role[[number[term.member] for term in terms if term.covers(one.at)]] = True
        here = one.level >= 0
        absent += int(np.count_nonzero(in_role)) - int(np.count_nonzero(in_role[one.who] & here))
        if not np.any(in_role[one.who] & here):
            continue
        seen += 1
        of_named, of_rest = (
            np.stack([weights[one.who[chosen & (one.level == code)]].sum(axis=0) for code in range(len(LEVELS))])
            for chosen in (here & in_role[one.who], here & ~in_role[one.who])
        )
        below = np.cumsum(of_rest, axis=0) - of_rest
        won += (of_named * (below + of_rest / 2)).sum(axis=0)
        pairs += of_named.sum(axis=0) * of_rest.sum(axis=0)
        named, rest = named + of_named, rest + of_rest
    both = named + rest
    of = f"{named[:, 0].sum():.0f} times that somebody of the roster took part, at {seen} evaluations"
    precision, base = _over(named[CORE], both[CORE]), _over(named.sum(axis=0), both.sum(axis=0))
    return (
        _figure("AUC of the level", _over(won, pairs), f"{of}; against everybody else who took part"),
        _figure("recall of core", _over(named[CORE], named.sum(axis=0)), of),
        _figure("recall of core or active", _over(named[ACTIVE:].sum(axis=0), named.sum(axis=0)), of),
        _figure(
            "precision of core", precision, f"{both[CORE, 0]:.0f} times that somebody was core; rosters are seldom complete"
        ),
        _figure("lift of core", _over(precision, base), "precision of core, over the roster's share of all who took part"),
        _figure("core of all who took part", _over(both[CORE], both.sum(axis=0)), f"{both[:, 0].sum():.0f} levels"),
        _figure("active of all who took part", _over(both[ACTIVE], both.sum(axis=0)), f"{both[:, 0].sum():.0f} levels"),
        Figure("in their role, not seen in the window", float(absent), None, None, "times, which no share above counts"),
    )


def _stability(evaluations: Sequence[_Evaluation], weights: Floats) -> tuple[Figure, Figure]:
    """Moves over the edge of core, of everybody, and how many of them were undone soon."""
    people = weights.shape[0]
    moves, undone, years = np.zeros(people), np.zeros(people), np.zeros(people)
    was, moved_at = np.zeros(people, bool), np.full(people, np.datetime64("NaT", "us"))
    last = np.datetime64(evaluations[-1].at, "us")
    within = np.timedelta64(UNDONE_WEEKS, "W").astype("timedelta64[us]")
    for place, one in enumerate(evaluations):
        now, at = np.zeros(people, bool), np.datetime64(one.at, "us")
        now[one.who[one.level == CORE]] = True
        changed = (now != was) & (place > 0)
        # A move so late that nobody can see whether it is undone does not count.
        undone += changed & (at - moved_at <= within) & (moved_at + within <= last)
        moves += changed & (at + within <= last)
        moved_at = np.where(changed, at, moved_at)
        if place + 1 < len(evaluations):
            years += now * ((evaluations[place + 1].at - one.at) / timedelta(weeks=WEEKS_OF_A_YEAR))
        was = now
    of = f"{moves.sum():.0f} moves into core and out of it, of everybody"
    return (
        _figure(f"undone within {UNDONE_WEEKS} weeks", _over(undone @ weights, moves @ weights), of),
        _figure("moves per core person and year", _over(moves @ weights, years @ weights), of),
    )


def _wait(evaluations: Sequence[_Evaluation], terms: Sequence[Term], number: Mapping[str, int]) -> Figure:
    """Weeks from the begin of a role until the level is core: none where it is core already, no end where it never is."""
    first = evaluations[0].at
    waits = []
    for term in terms:
        if term.since is None or term.since < first:
            continue
        who = number[term.member]
        reached = [one.at for one in evaluations if term.covers(one.at) and CORE in one.level[one.who == who]]
        waits.append((reached[0] - term.since) / timedelta(weeks=1) if reached else np.inf)
    if not waits:
        return Figure("weeks from role to core, median", None, None, None, "no role begins within the history")
    found = np.array(waits)
    draws = np.random.default_rng(SEED).integers(0, len(found), (REPLICATES, len(found)))
    spread = np.median(found[draws], axis=1)
    low, high = np.quantile(spread, [0.025, 0.975], method="inverted_cdf")
    of = f"{np.isfinite(found).sum()} of {len(found)} roles that begin within the history reach core"
    return Figure("weeks from role to core, median", _finite(np.median(found)), _finite(low), _finite(high), of)


def _over(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return share


def _figure(name: str, draws: Floats, of: str) -> Figure:
    again = draws[1:][np.isfinite(draws[1:])]
    low, high = np.quantile(again, [0.025, 0.975]) if len(again) else (np.nan, np.nan)
    return Figure(name, _finite(draws[0]), _finite(low), _finite(high), of)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
