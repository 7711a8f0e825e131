"""Health: `status` in lines for a person, `doctor` with a remedy for each failure."""

import socket
from datetime import UTC, datetime, timedelta

import pytest

from dagster_project.cli import doctor
from dagster_project.cli.app import run_command
from dagster_project.cli.status import lines, read_all
from dagster_project.processes.supervisor import RunState
from dagster_project.settings import Settings
from pipelines.broker.server import Broker

NOW = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)


def found(**changes):
    status = {"at": (NOW - timedelta(seconds=20)).isoformat(), "state": "idle", "last_run": {"tables": 124, "seconds": 2.1}}
    return {
        "home": "/home-folder",
        "running": {"kafka": 1, "worker": 2},
        "kafka": {"address": "127.0.0.1:9092", "raw_records": 61_204, "not_understood": 12},
        "published": {"file": "guildhall-000012.duckdb", "interactions": 55_612, "communities": 3, "age_seconds": 190.0},
        "refresher": status,
        "disk": {"free_bytes": 12 * 2**30, "used_bytes": 345 * 2**20},
        "wrong": [],
    } | changes


def test_status_is_six_lines_for_a_person():
    assert lines(found(), NOW) == [
        ("running", "kafka, worker"),
        ("events", "61,204 in Kafka, 12 of them not understood yet"),
        ("refresher", "idle, seen 20 seconds ago; last run built 124 tables in 2.1 s"),
        ("published", "55,612 interactions of 3 communities, 3 minutes ago (guildhall-000012.duckdb)"),
        ("disk", "12.0 GiB free, 345 MiB used in /home-folder"),
        ("wrong", "nothing"),
    ]


def test_status_of_a_fresh_installation_names_what_starts_it(tmp_path):
    now = datetime.now(UTC)
    state = read_all(Settings(home=tmp_path), now)
    text = dict(lines(state, now))
    assert "guildhall up" in text["running"]
    assert "guildhall refresh" in text["published"]


def test_a_process_that_ended_and_a_failed_check_are_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr("dagster_project.cli.status.run_state_of", lambda _: RunState(1, "127.0.0.1:9", {"worker": 0}))
    monkeypatch.setattr("dagster_project.cli.status.admin.wait_ready", lambda *_: False)
    monkeypatch.setattr(
        "dagster_project.cli.status.read_status",
        lambda _: {"at": NOW.isoformat(), "state": "idle", "failed_checks": ["core.x keys (error)"]},
    )
    wrong = " ".join(read_all(Settings(home=tmp_path), NOW)["wrong"])
    assert "Not running: worker." in wrong
    assert "Kafka does not answer." in wrong
    assert "core.x keys (error)" in wrong


@pytest.mark.parametrize("answers", [True, False])
def test_doctor_prepares_kafka_only_where_none_of_ours_runs(tmp_path, monkeypatch, answers):
    prepared = []
    monkeypatch.setattr("dagster_project.cli.doctor.admin.wait_ready", lambda *_: answers)
    monkeypatch.setattr("dagster_project.cli.doctor.Broker.prepare", lambda _: prepared.append(True))
    results = {result.what: result for result in doctor.examine(lambda: Settings(home=tmp_path))}
    assert results["Apache Kafka and its Java: installed"].ok
    assert bool(prepared) != answers


def test_doctor_names_a_foreign_program_on_the_port(tmp_path):
    broker = Broker(tmp_path / "kafka")
    host, port = broker.bootstrap.split(":")
    with socket.create_server((host, int(port))):
        results = list(doctor.examine(lambda: Settings(home=tmp_path)))
    assert [result.what for result in results if "port" in f"{result.what} {result.why}".lower() and not result.ok]


def test_doctor_names_a_damaged_spool(tmp_path):
    damaged = tmp_path / "spool" / "damaged"
    damaged.mkdir(parents=True)
    (damaged / "000000000001-0011223344556677.journal").write_bytes(b"?")
    result = next(each for each in doctor.examine(lambda: Settings(home=tmp_path)) if each.what.startswith("spool"))
    assert not result.ok
    assert str(damaged) in result.todo


def test_every_failure_of_doctor_has_a_reason_and_a_remedy(tmp_path):
    (tmp_path / "var").write_text("a file where the folder should be")
    results = list(doctor.examine(lambda: Settings(home=tmp_path / "var")))
    failed = [result for result in results if not result.ok]
    assert failed
    assert all(result.why and result.todo for result in failed)


def test_what_doctor_prints_for_a_report_of_a_problem_names_no_account(monkeypatch, capsys):
    found = [doctor.Result("bots: unmarked accounts that look like programs: 1", ok=True, advice='accounts = ["Anna Alder"]')]
    monkeypatch.setattr("dagster_project.cli.doctor.examine", lambda _: found)
    assert run_command(["doctor", "--json"]) == 0
    assert "Anna Alder" not in capsys.readouterr().out
    assert run_command(["doctor"]) == 0
    assert "Anna Alder" in capsys.readouterr().out
