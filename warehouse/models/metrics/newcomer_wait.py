"""
id: N3
title: Newcomers' wait
chapter: newcomers
version: 2
summary: Median time until somebody else answers a newcomer's thread, by Kaplan and Meier.
grain: [community, window_end]
unit: hours
direction: lower is better
needs: [chat or wiki talk]
minimum: 20 newcomer threads
reads: [core.windows, metrics.newcomer_waits]
reference: CHAOSS, metric Time to First Response; Kaplan & Meier 1958, band by log-log Greenwood.
reading: How long a newcomer waits. Threads that nobody answered count for as long as they waited, and are not dropped.
measure: {value: newcomer_wait_hours, kind: hours, numerator: answered_threads, denominator: newcomer_threads, low: newcomer_wait_low_hours, high: newcomer_wait_high_hours, counts: threads, smallest: 20}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  newcomer_threads: threads opened in the window by somebody within 28 days of their first contribution, and not in an announced break
  answered_threads: those answered by another person before the evaluation
  newcomer_wait_hours: median wait; not measured where fewer than half were answered
  newcomer_wait_low_hours: lower end of the 95 % band of the median
  newcomer_wait_high_hours: upper end of the 95 % band of the median; absent where the data give none
  inferred_share: share of these threads that were inferred from silence, because the platform gives none
  newcomer_wait_p90_hours: wait that nine of ten do not exceed; not measured where fewer were answered
caveats:
  - Threads of people who may be veterans, because they are first seen in the first 52 weeks of the archive and no join is known, are not in it.
  - Where the platform has no threads, a message that addresses somebody opens none, and an answer is looked for during seven days; after them the thread counts as one that had waited so long.
  - Who still waits when an announced break begins waits on through it.
  - Nights, weekends and time zones are in it.
  - Answers by private message are not seen.
"""

import warnings
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

MINUTES = 60
HALF, A_TENTH = 0.5, 0.1
ROUNDING = 1e-12
"""A product of shares that is one half may be written a little above it."""

Numbers = npt.NDArray[np.float64]
SCHEMA = pa.schema(
    [
        ("community", pa.string()),
        ("window_end", pa.timestamp("us")),
        ("newcomer_threads", pa.int64()),
        ("answered_threads", pa.int64()),
        ("newcomer_wait_hours", pa.float64()),
        ("newcomer_wait_low_hours", pa.float64()),
        ("newcomer_wait_high_hours", pa.float64()),
        ("newcomer_wait_p90_hours", pa.float64()),
        ("inferred_share", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Wait:
    """The median in hours with its 95 % band, and the 90th percentile; None where the data give none."""

    newcomer_wait_hours: float | None
    newcomer_wait_low_hours: float | None
    newcomer_wait_high_hours: float | None
    newcomer_wait_p90_hours: float | None


def newcomer_wait(windows: pa.Table, newcomer_waits: pa.Table) -> pa.Table:
    """Give each evaluation the waits of its window, and none where its window has no newcomer's thread."""
    keys = ["community", "window_end"]
    lists: list[tuple[str, str]] = [(name, "list") for name in ("minutes", "answered", "inferred")]
    waits: dict[tuple[object, object], dict[str, list[int]]] = {}
    for row in newcomer_waits.group_by(keys).aggregate(lists).to_pylist():
        waits[row["community"], row["window_end"]] = {name: row[f"{name}_list"] for name, _ in lists}
    rows = []
    for key in windows.select(keys).to_pylist():
        found = waits.get((key["community"], key["window_end"]))
        rows.append(key | (_row(**found) if found else {"newcomer_threads": 0, "answered_threads": 0}))
    return pa.Table.from_pylist(rows, SCHEMA)


def _row(minutes: list[int], answered: list[int], inferred: list[int]) -> dict[str, object]:
    waited = wait(np.array(minutes, np.float64), np.array(answered, np.bool_))
    counts = {"newcomer_threads": len(answered), "answered_threads": sum(answered)}
    return counts | asdict(waited) | {"inferred_share": sum(inferred) / len(inferred)}


def survival(minutes: Numbers, answered: npt.NDArray[np.bool_]) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Kaplan and Meier's estimate: the times, and at each the share that still waits, with its lower and upper 95 % limits.

    The limits are by the log-log transform of Greenwood's variance. Where nobody waits any more it is undefined: then 0 and 1.
    """
    estimate = stats.ecdf(stats.CensoredData.right_censored(minutes, ~answered)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the undefined ends
        band = estimate.confidence_interval(method="log-log")
    share = estimate.probabilities
    low = np.where(np.isnan(band.low.probabilities), np.floor(share), band.low.probabilities)
    high = np.where(np.isnan(band.high.probabilities), 1.0, band.high.probabilities)
    return estimate.quantiles, share, low, high


def wait(minutes: Numbers, answered: npt.NDArray[np.bool_]) -> Wait:
    """The median and its band, and the 90th percentile, of n waits in minutes; `answered` is false where a wait still lasts."""
    times, share, low, high = survival(minutes, answered)
    return Wait(
        newcomer_wait_hours=_first(times, share, HALF),
        newcomer_wait_low_hours=_first(times, low, HALF),
        newcomer_wait_high_hours=_first(times, high, HALF),
        newcomer_wait_p90_hours=_first(times, share, A_TENTH),
    )


def _first(times: Numbers, share: Numbers, limit: float) -> float | None:
    """The first time, in hours, at which no more than this share still waits."""
    reached = np.flatnonzero(share <= limit + ROUNDING)
    return float(times[reached[0]]) / MINUTES if reached.size else None
