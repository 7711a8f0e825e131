"""Pictures: the README's two, rendered from the demo in a real Chromium: `make pictures`.

Runs a demo in a folder of its own, photographs the first screen of the report on the month of its planted story, then starts Dagster's page on the same home
folder and photographs the graph of the metrics.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
WAIT_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def photograph(url: str, target: Path, *, settle_seconds: float = 0.5) -> None:
    """One screen of a page, 1,280 by 860 points."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto(url)
        page.wait_for_load_state("networkidle")
        time.sleep(settle_seconds)
        page.screenshot(path=target)
        browser.close()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "var"
        environment = os.environ | {"GUILDHALL_HOME": str(home)}
        guildhall = [REPOSITORY / ".venv" / "bin" / "guildhall", "--home", home]
        subprocess.run([*guildhall, "demo"], cwd=folder, check=True)
        story = json.loads((home / "demo" / "truth.json").read_text())["cold"]
        config = home / "demo" / "guildhall.toml"
        period = story["until"][:7]
        subprocess.run(
            [*guildhall, "--config", config, "report", story["community"], "--period", period], cwd=folder, check=True
        )
        report = home / "reports" / story["community"] / period / "index.html"
        photograph(report.as_uri(), HERE / "report.png")
        port = free_port()
        page = subprocess.Popen(
            [REPOSITORY / ".venv" / "bin" / "dagster-webserver", "-m", "dagster_project.definitions", "-p", str(port)],
            cwd=REPOSITORY,
            env=environment | {"DAGSTER_HOME": str(home / "dagster")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            until = time.monotonic() + WAIT_SECONDS
            while not answers(f"{url}/server_info") and time.monotonic() < until:
                time.sleep(0.5)
            photograph(f"{url}/asset-groups", HERE / "dagster.png", settle_seconds=8)
        finally:
            page.terminate()
            page.wait(30)
    print(f"wrote {HERE / 'report.png'} and {HERE / 'dagster.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
