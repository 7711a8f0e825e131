"""Dagster's instance: its settings, runs left behind, runs too many."""

import dagster as dg
import pytest
import yaml
from dagster import DagsterRunStatus
from dagster._core.launcher import LaunchRunContext, WorkerStatus

from dagster_project.defs.instance import KEEP, KIND, code_socket, dagster_home, end_stale_runs, open_instance, prune_runs
from dagster_project.refresh.run_launcher import (
    BY,
    EXECUTED_IN,
    OWN_PROCESS,
    REFRESHER,
    RefresherRunLauncher,
    refresher_lock,
    waiting_run,
)


@pytest.fixture
def instance(tmp_path):
    instance = open_instance(tmp_path)
    yield instance
    instance.dispose()


def left_behind(instance, status=DagsterRunStatus.STARTED, **tags):
    @dg.op
    def nothing(): ...

    @dg.job
    def some_job():
        nothing()

    return instance.create_run_for_job(some_job, status=status, tags=tags)


def test_the_home_is_absolute_and_its_settings_are_written_once(tmp_path):
    home = dagster_home(tmp_path)
    before = (home / "dagster.yaml").stat().st_mtime_ns
    settings = yaml.safe_load((home / "dagster.yaml").read_text())
    assert home.is_absolute()
    assert settings["telemetry"] == {"enabled": False}
    assert dagster_home(tmp_path) == home
    assert (home / "dagster.yaml").stat().st_mtime_ns == before


def test_dagster_takes_the_settings(instance):
    assert instance.telemetry_enabled is False
    assert instance.nux_enabled is False
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_start_timeout_seconds == 0
    assert isinstance(instance.run_launcher, RefresherRunLauncher)


def test_the_socket_of_the_code_server_is_short_enough_wherever_the_home_is(tmp_path):
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    assert code_socket(tmp_path).parent == (tmp_path / "dagster").absolute()
    assert len(str(code_socket(deep))) <= 100
    assert code_socket(deep) == code_socket(deep) != code_socket(deep.parent)


# ---- runs that a killed process left behind


def test_a_run_left_behind_by_a_killed_refresher_is_failed_at_the_start_of_the_next(instance):
    mine = left_behind(instance, **{BY: REFRESHER})
    shells = left_behind(instance)
    assert end_stale_runs(instance, by_refresher=True) == [mine.run_id]
    assert instance.get_run_by_id(mine.run_id).status is DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(shells.run_id).status is DagsterRunStatus.STARTED


def test_the_daemon_ends_the_runs_of_processes_of_their_own_and_no_others(instance):
    mine = left_behind(instance, **{BY: REFRESHER})
    other = left_behind(instance, **{EXECUTED_IN: OWN_PROCESS})
    assert end_stale_runs(instance, by_refresher=False) == [other.run_id]
    assert instance.get_run_by_id(mine.run_id).status is DagsterRunStatus.STARTED


def test_a_run_that_was_being_canceled_is_canceled(instance):
    mine = left_behind(instance, DagsterRunStatus.CANCELING, **{BY: REFRESHER})
    end_stale_runs(instance, by_refresher=True)
    assert instance.get_run_by_id(mine.run_id).status is DagsterRunStatus.CANCELED


# ---- the run launcher


def test_a_launched_run_waits_for_the_refresher_the_oldest_first(instance):
    first = left_behind(instance, DagsterRunStatus.STARTING)
    left_behind(instance, DagsterRunStatus.STARTING)
    instance.run_launcher.launch_run(LaunchRunContext(first, None))
    assert waiting_run(instance).run_id == first.run_id
    messages = [event.message for event in instance.all_logs(first.run_id)]
    assert any("it starts this when it is back" in message for message in messages)


def test_a_run_in_a_process_of_its_own_does_not_wait_for_the_refresher(instance):
    left_behind(instance, DagsterRunStatus.STARTING, **{EXECUTED_IN: OWN_PROCESS})
    assert waiting_run(instance) is None


def test_a_run_of_a_refresher_that_was_killed_is_seen_as_failed_and_one_of_a_living_refresher_is_not(instance, tmp_path):
    mine, shells = left_behind(instance, **{BY: REFRESHER}), left_behind(instance)
    health = instance.run_launcher.check_run_worker_health
    assert health(mine).status is WorkerStatus.FAILED
    assert health(shells).status is WorkerStatus.RUNNING
    with refresher_lock(tmp_path):
        assert health(mine).status is WorkerStatus.RUNNING


def test_a_run_that_has_ended_is_not_canceled(instance):
    ended = left_behind(instance, DagsterRunStatus.SUCCESS)
    assert instance.run_launcher.terminate(ended.run_id) is False
    assert instance.run_launcher.terminate("00000000-0000-0000-0000-000000000000") is False


def test_a_run_that_is_under_way_is_canceled_by_whoever_executes_it(instance):
    run = left_behind(instance, **{BY: REFRESHER})
    assert instance.run_launcher.terminate(run.run_id) is True
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.CANCELING


# ---- old runs


def test_old_runs_go_with_their_files_and_the_newest_stay(instance, tmp_path, monkeypatch):
    monkeypatch.setitem(KEEP, "now", 2)
    runs = [left_behind(instance, DagsterRunStatus.SUCCESS, **{KIND: "now"}) for _ in range(4)]
    kept = left_behind(instance, DagsterRunStatus.SUCCESS, **{KIND: "closed"})
    folder = dagster_home(tmp_path)
    log = folder / "history" / "runs" / f"{runs[0].run_id}.db"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("x")
    assert prune_runs(instance, folder) == 2
    assert {run.run_id for run in instance.get_runs()} == {runs[2].run_id, runs[3].run_id, kept.run_id}
    assert not log.exists()
