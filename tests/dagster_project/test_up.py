"""Everything at once: the real processes, one signed message, and one Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from dagster_project.delivery.due import due_reports
from dagster_project.delivery.issue import make_report
from dagster_project.private import readable_by_others
from dagster_project.processes.entry_points import PROCESSES
from dagster_project.processes.supervisor import alive, read_run_state, wait_for
from dagster_project.processes.up import children, up
from dagster_project.settings import load
from events.errors import GuildhallError
from pipelines.platforms import PLATFORMS
from warehouse import publish
from warehouse.build.build import check_published
from warehouse.build.catalog import catalog

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET = "an invented secret"
PATIENCE = 240.0
"""Seconds for everything to come up, on a machine that does ten other things."""
WEEKS_AGO = 10 * 7 * 86_400.0
"""The message is of a week that has closed, so that there is an evaluation to report on."""
UP = """
import sys
from pathlib import Path
from dagster_project.settings import load
from dagster_project.processes.up import up
up(load(Path(sys.argv[1]), Path(sys.argv[2])), report=lambda line: print(line, flush=True))
"""
SETTINGS = """
[gateway]
port = {gateway}
[dagster]
port = {dagster}
[refresh]
every_seconds = 1.0
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


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "guildhall.toml"
    path.write_text(SETTINGS.format(gateway=free_port(), dagster=free_port()))
    return load(path, tmp_path / "var")


def test_a_process_that_is_none_is_refused_with_the_names_of_all(settings):
    with pytest.raises(GuildhallError, match="kafka, gateway, poller, worker, refresher, code-server, daemon, webserver"):
        children(settings, "127.0.0.1:1", ["gatway"])


def test_every_process_but_kafka_gets_the_address_of_kafka(settings):
    given = {
        child.name: child.env.get("KAFKA_BOOTSTRAP_SERVERS") for child in children(settings, "127.0.0.1:1", list(PROCESSES))
    }
    assert given == {name: None if name == "kafka" else "127.0.0.1:1" for name in PROCESSES}


def test_no_kafka_is_started_where_a_cluster_is_named(settings, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "elsewhere:9092")
    assert "kafka" not in [child.name for child in children(load(settings.config, settings.home), "elsewhere:9092")]


def test_the_same_home_is_not_up_twice(settings):
    settings.home.mkdir(parents=True)
    holder = "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holder, str(settings.home / "up.lock")], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        with pytest.raises(GuildhallError, match="up already"):
            up(settings, only=["gateway"])
        process.kill()


def message(ts: str) -> bytes:
    event = {
        "type": "message",
        "channel": "C024BE91L",
        "channel_type": "channel",
        "user": "U7",
        "text": "How do I graft a pear?",
    }
    return json.dumps(
        {"type": "event_callback", "team_id": "T024BE7LD", "api_app_id": "A1", "event_id": "Ev1", "event_time": int(float(ts))}
        | {"event": event | {"ts": ts, "event_ts": ts, "team": "T024BE7LD"}}
    ).encode()


def rows(settings, query: str) -> list:
    con = publish.open_published(publish.current(settings.home / "published"))
    try:
        return con.execute(query).fetchall()
    finally:
        con.close()


def published_row(settings) -> bool:
    try:
        return bool(rows(settings, "from core.interactions where community = 'gardeners' and verb = 'post'"))
    except GuildhallError:
        return False


def answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).status_code < 500
    except httpx.HTTPError:
        return False


def asked(dagster: str, query: str, settings) -> dict:
    return httpx.post(
        f"{dagster}/graphql", json={"query": query}, auth=("guildhall", settings.pages_token()), timeout=60
    ).json()["data"]


def statuses(dagster: str, settings) -> set[str]:
    runs = asked(dagster, "{ runsOrError { ... on Runs { results { status } } } }", settings)
    return {run["status"] for run in runs["runsOrError"]["results"]}


def descendants(of: int) -> set[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
    found = {of}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {of}


@pytest.mark.kafka
def test_a_signed_message_becomes_a_published_row_and_a_report_and_one_ctrl_c_ends_everything(settings):
    environment = {name: value for name, value in os.environ.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}
    process = subprocess.Popen(
        [sys.executable, "-c", UP, str(settings.config), str(settings.home)],
        cwd=REPOSITORY,
        env=environment | {"GUILDHALL_TEST_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        gateway = f"http://127.0.0.1:{settings.gateway.port}"
        assert wait_for(lambda: answers(f"{gateway}/live"), PATIENCE), "the gateway does not answer"

        # Accepted at once, although Kafka is still starting: the spool keeps it.
        moment = time.time()
        body = message(f"{moment - WEEKS_AGO:.6f}")
        headers = PLATFORMS["slack"].sign(body, SECRET, moment)
        for sent, status in ((body, 200), (body + b" ", 401)):
            answer = httpx.post(f"{gateway}/hooks/slack/main", content=sent, headers=headers, timeout=10)
            assert answer.status_code == status

        assert wait_for(lambda: published_row(settings), PATIENCE, every=0.5), logs(settings)
        sums = rows(settings, "select sum(rows_) from (select count(*) as rows_ from core.interactions)")
        assert sums == [(1,)]

        now = datetime.now(UTC)
        page = make_report(settings, "gardeners", f"{now:%Y-%m}", now).files["html"]
        assert "Gardeners" in page.read_text()
        listed = httpx.get(f"{gateway}/", auth=("guildhall", settings.pages_token()), timeout=10)
        assert f"gardeners/{now:%Y-%m}" in listed.text

        due = due_reports(settings, now)
        assert due, "a month has ended since the message"
        for one in due:
            make_report(settings, one.community, one.period, now)
        assert due_reports(settings, now) == []
        again = make_report(settings, "gardeners", f"{now:%Y-%m}", now).files["html"]
        assert page.read_bytes() == again.read_bytes()

        con = publish.open_published(publish.current(settings.home / "published"))
        assert [check for check in check_published(con, catalog()) if check.failures and check.severity == "error"] == []
        con.close()

        dagster = f"http://127.0.0.1:{settings.dagster.port}"
        assert wait_for(lambda: answers(f"{dagster}/server_info"), PATIENCE), logs(settings)
        assert {httpx.get(page, timeout=60).status_code for page in (f"{dagster}/server_info", f"{gateway}/")} == {401}
        asked_nodes = asked(dagster, "{ assetNodes { assetKey { path } } }", settings)["assetNodes"]
        assert {"landing/interactions", "core/interactions", "levels/current", "published", "report_pages"} <= {
            "/".join(node["assetKey"]["path"]) for node in asked_nodes
        }
        # Readers have the file before Dagster has recorded every table in it.
        assert wait_for(lambda: "SUCCESS" in statuses(dagster, settings), PATIENCE, every=1.0), logs(settings)

        run_state = read_run_state(settings.home / "run_state.json")
        # No source is polled; nobody else can read a file.
        assert (set(run_state.children), list(readable_by_others(settings.home))) == (set(PROCESSES) - {"poller"}, [])
        below = descendants(process.pid)
        assert set(run_state.children.values()) <= below
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 0, logs(settings)
        assert wait_for(lambda: not any(alive(pid) for pid in below), 15), [pid for pid in below if alive(pid)]
        assert read_run_state(settings.home / "run_state.json") is None
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()


def logs(settings) -> str:
    return "\n".join(f"== {path.name}\n{path.read_text()[-1500:]}" for path in sorted((settings.home / "log").glob("*.log")))
