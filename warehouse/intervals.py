"""Intervals: the arithmetic of uncertainty that SQL cannot do alone, and the same as the SQL macros where Python needs it.

A share of threads is as sure as the number of people who opened them allows: `independent` is the macro independent_threads.
"""

import numpy as np
import numpy.typing as npt

Z = 1.9599639845
"""The 97.5 % quantile of the normal distribution."""
FEWEST_DEGREES = 2.0

Numbers = npt.NDArray[np.float64]


def independent(threads: Numbers, answered: Numbers) -> float:
    """How many independent threads say as much as these: for each person the threads opened, and those of them answered."""
    n, k, people = threads.sum(), answered.sum(), len(threads)
    weight = (threads**2).sum() / n
    share = (k + weight) / (n + 2 * weight)
    between = ((answered - share * threads) ** 2).sum() + weight**2 * ((1 - share) ** 2 + share**2)
    variance = between * (people + 2) / (people + 1) / (n + 2 * weight) ** 2
    effect = max(1.0, variance * (n + 2 * weight) / (share * (1 - share)))
    return float(max(1.0, n / effect / t_over_z(max(FEWEST_DEGREES, (threads**2).sum() ** 2 / (threads**4).sum())) ** 2))


def t_over_z(degrees: float) -> float:
    """Student's t over the normal quantile of 97.5 %, by Cornish and Fisher; at two degrees a little too small."""
    return 1 + 1.2103647051 / degrees + 1.4400767758 / degrees**2


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of n."""
    middle = share + Z**2 / (2 * n)
    half = Z * float(np.sqrt((share * (1 - share) + Z**2 / (4 * n)) / n))
    return max(0.0, (middle - half) / (1 + Z**2 / n)), min(1.0, (middle + half) / (1 + Z**2 / n))
