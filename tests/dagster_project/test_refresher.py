"""The refresher: what it does when something is stale, when nothing is, and when something fails."""

# ruff: noqa: DTZ001 - the warehouse speaks naive UTC

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small import small_catalog

from dagster_project.defs.instance import BY, REFRESHER, open_instance
from dagster_project.refresh import refresher as module
from dagster_project.refresh.refresher import Refresher, Watch, pause
from events.errors import GuildhallError
from pipelines.broker.admin import KafkaUnavailableError, Progress
from warehouse.build.build import build
from warehouse.build.staleness import Stale
from warehouse.db import open_memory
from warehouse.landing.batch import Landed
from warehouse.landing.reconciliation import Accounting
from warehouse.warehouse import WarehouseError

NOW = datetime(2026, 2, 4, 12, tzinfo=UTC)
MONDAY = datetime(2026, 2, 2)
CLEAN = Stale((), (), (), MONDAY)
WHOLE = Stale(("gardeners",), (), (), MONDAY)
OPEN = Stale((), ("gardeners",), (), MONDAY)
AWAY = ("Kafka does not answer.", "The client reports an error.", "Start it.")


class FakeWarehouse:
    """A warehouse of a small catalog in memory, whose staleness and troubles a test decides."""

    def __init__(self, home: Path, models) -> None:
        self.home, self.models, self.published = home, models, home / "published"
        self.con = open_memory()
        self.next_stale = CLEAN
        self.trouble = self.refusal = self.failure = None
        self.numbers: list[Path] = []

    def land(self, now, *, progress):
        if self.trouble:
            raise self.trouble
        return Landed(rows=2, outcomes=Counter({("understood", None): 2}))

    def sync_settings(self, sources, now): ...

    def stale(self, now):
        return self.next_stale

    def build(self, now, *, progress):
        if self.failure:
            raise self.failure
        stale, self.next_stale = self.next_stale, CLEAN
        models = [m for m in self.models if stale.whole or m.header.refresh == "now"]
        return (build(self.con, models, ["gardeners"], datetime(2026, 2, 4), progress=progress),) if stale else ()

    def publish(self, now):
        if self.refusal:
            raise self.refusal
        self.published.mkdir(exist_ok=True)
        path = self.published / f"guildhall-{len(self.numbers):06}.duckdb"
        path.write_text("x")
        (self.published / "current").unlink(missing_ok=True)
        (self.published / "current").symlink_to(path.name)
        self.numbers.append(path)
        return path

    def accounting(self):
        return Accounting((), (), 0)


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    instance = open_instance(tmp_path_factory.mktemp("home"))
    yield instance
    instance.dispose()


@pytest.fixture
def warehouse(tmp_path, instance, monkeypatch):
    monkeypatch.setattr(module, "progress", lambda *_: Progress(ends={0: 5}, committed={0: 3}))
    warehouse = FakeWarehouse(tmp_path, small_catalog(tmp_path / "models"))
    warehouse.publish(NOW)
    return warehouse


@pytest.fixture
def refresher(warehouse, instance):
    return Refresher(warehouse, list, instance, "nowhere:1", every=0.01, clock=lambda: NOW)


def runs(instance) -> int:
    return instance.get_runs_count()


def test_nothing_runs_and_nothing_is_published_when_nothing_is_stale(refresher, warehouse, instance):
    before = runs(instance)
    assert refresher.once() is False
    assert runs(instance) == before
    assert len(warehouse.numbers) == 1
    assert refresher.status.state == "idle"


def test_the_open_week_is_a_run_of_what_it_changes_and_no_more(refresher, warehouse, instance):
    warehouse.next_stale = OPEN
    assert refresher.once() is True
    run = instance.get_runs(limit=1)[0]
    made = {key.to_user_string() for key in run.asset_selection}
    assert made == {"core/actions", "landing/interactions", "landing/outcomes", "landing/people", "published"}
    assert run.tags[BY] == REFRESHER
    assert run.status.value == "SUCCESS"
    assert refresher.status.last_run["kind"] == "now"
    assert len(warehouse.numbers) == 2


def test_a_community_to_be_built_whole_is_a_run_of_everything(refresher, warehouse, instance):
    warehouse.next_stale = WHOLE
    refresher.once()
    made = {key.to_user_string() for key in instance.get_runs(limit=1)[0].asset_selection}
    assert {"core/actions", "metrics/action_counts", "reports/action_shares"} <= made
    assert refresher.status.published == warehouse.numbers[-1].name
    assert refresher.status.behind_since is None


def test_what_has_a_time_is_built_although_kafka_is_down(refresher, warehouse):
    warehouse.trouble, warehouse.next_stale = KafkaUnavailableError(*AWAY), OPEN
    with pytest.raises(KafkaUnavailableError):
        refresher.once()
    assert len(warehouse.numbers) == 2


def test_what_was_built_and_could_not_be_published_is_tried_until_it_is(refresher, warehouse):
    warehouse.next_stale = WHOLE
    warehouse.refusal = WarehouseError("Nothing was published.", "A check failed.", "Mend it.")
    with pytest.raises(GuildhallError):
        refresher.once()
    with pytest.raises(GuildhallError):
        refresher.once()
    assert refresher.status.behind_since is not None
    warehouse.refusal = None
    refresher.once()
    assert len(warehouse.numbers) == 2
    assert refresher.status.behind_since is None


def test_errors_are_told_in_three_parts_and_do_not_end_the_process(refresher, warehouse):
    warehouse.trouble = KafkaUnavailableError(*AWAY)
    rests = []

    class Stopping:
        def is_set(self):
            return len(rests) >= 12

        def wait(self, seconds):
            rests.append(seconds)

    refresher._stopping = Stopping()
    refresher.run()
    said = json.loads((warehouse.home / "status" / "refresher.json").read_text())
    assert said["last_error"]["what"] == AWAY[0]
    assert said["failures_in_a_row"] == 12
    assert rests == sorted(rests)
    assert rests[-1] > rests[0]


def test_failures_that_nobody_foresaw_end_the_process_after_a_few(refresher, warehouse, monkeypatch):
    monkeypatch.setattr(module, "MOST_SURPRISES", 2)
    warehouse.next_stale, warehouse.failure = WHOLE, RuntimeError("database has been invalidated")
    refresher._stopping.wait = lambda _seconds: None
    with pytest.raises(RuntimeError):
        refresher.run()
    assert refresher.status.surprises_in_a_row == 2


def test_a_failed_check_is_named_in_the_status(refresher, warehouse):
    warehouse.con.execute(
        "insert into landing.interactions (community, event_id, actor, occurred_at)"
        " select 'gardeners', 'e' || i, 'x', timestamp '2026-01-01' from range(5) as t(i)"
    )
    warehouse.next_stale = WHOLE
    refresher.once()
    assert "metrics.action_counts few_actions (error)" in refresher.status.failed_checks


def test_the_status_counts_what_the_stream_worker_has_still_to_understand(refresher):
    refresher.once()
    assert refresher.status.not_understood == 2
    assert refresher.status.landed_rows == 2


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
