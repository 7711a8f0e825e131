"""Freshness: seconds from an event to the published file that shows it, with everything running at 50 events/s.

    .venv/bin/python tests/benchmarks/bench_freshness.py [seconds]

Every message is a probe: signed like Slack's, its own moment in it, looked for in each file that is published.
"""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from dagster_project.processes.supervisor import read_run_state, wait_for  # noqa: E402
from dagster_project.refresh.status import read_status  # noqa: E402
from dagster_project.settings import load  # noqa: E402 - the repository is on the path only now
from events.errors import GuildhallError  # noqa: E402
from pipelines.platforms import PLATFORMS  # noqa: E402
from tests.benchmarks.results import Row, report  # noqa: E402
from warehouse import publish  # noqa: E402

RATE = 50
WANTED_P95 = 60.0
SECRET = "an invented secret"
GATEWAY, DAGSTER = 28431, 28432
SETTINGS = f"""
[gateway]
port = {GATEWAY}
[dagster]
port = {DAGSTER}
[community.gardeners]
title = "Gardeners"
[[community.gardeners.space]]
platform = "slack"
workspace = "T024BE7LD"
spaces = "*"
[source.main]
platform = "slack"
secret_env = "GUILDHALL_TEST_SECRET"
"""
UP = "import sys; from pathlib import Path; from dagster_project.settings import load; from dagster_project.processes.up import up; up(load(Path(sys.argv[1]), Path(sys.argv[2])))"


def message(number: int, moment: float) -> bytes:
    ts = f"{moment:.6f}"
    event = {
        "type": "message",
        "channel": f"C{number % 7}",
        "channel_type": "channel",
        "user": f"U{number % 300}",
        "text": "Pears?",
    }
    return json.dumps(
        {
            "type": "event_callback",
            "team_id": "T024BE7LD",
            "api_app_id": "A1",
            "event_id": f"Ev{number}",
            "event_time": int(moment),
        }
        | {"event": event | {"ts": ts, "event_ts": ts, "team": "T024BE7LD"}}
    ).encode()


async def send(seconds: float, sent: dict[str, float]) -> int:
    """Send at the rate for so long; `sent` gets event id -> moment. How many were refused."""
    refused = 0
    async with httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=20)) as client:

        async def one(number: int) -> None:
            nonlocal refused
            moment = time.time()
            body = message(number, moment)
            headers = PLATFORMS["slack"].sign(body, SECRET, moment)
            answer = await client.post(f"http://127.0.0.1:{GATEWAY}/hooks/slack/main", content=body, headers=headers)
            if answer.status_code == 200:
                sent[f"slack:T024BE7LD:C{number % 7}:{moment:.6f}"] = moment
            else:
                refused += 1

        began, number, under_way = time.monotonic(), 0, set()
        while (passed := time.monotonic() - began) < seconds:
            while number < passed * RATE:
                task = asyncio.create_task(one(number))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                number += 1
            await asyncio.sleep(0.02)
        await asyncio.gather(*under_way)
    return refused


async def look(published: Path, seen: dict[str, float], done: asyncio.Event) -> int:
    """Open every file that is published; `seen` gets event id -> when it was first there. How many files there were."""
    last, files = None, 0
    while not done.is_set():
        await asyncio.sleep(0.25)
        try:
            path = publish.current(published)
            if path == last:
                continue
            at = time.time()
            rows = await asyncio.to_thread(ids, path)
        except GuildhallError:
            continue
        last, files = path, files + 1
        for (event_id,) in rows:
            seen.setdefault(event_id, at)
    return files


def ids(path: Path) -> list[tuple[str]]:
    con = publish.open_published(path)
    try:
        return con.execute("select event_id from core.interactions").fetchall()
    finally:
        con.close()


def resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


async def measure(home: Path, seconds: float) -> tuple[dict[str, float], dict[str, float], int, int]:
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    done = asyncio.Event()
    looking = asyncio.create_task(look(home / "published", seen, done))
    refused = await send(seconds, sent)
    until = time.monotonic() + 180
    while sent.keys() - seen.keys() and time.monotonic() < until:  # noqa: ASYNC110 - two dictionaries have no event
        await asyncio.sleep(0.5)
    done.set()
    return sent, seen, refused, await looking


def main(seconds: float) -> int:
    """Start everything, measure, stop everything; 1 where a promise was not kept."""
    with tempfile.TemporaryDirectory() as folder:
        config, home = Path(folder) / "guildhall.toml", Path(folder) / "var"
        config.write_text(SETTINGS)
        environment = {k: v for k, v in os.environ.items() if k != "KAFKA_BOOTSTRAP_SERVERS"} | {
            "GUILDHALL_TEST_SECRET": SECRET
        }
        process = subprocess.Popen(
            [sys.executable, "-c", UP, str(config), str(home)],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            settings = load(config, home)
            if not wait_for(lambda: (read_status(settings.home) or {}).get("state") == "idle", 300, every=1):
                print("the refresher did not come up")
                return 1
            pids = read_run_state(home / "run_state.json").children
            before = {name: resident(pid) for name, pid in pids.items()}
            sent, seen, refused, files = asyncio.run(measure(home, seconds))
            after = {name: resident(pid) for name, pid in pids.items()}
            runs = read_status(home)["refreshes"]
            log_mb = sum(path.stat().st_size for path in (home / "dagster").rglob("*") if path.is_file()) / 2**20
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)
    waits = sorted(seen[event] - moment for event, moment in sent.items() if event in seen)
    lost = len(sent) - len(waits)
    p95 = waits[int(len(waits) * 0.95)] if waits else float("inf")
    slowest = waits[-1] if waits else float("inf")
    return report(
        f"{RATE} events/s for {seconds:.0f} s, everything running",
        [
            Row("events/s accepted", f"{RATE}", f"{len(sent) / seconds:.1f}"),
            Row("refused", "0", f"{refused}", refused == 0),
            Row("accepted and not published", "0", f"{lost}", lost == 0),
            Row("p50 event to published, s", "", f"{statistics.median(waits) if waits else float('inf'):.1f}"),
            Row("p95 event to published, s", f"<= {WANTED_P95:.0f}", f"{p95:.1f}", p95 <= WANTED_P95),
            Row("slowest, s", "", f"{slowest:.1f}"),
            Row("files published; runs in Dagster", "", f"{files}; {runs}"),
            Row("Dagster on disk, MB", "", f"{log_mb:.0f}"),
            *[Row(f"{name}, MB resident, before → after", "", f"{mb:.0f} → {after[name]:.0f}") for name, mb in before.items()],
            Row("load of the machine", "", f"{os.getloadavg()[0]:.1f}"),
        ],
    )


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 120.0))
