"""Findings: what somebody found in a play, held against its truth. Pure; whoever found it brings it as plain values."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pipelines.simulator.ground_truth import Cold, Truth

COLD_BELOW = 0.6
"""Usenet's level (metrics.md, AL3): newcomers who are answered less often than that are given the cold shoulder."""
FEWEST_THREADS = 20
GOOD_ENOUGH = 0.9


@dataclass(frozen=True, slots=True)
class CoreFound:
    """How well a core was found: people planted, of them found, and people found who were never planted there."""

    planted: int
    found: int
    strangers: int

    @property
    def recall(self) -> float:
        """Share of the planted who were found; 1 where nobody is planted."""
        return self.found / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        """Share of the found who were planted; 1 where nobody is found. Who came or went lately counts on neither side."""
        said = self.found + self.strangers
        return self.found / said if said else 1.0

    @property
    def good(self) -> bool:
        """Whether both are good enough."""
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
        """Whether it says that newcomers are given the cold shoulder."""
        return self.share is not None and self.threads >= FEWEST_THREADS and self.share < COLD_BELOW


@dataclass(frozen=True, slots=True)
class ColdFound:
    """Where a cold shoulder was seen: the first evaluation of the planted one, and all that have no reason."""

    seen: date | None
    in_time: bool
    elsewhere: tuple[Welcome, ...]

    @property
    def good(self) -> bool:
        """Seen in time, and nowhere else."""
        return self.in_time and not self.elsewhere


def compare_core(truth: Truth, found: Mapping[str, Collection[str]]) -> dict[str, CoreFound]:
    """By community; `found` has the invented people (or anything else, for those who are nobody's) in each core."""
    scores = {}
    for community, core in truth.core.items():
        said = set(found.get(community, ()))
        scores[community] = CoreFound(
            planted=len(core.established),
            found=len(said & set(core.established)),
            strangers=len(said - set(core.established) - set(core.in_transition)),
        )
    return scores


def compare_cold(cold: Cold | None, found: Iterable[Welcome]) -> ColdFound:
    """Whether the planted cold shoulder was seen within two windows, and no other anywhere."""
    seen: date | None = None
    elsewhere = []
    for welcome in sorted((one for one in found if one.cold), key=lambda one: (one.window_end, one.community)):
        if cold and welcome.community == cold.community and cold.since < welcome.window_end <= cold.over_by:
            seen = seen or welcome.window_end
        else:
            elsewhere.append(welcome)
    in_time = cold is None or (seen is not None and seen <= cold.seen_by)
    return ColdFound(seen, in_time, tuple(elsewhere))
