"""Scoring: what an analysis found, compared with the ground truth. Pure functions on plain values."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pipelines.simulator.ground_truth import Cold, Truth

COLD_BELOW = 0.6
"""Share of newcomers' threads with an answer, as measured in Usenet groups. Below it, newcomers get a cold shoulder."""
FEWEST_THREADS = 20
GOOD_ENOUGH = 0.9


@dataclass(frozen=True, slots=True)
class CoreFound:
    """How well a core was found: `planted` people, how many of them were `found`, and `strangers` found besides."""

    planted: int
    found: int
    strangers: int

    @property
    def recall(self) -> float:
        """The share of the planted people who were found; 1 if none is planted."""
        return self.found / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        """The share of the found people who were planted; 1 if none is found. Optional people count on neither side."""
        total = self.found + self.strangers
        return self.found / total if total else 1.0

    @property
    def good(self) -> bool:
        """Whether recall and precision are good enough."""
        return min(self.recall, self.precision) >= GOOD_ENOUGH

    def __add__(self, other: "CoreFound") -> "CoreFound":
        return CoreFound(self.planted + other.planted, self.found + other.found, self.strangers + other.strangers)


@dataclass(frozen=True, slots=True)
class Welcome:
    """Newcomer welcome (N2) at one evaluation."""

    community: str
    window_end: date
    share: float | None
    threads: int

    @property
    def cold(self) -> bool:
        """Whether it shows a cold shoulder."""
        return self.share is not None and self.threads >= FEWEST_THREADS and self.share < COLD_BELOW


@dataclass(frozen=True, slots=True)
class ColdFound:
    """The evaluations that show a cold shoulder: the first within the planted one, and all outside it."""

    seen: date | None
    in_time: bool
    elsewhere: tuple[Welcome, ...]

    @property
    def good(self) -> bool:
        """Whether it was seen in time and nowhere else."""
        return self.in_time and not self.elsewhere


def compare_core(truth: Truth, found: Mapping[str, Collection[str]]) -> dict[str, CoreFound]:
    """Return the score by community. `found` has the keys of the people in each core; unknown people have any other key."""
    scores = {}
    for community, core in truth.core.items():
        people = set(found.get(community, ()))
        scores[community] = CoreFound(
            planted=len(core.required),
            found=len(people & set(core.required)),
            strangers=len(people - set(core.required) - set(core.optional)),
        )
    return scores


def compare_cold(cold: Cold | None, found: Iterable[Welcome]) -> ColdFound:
    """Return whether the planted cold shoulder was seen within two windows, and no other."""
    seen: date | None = None
    elsewhere = []
    for welcome in sorted((one for one in found if one.cold), key=lambda one: (one.window_end, one.community)):
        if cold and welcome.community == cold.community and cold.since < welcome.window_end <= cold.over_by:
            seen = seen or welcome.window_end
        else:
            elsewhere.append(welcome)
    in_time = cold is None or (seen is not None and seen <= cold.seen_by)
    return ColdFound(seen, in_time, tuple(elsewhere))
