"""Models as assets: their columns, lineage and checks, and what a run of some of them records."""

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small import LAST_WEEK, SmallWarehouse, small_catalog, small_opener

from dagster_project.definitions import definitions
from dagster_project.defs import lineage
from dagster_project.defs.instance import open_instance
from dagster_project.defs.specs import key_of
from dagster_project.refresh import resource
from dagster_project.refresh.resource import owned_warehouse
from dagster_project.refresh.warehouse_run import WarehouseRun
from warehouse.build.catalog import catalog

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
NOW = datetime(2026, 2, 4, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def defs(tmp_path_factory) -> dg.Definitions:
    return definitions(catalog(), tmp_path_factory.mktemp("defs"))


@pytest.fixture(scope="module")
def graph(defs):
    return defs.resolve_asset_graph()


@pytest.fixture
def small(tmp_path):
    return small_catalog(tmp_path / "models")


@pytest.fixture
def warehouse(tmp_path, small):
    with closing(SmallWarehouse(tmp_path / "var", small)) as warehouse:
        warehouse.arrive(3, LAST_WEEK)
        warehouse.land(NOW)
        yield warehouse


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    instance = open_instance(tmp_path_factory.mktemp("home"))  # a second or two: one is enough for all
    yield instance
    instance.dispose()


def run(warehouse, instance, tables, *, checks=None, raise_on_error=True):
    """Materialise these, or execute these checks, with the warehouse at hand."""
    owned = owned_warehouse(lambda _run, config: WarehouseRun(warehouse, list, lambda: NOW, lambda _phase: None, config))
    home = Path(instance.root_directory).parent
    job = definitions(warehouse.models, home, owned).resolve_implicit_global_asset_job_def()
    if checks is not None:
        job = job.get_subset(asset_selection=set(), asset_check_selection=checks)
    keys = [key_of(table) if "." in table else dg.AssetKey(table) for table in tables]
    return job.execute_in_process(
        instance=instance, asset_selection=keys or None, run_config=QUIET, raise_on_error=raise_on_error
    )


def published():
    return [model for model in catalog() if model.header.published]


def everything(warehouse):
    return [model.table for model in warehouse.models]


def test_every_model_is_an_asset_with_a_description_columns_lineage_and_checks(graph):
    for model in published():
        node = graph.get(key_of(model.table))
        columns = node.metadata["dagster/column_schema"].columns
        assert node.description == model.header.summary
        assert [column.name for column in columns] == list(model.header.columns)
        assert all(column.description for column in columns)
        assert {k.asset_key for k in node.check_keys} == {key_of(model.table)}
        assert {k.name for k in node.check_keys} >= {"grain", "keys"}
        assert node.group_name == model.layer
        assert {"duckdb", model.language} <= node.kinds


def test_the_types_of_columns_are_duckdbs_own(graph):
    columns = {c.name: c.type for c in graph.get(key_of("metrics.bot_share")).metadata["dagster/column_schema"].columns}
    assert columns["bot_interactions"] == "bigint"
    assert columns["bot_share"] == "double"


def test_nearly_every_model_says_which_columns_its_columns_are_made_of(graph):
    without = [m.table for m in published() if not graph.get(key_of(m.table)).metadata["dagster/column_lineage"].deps_by_column]
    assert len(without) <= len(catalog()) // 10, without


def test_the_lineage_of_a_known_metric_is_right(graph):
    deps = graph.get(key_of("metrics.bot_share")).metadata["dagster/column_lineage"].deps_by_column
    assert [(dep.asset_key, dep.column_name) for dep in deps["bot_interactions"]] == [
        (key_of("core.interactions"), "actor_kind")
    ]
    assert [(dep.asset_key, dep.column_name) for dep in deps["window_end"]] == [(key_of("core.quarters"), "window_end")]


def test_lineage_names_only_columns_that_exist(graph):
    for model in published():
        for deps in graph.get(key_of(model.table)).metadata["dagster/column_lineage"].deps_by_column.values():
            for dep in deps:
                node = graph.get(dep.asset_key) if graph.has(dep.asset_key) else None
                if node is not None:
                    assert dep.column_name in {c.name for c in node.metadata["dagster/column_schema"].columns}, (
                        model.table,
                        dep,
                    )


def test_a_table_that_exists_only_during_a_build_is_no_asset_and_its_sources_stand_for_it(graph):
    between = {model.table: model for model in catalog() if not model.header.published}
    assert between, "the catalog has such tables"
    for model in published():
        parents = {".".join(key.path) for key in graph.get(key_of(model.table)).parent_keys}
        assert not parents & between.keys()
        for read in set(model.header.reads) & between.keys():
            sources = set(between[read].header.reads) - between.keys()
            assert {table for table in sources if not table.startswith("landing.")} <= parents


def test_the_published_file_rests_on_every_table_and_the_pages_on_it(graph):
    above = set(graph.get(dg.AssetKey("published")).parent_keys)
    while True:
        more = {parent for key in above for parent in graph.get(key).parent_keys} - above
        if not more:
            break
        above |= more
    assert {key_of(model.table) for model in published()} <= above
    assert key_of("landing.interactions") in above
    assert graph.get(dg.AssetKey("report_pages")).parent_keys == {dg.AssetKey("published")}


def test_some_of_the_assets_can_be_materialised_without_the_others(warehouse, instance):
    run(warehouse, instance, everything(warehouse))
    result = run(warehouse, instance, ["core.actions", "published"])
    made = {event.asset_key for event in result.get_asset_materialization_events()}
    assert made == {key_of("core.actions"), dg.AssetKey("published")}


def test_a_failing_check_is_seen_as_failed_with_its_severity_and_does_not_fail_the_run(warehouse, instance):
    warehouse.arrive(2, LAST_WEEK)
    warehouse.land(NOW)
    result = run(warehouse, instance, everything(warehouse))
    assert result.success
    seen = {
        e.check_name: (e.passed, e.severity.value, e.metadata["failing_rows"].value)
        for e in result.get_asset_check_evaluations()
    }
    assert seen["few_actions"] == (False, "ERROR", 1)
    assert seen["many_people"] == (False, "WARN", 1)
    assert seen["people_share_range"] == (True, "ERROR", 0)


def test_a_table_shows_its_rows_its_moment_its_seconds_and_its_lineage(warehouse, instance):
    result = run(warehouse, instance, everything(warehouse))
    shown = {e.asset_key: e.materialization.metadata for e in result.get_asset_materialization_events()}
    actions = shown[key_of("core.actions")]
    assert actions["dagster/row_count"].value == 3
    assert actions["built_at"].value == "2026-02-04T12:00:00"
    assert actions["seconds"].value >= 0
    assert actions["dagster/column_lineage"].value.deps_by_column["event_id"][0].asset_key == key_of("landing.interactions")


def test_nothing_is_recorded_as_made_when_the_build_fails(warehouse, instance, monkeypatch):
    def fail(*_given, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(warehouse, "build_tables", fail)
    result = run(warehouse, instance, everything(warehouse), raise_on_error=False)
    assert not result.success
    assert not result.get_asset_materialization_events()
    failed = next(event for event in result.all_events if event.is_step_failure)
    assert failed.step_failure_data.user_failure_data.description.startswith("The disk is full.")
    assert set(failed.step_failure_data.user_failure_data.metadata) == {"what", "why", "to do"}


def test_a_run_outside_of_the_refresher_borrows_the_warehouse_and_gives_it_back(warehouse, instance, monkeypatch):
    home, models = warehouse.home, warehouse.models
    warehouse.close()
    monkeypatch.setattr(resource, "load", lambda: SimpleNamespace(home=home))
    monkeypatch.setattr(resource, "bootstrap_of", lambda _settings: "nowhere:1")
    monkeypatch.setattr(resource, "warehouse_of", lambda *_: small_opener(home, models)())
    monkeypatch.setattr(resource, "sources_of", lambda _settings: [])
    job = definitions(models, Path(instance.root_directory).parent).resolve_implicit_global_asset_job_def()
    keys = [key_of(model.table) for model in models]
    assert job.execute_in_process(instance=instance, asset_selection=keys, run_config=QUIET).success
    with closing(SmallWarehouse(home, models)) as again:
        assert again.con.execute("select actions from warehouse.metrics.action_counts").fetchall() == [(3,)]


def test_accounting_that_does_not_add_up_is_a_failed_check(warehouse, instance, monkeypatch):
    right = run(warehouse, instance, ["landing.outcomes"])
    monkeypatch.setattr(WarehouseRun, "unaccounted", lambda _run: ["partition 3: 7 outcomes, 9 records"])
    wrong = run(warehouse, instance, ["landing.outcomes"])
    assert [e.passed for e in right.get_asset_check_evaluations()] == [True]
    assert [e.passed for e in wrong.get_asset_check_evaluations()] == [False]


def test_a_check_that_is_executed_alone_looks_at_the_published_file(warehouse, instance):
    run(warehouse, instance, [*everything(warehouse), "published"])
    warehouse.con.execute("update warehouse.metrics.action_counts set people = 5")
    check = dg.AssetCheckKey(key_of("metrics.action_counts"), "many_people")
    result = run(warehouse, instance, [], checks={check})
    assert [(e.check_name, e.passed) for e in result.get_asset_check_evaluations()] == [("many_people", False)]
    assert not result.get_asset_materialization_events()


def test_lineage_is_kept_until_some_sql_changes(tmp_path, small, monkeypatch):
    first = lineage.stored_lineage(small, tmp_path / "lineage.json")
    monkeypatch.setattr(lineage, "column_lineage", lambda models: {model.table: {} for model in models})
    assert lineage.stored_lineage(small, tmp_path / "lineage.json") == first
    assert lineage.stored_lineage(small[:1], tmp_path / "lineage.json") == {small[0].table: {}}
