"""PDF: the page on paper, by Typst, from the same phrases and pictures as the HTML page; tagged, PDF/UA-1, fonts embedded."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import font_source_sans_pro

from warehouse.report import marks, story, view, words
from warehouse.report.data import ReportData

if TYPE_CHECKING:
    import typst

TEMPLATE = Path(__file__).parent / "page.typ"
FONTS = Path(font_source_sans_pro.font_directory)
STANDARD: Final = "ua-1"
STYLE = """
text { font-family: "Source Sans Pro"; } .zero { stroke: #55606e; } .grid { stroke: #d9dfe5; stroke-width: 1; }
.tick, .name { fill: #55606e; font-size: 17px; }
.line { fill: none; stroke: #1b5e8c; stroke-width: 1.5; stroke-opacity: .6; }
.spark .line { stroke-width: 2; stroke-opacity: 1; } .cut { stroke: #55606e; stroke-dasharray: 2 4; } .band { fill: #bcd5e6; }
.dot { fill: #1b5e8c; } .hidden { fill: #55606e; } .line.l1 { stroke: #9a4520; } .line.l2 { stroke: #2f6a39; }
.line.l3 { stroke: #5d4188; } .line.l4 { stroke: #555555; } .dot.l1 { fill: #9a4520; } .dot.l2 { fill: #2f6a39; }
.dot.l3 { fill: #5d4188; } .dot.l4 { fill: #555555; } .interval { stroke: #55606e; stroke-width: 4; stroke-linecap: round; }
.interval.r1 { stroke: #1b2430; } .point { fill: #55606e; } .point.r1 { fill: #1b2430; } polygon.level0 { fill: #0d3f61; }
polygon.level1 { fill: #2f76a3; } polygon.level2 { fill: #74abc9; } polygon.level3 { fill: #b3d0df; }
polygon.level4 { fill: #dbe6ec; } .hides { fill: #c9c9c9; }
.flow { fill: none; stroke: #74abc9; } .flow.out { stroke: #a9b0b8; }
"""
"""The light colours of `page.html.jinja`: an image in a PDF sees no style sheet of a page."""


def render(data: ReportData) -> bytes:
    """The document. The same data give the same bytes: its date is that of the build."""
    compiled = _compiler().compile(
        format="pdf",
        sys_inputs={"data": json.dumps(_content(data), ensure_ascii=False)},
        pdf_standards=[STANDARD],
        timestamp=(data.build.as_of or data.build.published_at).replace(microsecond=0),
    )
    if not isinstance(compiled, bytes):
        raise TypeError("Typst returned no document")
    return compiled


@cache
def _compiler() -> "typst.Compiler":
    import typst  # noqa: PLC0415 - loading it takes a tenth of a second, and most renderers do without

    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)])
    return typst.Compiler(str(TEMPLATE), root=str(TEMPLATE.parent), font_paths=fonts)


def _content(data: ReportData) -> dict[str, object]:
    """Everything that the document writes, as texts and SVG."""
    return {
        "title": data.title,
        "period": data.period.title,
        "state": "draft, not issued: numbers may change" if data.revision == 0 else f"revision {data.revision}",
        "covers": view.covers(data),
        "beat": words.beat(data.window.beat_days),
        "changes": [
            {
                "headline": change.headline,
                "toward": change.comparison.toward or "changed",
                "sentence": change.sentence,
                "facts": f"{change.facts}. {change.certainty}",
                "ask": "" if change.comparison.back else change.ask,
                "picture": _svg(view.ranges(data, change)),
                "alt": f"{change.headline}: {change.facts}",
            }
            for change in story.changes(data)
        ],
        "nothing": story.nothing_changed(data),
        "rows": [
            {
                "title": row.title,
                "state": row.state,
                "why": row.why,
                "sentence": row.sentence,
                "before": row.before,
                "now": row.now,
                "spark": _svg(marks.spark(row.values)),
            }
            for row in story.rows(data)
        ],
        "unseen": story.unseen(data).sentences,
        "careful": story.unseen(data).careful,
        "corrections": view.corrections(data),
        "levels": [{key: story.capital(text) for key, text in level.items()} for level in view.levels(data)],
        "bands": _svg(view.bands(data)),
        "bands_alt": "People at each level over time; the table below has the numbers of this window.",
        "flows": _svg(view.flows(data)),
        "moves": [f"{move.from_level} to {move.to_level}: {words.people(move.members)}" for move in data.movement],
        "since": f"{data.window.start:%-d %B %Y}",
        "chapters": [
            {"title": one["title"], "state": one["state"], "question": one["question"], "cards": _cards(one["cards"])}
            for one in view.chapters(data)
        ],
        "methods": story.METHODS,
        "build": story.build(data),
    }


def _cards(cards: object) -> list[dict[str, object]]:
    return [
        {
            "title": card.definition.title,
            "state": card.state,
            "moved": card.moved,
            "latest": card.latest,
            "missing": card.missing,
            "reading": card.definition.reading if card.moved else "",
            "chart": _svg(card.chart) if card.moved else "",
            "legend": card.legend,
            "summary": card.definition.summary,
            "source": f"{card.definition.reference} ({card.definition.id}, version {card.definition.version})",
        }
        for card in (cards if isinstance(cards, list) else [])
    ]


def _svg(picture: str) -> str:
    """A picture that stands alone; empty where there is none."""
    if "<svg" not in picture:
        return ""
    head, _, rest = picture.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{STYLE}</style>{rest}'
