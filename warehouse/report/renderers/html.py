"""Page: one self-contained HTML document from a report's data. Fetches nothing, runs nothing; screen, phone and paper."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from warehouse.report import marks, story, view, words
from warehouse.report.data import ReportData

TEMPLATE = (Path(__file__).parent / "page.html.jinja").read_text(encoding="utf-8")


def render(data: ReportData) -> bytes:
    """The page in UTF-8. The same data give the same bytes."""
    page = _template().render(
        data=data,
        covers=view.covers(data),
        beat=words.beat(data.window.beat_days),
        changes=[(change, view.ranges(data, change)) for change in story.changes(data)],
        nothing=story.nothing_changed(data),
        rows=[(row, marks.spark(row.values)) for row in story.rows(data)],
        levels=view.levels(data),
        bands=view.bands(data),
        flows=view.flows(data),
        chapters=view.chapters(data),
        unseen=story.unseen(data),
        methods=story.METHODS,
        build=story.build(data),
        corrections=view.corrections(data),
    )
    return page.encode("utf-8", "replace")


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": words.percent, "day": lambda moment: f"{moment:%-d %B %Y}"}
    return environment.from_string(TEMPLATE)
