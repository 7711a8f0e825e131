"""All benchmarks, one after the other: `make bench`. A missed target or a benchmark that fails does not stop the next one.

Ends with one table and writes the same rows as JSON to `var/bench.json`. Exit code 1 when a target is missed.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.benchmarks.results import VARIABLE  # noqa: E402 - the repository is on the path only now

ORDER = ("bench_end_to_end", "bench_streams", "bench_platforms", "bench_landing", "bench_levels", "bench_freshness")
"""What a user wants to know first comes first."""
FAILED = {"what": "did not finish", "wanted": "", "seen": "see above", "ok": False}


def measure(name: str) -> dict:
    """Run one benchmark in a process of its own and return its title and rows."""
    print(f"\n== {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        subprocess.run([sys.executable, HERE / f"{name}.py"], env={**os.environ, VARIABLE: str(path)}, check=False)
        return {"name": name} | (json.loads(path.read_text()) if path.exists() else {"title": name, "rows": [FAILED]})


def main(wanted: list[str]) -> int:
    """Measure, print one table, write JSON."""
    known = [name for name in ORDER if (HERE / f"{name}.py").exists()]
    results = [measure(name) for name in known if not wanted or name in wanted]
    target = REPOSITORY / "var" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), "benchmarks": results}, indent=1))
    print(f"\n{'what':64} {'wanted':>18} {'seen':>26}")
    for result in results:
        print(f"{result['name'].removeprefix('bench_').replace('_', ' ')}: {result['title']}")
        for row in result["rows"]:
            print(f"  {row['what']:62} {row['wanted']:>18} {row['seen']:>26} {'' if row['ok'] else 'MISSED'}")
    missed = sum(not row["ok"] for result in results for row in result["rows"])
    print(f"\n{missed} missed; the same as JSON: {target.relative_to(REPOSITORY)}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
