"""Renderers: report data as bytes, one module per format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from warehouse.report.data import ReportData
from warehouse.report.renderers import csv, html, json, pdf


@dataclass(frozen=True, slots=True)
class Renderer:
    """A format: the name of its file, and the function that gives the file's bytes."""

    name: str
    render: Callable[[ReportData], bytes]


RENDERERS: Mapping[str, Renderer] = {
    "html": Renderer("index.html", html.render),
    "pdf": Renderer("report.pdf", pdf.render),
    "json": Renderer("report.json", json.render),
    "csv": Renderer("report.csv", csv.render),
}
