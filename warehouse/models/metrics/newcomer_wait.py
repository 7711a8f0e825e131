"""
id: N3
title: Newcomers' wait
chapter: newcomers
version: 3
summary: Median time until somebody else answers a newcomer's thread, by Kaplan and Meier.
grain: [community, window_end]
unit: hours
direction: lower is better
needs: [chat or wiki talk]
minimum: 20 newcomer threads of 5 people
reads: [core.newcomer_windows, metrics.newcomer_waits]
reference: CHAOSS, metric Time to First Response; Kaplan & Meier 1958, band by log-log Greenwood.
reading: How long a newcomer waits. Threads that nobody answered count for as long as they waited, and are not dropped.
sentences:
  up: Newcomers wait longer for an answer
  down: Newcomers are answered sooner
  phrase: "half of the newcomers had an answer within {value}"
  ask: "Who looks for new questions, and when?"
  absent: "More than half of the newcomers' threads still waited for an answer when the window ended."
measure: {value: newcomer_wait_hours, kind: hours, numerator: answered_threads, denominator: newcomer_threads, low: newcomer_wait_low_hours, high: newcomer_wait_high_hours, openers: openers, inferred: inferred_share, weeks: window_weeks, counts: threads, smallest: 20}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_weeks: weeks in the window, 13, or 52 where 13 hold fewer than 20 such threads or fewer than 5 people who opened them, and 52 hold enough
  newcomer_threads: threads opened in the window by somebody within 28 days of their first contribution, and not in an announced break
  answered_threads: those answered by another person before the evaluation
  openers: people who opened them
  newcomer_wait_hours: median wait; not measured where fewer than half were answered
  newcomer_wait_low_hours: lower end of the 95 % band of the median, widened because the threads of one person are not independent
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
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from warehouse.intervals import Z, independent

MINUTES = 60
HALF, A_TENTH = 0.5, 0.1
ROUNDING = 1e-12
"""A product of shares that is one half may be written a little above it."""

MOST_CONFIDENT = 1 - 1e-9

Numbers = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
SCHEMA = pa.schema(
    [
        ("community", pa.string()),
        ("window_end", pa.timestamp("us")),
        ("window_weeks", pa.int32()),
        ("newcomer_threads", pa.int64()),
        ("answered_threads", pa.int64()),
        ("openers", pa.int64()),
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


def newcomer_wait(newcomer_windows: pa.Table, newcomer_waits: pa.Table) -> pa.Table:
    """Give each evaluation the waits of its window, and none where its window has no newcomer's thread."""
    keys = ["community", "window_end"]
    waits: dict[tuple[object, object], dict[str, Any]] = {}
    lists: list[tuple[str, str]] = [(name, "list") for name in ("minutes", "answered", "starter", "inferred")]
    for row in newcomer_waits.group_by(keys).aggregate(lists).to_pylist():
        waits[row["community"], row["window_end"]] = row
    rows = []
    for key in newcomer_windows.select([*keys, "window_weeks"]).to_pylist():
        found = waits.get((key["community"], key["window_end"]))
        if found is None:
            rows.append(key | {"newcomer_threads": 0, "answered_threads": 0, "openers": 0})
            continue
        minutes, answered = np.array(found["minutes_list"], np.float64), np.array(found["answered_list"], np.bool_)
        people, openers = np.unique(found["starter_list"], return_inverse=True)
        counts = {
            "newcomer_threads": len(minutes),
            "answered_threads": int(answered.sum()),
            "openers": len(people),
            "inferred_share": sum(found["inferred_list"]) / len(minutes),
        }
        rows.append(key | counts | asdict(wait(minutes, answered, openers)))
    return pa.Table.from_pylist(rows, SCHEMA)


def survival(minutes: Numbers, answered: Bools, wider: float = 1.0) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Kaplan and Meier's estimate: the times, and at each the share that still waits, with its lower and upper 95 % limits.

    The limits are by the log-log transform of Greenwood's variance, `wider` times as wide as for independent waits. Where
    nobody waits any more they are undefined: then 0 and 1.
    """
    estimate = stats.ecdf(stats.CensoredData.right_censored(minutes, ~answered)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the undefined ends
        confidence = 2 * stats.norm.cdf(Z * wider) - 1
        band = estimate.confidence_interval(min(confidence, MOST_CONFIDENT), method="log-log")
    share = estimate.probabilities
    low = np.where(np.isnan(band.low.probabilities), np.floor(share), band.low.probabilities)
    high = np.where(np.isnan(band.high.probabilities), 1.0, band.high.probabilities)
    return estimate.quantiles, share, low, high


def wait(minutes: Numbers, answered: Bools, openers: Ints | None = None) -> Wait:
    """The median and its band, and the 90th percentile, of n waits in minutes.

    `answered` is false where a wait still lasts; `openers` numbers the people who wait, all different where absent.
    """
    wider = 1.0 if openers is None else _wider(minutes, answered, openers)
    times, share, low, high = survival(minutes, answered, wider)
    return Wait(
        newcomer_wait_hours=_first(times, share, HALF),
        newcomer_wait_low_hours=_first(times, low, HALF),
        newcomer_wait_high_hours=_first(times, high, HALF),
        newcomer_wait_p90_hours=_first(times, share, A_TENTH),
    )


def _wider(minutes: Numbers, answered: Bools, openers: Ints) -> float:
    """How much wider the band is because people wait alike in all their threads: by those answered within the usual wait."""
    usual = np.median(minutes[answered]) if answered.any() else 0.0
    threads = np.bincount(openers).astype(np.float64)
    soon = np.bincount(openers, weights=answered & (minutes <= usual)).astype(np.float64)
    return float(np.sqrt(len(minutes) / independent(threads, soon)))


def _first(times: Numbers, share: Numbers, limit: float) -> float | None:
    """The first time, in hours, at which no more than this share still waits."""
    reached = np.flatnonzero(share <= limit + ROUNDING)
    return float(times[reached[0]]) / MINUTES if reached.size else None
