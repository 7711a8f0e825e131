"""The refresher: what it does when something is stale, when nothing is, when somebody asks for a run, and when something fails."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterRunStatus
from dagster._core.events import DagsterEvent, DagsterEventType

sys.path.insert(0, str(Path(__file__).parent))
from small import LAST_WEEK, small_catalog, small_opener

from dagster_project.defs.assets import PUBLISHED
from dagster_project.defs.instance import BY, REFRESHER, code_location, end_stale_runs, open_instance
from dagster_project.defs.specs import key_of
from dagster_project.processes.supervisor import wait_for
from dagster_project.refresh import refresher as module
from dagster_project.refresh.execution import create_run
from dagster_project.refresh.loan import Owner, borrowed
from dagster_project.refresh.refresher import Refresher
from dagster_project.refresh.watch import Watch, pause
from events.errors import GuildhallError
from pipelines.broker.admin import KafkaUnavailableError, Progress
from warehouse.landing.batch import Landed
from warehouse.publish import current, open_published

NOW = datetime(2026, 2, 4, 12, tzinfo=UTC)
AWAY = ("Kafka does not answer.", "The client reports an error.", "Start it.")
COUNTS = "metrics.action_counts"
COMMUNITIES = ("bakers", "gardeners")


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    instance = open_instance(tmp_path_factory.mktemp("home"))
    yield instance
    instance.dispose()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return small_catalog(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def built_home(tmp_path_factory, models, instance):
    """A home folder in which everything was built once: one action of last week."""
    home = tmp_path_factory.mktemp("built")
    with closing(Owner(home, small_opener(home, models, communities=COMMUNITIES))) as owner:
        owner.warehouse.arrive(1, LAST_WEEK)
        Refresher(owner, list, instance, "nowhere:1", every=1.0, clock=Clock()).once()
    return home


@pytest.fixture
def owner(tmp_path, built_home, models, monkeypatch):
    monkeypatch.setattr(module, "progress", lambda *_: Progress(ends={0: 5}, committed={0: 3}))
    home = tmp_path / "var"
    shutil.copytree(built_home, home, symlinks=True)
    owner = Owner(home, small_opener(home, models, communities=COMMUNITIES))
    yield owner
    owner.close()


@pytest.fixture
def clock():
    return Clock(NOW + timedelta(minutes=5))


class Clock:
    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def built(owner, instance, clock):
    """A refresher of a home in which everything is up to date."""
    return Refresher(owner, list, instance, "nowhere:1", every=0.01, clock=clock)


def newest(instance):
    return instance.get_runs(limit=1)[0]


def assets(instance, run) -> set[str]:
    """What a run recorded as materialised."""
    records = instance.all_logs(run.run_id)
    return {
        event.dagster_event.asset_key.to_user_string()
        for event in records
        if event.dagster_event and event.dagster_event.is_step_materialization
    }


def failure(instance, run) -> str:
    return " ".join(
        str(event.dagster_event.step_failure_data.error)
        for event in instance.all_logs(run.run_id)
        if event.dagster_event and event.dagster_event.is_step_failure
    )


def ask(refresher, instance, *tables, status=DagsterRunStatus.STARTING, **config):
    """A run as the page asks for it and the run launcher leaves it."""
    keys = [key_of(table) if "." in table else AssetKey(table) for table in tables]
    run = create_run(
        refresher._repository,
        instance,
        keys,
        tags={},
        config={"resources": {"warehouse": {"config": config}}},
        location=code_location(refresher._home),
    )
    if status is not DagsterRunStatus.NOT_STARTED:
        set_status(instance, run.run_id, status)
    return run


def set_status(instance, run_id, status):
    kinds = {
        DagsterRunStatus.STARTING: DagsterEventType.RUN_STARTING,
        DagsterRunStatus.STARTED: DagsterEventType.RUN_START,
        DagsterRunStatus.CANCELING: DagsterEventType.RUN_CANCELING,
    }
    run = instance.get_run_by_id(run_id)
    instance.report_dagster_event(DagsterEvent(kinds[status].value, run.job_name), run_id)


def published_counts(owner):
    con = open_published(current(owner.warehouse.published))
    try:
        return dict(con.execute(f"select community, actions from {COUNTS}").fetchall())
    finally:
        con.close()


# ---- refreshes


def test_there_is_no_run_and_no_new_file_when_nothing_is_stale(built, owner, instance):
    runs, file = instance.get_runs_count(), current(owner.warehouse.published)
    assert built.once() is False
    assert instance.get_runs_count() == runs
    assert current(owner.warehouse.published) == file
    assert built.status.state == "idle"


def test_what_the_open_week_changes_is_a_run_of_these_tables_and_no_others(built, owner, instance):
    owner.warehouse.arrive(2)
    assert built.once() is True
    run = newest(instance)
    expected = {"core/actions", "landing/interactions", "landing/outcomes", "landing/people", "published"}
    assert {key.to_user_string() for key in run.asset_selection} == expected
    assert assets(instance, run) == expected
    assert run.status is DagsterRunStatus.SUCCESS
    assert run.tags[BY] == REFRESHER
    assert built.status.last_run["kind"] == "now"


def test_something_older_is_a_run_of_everything(built, owner, instance):
    owner.warehouse.arrive(2, LAST_WEEK)
    built.once()
    assert assets(instance, newest(instance)) >= {"core/actions", "metrics/action_counts", "reports/action_shares"}
    assert published_counts(owner) == {"gardeners": 3}
    assert built.status.published == current(owner.warehouse.published).name
    assert built.status.behind_since is None


def test_the_page_shows_a_refresh_as_automation_and_links_it_with_the_code_location(built, owner, instance):
    owner.warehouse.arrive(1)
    built.once()
    run = newest(instance)
    assert run.tags["dagster/sensor_name"] == "refresher"
    assert run.remote_job_origin.location_name == "guildhall"


def test_the_new_rows_of_landing_are_those_since_the_last_record(built, owner, instance):
    owner.warehouse.arrive(2)
    built.once()
    event = instance.get_latest_materialization_event(key_of("landing.interactions")).asset_materialization
    assert event.metadata["new_rows"].value == 2
    assert event.metadata["dagster/row_count"].value == 3


def test_what_is_due_by_the_clock_is_built_although_kafka_is_down(built, owner, clock):
    file = current(owner.warehouse.published)
    owner.warehouse.trouble, clock.now = KafkaUnavailableError(*AWAY), clock.now + timedelta(hours=2)
    with pytest.raises(KafkaUnavailableError):
        built.once()
    assert current(owner.warehouse.published) != file


def test_what_was_built_and_cannot_be_published_is_tried_until_it_can(built, owner, instance, monkeypatch):
    def refuse(_now):
        raise GuildhallError("Nothing was published.", "A check failed.", "Fix it.")

    owner.warehouse.arrive(2)
    with monkeypatch.context() as patched:
        patched.setattr(owner.warehouse, "publish", refuse)
        for _ in range(2):
            with pytest.raises(GuildhallError):
                built.once()
        run = newest(instance)
        assert run.status is DagsterRunStatus.FAILURE
        assert "Nothing was published. A check failed. Fix it." in failure(instance, run)
        assert built.status.behind_since is not None
    built.once()
    assert built.status.behind_since is None


def test_outcomes_that_land_without_interactions_are_published_within_minutes_and_no_table_is_built(
    built, owner, instance, clock, monkeypatch
):
    built.once()
    file = current(owner.warehouse.published)
    built.status.published_at = clock()
    land = owner.warehouse.land
    rejected = iter([Landed(outcomes=Counter({("rejected", "unreadable_payload"): 3}))])
    monkeypatch.setattr(owner.warehouse, "land", lambda now, **given: next(rejected, None) or land(now, **given))
    built.once()
    assert current(owner.warehouse.published) == file, "not at every look"
    clock.now += timedelta(minutes=6)
    assert built.once() is False
    assert current(owner.warehouse.published) != file
    assert built.status.last_run["tables"] == 0
    file = current(owner.warehouse.published)
    clock.now += timedelta(minutes=6)
    built.once()
    assert current(owner.warehouse.published) == file, "once"


def test_a_failed_check_is_named_in_the_status(built, owner):
    owner.warehouse.arrive(3, LAST_WEEK)
    with pytest.raises(GuildhallError):
        built.once()
    assert any(text.startswith(f"{COUNTS}, `few_actions` (error)") for text in built.status.failed_checks)


def test_the_status_counts_what_the_stream_worker_has_still_to_understand(built, owner):
    owner.warehouse.arrive(1)
    built.once()
    assert built.status.not_understood == 2
    assert built.status.landed_rows == 1


# ---- runs that somebody asks for


def test_a_table_that_somebody_materialises_is_built_and_published(built, owner, instance):
    owner.warehouse.con.execute(f"update warehouse.{COUNTS} set actions = 99")
    run = ask(built, instance, COUNTS)
    assert built.execute_waiting() is True
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.SUCCESS
    assert published_counts(owner) == {"gardeners": 1}
    assert assets(instance, run) == {"metrics/action_counts"}
    assert built.execute_waiting() is False


def test_the_page_shows_the_new_file_although_only_a_table_was_selected(built, owner, instance):
    ask(built, instance, COUNTS)
    built.execute_waiting()
    event = instance.get_latest_materialization_event(PUBLISHED).asset_materialization
    assert event.metadata["file"].value == current(owner.warehouse.published).name


def test_runs_are_executed_in_the_order_in_which_they_were_asked_for(built, instance):
    first, second = ask(built, instance, COUNTS), ask(built, instance, "core.actions")
    built.execute_waiting()
    assert instance.get_run_by_id(first.run_id).is_finished
    assert not instance.get_run_by_id(second.run_id).is_finished
    built.execute_waiting()
    assert instance.get_run_by_id(second.run_id).is_finished


def test_a_run_that_lands_brings_what_kafka_has(built, owner, instance):
    owner.warehouse.arrive(2)
    ask(built, instance, "landing.interactions")
    built.execute_waiting()
    event = instance.get_latest_materialization_event(key_of("landing.interactions")).asset_materialization
    assert event.metadata["new_rows"].value == 2
    assert built.once() is True, "what landed is stale until the next refresh"


def test_a_community_in_the_config_narrows_a_run(built, owner, instance):
    owner.warehouse.arrive(1, LAST_WEEK, "bakers")
    built.once()
    owner.warehouse.con.execute(f"update warehouse.{COUNTS} set actions = 2")
    ask(built, instance, COUNTS, community="bakers")
    built.execute_waiting()
    assert published_counts(owner) == {"bakers": 1, "gardeners": 2}


def test_a_run_that_cannot_be_done_fails_with_its_three_sentences(built, instance):
    run = ask(built, instance, COUNTS, community="brewers")
    built.execute_waiting()
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.FAILURE
    assert "There is no community `brewers`." in failure(instance, run)
    assert built.status.failures_in_a_row == 0


def test_a_run_that_is_canceled_ends_between_two_tables_and_changes_nothing(built, owner, instance, monkeypatch):
    owner.warehouse.con.execute(f"update warehouse.{COUNTS} set actions = 2")
    run = ask(built, instance, "core.actions", COUNTS, "reports.action_shares")
    build_tables, made = owner.warehouse.build_tables, []

    def slow(*given, progress, **named):
        def canceled(table, seconds):
            made.append(table)
            instance.run_launcher.terminate(run.run_id)
            time.sleep(0.3)
            progress(table, seconds)

        return build_tables(*given, progress=canceled, **named)

    monkeypatch.setattr(owner.warehouse, "build_tables", slow)
    built.execute_waiting()
    assert made == ["core.actions"]
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.CANCELED
    assert owner.warehouse.con.execute(f"select actions from warehouse.{COUNTS}").fetchall() == [(2,)]
    monkeypatch.undo()
    assert built.once() is False


def test_a_run_that_waits_is_canceled_at_once_and_never_executed(built, instance):
    run = ask(built, instance, COUNTS)
    assert instance.run_launcher.terminate(run.run_id) is True
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.CANCELED
    assert built.execute_waiting() is False


def test_a_stop_ends_a_run_between_two_tables(built, instance):
    run = ask(built, instance, COUNTS)
    built.stop()
    built.execute_waiting()
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.CANCELED


def test_a_run_that_was_asked_for_while_no_refresher_lived_is_executed_by_the_next(built, owner, instance):
    run = ask(built, instance, COUNTS)
    assert end_stale_runs(instance, by_refresher=True) == []
    Refresher(owner, list, instance, "nowhere:1", every=1.0, clock=Clock()).execute_waiting()
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.SUCCESS


def test_a_run_of_what_is_stale_that_finds_nothing_succeeds_and_makes_no_table(built, instance):
    run = ask(built, instance, "core.actions", only_stale=True)
    built.execute_waiting()
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.SUCCESS
    assert assets(instance, run) == set()


def test_a_run_that_this_version_cannot_execute_fails_with_the_reason(built, instance, monkeypatch):
    run = ask(built, instance, COUNTS)
    monkeypatch.setattr(type(built._repository), "get_job", lambda *_: 1 / 0)
    built.execute_waiting()
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.FAILURE


# ---- what was built elsewhere


def test_the_page_shows_what_a_command_built(built, owner, instance, clock):
    owner.warehouse.sync_settings([], clock())
    owner.warehouse.build(clock(), full=True)
    owner.warehouse.publish(clock())
    built.record()
    table = instance.get_latest_materialization_event(key_of(COUNTS))
    file = instance.get_latest_materialization_event(PUBLISHED)
    assert "outside" in table.asset_materialization.description
    assert file.asset_materialization.metadata["file"].value == current(owner.warehouse.published).name
    built.record()
    assert instance.get_latest_materialization_event(key_of(COUNTS)).timestamp == table.timestamp


# ---- loans


BORROW = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from small import small_catalog, small_opener
from dagster_project.refresh.loan import borrowed
home = Path(sys.argv[2])
opened = small_opener(home, small_catalog(home.parent / "models"), communities=("bakers", "gardeners"))
with borrowed(home, opened, lambda text: print(text, flush=True)) as warehouse:
    warehouse.arrive(1)
    warehouse.land(None)
    print("held", flush=True)
    sys.stdin.readline()
"""


def borrow(home):
    return subprocess.Popen(
        [sys.executable, "-c", BORROW, str(Path(__file__).parent), str(home)],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def lend(refresher, process, then):
    """Rest as the refresher does, while the borrower has its turn and `then` is done to it."""
    lines = []

    def talk():
        lines.append(process.stdout.readline().strip())
        lines.append(process.stdout.readline().strip())
        lines.append(json.loads((refresher._home / "status" / "refresher.json").read_text())["state"])
        then()
        process.wait()
        wait_for(lambda: refresher.status.state != "lent", 30)
        refresher.stop()

    talking = threading.Thread(target=talk, daemon=True)
    talking.start()
    refresher._rest(60.0)
    talking.join(10)
    refresher._stopping.clear()
    return lines


def test_the_warehouse_is_lent_between_two_refreshes_and_taken_back(built):
    with borrow(built._home) as process:
        lines = lend(built, process, process.stdin.close)
    assert lines[0].startswith("Waiting for the warehouse.")
    assert lines[1:] == ["held", "lent"]
    assert built.once() is True, "what the borrower landed is stale now"


def test_a_borrower_that_is_killed_gives_the_warehouse_back(built):
    with borrow(built._home) as process:
        assert lend(built, process, process.kill)[-1] == "lent"
    assert built.once() is True


def test_whoever_borrows_without_a_refresher_has_the_warehouse_at_once(tmp_path):
    reports = []
    with borrowed(tmp_path, small_opener(tmp_path, small_catalog(tmp_path / "models")), reports.append) as warehouse:
        assert warehouse.home == tmp_path
    assert reports == []


# ---- failures


def test_errors_have_three_parts_and_do_not_end_the_process(built, owner):
    owner.warehouse.trouble = KafkaUnavailableError(*AWAY)
    rests = []

    def rest(seconds):
        rests.append(seconds)
        if len(rests) >= 12:
            built.stop()

    built._rest = rest
    built.run()
    status = json.loads((owner.warehouse.home / "status" / "refresher.json").read_text())
    assert status["last_error"]["what"] == "Kafka does not answer."
    assert status["failures_in_a_row"] == 12
    assert rests == sorted(rests)
    assert rests[-1] > rests[0]


def test_failures_that_the_software_does_not_know_end_the_process_after_a_few(built, owner, instance, monkeypatch):
    def fail(*_given, **_named):
        raise RuntimeError("database has been invalidated")

    monkeypatch.setattr(module, "MOST_SURPRISES", 2)
    monkeypatch.setattr(owner.warehouse, "build", fail)
    owner.warehouse.arrive(1)
    built._rest = lambda _seconds: None
    with pytest.raises(RuntimeError):
        built.run()
    assert built.status.surprises_in_a_row == 2
    assert newest(instance).status is DagsterRunStatus.FAILURE


def test_pauses_grow_up_to_a_minute_and_never_shrink_below_the_setting():
    assert [pause(10.0, failures) for failures in (0, 1, 2, 9)] == [10.0, 20.0, 40.0, 60.0]
    assert pause(300.0, 5) == 300.0


def test_a_phase_without_a_sign_of_life_counts_as_hung():
    now = [0.0]
    watch = Watch(lambda: now[0])
    watch.beat("landing")
    now[0] = 100.0
    assert not watch.stalled()
    watch.beat()
    now[0] = 300.0
    assert watch.stalled()
    watch.beat("building")
    now[0] = 1_000.0
    assert not watch.stalled()
    watch.beat("lent")
    now[0] = 1e9
    assert not watch.stalled()
