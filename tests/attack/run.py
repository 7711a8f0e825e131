"""Attack: what somebody who knows the rules learns from all that is published of a community over many periods.

`make attack` invents 500 communities of 12 windows that do not overlap and shows them as the warehouse does: P1, P2, P3, P8, N1,
C1 and the movements, every column of each that says something of numbers of people. (What a value of threads or waits says by
itself, test_withholding.py attacks one by one.) The attacker sets up all of it as one integer program: how many people moved from each
state to each other in each window, how many of the contributors are new. HiGHS finds worlds that look exactly alike. A group of 1
to 4 people is learnt where every such world has 1 to 4 people in it: at a level, in a movement, new, kept, in the core and active
together, or moving into that group or out of it.

Windows that do not overlap tell most: the movements link each to the next. The attacker is also given more than a reader has: in
these worlds the windows of levels and the fixed ones are the same, nobody is staff, and whoever is at the core, active, occasional
or transactional contributed, so that the contributors are an exact total of levels.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from tests.attack.worlds import CONTRIBUTING, LEVELS, STATES, WEEKS, History, Page, communities, publish

FEW = range(1, 5)
MANY = 1000
FIVE = 5
SECONDS = 20.0
"""For one program. One that is not solved by then counts as learnt, so that the attack never passes by giving up."""
S = len(STATES)


@dataclass
class Program:
    """Rows `low <= a·x <= high` over integer unknowns, in the order in which they are added."""

    size: int = 0
    rows: list[tuple[dict[int, float], float, float]] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)

    def unknown(self, most: float = MANY) -> int:
        self.upper.append(most)
        self.size += 1
        return self.size - 1

    def between(self, terms: dict[int, float], low: float, high: float) -> None:
        self.rows.append((terms, low, high))

    def solve(self, objective: np.ndarray, extra: tuple[dict[int, float], float, float] | None = None) -> np.ndarray | None:
        """A world that looks like the page; None where there is none. Raises TimeoutError."""
        rows = [*self.rows, extra] if extra else self.rows
        where = [(r, c, v) for r, (terms, _, _) in enumerate(rows) for c, v in terms.items()]
        index, column, value = zip(*where, strict=True)
        matrix = coo_array((value, (index, column)), shape=(len(rows), self.size)).tocsr()
        found = milp(
            objective,
            constraints=LinearConstraint(matrix, [low for _, low, _ in rows], [high for _, _, high in rows]),
            bounds=Bounds(0, self.upper),
            integrality=np.ones(self.size),
            options={"time_limit": SECONDS, "mip_rel_gap": 1.0},
        )
        if found.x is not None:
            return np.round(found.x)
        if found.status == 2:  # infeasible
            return None
        raise TimeoutError


def total(columns) -> dict[int, float]:
    """The sum of unknowns."""
    terms: dict[int, float] = {}
    for column in columns:
        terms[column] = terms.get(column, 0) + 1
    return terms


def _sum(sums) -> dict[int, float]:
    return reduce(plus, sums)


def plus(one: dict[int, float], other: dict[int, float], times: float = 1) -> dict[int, float]:
    return {c: one.get(c, 0) + times * other.get(c, 0) for c in one.keys() | other.keys()}


class Attacker:
    """The program of one page, and the groups that it could tell of."""

    def __init__(self, page: Page, windows: int) -> None:
        self.program = Program()
        self.windows = windows
        # moves[t][i, j]: people in state i in window t-1 and in state j in window t; the first is from a window nobody saw
        self.moves = [np.array([[self.program.unknown() for _ in STATES] for _ in STATES]) for _ in range(windows)]
        self.new = [self.program.unknown() for _ in range(windows)]
        for t in range(1, windows):
            for s in range(S):
                self.program.between(plus(total(self.moves[t][s, :]), total(self.moves[t - 1][:, s]), -1), 0, 0)
        for t in range(windows):
            came = total(int(self.moves[t][i, j]) for i in range(S) if i not in CONTRIBUTING for j in CONTRIBUTING)
            self.program.between(plus(came, {self.new[t]: 1}, -1), 0, MANY)  # who is new did not contribute before
        for (metric, part, t), row in page.estimates.items():
            self._read(metric, part, t, row)
        for t in range(windows):
            self._hidden(t, [part for part in LEVELS if self._hides(page.estimates["P2", part, t])])
        for t in range(1, windows):
            self._movements(page, t)

    def _movements(self, page: Page, t: int) -> None:
        """From 15 contributors on, a movement that is not there is one of fewer than five."""
        if page.small[t]:
            return
        for i, before in enumerate(STATES[:6]):
            for j, after in enumerate(STATES[:6]):
                if i != j:
                    least = page.moves.get((t, before, after), 0)
                    self.program.between({int(self.moves[t][i, j]): 1}, least, least + 4)

    def level(self, t: int, *levels: str) -> dict[int, float]:
        return total(int(c) for level in levels for c in self.moves[t][:, STATES.index(level)])

    def contributors(self, t: int) -> dict[int, float]:
        return total(int(c) for s in CONTRIBUTING for c in self.moves[t][:, s])

    def kept(self, t: int) -> dict[int, float]:
        return total(int(self.moves[t][i, j]) for i in CONTRIBUTING for j in CONTRIBUTING)

    def inside(self, t: int) -> dict[int, float]:
        return self.level(t, "core", "active")

    def entered(self, t: int) -> dict[int, float]:
        return total(int(c) for c in self.moves[t][2:, :2].ravel())

    def went_out(self, t: int) -> dict[int, float]:
        return total(int(c) for c in self.moves[t][:2, 2:].ravel())

    def _read(self, metric: str, part: str, t: int, row: dict) -> None:
        why = row["withheld"]
        if why and why.startswith("fewer than") and "contributors" in why:
            most = int(why.split()[2]) - 1
            self.program.between(self.contributors(t), 10 if most == 14 else 0, most)
            return
        reader = getattr(self, f"_{metric.lower()}")
        reader(part, t, row, why)

    def _count(self, terms: dict[int, float], row: dict, why: str | None) -> None:
        low, high = (0, 4) if why else (row["value"], row["value"] + 4)
        self.program.between(terms, low, high)

    def _share(self, numerator: dict[int, float], denominator: dict[int, float], row: dict, why: str | None) -> None:
        if why:
            if why.startswith("rests on fewer"):
                self.program.between(denominator, 0, int(why.split()[-1]) - 1)
            return
        self.program.between(denominator, row["denominator"], row["denominator"] + 4)
        low, high = (row["range_low"], row["range_high"]) if row["range_low"] is not None else (-9, 9)
        self.program.between(plus(numerator, denominator, -low), -1e-6, MANY)
        self.program.between(plus(numerator, denominator, -high), -MANY, 1e-6)

    def _p1(self, _part: str, t: int, row: dict, why: str | None) -> None:
        self._count(self.contributors(t), row, why)

    def _n1(self, _part: str, t: int, row: dict, why: str | None) -> None:
        self._count({self.new[t]: 1}, row, why)

    def _p2(self, part: str, t: int, row: dict, why: str | None) -> None:
        if not why:
            self.program.between(self.level(t, part), row["value"], row["value"] + 4)
        elif why == "not measured":
            self.program.between(self.level(t, part), 0, 0)

    def _hides(self, row: dict) -> bool:
        return (row["withheld"] or "").endswith("stays hidden")

    def _hidden(self, t: int, parts: list[str]) -> None:
        """The rule: who hides is few, but for the occasional, who hide with any other, and the active, who hide with them."""
        if len(parts) >= len(LEVELS) - 1:
            return  # or else all are alike
        for part in parts:
            if part not in ("occasional", "active") or (part == "active" and len(parts) > 2):
                self.program.between(self.level(t, part), 0, 4)
        if parts == ["active", "occasional"]:
            either = self.program.unknown(1)
            self.program.between(plus(self.level(t, "active"), {either: MANY}, -1), -MANY, 4)
            self.program.between(plus(self.level(t, "occasional"), {either: MANY}), -MANY, 4 + MANY)

    def _p3(self, _part: str, t: int, row: dict, why: str | None) -> None:
        core = self.level(t, "core")
        self._share(core, self.level(t, "core", "active", "occasional"), row, why)
        if row["word"]:
            self.program.between(core, *((0, 4) if row["word"] == "few or none" else (FIVE, MANY)))

    def _c1(self, _part: str, t: int, row: dict, why: str | None) -> None:
        if t and why != "not measured":
            turns = range(t, t - row["weeks"] // WEEKS, -1)
            self._share(_sum(self.kept(u) for u in turns), _sum(self.contributors(u - 1) for u in turns), row, why)

    def _p8(self, _part: str, t: int, row: dict, why: str | None) -> None:
        if not t or why == "not measured":
            return
        twice = plus(self.inside(t), self.inside(t - 1))  # the denominator is half of it
        if why:
            if why.startswith("rests on fewer"):
                self.program.between(twice, 0, 2 * 20 - 1)
            return
        self.program.between(twice, 2 * row["denominator"] - 1, 2 * row["denominator"] + 9)
        change = plus(self.inside(t), self.inside(t - 1), -1)
        for sign, end in ((-1, row["value"] - row["step"] / 2), (1, row["value"] + row["step"] / 2)):
            terms = plus({c: sign * v for c, v in change.items()}, twice, -sign * end / 2)
            self.program.between(terms, -MANY, 1e-6)

    def groups(self) -> Iterator[tuple[str, dict[int, float]]]:
        for t in range(self.windows):
            for level in LEVELS:
                yield f"{level} in window {t}", self.level(t, level)
            yield f"core and active in window {t}", self.inside(t)
            yield f"new in window {t}", {self.new[t]: 1}
            yield f"contributors in window {t}", self.contributors(t)
            if t:
                yield f"into core and active in window {t}", self.entered(t)
                yield f"out of core and active in window {t}", self.went_out(t)
                yield f"kept in window {t}", self.kept(t)
                yield f"lost in window {t}", plus(self.contributors(t - 1), self.kept(t), -1)
                for i in range(6):
                    for j in range(6):
                        if i != j:
                            yield f"{STATES[i]} to {STATES[j]} in window {t}", {int(self.moves[t][i, j]): 1}

    def learnt(self, truth: History, random: np.random.Generator, tries: int = 12) -> tuple[int, list[str]]:
        """The groups of 1 to 4 people of which every world that looks like the page has 1 to 4."""
        real = truth.unknowns()
        for terms, low, high in self.program.rows:
            if max(terms) < len(real):
                assert low - 1e-6 <= sum(v * real[c] for c, v in terms.items()) <= high + 1e-6, "the truth looks like the page"
        left = {name: terms for name, terms in self.groups() if round(sum(v * real[c] for c, v in terms.items())) in FEW}
        groups = len(left)
        for number in range(tries):
            if not left:
                break
            aim = np.zeros(self.program.size)
            for terms in left.values():
                sign = random.choice((-1, 1)) if number else 1
                for c, v in terms.items():
                    aim[c] += sign * v * random.random()
            try:
                world = self.program.solve(aim)
            except TimeoutError:
                continue
            left = _still_few(left, world)
        found = []
        for name, terms in list(left.items()):
            if name in left and self._pinned(terms, left):
                found.append(name)
        return groups, found

    def _pinned(self, terms: dict[int, float], left: dict[str, dict[int, float]]) -> bool:
        nothing = np.zeros(self.program.size)
        for bounds in ((-MANY, 0), (FIVE, MANY)):
            try:
                world = self.program.solve(nothing, (terms, *bounds))
            except TimeoutError:
                return True
            if world is not None:
                for name in set(left) - set(_still_few(left, world)):
                    del left[name]
                return False
        return True


def _still_few(left: dict[str, dict[int, float]], world: np.ndarray | None) -> dict[str, dict[int, float]]:
    assert world is not None, "the truth itself looks like the page"
    return {name: terms for name, terms in left.items() if round(sum(v * world[c] for c, v in terms.items())) in FEW}


@dataclass(frozen=True, slots=True)
class Found:
    """Of one community: how many groups of 1 to 4 people there are, and which of them are learnt."""

    number: int
    people: int
    groups: int
    learnt: list[str]


def attack(seed: int, count: int, windows: int) -> Iterator[Found]:
    """Each invented community with the groups that are learnt of it."""
    random = np.random.default_rng(seed)
    histories = communities(random, count, windows)
    for number, (history, page) in enumerate(zip(histories, publish(histories), strict=True)):
        attacker = Attacker(page, windows)
        yield Found(number, history.people, *attacker.learnt(history, random))


def main() -> int:
    """Print what was learnt; 1 where anything was."""
    count, seed, windows = (*map(int, sys.argv[1:]), *(500, 1)[len(sys.argv) - 1 :], 12)[:3]
    started, learnt, groups = time.monotonic(), 0, 0
    for found in attack(seed, count, windows):
        groups += found.groups
        learnt += len(found.learnt)
        for name in found.learnt:
            print(f"community {found.number}, {found.people} people: {name}", flush=True)
        if found.number % 25 == 24:
            print(f"{found.number + 1:>5} communities, {time.monotonic() - started:.0f} s", flush=True)
    print(f"{count} communities of {windows} windows: {groups:,} groups of 1 to 4 people, {learnt} learnt")
    return int(learnt > 0)


if __name__ == "__main__":
    sys.exit(main())
