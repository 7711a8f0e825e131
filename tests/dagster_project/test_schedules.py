"""Schedules and the sensor: reports once per period, checks every hour, a report when the refresher's state changes."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from dagster_project import definitions as module
from dagster_project.defs import reports
from dagster_project.defs.instance import open_instance
from dagster_project.defs.schedules import report_checks
from dagster_project.defs.sensors import watch
from dagster_project.delivery.due import Due
from dagster_project.refresh.status import faults
from dagster_project.settings import Settings
from warehouse.build.build import CheckResult

NOW = datetime(2026, 3, 1, 7, tzinfo=UTC)
SETTINGS = Settings()


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    instance = open_instance(tmp_path_factory.mktemp("home"))
    yield instance
    instance.dispose()


def test_a_run_is_asked_for_everything_that_is_due(instance, monkeypatch):
    monkeypatch.setattr(reports, "due_reports", lambda *_: [Due("gardeners", "2026-01"), Due("gardeners", "2026-02")])
    asked = reports.decide(SETTINGS, NOW, instance)
    assert isinstance(asked, dg.RunRequest)
    assert asked.run_config["ops"]["report_pages"]["config"]["reports"] == ["gardeners 2026-01", "gardeners 2026-02"]
    assert asked.run_key is None


def test_there_is_no_run_and_a_reason_when_nothing_is_due(instance, monkeypatch):
    monkeypatch.setattr(reports, "due_reports", lambda *_: [])
    assert "is issued" in reports.decide(SETTINGS, NOW, instance).skip_message


def test_there_is_no_second_run_while_one_is_under_way(instance, monkeypatch):
    monkeypatch.setattr(reports, "due_reports", lambda *_: [Due("gardeners", "2026-01")])

    @dg.op
    def nothing(): ...

    @dg.job(name="reports")
    def same_name():
        nothing()

    run = instance.create_run_for_job(same_name, status=dg.DagsterRunStatus.STARTED)
    try:
        assert "issues reports now" in reports.decide(SETTINGS, NOW, instance).skip_message
    finally:
        instance.delete_run(run.run_id)


def test_schedules_and_the_sensor_run_by_default():
    assert reports.reports_when_due.default_status is dg.DefaultScheduleStatus.RUNNING
    assert module.checks_every_hour.default_status is dg.DefaultScheduleStatus.RUNNING
    assert module.refresher_sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_a_check_that_fails_on_what_is_published_is_recorded_as_failed(instance):
    found = [CheckResult("core.t", "grain", "error", 2), CheckResult("core.t", "keys", "warn", 0)]
    assert report_checks(instance, found, "guildhall-000007.duckdb", NOW) == [found[0]]
    records = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey(["core", "t"]), "grain"), limit=1
    )
    assert records[0].event.dagster_event.asset_check_evaluation_data.passed is False


def test_the_sensor_records_only_what_changed(instance):
    def recorded():
        key = dg.AssetCheckKey(dg.AssetKey("published"), "fresh")
        return len(instance.event_log_storage.get_asset_check_execution_history(key, limit=10))

    cursor = watch(instance, ["The refresher has never run."], None)
    assert (cursor, recorded()) == ("The refresher has never run.", 1)
    cursor = watch(instance, [cursor], cursor)
    assert recorded() == 1
    assert watch(instance, [], cursor) == ""
    assert recorded() == 2


def test_a_silent_late_or_failing_refresher_has_faults_and_an_idle_one_has_none():
    fine = {"at": NOW.isoformat(), "state": "idle", "behind_since": None, "last_error": {"what": "a", "why": "b", "todo": "c"}}
    assert faults(fine, NOW + timedelta(minutes=1)) == []
    assert "last reported" in faults(fine, NOW + timedelta(hours=1))[0]
    assert "not published" in faults(fine | {"behind_since": NOW.isoformat()}, NOW + timedelta(minutes=10))[0]
    assert faults(fine | {"state": "failing"}, NOW) == ["a b c"]
    assert faults(None, NOW) == ["The refresher has never run."]
