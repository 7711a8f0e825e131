"""Invented rows of a report: two years of every metric of the catalog, and what the SQL of `reports` lets a sponsor see of them."""

import math
import random
from datetime import timedelta
from itertools import pairwise

from tests.warehouse.test_withholding import LEVELS, MODELS, MONDAY, estimate, fill, levels
from warehouse.build.catalog import catalog, metrics

EVALUATIONS = 104
SLUG = "gardeners"


def world(con, *, title="Gardeners of the valley", slug=SLUG, part="weekly", shuffle=None):
    """Fill the tables that a report reads; `shuffle`: a seed for the order of rows. One metric (H1) has no rows."""
    ends = [MONDAY - timedelta(weeks=EVALUATIONS - 1 - n) for n in range(EVALUATIONS)]
    estimates, windows, moves = [], [], []
    for n, end in enumerate(ends):
        at = {"community": slug, "window_end": end}
        contributors = 40 + n // 4
        windows.append(
            at | {"window_start": end - timedelta(weeks=12), "beat_days": 7, "contributors": contributors, "alive_beats": 12}
        )
        estimates += levels((6 + n // 20, 8 + n // 10, 12 + n % 9, 9 + n // 30, 3 + n % 7), contributors=contributors, **at)
        estimates += [_estimate(model, n, at, part, contributors) for model in metrics(catalog()) if _filled(model)]
        moves += [
            at | {"from_level": a, "to_level": b, "members": 3 + (n + i) % 9} for i, (a, b) in enumerate(pairwise(LEVELS))
        ]
    confidence = {
        "community": slug,
        "as_of": MONDAY,
        "sources": 3,
        "sources_seen": 2,
        "coverage_share": 2 / 3,
        "late_share": 0.05,
    }
    confidence |= {"first_at": ends[0], "last_at": MONDAY, "interactions": 12_345}
    tables = {
        "core.communities": [{"community": slug, "title": title, "time_zone": "Europe/Zurich"}],
        "core.windows": windows,
        "scorecard.estimates": estimates,
        "levels.flow": moves,
        "reports.confidence": [confidence],
        "core.evidence": [{"community": slug, "window_end": end, "needs": ["contributions", "meeting"]} for end in ends],
    }
    for table, rows in tables.items():
        con.execute(f"delete from scratch.{table}")
        if shuffle is not None:
            random.Random(shuffle).shuffle(rows)
        fill(con, table, rows)
    con.execute("create schema if not exists scratch.meta")
    con.execute(
        "create or replace table scratch.meta.builds as from (values (7, ?::timestamp, ?::timestamp, '0.1', 'abc')) "
        "builds(build, published_at, as_of, version, models)",
        [MONDAY, MONDAY],
    )
    for table in ("reports.estimates", "reports.flow"):
        order = "" if shuffle is None else f" order by hash(r, {shuffle})"
        con.execute(f"delete from scratch.{table}")
        con.execute(f"insert into scratch.{table} by name select * from ({MODELS[table].code}) r{order}")


def _filled(model):
    return model.header.id not in ("P2", "P3", "H1") and "window_end" in model.header.grain


def _estimate(model, n, at, part, contributors):
    measure = model.header.measure
    wave = 0.7 + 0.2 * math.sin(n / 9)
    denominator = 60 + n % 30
    value = {
        "share": wave,
        "people": 12 + n // 9,
        "count": 12 + n // 9,
        "index": (wave - 0.7) / 2,
        "hours": 4 * wave,
        "days": 7.0,
    }.get(measure.kind, 3.0)
    return estimate(
        metric=model.header.id,
        part=part if len(model.header.grain) > 2 else "",
        value=None if model.header.id == "N1" and n < 52 else value,
        low=value * 0.9 if measure.low else None,
        high=value * 1.1 if measure.high else None,
        numerator=round(denominator * wave),
        denominator=denominator,
        kind=measure.kind,
        counts=measure.counts,
        network=measure.network,
        smallest=measure.smallest,
        always=measure.always,
        contributors=contributors,
        **at,
    )
