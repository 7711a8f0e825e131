"""Dagster's instance: its settings, runs left behind, runs too many."""

import dagster as dg
import pytest
import yaml
from dagster import DagsterRunStatus

from dagster_project.defs.instance import BY, KEEP, KIND, REFRESHER, dagster_home, fail_stale_runs, open_instance, prune_runs


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
    said = yaml.safe_load((home / "dagster.yaml").read_text())
    assert home.is_absolute()
    assert said["telemetry"] == {"enabled": False}
    assert said["concurrency"]["pools"] == {"default_limit": 1, "granularity": "op"}
    assert dagster_home(tmp_path) == home
    assert (home / "dagster.yaml").stat().st_mtime_ns == before


def test_dagster_takes_the_settings(instance):
    assert instance.telemetry_enabled is False
    assert instance.run_monitoring_enabled
    assert instance.get_concurrency_config().pool_config.default_pool_limit == 1


def test_a_run_left_behind_by_a_killed_refresher_is_failed_at_the_start_of_the_next(instance):
    mine = left_behind(instance, **{BY: REFRESHER})
    other = left_behind(instance)
    assert fail_stale_runs(instance, by_refresher=True) == [mine.run_id]
    assert instance.get_run_by_id(mine.run_id).status is DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(other.run_id).status is DagsterRunStatus.STARTED


def test_the_daemon_fails_what_is_not_the_refreshers(instance):
    mine = left_behind(instance, **{BY: REFRESHER})
    other = left_behind(instance)
    assert fail_stale_runs(instance, by_refresher=False) == [other.run_id]
    assert instance.get_run_by_id(mine.run_id).status is DagsterRunStatus.STARTED


def test_the_slot_of_a_stale_run_is_free_again(instance):
    run = left_behind(instance, **{BY: REFRESHER})
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("warehouse")
    storage.claim_concurrency_slot("warehouse", run.run_id, "step")
    assert storage.get_concurrency_info("warehouse").active_slot_count == 1
    fail_stale_runs(instance, by_refresher=True)
    assert storage.get_concurrency_info("warehouse").active_slot_count == 0


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
