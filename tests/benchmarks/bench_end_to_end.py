"""Zip to published tables: an invented year of Slack, imported and refreshed by the commands that a person types.

    .venv/bin/python tests/benchmarks/bench_end_to_end.py [weeks] [members]

Everything is in the figure: starting Kafka and the worker, reading the zip, understanding, landing, building, publishing. The ratio
is against only reading the same zip and parsing its JSON, in the same run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import date
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from pipelines.simulator.calendar import Calendar  # noqa: E402 - the repository is on the path only now
from pipelines.simulator.expected import Expected  # noqa: E402
from pipelines.simulator.exports import write_exports  # noqa: E402
from pipelines.simulator.formats.world import World  # noqa: E402
from pipelines.simulator.ground_truth import write_settings  # noqa: E402
from pipelines.simulator.population import SPECS  # noqa: E402
from pipelines.simulator.scenario import Scenario  # noqa: E402
from tests.benchmarks.results import Row, report  # noqa: E402

SEED = 7


def guildhall(config: Path, home: Path, *arguments: str) -> float:
    """Run one command; seconds."""
    began = time.perf_counter()
    command = [REPOSITORY / ".venv" / "bin" / "guildhall", "--config", config, "--home", home, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home.parent)
    return time.perf_counter() - began


def parse(path: Path) -> tuple[int, float]:
    """Messages of a Slack export, and the seconds that reading and parsing alone take."""
    began = time.perf_counter()
    with zipfile.ZipFile(path) as archive:
        days = [json.loads(archive.read(name)) for name in archive.namelist() if "/" in name and name.endswith(".json")]
    return sum(len(day) for day in days), time.perf_counter() - began


def main(weeks: int, members: int) -> int:
    """Write the exports, import the Slack ones, refresh."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script, world, home = make_script(weeks, members), World(SEED), folder / "var"
        exports = write_exports(script, world, folder / "exports", Expected())
        config = write_settings(folder, script, world)
        events, parsing, importing = 0, 0.0, 0.0
        slack = [export for export in exports if export.platform == "slack"]
        for export, community in zip(slack, (spec.slug for spec in SPECS), strict=True):
            count, seconds = parse(export.path)
            events, parsing = events + count, parsing + seconds
            importing += guildhall(config, home, "import", export.kind, str(export.path), "--community", community)
        refreshing = guildhall(config, home, "refresh")
    whole = importing + refreshing
    return report(
        f"{events:,} Slack messages of {weeks} weeks in three zips, each command by itself, Kafka cold",
        [
            Row("zip to published tables, events per s", "", f"{events / whole:,.0f}"),
            Row("zip to published tables, s", "", f"{whole:.1f} ({importing:.1f} + {refreshing:.1f})"),
            Row("against only parsing the zips", "", f"{whole / parsing:.0f} x"),
            Row("load of the machine", "", f"{os.getloadavg()[0]:.1f}"),
        ],
    )


def make_script(weeks: int, members: int) -> Scenario:
    """The simulation whose weeks are all in exports but the last one."""
    return Scenario(SEED, Calendar(date(2026, 3, 2), weeks, 1), members)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60, int(sys.argv[2]) if len(sys.argv) > 2 else 120))
