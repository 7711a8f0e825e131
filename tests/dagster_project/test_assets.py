"""Models as assets: their columns, lineage and checks, and what a run of some of them does."""

# ruff: noqa: DTZ001 - the warehouse speaks naive UTC

import sys
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small import small_catalog

from dagster_project.definitions import definitions
from dagster_project.defs import lineage
from dagster_project.defs.assets import key_of
from dagster_project.defs.instance import KIND, open_instance
from dagster_project.refresh.work import Work, by_table
from warehouse.build.build import Built, CheckResult, build
from warehouse.build.catalog import catalog
from warehouse.db import open_memory

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


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
def con():
    con = open_memory()
    con.execute(
        "insert into landing.interactions (community, event_id, actor, occurred_at)"
        " select 'gardeners', 'e' || i, 'x', timestamp '2026-01-01' from range(5) as t(i)"
    )
    yield con
    con.close()


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    instance = open_instance(tmp_path_factory.mktemp("home"))  # a second or two: one is enough for all
    yield instance
    instance.dispose()


def home_of(instance):
    return Path(instance.root_directory).parent


def run(models, con, instance, tables, **work):
    def build_some(wanted):
        return [build(con, [m for m in models if m.table in wanted], ["gardeners"], datetime(2026, 2, 1))]

    file = Path(instance.root_directory) / "published"
    file.write_text("x")
    todo = Work(build_some, lambda: file, **work)
    job = definitions(models, home_of(instance), dg.ResourceDefinition(lambda _: todo)).resolve_implicit_global_asset_job_def()
    keys = [key_of(table) if "." in table else dg.AssetKey(table) for table in tables]
    return job.execute_in_process(instance=instance, asset_selection=keys, tags={KIND: "now"}, run_config=QUIET)


def test_every_model_is_an_asset_with_a_description_columns_lineage_and_checks(graph):
    for model in catalog():
        node = graph.get(key_of(model.table))
        columns = node.metadata["dagster/column_schema"].columns
        assert node.description == model.header.summary
        assert [column.name for column in columns] == list(model.header.columns)
        assert all(column.description for column in columns)
        if model.header.published:
            assert {k.asset_key for k in node.check_keys} == {key_of(model.table)}
            assert {k.name for k in node.check_keys} >= {"grain", "keys"}
        assert node.group_name == model.layer
        assert {"duckdb", model.language} <= node.kinds


def test_the_types_of_columns_are_duckdbs_own(graph):
    columns = {c.name: c.type for c in graph.get(key_of("metrics.bot_share")).metadata["dagster/column_schema"].columns}
    assert columns["bot_interactions"] == "bigint"
    assert columns["bot_share"] == "double"


def test_nearly_every_model_says_which_columns_its_columns_are_made_of(graph):
    without = [m.table for m in catalog() if not graph.get(key_of(m.table)).metadata["dagster/column_lineage"].deps_by_column]
    assert len(without) <= len(catalog()) // 10, without


def test_the_lineage_of_a_known_metric_is_right(graph):
    deps = graph.get(key_of("metrics.bot_share")).metadata["dagster/column_lineage"].deps_by_column
    assert [(dep.asset_key, dep.column_name) for dep in deps["bot_interactions"]] == [
        (key_of("core.interactions"), "actor_kind")
    ]
    assert [(dep.asset_key, dep.column_name) for dep in deps["window_end"]] == [(key_of("core.windows"), "window_end")]


def test_lineage_names_only_columns_that_exist(graph):
    for model in catalog():
        for deps in graph.get(key_of(model.table)).metadata["dagster/column_lineage"].deps_by_column.values():
            for dep in deps:
                node = graph.get(dep.asset_key) if graph.has(dep.asset_key) else None
                if node is not None:
                    assert dep.column_name in {c.name for c in node.metadata["dagster/column_schema"].columns}, (
                        model.table,
                        dep,
                    )


def test_the_published_file_rests_on_every_table_and_the_pages_on_it(graph):
    above = set(graph.get(dg.AssetKey("published")).parent_keys)
    while True:
        more = {parent for key in above for parent in graph.get(key).parent_keys} - above
        if not more:
            break
        above |= more
    assert {key_of(model.table) for model in catalog()} <= above
    assert key_of("landing.interactions") in above
    assert graph.get(dg.AssetKey("report_pages")).parent_keys == {dg.AssetKey("published")}


def test_some_of_the_assets_can_be_materialised_without_the_others(small, con, instance):
    result = run(small, con, instance, ["core.actions", "published"])
    assert result.success
    made = {event.asset_key for event in result.get_asset_materialization_events()}
    assert made == {key_of("core.actions"), dg.AssetKey("published")}


def test_a_failing_check_is_seen_as_failed_with_its_severity_and_does_not_fail_the_run(small, con, instance):
    result = run(small, con, instance, [model.table for model in small])
    assert result.success
    seen = {
        e.check_name: (e.passed, e.severity.value, e.metadata["failing_rows"].value)
        for e in result.get_asset_check_evaluations()
    }
    assert seen["few_actions"] == (False, "ERROR", 1)
    assert seen["many_people"] == (False, "WARN", 1)
    assert seen["people_share_range"] == (True, "ERROR", 0)


def test_rows_and_seconds_are_told(small, con, instance):
    result = run(small, con, instance, [model.table for model in small])
    told = {e.asset_key: e.materialization.metadata for e in result.get_asset_materialization_events()}
    assert told[key_of("core.actions")]["dagster/row_count"].value == 5
    assert told[key_of("core.actions")]["seconds"].value >= 0


def test_nothing_is_told_as_made_when_the_transaction_fails(small, con, instance):
    def fail(_wanted):
        raise OSError(28, "No space left on device")

    file = Path(instance.root_directory) / "f"
    todo = Work(fail, lambda: file)
    job = definitions(small, home_of(instance), dg.ResourceDefinition(lambda _: todo)).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, asset_selection=[key_of("core.actions")], run_config=QUIET, raise_on_error=False
    )
    assert not result.success
    assert not result.get_asset_materialization_events()


def test_accounting_that_does_not_add_up_is_a_failed_check(small, con, instance):
    wrong = run(small, con, instance, ["landing.outcomes"], accounting=lambda: ["partition 3: 7 outcomes, 9 records"])
    right = run(small, con, instance, ["landing.outcomes"], landed={"outcomes": 9})
    assert [e.passed for e in wrong.get_asset_check_evaluations()] == [False]
    assert [e.passed for e in right.get_asset_check_evaluations()] == [True]


def test_a_run_that_the_page_starts_says_whose_work_it_is(small, instance):
    job = definitions(small, home_of(instance)).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, asset_selection=[key_of("core.actions")], run_config=QUIET, raise_on_error=False
    )
    assert not result.success
    said = [
        str(e.event_specific_data.error)
        for e in result.all_events
        if e.is_failure and getattr(e.event_specific_data, "error", None)
    ]
    assert any("The refresher" in text or "the refresher" in text for text in said)


def test_two_builds_of_one_run_are_told_as_one():
    def one(rows, failures):
        return Built(("c",), {"core.t": 1.0}, {"core.t": rows}, (CheckResult("core.t", "grain", "error", failures),))

    made = by_table([one(3, 0), one(4, 2)])["core.t"]
    assert (made.rows, made.seconds, made.checks["grain"].failures) == (7, 2.0, 2)


def test_lineage_is_kept_until_some_sql_changes(tmp_path, small, monkeypatch):
    first = lineage.kept_lineage(small, tmp_path / "lineage.json")
    monkeypatch.setattr(lineage, "column_lineage", lambda models: {"asked": {}})
    assert lineage.kept_lineage(small, tmp_path / "lineage.json") == first
    assert lineage.kept_lineage(small[:1], tmp_path / "lineage.json") == {"asked": {}}
