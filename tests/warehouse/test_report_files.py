"""The report on paper and in a spreadsheet: from the same value, the same bytes, nothing that people wrote is executed."""

import csv
import io
import re

import pytest

from tests.warehouse.report_world import SLUG, world
from tests.warehouse.test_report_page import PERIOD, con, payloads, small_report  # noqa: F401 - `con` is a fixture
from warehouse.report.data import ReportData
from warehouse.report.read import plain, report_data
from warehouse.report.renderers import RENDERERS, pdf
from warehouse.report.renderers.html import TEMPLATE


@pytest.fixture(scope="module")
def data(con) -> ReportData:  # noqa: F811
    world(con)
    return report_data(con, SLUG, PERIOD)


def test_the_same_report_gives_the_same_document(data):
    assert RENDERERS["pdf"].render(data) == RENDERERS["pdf"].render(data.model_copy())


def test_the_document_is_tagged_for_screen_readers_and_carries_its_typeface(data):
    document = RENDERERS["pdf"].render(data)
    assert document.startswith(b"%PDF-1.7")
    assert b"<pdfuaid:part>1</pdfuaid:part>" in document
    assert b"/MarkInfo" in document
    assert b"SourceSansPro" in document
    assert b"http://" not in re.sub(rb"<x:xmpmeta.*?</x:xmpmeta>", b"", document, flags=re.DOTALL)


def test_colours_on_paper_are_those_of_the_light_page():
    light = set(re.findall(r"#[0-9a-f]{6}", TEMPLATE.split("@media")[0]))
    assert set(re.findall(r"#[0-9a-f]{6}", pdf.STYLE)) - light == {"#a9b0b8"}  # the page has this one as a translucent grey


@pytest.mark.parametrize("number", range(0, 200, 25))
def test_hostile_titles_are_texts_on_paper(number):
    hostile = plain(" ".join(payloads()[number : number + 25])) or "c"
    assert RENDERERS["pdf"].render(small_report().model_copy(update={"title": hostile})).startswith(b"%PDF")


def table(data):
    text = RENDERERS["csv"].render(data).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_table_has_every_value_with_its_provenance(data):
    rows = table(data)
    metrics = (data.levels, *data.metrics)
    assert len(rows) == sum(len(series.points) for metric in metrics for series in metric.series)
    last = next(row for row in rows if row["metric"] == "N2" and row["state"])
    now = next(metric for metric in data.metrics if metric.definition.id == "N2").series[0].now
    assert float(last["value"]) == now.value
    assert (last["table"], last["build"], last["window_until"]) == ("metrics.newcomer_welcome", "7", "2024-03-25")
    assert all(row["value"] == "" for row in rows if row["measurement"] != "shown")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", '=HYPERLINK("//evil.example")'])
def test_a_spreadsheet_computes_no_text(text):
    assert {row["community"][0] for row in table(small_report().model_copy(update={"community": text}))} == {"'"}
