"""All levels at every week, against the same question asked one date at a time; and a day in the open week against a full build.

`python tests/benchmarks/bench_levels.py [interactions] [repetitions]`: 1,000,000 interactions of three years in 39 communities, invented by a
seed. Each measurement is processor time and wall time in a child process of its own, so that its peak memory is its own, with the
memory limit that is the default of a warehouse.

All at once against one date at a time begins with the same tables: what stands and who was there (`core.interactions`,
`core.attendance`, `core.first_seen`), threads, pages, replies, and each evaluation's window and beats, which neither side has to
find. From there

* all at once derives the facts of weeks, ties and help, then everybody's numbers at every evaluation, folds them to levels and
  writes them to a table: everything that `levels.evaluations` needs;
* one date at a time is the SQL of tests/warehouse/levels_oracle.py, which derives the same from the same at one date, with all
  communities in one query: the mean of evenly spread dates, times the number of dates. Judging and folding, which the oracle does in
  plain Python, are left out, as is writing, so that what differs between the two is to the single date's advantage.

The weeks, tempo, beats and windows that both take as given are part of the full build's time.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time

import duckdb
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.results import Row, report
from tests.warehouse.levels_histories import after, history, land
from tests.warehouse.levels_oracle import AT_ONE_DATE
from warehouse.build.build import build, done_with, make, open_scratch
from warehouse.build.catalog import catalog, with_intermediate
from warehouse.db import open_files

SHARES = [0.2] * 2 + [0.1] * 3 + [0.03] * 6 + [0.01] * 8 + [0.002] * 20
WEEKS = 156
MADE = ("core.member_weeks", "core.ties", "core.helps", "levels.reach", "levels.evaluations")
"""What all at once has to make, with the unpublished tables in between; the other core tables are given, to it and to the date."""
SAMPLE = 8


def invent(folder: Path, interactions: int) -> None:
    """Landing and warehouse files with so many interactions, nothing built."""
    rng = np.random.default_rng(20261125)
    with open_files(folder / "landing.duckdb", folder / "warehouse.duckdb") as con:
        land(
            con,
            [
                history(rng, f"c{place:02}", max(8, int(interactions * share) // 60), WEEKS, int(interactions * share))
                for place, share in enumerate(SHARES)
            ],
        )


def opened(folder: Path, since=None) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    con = open_files(folder / "landing.duckdb", folder / "warehouse.duckdb")
    names = [name for (name,) in con.execute("select community from landing.communities order by 1").fetchall()]
    return con, names


def all_at_once(folder: Path) -> dict:
    """Levels at every evaluation, as a table, from the tables that `one_date` begins with."""
    con, names = opened(folder)
    open_scratch(con, names, after(WEEKS), None)
    models = {model.table: model for model in catalog()}
    for table, model in models.items():
        if model.layer == "core" and model.header.published and table not in MADE:
            con.execute(f"create view scratch.{table} as from warehouse.{table}")
    seconds, wall = process_time(), perf_counter()
    chosen = with_intermediate(MADE, models.values())
    for model in chosen:
        make(con, model)
        for table in done_with(model, chosen):
            con.execute(f"drop table scratch.{table}")
    taken = {"cpu": process_time() - seconds, "wall": perf_counter() - wall}
    evaluations, rows = con.execute("select count(distinct window_end), count(*) from levels.evaluations").fetchone()
    return {**taken, "dates": evaluations, "rows": rows}


def one_date(folder: Path) -> dict:
    """The oracle's SQL at evenly spread dates: the mean of one date."""
    con, names = opened(folder)
    open_scratch(con, names, after(WEEKS), None)
    for model in catalog():
        if model.layer == "core" and model.header.published:
            con.execute(f"create view scratch.{model.table} as from warehouse.{model.table}")
    ends = [end for (end,) in con.execute("select distinct window_end from core.windows order by 1").fetchall()]
    sample = ends[len(ends) // (2 * SAMPLE) :: max(1, len(ends) // SAMPLE)][:SAMPLE]
    con.execute(AT_ONE_DATE, {"at": ends[0]}).fetchall()
    seconds, wall = process_time(), perf_counter()
    for end in sample:
        con.execute(AT_ONE_DATE, {"at": end}).to_arrow_table()
    return {"cpu": (process_time() - seconds) / len(sample), "wall": (perf_counter() - wall) / len(sample)}


def full(folder: Path) -> dict:
    """A build of core and levels, whole."""
    con, names = opened(folder)
    models = [model for model in catalog() if model.layer in ("core", "levels")]
    seconds, wall = process_time(), perf_counter()
    built = build(con, models, names, after(WEEKS))
    slowest = sorted(built.seconds.items(), key=lambda item: -item[1])[:3]
    return {"cpu": process_time() - seconds, "wall": perf_counter() - wall, "slowest": slowest}


def one_day(folder: Path) -> dict:
    """The open week once more, a day on: what a refresh does most of the time."""
    con, names = opened(folder)
    models = [model for model in catalog() if model.layer in ("core", "levels")]
    as_of = after(WEEKS)
    seconds, wall = process_time(), perf_counter()
    build(con, models, names, as_of, since=as_of - timedelta(days=7))
    return {"cpu": process_time() - seconds, "wall": perf_counter() - wall}


MEASURED = {"full": full, "all_at_once": all_at_once, "one_date": one_date, "one_day": one_day}


def measured(name: str, folder: Path, repetitions: int) -> dict:
    """Medians over child processes; `peak` is the largest, in GiB."""
    seen = []
    for _ in range(repetitions):
        done = subprocess.run([sys.executable, __file__, name, str(folder)], check=True, capture_output=True, text=True)
        seen.append(json.loads(done.stdout.splitlines()[-1]))
    return {
        **seen[-1],
        "cpu": statistics.median(s["cpu"] for s in seen),
        "wall": statistics.median(s["wall"] for s in seen),
        "peak": max(s["peak"] for s in seen),
        "n": repetitions,
    }


def main(interactions: int, repetitions: int) -> int:
    """Print what was wanted and what was seen."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, __file__, "invent", str(folder), str(interactions)], check=True)
        whole = measured("full", folder, 1)
        levels = measured("all_at_once", folder, repetitions)
        date = measured("one_date", folder, repetitions)
        day = measured("one_day", folder, repetitions)
    ratio = date["cpu"] * levels["dates"] / levels["cpu"]
    peak = max(levels["peak"], whole["peak"])
    lines = [
        ("all levels, every week, against one date at a time", "≥ 10 x faster", f"{ratio:.1f} x", ratio >= 10),
        (
            "  all at once, processor / wall",
            "",
            f"{levels['cpu']:.1f} s / {levels['wall']:.1f} s, {levels['rows']:,} rows",
            True,
        ),
        ("  one date, processor / wall", "", f"{date['cpu']:.2f} s / {date['wall']:.2f} s, of {levels['dates']} dates", True),
        ("peak memory of levels; of a full build", "≤ 2 GiB", f"{levels['peak']:.2f}; {whole['peak']:.2f} GiB", peak <= 2),
        (
            "a day in the open week, of a full build (processor)",
            "≤ 5 %",
            f"{day['cpu'] / whole['cpu']:.1%}",
            day["cpu"] <= 0.05 * whole["cpu"],
        ),
        ("  full build, core and levels, processor / wall (n = 1)", "", f"{whole['cpu']:.1f} s / {whole['wall']:.1f} s", True),
    ]
    print("slowest of the full build: " + ", ".join(f"{table} {seconds:.1f} s" for table, seconds in whole["slowest"]))
    title = f"{interactions:,} interactions, {WEEKS} weeks, {len(SHARES)} communities; medians of {repetitions}"
    return report(title, [Row(*line) for line in lines])


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "invent":
        invent(Path(sys.argv[2]), int(sys.argv[3]))
    elif len(sys.argv) > 2 and sys.argv[1] in MEASURED:
        result = MEASURED[sys.argv[1]](Path(sys.argv[2]))
        print(json.dumps({**result, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 5))
