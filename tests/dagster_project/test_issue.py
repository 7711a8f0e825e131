"""What is issued: each report once however often the process dies, from one frozen value, and never changed afterwards."""

import multiprocessing
import random
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from dagster_project.defs import reports
from dagster_project.delivery import issue
from dagster_project.delivery.due import due_reports
from dagster_project.delivery.issue import make_report
from dagster_project.delivery.ledger import Ledger, hash_of
from events.errors import GuildhallError
from tests.dagster_project.issued import MONTHS, PUBLISHED_AT, issue_and_die, publish_change, publish_world, settings_of
from tests.warehouse.report_world import SLUG
from warehouse.report.renderers import json as document

NOW = PUBLISHED_AT + timedelta(hours=1)
MARCH = "2024-03"
BOTH = ("html", "json")
PLACES = ("report-frozen", "report-written", "report-issued")
LOWER = "update reports.estimates set value = 0.5, low = 0.4, high = 0.6, bound = null where metric = 'N2' and window_end = '2024-03-25'"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "published"
    publish_world(folder)
    return folder


@pytest.fixture
def settings(world, tmp_path):
    shutil.copytree(world, tmp_path / "published", symlinks=True)
    return settings_of(tmp_path)


def issued(settings):
    with Ledger(settings.paths.ledger) as ledger:
        return ledger.issued()


def files(settings):
    return {path.relative_to(settings.paths.reports): path.read_bytes() for path in settings.paths.reports.rglob("[!.]*.[hj]*")}


def test_a_due_report_is_issued_once_and_then_no_longer_due(settings):
    due = due_reports(settings, NOW)
    assert tuple(one.period for one in due) == MONTHS
    for one in due:
        made = make_report(settings, one.community, one.period, NOW)
        assert (made.revision, made.outdated) == (1, False)
    assert due_reports(settings, NOW) == []
    assert [row.period for row in issued(settings)] == [one.period for one in due]


def test_a_row_says_what_was_issued_when_from_which_build_and_where(settings):
    path = make_report(settings, SLUG, MARCH, NOW).files["html"]
    (row,) = issued(settings)
    assert row[:7] == (SLUG, MARCH, "html", "folder", "reports", 1, "2024-04-10T01:00:00+00:00")
    assert (row.build, row.path) == (7, "gardeners/2024-03/index.html")
    assert row.content_hash == hash_of(path.read_bytes())


def test_a_file_without_its_row_is_not_issued(settings):
    path = make_report(settings, SLUG, MARCH, NOW).files["html"]
    with sqlite3.connect(settings.paths.ledger) as con:
        con.execute("drop trigger issued_delete")
        con.execute("delete from issued")
    assert path.exists()
    assert MARCH in {one.period for one in due_reports(settings, NOW)}


def test_formats_are_rendered_from_the_same_frozen_value_also_when_asked_for_later(settings):
    page = make_report(settings, SLUG, MARCH, NOW).files["html"].read_bytes()
    publish_change(settings.paths.published, 8, LOWER)
    made = make_report(settings, SLUG, MARCH, NOW, BOTH)
    data = document.read(made.files["json"].read_bytes())
    assert (data.build.number, data.revision) == (7, 1)
    assert made.files["html"].read_bytes() == page
    assert {row.build for row in issued(settings)} == {7}


def test_late_events_change_the_tables_and_not_what_was_issued_and_a_revision_shows_what_differs(settings):
    first = make_report(settings, SLUG, MARCH, NOW)
    page = first.files["html"].read_bytes()
    publish_change(settings.paths.published, 8, LOWER)
    again = make_report(settings, SLUG, MARCH, NOW)
    assert (again.revision, again.outdated, again.files) == (1, True, first.files)
    second = make_report(settings, SLUG, MARCH, NOW, BOTH, revise=True)
    assert (second.revision, second.outdated) == (2, False)
    assert first.files["html"].read_bytes() == page
    (one,) = document.read(second.files["json"].read_bytes()).corrections
    assert (one.subject, one.now.value) == ("N2", 0.5)
    assert "What differs from revision 1" in second.files["html"].read_text()
    assert [(row.revision, row.build, row.path) for row in issued(settings) if row.format == "html"] == [
        (1, 7, "gardeners/2024-03/index.html"),
        (2, 8, "gardeners/2024-03/revision-2/index.html"),
    ]


def test_a_revision_without_a_difference_is_refused(settings):
    make_report(settings, SLUG, MARCH, NOW)
    with pytest.raises(GuildhallError, match="nothing to revise"):
        make_report(settings, SLUG, MARCH, NOW, revise=True)


def test_the_ledger_refuses_to_change_or_forget_a_row(settings):
    make_report(settings, SLUG, MARCH, NOW)
    with sqlite3.connect(settings.paths.ledger) as con:
        for statement in (
            "update issued set revision = 9",
            "delete from issued",
            "update reports set value = x'00'",
            "delete from reports",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="does not change"):
                con.execute(statement)


def test_the_same_report_is_never_recorded_twice(settings):
    make_report(settings, SLUG, MARCH, NOW)
    with Ledger(settings.paths.ledger) as ledger:
        data = ledger.latest(SLUG, MARCH)
        row = ledger.issue(data, form="html", channel="folder", recipient="reports", content=b"x", path="y", now=NOW)
        assert ledger.issued() == [row]
        assert row.path == "gardeners/2024-03/index.html"
        other = data.model_copy(update={"title": "Another"})
        assert ledger.freeze(other, NOW) == data


def test_a_report_within_its_period_or_its_grace_is_a_draft_and_not_issued(settings):
    early = datetime(2024, 3, 28, tzinfo=UTC)
    made = make_report(settings, SLUG, MARCH, early)
    assert made.revision == 0
    assert "draft, not issued" in made.files["html"].read_text()
    assert made.files["html"] == settings.paths.reports / "gardeners/2024-03/draft/index.html"
    assert not settings.paths.ledger.exists()
    final = make_report(settings, SLUG, MARCH, NOW).files["html"]
    assert "draft" not in final.read_text()
    assert list(files(settings)) == [final.relative_to(settings.paths.reports)]


def test_a_deleted_or_changed_file_is_written_again_as_it_was_issued(settings):
    path = make_report(settings, SLUG, MARCH, NOW).files["html"]
    page = path.read_bytes()
    path.unlink()
    assert make_report(settings, SLUG, MARCH, NOW).files["html"].read_bytes() == page
    path.write_bytes(page.replace(b"Gardeners", b"Hunters"))
    assert make_report(settings, SLUG, MARCH, NOW).files["html"].read_bytes() == page


def test_a_file_that_can_only_be_rendered_differently_is_refused(settings, monkeypatch):
    path = make_report(settings, SLUG, MARCH, NOW).files["html"]
    path.unlink()
    monkeypatch.setattr(issue, "hash_of", lambda _: "another")
    with pytest.raises(GuildhallError, match="not the report that was issued"):
        make_report(settings, SLUG, MARCH, NOW)


def test_a_file_that_is_no_ledger_is_named(settings):
    settings.paths.reports.mkdir()
    settings.paths.ledger.write_text("not a database, and long enough to be looked at as one" * 20)
    with pytest.raises(GuildhallError, match="not a ledger"):
        make_report(settings, SLUG, MARCH, NOW)


# ---- in Dagster


def test_dagster_issues_what_is_due_and_a_report_that_fails_does_not_keep_the_others_back(settings, monkeypatch):
    monkeypatch.setattr(reports, "load", lambda: settings)
    config = dg.RunConfig(ops={reports.STEP: reports.ReportsConfig(reports=[f"nobody {MARCH}", f"{SLUG} {MARCH}"])})
    with dg.DagsterInstance.ephemeral() as instance:
        failed = dg.materialize([reports.report_pages], run_config=config, instance=instance, raise_on_error=False)
        assert not failed.success
        assert [row.period for row in issued(settings)] == [MARCH]
        done = dg.materialize([reports.report_pages], instance=instance)
        assert done.asset_materializations_for_node(reports.STEP)[0].metadata["pages"].value == len(MONTHS) - 1
    assert tuple(row.period for row in issued(settings)) == MONTHS


# ---- killed


def in_its_own_process(*arguments):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.dagster_project.issued"])
    process = context.Process(target=issue_and_die, args=arguments)
    process.start()
    process.join(120)
    return process.exitcode


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_any_step_it_goes_on_with_the_same_bytes_although_a_newer_build_differs(settings, place):
    assert in_its_own_process(settings.home, place, 0) == -9
    before = files(settings)
    publish_change(settings.paths.published, 8, LOWER)
    assert len(issued(settings)) == (place == "report-issued")
    assert in_its_own_process(settings.home, "", 0) == 0
    assert {path: content for path, content in files(settings).items() if path in before} == before
    assert [(row.period, row.build) for row in issued(settings)] == [(MONTHS[0], 7), *((month, 8) for month in MONTHS[1:])]


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.mark.parametrize("seed", range(2))
def test_over_thirty_days_in_which_most_passes_die_each_report_is_issued_once(settings, monkeypatch, seed):
    chance = random.Random(seed)

    def failpoint(_):
        if chance.random() < 0.7:
            raise Killed

    monkeypatch.setattr(issue, "failpoint", failpoint)
    seen: dict = {}
    killed = 0
    for hour in range(0, 30 * 24, 24):
        now = PUBLISHED_AT + timedelta(hours=hour)
        try:
            for due in due_reports(settings, now, BOTH):
                make_report(settings, due.community, due.period, now, BOTH)
        except Killed:
            killed += 1
        for row in issued(settings):
            assert seen.setdefault(row[:6], row) == row, "an issued row changed"
    assert killed >= 10
    assert due_reports(settings, PUBLISHED_AT + timedelta(days=30), BOTH) == []
    assert len(seen) == len(issued(settings)) == len(BOTH) * len(MONTHS)
    for row in issued(settings):
        assert hash_of((settings.paths.reports / row.path).read_bytes()) == row.content_hash
