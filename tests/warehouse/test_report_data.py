"""Report data: one frozen value, complete for every renderer, without anything that may not be shown."""

import json

import pytest
from pydantic import ValidationError

from tests.warehouse.report_world import SLUG, world
from tests.warehouse.test_report_page import PERIOD, con, small_report  # noqa: F401 - `con` is a fixture
from warehouse.build.catalog import catalog
from warehouse.report import read, schema
from warehouse.report.corrections import corrections, differs, revised
from warehouse.report.data import Estimate, Move, ReportData
from warehouse.report.read import report_data
from warehouse.report.renderers import html
from warehouse.report.renderers import json as document


@pytest.fixture(scope="module")
def data(con):  # noqa: F811
    world(con, part="Weekly call of Ada and Ben")
    return report_data(con, SLUG, PERIOD)


def changed(data, metric, **values):
    """The data with other values of one metric's first series, at the report's evaluation."""

    def other(one):
        if one.definition.id != metric:
            return one
        first, *rest = one.series
        return one.model_copy(update={"series": (first.model_copy(update={"now": first.now.model_copy(update=values)}), *rest)})

    return data.model_copy(update={"metrics": tuple(map(other, data.metrics)), "levels": other(data.levels)})


def metric(data, name):
    return next(one for one in data.metrics if one.definition.id == name)


def test_the_committed_schema_is_that_of_the_model():
    committed = schema.PATH.read_text(encoding="utf-8")
    assert committed == schema.text(), "the contract changed: run `python -m warehouse.report.schema` and commit the difference"


def test_json_read_back_is_the_same_value_and_gives_the_same_page(data):
    for value in (data, small_report(), revised(small_report(), changed(small_report(), "P3", value=0.4))):
        written = document.render(value)
        again = document.read(written)
        assert again == value
        assert document.render(again) == written
        assert html.render(again) == html.render(value)


def test_the_document_names_its_schema_its_build_and_the_source_of_every_value(data):
    written = json.loads(document.render(data))
    assert written["schema_version"] == 1
    assert written["build"] == {
        "number": 7,
        "published_at": "2024-03-25T00:00:00Z",
        "as_of": "2024-03-25T00:00:00Z",
        "version": "0.1",
        "models": "abc",
    }
    assert written["levels"]["definition"]["table"] == "metrics.level_distribution"
    assert all(one["definition"]["version"] >= 1 and one["definition"]["table"] for one in written["metrics"])


def test_report_data_cannot_be_changed(data):
    with pytest.raises(ValidationError, match="frozen"):
        data.title = "Another"
    with pytest.raises(ValidationError, match="extra"):
        ReportData.model_validate_json(document.render(data).replace(b'"community"', b'"colony": "x", "community"', 1))


@pytest.mark.parametrize("number", ["value", "low", "high", "denominator", "step"])
def test_an_estimate_that_is_withheld_carries_no_number(number):
    with pytest.raises(ValidationError, match="carries a number"):
        Estimate(at="2024-03-25T00:00:00Z", measurement="withheld", reason="fewer than 5", **{number: 3})


def test_an_estimate_that_is_shown_has_a_value():
    with pytest.raises(ValidationError, match="no value"):
        Estimate(at="2024-03-25T00:00:00Z", measurement="shown")


def test_the_state_and_the_reason_of_every_metric_are_those_of_the_published_rows(con, data):  # noqa: F811
    rows = con.execute(
        "select metric, part, withheld, value, low, high from scratch.reports.estimates where window_end = ? order by all",
        [data.window.end.replace(tzinfo=None)],
    ).fetchall()
    published = {}
    for name, _, withheld, *numbers in rows:
        published.setdefault(name, []).append((withheld, *numbers))
    for one in (data.levels, *data.metrics):
        values = [(e.reason, e.value, e.low, e.high) for e in (series.now for series in one.series) if e]
        assert sorted(values, key=str) == sorted(published.get(one.definition.id, []), key=str)
    assert metric(data, "H1").measurement == "not measured"
    assert metric(data, "H1").series == ()
    assert {one.measurement for one in data.metrics} >= {"shown", "not measured"}


def test_a_value_and_its_history_are_separate_and_together_are_the_published_rows(data):
    series = metric(data, "P1").series[0]
    assert series.now.at == data.window.end
    assert len(series.before) == 103
    assert [point.at for point in series.points] == sorted({point.at for point in series.points})


def test_names_that_people_gave_to_series_do_not_leave(data):
    assert b"Ada" not in document.render(data)
    assert {series.part for one in data.metrics for series in one.series} == {""}
    (cadence,) = (model for model in catalog() if model.header.id == "R3")
    (point,) = (series.now for series in metric(data, "R3").series)
    two = read._metric(cadence, {"Call of Ben": [point], "Call of Ada": [point]}, data.window)
    assert [series.part for series in two.series] == ["Series 1", "Series 2"]


def test_levels_come_in_their_order_and_without_other_metrics(data):
    assert [series.part for series in data.levels.series] == ["core", "active", "occasional", "peripheral", "transactional"]
    assert "P2" not in {one.definition.id for one in data.metrics}


# ---- corrections


def test_another_build_with_the_same_values_is_no_difference():
    one = small_report()
    other = one.model_copy(update={"build": one.build.model_copy(update={"number": 2})})
    assert not differs(one, other)


def test_a_correction_names_the_value_before_and_the_value_now():
    before = small_report()
    now = changed(before, "P3", value=0.4)
    assert differs(before, now)
    (one,) = corrections(before, now)
    assert (one.subject, one.part, one.before.value, one.now.value) == ("P3", "", 0.6, 0.4)
    page = html.render(revised(before, now)).decode()
    assert "What differs from revision 1" in page
    assert "Title of P3</th><td>about 60" in page


def test_a_movement_that_is_no_longer_shown_is_a_correction():
    now = small_report()
    before = now.model_copy(update={"movement": (Move(from_level="core", to_level="active", members=5),)})
    (one,) = corrections(before, now)
    assert (one.subject, one.part, one.before.value, one.now) == ("movement", "core → active", 5, None)
    assert "<td>5 to 9 people</td><td>–</td>" in html.render(revised(before, now)).decode()


def test_what_left_the_history_because_time_passed_is_no_correction():
    before = small_report()
    series = before.metrics[0].series[0]
    shorter = before.metrics[0].model_copy(update={"series": (series.model_copy(update={"before": series.before[5:]}),)})
    levels = before.levels.model_copy(
        update={"series": tuple(s.model_copy(update={"before": s.before[5:]}) for s in before.levels.series)}
    )
    others = tuple(
        one.model_copy(update={"series": tuple(s.model_copy(update={"before": s.before[5:]}) for s in one.series)})
        for one in before.metrics[1:]
    )
    assert corrections(before, before.model_copy(update={"metrics": (shorter, *others), "levels": levels})) == ()


def test_a_changed_text_is_a_difference_without_corrections():
    before = small_report()
    now = before.model_copy(update={"title": "Another"})
    assert differs(before, now)
    assert "No value of this window." in html.render(revised(before, now)).decode()
