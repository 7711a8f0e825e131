"""Results: the rows that a benchmark prints and, under `make bench`, hands to the common table."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "BENCH_RESULTS"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what was measured, what is wanted ('' where nothing is), what was seen, whether that is enough."""

    what: str
    wanted: str
    seen: str
    ok: bool = True


def report(title: str, rows: list[Row]) -> int:
    """Print the rows; the exit code: 1 when a row misses its target. `make bench` reads the same rows from a file."""
    print(title)
    for row in rows:
        print(f"  {row.what:62} {row.wanted:>18} {row.seen:>26} {'' if row.ok else 'MISSED'}")
    if path := os.environ.get(VARIABLE):
        Path(path).write_text(json.dumps({"title": title, "rows": [asdict(row) for row in rows]}), encoding="utf-8")
    return int(not all(row.ok for row in rows))
