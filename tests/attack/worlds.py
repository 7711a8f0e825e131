"""Worlds: invented communities, person by person, and what the warehouse publishes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from tests.warehouse.test_withholding import LEVELS, MODELS, MONDAY, STATES, estimate, fill, levels
from warehouse.build.build import make, open_scratch
from warehouse.build.catalog import catalog
from warehouse.db import open_memory

WEEKS = 12
CONTRIBUTING = (0, 1, 2, 4)
"""Core, active, occasional and transactional: whoever is at one of them contributed in the window."""
YEAR = 4
"""Windows of the year over which a small community's retention is taken."""
SMALL = 15
"""Contributors below which no movement is shown."""


@dataclass(frozen=True, slots=True)
class History:
    """The state of every person in every window, and when each first contributed."""

    states: np.ndarray
    """By window and person."""

    @property
    def people(self) -> int:
        return self.states.shape[1]

    def moves(self, t: int) -> np.ndarray:
        """People by state before and state in the window; before the first everybody was not seen."""
        before = self.states[t - 1] if t else np.full(self.people, STATES.index("not seen"))
        found = np.zeros((len(STATES), len(STATES)), int)
        np.add.at(found, (before, self.states[t]), 1)
        return found

    def contributors(self, t: int) -> int:
        return int(np.isin(self.states[t], CONTRIBUTING).sum())

    def new(self, t: int) -> int:
        """People who contributed for the first time."""
        contributed = np.isin(self.states, CONTRIBUTING)
        return int((contributed[t] & ~contributed[:t].any(axis=0)).sum())

    def unknowns(self) -> np.ndarray:
        """What the attacker looks for, in the order of the attacker's program."""
        windows = range(len(self.states))
        return np.concatenate([*(self.moves(t).ravel() for t in windows), [self.new(t) for t in windows]])


@dataclass(frozen=True, slots=True)
class Page:
    """What is published of one community: rows by metric, part and window, movements, and whether a window shows none."""

    estimates: dict[tuple[str, str, int], dict]
    moves: dict[tuple[int, str, str], int]
    small: list[bool]


def communities(random: np.random.Generator, count: int, windows: int) -> list[History]:
    """Communities of 10 to 160 people, of which most stay where they are in a window; some have no periphery that can be seen."""
    return [_community(random, int(random.integers(10, 160)), windows) for _ in range(count)]


def _community(random: np.random.Generator, people: int, windows: int) -> History:
    hidden = random.random() < 0.3
    states = [_states(random, people, hidden)]
    for _ in range(windows - 1):
        moving = random.random(people) < random.uniform(0.02, 0.6)
        states.append(np.where(moving, _states(random, people, hidden), states[-1]))
    return History(np.array(states))


def _states(random: np.random.Generator, people: int, hidden: bool) -> np.ndarray:
    weights = random.dirichlet(np.full(len(STATES), 0.7))
    if hidden:
        weights[STATES.index("peripheral")] = 0
    return random.choice(len(STATES), size=people, p=weights / weights.sum())


def publish(histories: Sequence[History]) -> list[Page]:
    """Show everything as the warehouse does."""
    con = open_memory()
    open_scratch(con, [], MONDAY, None)
    for model in catalog():
        make(con, model)
    rows = [_rows(number, history) for number, history in enumerate(histories)]
    for table, found in zip(("scorecard.estimates", "levels.flow", "core.windows"), zip(*rows, strict=True), strict=True):
        fill(con, table, [row for some in found for row in some])
    pages = [Page({}, {}, [h.contributors(t) < SMALL for t in range(len(h.states))]) for h in histories]
    result = con.execute(MODELS["reports.estimates"].code)
    names = [column[0] for column in result.description]
    for values in result.fetchall():
        row = dict(zip(names, values, strict=True))
        pages[int(row["community"][1:])].estimates[row["metric"], row["part"], _window(row["window_end"])] = row
    for slug, end, before, after, members in con.execute(MODELS["reports.flow"].code).fetchall():
        pages[int(slug[1:])].moves[_window(end), before, after] = members
    con.close()
    return pages


def _window(end) -> int:
    return (end - MONDAY) // timedelta(weeks=WEEKS)


def _rows(number: int, history: History) -> tuple[list[dict], list[dict], list[dict]]:
    estimates, moves, windows, kept = [], [], [], []
    contributors = [history.contributors(t) for t in range(len(history.states))]
    seen_periphery = False
    for t, state in enumerate(history.states):
        end = MONDAY + timedelta(weeks=WEEKS * t)
        at = {"community": f"c{number}", "window_end": end, "contributors": contributors[t]}
        cells = [int((state == level).sum()) for level in range(5)]
        seen_periphery = seen_periphery or cells[3] > 0
        windows.append({**at, "window_start": end - timedelta(weeks=WEEKS)})
        estimates += levels([*cells[:3], cells[3] if seen_periphery else None, cells[4]], **at)
        estimates += [
            estimate(metric="P1", value=contributors[t], **at),
            estimate(metric="N1", value=history.new(t), **at),
        ]
        if not t:
            continue
        flow = history.moves(t)
        moves += [
            {"community": at["community"], "window_end": end, "from_level": STATES[i], "to_level": STATES[j], "members": int(n)}
            for (i, j), n in np.ndenumerate(flow)
            if n
        ]
        kept.append(int(flow[np.ix_(CONTRIBUTING, CONTRIBUTING)].sum()))
        turns = YEAR if t >= YEAR and sum(contributors[t - YEAR : t]) < 50 * YEAR else 1
        before, now = int(flow[:2].sum()), int(flow[:, :2].sum())
        mean = (before + now) / 2
        estimates += [
            estimate(
                metric="C1",
                kind="share",
                numerator=sum(kept[-turns:]),
                denominator=sum(contributors[t - turns : t]),
                low=0.0,
                high=1.0,
                weeks=WEEKS * turns,
                **at,
            ),
            estimate(
                metric="P8",
                kind="index",
                value=(now - before) / mean if mean else None,
                numerator=int(flow[2:, :2].sum()),
                denominator=mean,
                reveals=LEVELS[:2],
                reveals_before=True,
                **at,
            ),
        ]
    return estimates, moves, windows
