"""Dagster's page in a real browser: Materialize on one table, on all, cancel one, then a shell; a table of what happened.

    .venv/bin/python tests/browser/drive_dagster.py [FOLDER]

Starts `guildhall up` on a small invented history, needs Chromium, takes about two minutes. FOLDER gets a screenshot per step.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from dagster_project.processes.supervisor import wait_for  # noqa: E402 - the repository is on the path only now

CHROMIUM = shutil.which("chromium")
FLAGS = "--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run --disable-background-networking"
PATIENCE = 240.0
"""Seconds for everything to come up, on a machine that does ten other things."""
METRIC = "metrics/bot_share"
RUNS = """{ runsOrError { ... on Runs { results {
    id status startTime endTime assetSelection { path } tags { key value } stats { ... on RunStatsSnapshot { materializations } }
} } } }"""
LATEST = """query latest($path: [String!]!) { assetOrError(assetKey: {path: $path}) {
    ... on Asset { assetMaterializations(limit: 1) { runId timestamp } } } }"""


class Dagster:
    """Dagster's page and its GraphQL, and where screenshots go."""

    def __init__(self, address: str, page: Page, shots: Path, auth: tuple[str, str]) -> None:
        self.address, self.page, self.shots, self.auth = address, page, shots, auth
        self.number = 0
        self.results: list[tuple[str, str, float]] = []

    def ask(self, query: str, **variables: object) -> dict:
        answer = httpx.post(
            f"{self.address}/graphql", json={"query": query, "variables": variables}, auth=self.auth, timeout=60
        )
        return answer.json()["data"]

    def runs(self) -> list[dict]:
        """Newest first; those of the refresher itself are left out."""
        runs = self.ask(RUNS)["runsOrError"]["results"]
        return [run for run in runs if not any(tag["key"] == "dagster/sensor_name" for tag in run["tags"])]

    def latest(self, asset: str) -> float:
        """The moment of an asset's last materialisation, in s; 0 when there is none."""
        found = self.ask(LATEST, path=asset.split("/"))["assetOrError"].get("assetMaterializations")
        return float(found[0]["timestamp"]) / 1000 if found else 0.0

    def open(self, path: str, wait_for_text: str) -> None:
        self.page.goto(self.address + path, wait_until="domcontentloaded")
        self.page.get_by_text(wait_for_text).first.wait_for(timeout=60_000)

    def shot(self, name: str) -> None:
        self.number += 1
        self.page.wait_for_timeout(1_500)
        self.page.screenshot(path=str(self.shots / f"{self.number:02d}_{name}.png"))

    def check(self, name: str, holds: bool, seconds: float) -> None:
        self.results.append((name, "ok" if holds else "FAILED", seconds))


def materialize_one(dagster: Dagster) -> None:
    before = len(dagster.runs())
    dagster.open(f"/assets/{METRIC}", "Latest materialization")
    began, moment = time.monotonic(), time.time()
    dagster.page.locator('button:has-text("Materialize")').first.click()
    done = wait_for(lambda: len(dagster.runs()) > before and dagster.runs()[0]["status"] == "SUCCESS", 60, 0.5)
    seconds = time.monotonic() - began
    dagster.shot("one_table")
    selected = [asset["path"] for asset in dagster.runs()[0]["assetSelection"] or []]
    dagster.check("Materialize on one metric builds it", done and dagster.latest(METRIC) >= moment, seconds)
    dagster.check("its run names that metric alone", selected == [METRIC.split("/")], 0.0)
    dagster.check("the published file is new", dagster.latest("published") >= moment, 0.0)
    dagster.open(f"/runs/{dagster.runs()[0]['id']}", "Success")
    dagster.shot("its_run")


def materialize_all(dagster: Dagster) -> None:
    before, moment, began = len(dagster.runs()), time.time(), time.monotonic()
    click_all(dagster)
    done = wait_for(lambda: len(dagster.runs()) > before and dagster.runs()[0]["status"] == "SUCCESS", 120, 0.5)
    seconds = time.monotonic() - began
    dagster.shot("all_tables")
    dagster.check("Materialize all builds everything", done and dagster.latest("report_pages") >= moment, seconds)
    dagster.open("/runs", "Launched by")
    dagster.shot("runs")


def click_all(dagster: Dagster) -> None:
    dagster.open("/asset-groups", "Materialize all")
    dagster.shot("graph")
    dagster.page.locator('button:has-text("Materialize all")').first.click()


def cancel_one(dagster: Dagster) -> None:
    """The second of two runs waits for the first: one is ended while it runs, the other while it waits."""
    before = len(dagster.runs())
    click_all(dagster)
    wait_for(lambda: len(dagster.runs()) > before and dagster.runs()[0]["status"] in {"STARTING", "STARTED"}, 60, 0.2)
    run, began = dagster.runs()[0]["id"], time.monotonic()
    dagster.open(f"/runs/{run}", "Terminate")
    dagster.page.locator('button:has-text("Terminate")').first.click()
    dagster.page.wait_for_timeout(500)
    dagster.shot("terminate")
    dagster.page.locator(
        '[class*=dialog] button:has-text("Terminate"), [role=dialog] button:has-text("Terminate")'
    ).last.click()
    ended = wait_for(lambda: dagster.runs()[0]["status"] in {"CANCELED", "SUCCESS"}, 60, 0.2)
    dagster.page.wait_for_timeout(1_500)
    dagster.shot("canceled")
    dagster.check("Terminate ends a run", ended and dagster.runs()[0]["status"] == "CANCELED", time.monotonic() - began)


def shell(dagster: Dagster, home: Path, environment: dict[str, str]) -> None:
    began, moment = time.monotonic(), time.time()
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "-m", "dagster_project.definitions", "--select", METRIC]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment | {"DAGSTER_HOME": str(home / "dagster")},
        capture_output=True,
        text=True,
        check=False,
    )
    (dagster.shots / "shell.txt").write_text(done.stdout + done.stderr)
    built = done.returncode == 0 and dagster.latest(METRIC) >= moment
    dagster.check("dagster asset materialize in a shell builds it", built, time.monotonic() - began)
    dagster.open("/runs", "Launched by")
    dagster.shot("runs_after_the_shell")
    began = time.monotonic()
    back = wait_for(lambda: json.loads((home / "status" / "refresher.json").read_text())["state"] == "idle", 30)
    dagster.check("the refresher has the warehouse again", back, time.monotonic() - began)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return taken.getsockname()[1]


def invented_home(folder: Path) -> Path:
    """A home folder with thirty weeks of the demo; GUILDHALL_DEMO names one that is there already."""
    if given := os.environ.get("GUILDHALL_DEMO"):
        return Path(given)
    home = folder / "var"
    command = [sys.executable, "-c", "from dagster_project.cli import main; main()", "--home", str(home)]
    subprocess.run([*command, "demo", "--weeks", "30", "--members", "60"], cwd=REPOSITORY, check=True)
    return home


@contextmanager
def running(home: Path, folder: Path):
    """`guildhall up` on ports of its own; the address of the page and the environment of a shell."""
    port = free_port()
    config = folder / "guildhall.toml"
    config.write_text(
        f"[gateway]\nport = {free_port()}\n[dagster]\nport = {port}\n" + (home / "demo" / "guildhall.toml").read_text()
    )
    environment = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}
    environment |= {"GUILDHALL_CONFIG": str(config), "GUILDHALL_HOME": str(home)}
    with (folder / "up.log").open("w") as log:
        command = [sys.executable, "-c", "from dagster_project.cli import main; main()", "up"]
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        assert wait_for(lambda: answers(address, home), PATIENCE, 0.5), (folder / "up.log").read_text()
        yield address, environment
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(90)


def auth_of(home: Path) -> tuple[str, str]:
    """The user and the password of the page."""
    return "guildhall", (home / "pages.token").read_text().strip()


def answers(address: str, home: Path) -> bool:
    try:
        query = {"query": "{ assetNodes { id } }"}
        nodes = httpx.post(f"{address}/graphql", json=query, auth=auth_of(home), timeout=30).json()
    except (httpx.HTTPError, ValueError, FileNotFoundError):
        return False
    return len(nodes.get("data", {}).get("assetNodes") or ()) > 20


def main(folder: Path) -> int:
    shots = folder / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    home = invented_home(folder)
    with running(home, folder) as (address, environment), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        user, password = auth_of(home)
        credentials = {"username": user, "password": password}
        page = browser.new_page(viewport={"width": 1500, "height": 950}, http_credentials=credentials)
        dagster = Dagster(address, page, shots, (user, password))
        began = time.monotonic()
        shown = wait_for(lambda: dagster.latest(METRIC) > 0, PATIENCE, 0.5)
        dagster.check("what the demo built is shown as materialised", shown, time.monotonic() - began)
        steps: list[Callable[[Dagster], None]] = [materialize_one, materialize_all, cancel_one]
        for step in steps:
            try:
                step(dagster)
            except Exception as error:  # noqa: BLE001 - the next step is tried all the same
                dagster.shot("failed")
                dagster.check(f"{step.__name__}: {str(error).splitlines()[0]}", holds=False, seconds=0.0)
        shell(dagster, home, environment)
        browser.close()
    for name, result, seconds in dagster.results:
        print(f"{name:<60} {result:<8} {seconds:6.1f} s")
    print(f"screenshots: {shots}")
    return any(result != "ok" for _, result, _ in dagster.results)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="guildhall-browser-"))))
