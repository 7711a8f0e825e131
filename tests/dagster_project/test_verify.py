"""verify-report: what was issued is recognised, one altered digit is found, and figures are derived again from their build."""

import shutil
from datetime import timedelta

import pytest

from dagster_project.delivery.issue import make_report
from dagster_project.delivery.verify import verify_report
from events.errors import GuildhallError
from tests.dagster_project.issued import PUBLISHED_AT, publish_change, publish_world, settings_of
from tests.dagster_project.test_issue import LOWER, MARCH
from tests.warehouse.report_world import SLUG

NOW = PUBLISHED_AT + timedelta(hours=1)
FORMATS = ("html", "pdf", "json", "csv")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "published"
    publish_world(folder)
    return folder


@pytest.fixture
def settings(world, tmp_path):
    shutil.copytree(world, tmp_path / "published", symlinks=True)
    return settings_of(tmp_path)


@pytest.fixture
def files(settings):
    return make_report(settings, SLUG, MARCH, NOW, FORMATS).files


@pytest.mark.parametrize("form", FORMATS)
def test_an_issued_file_is_recognised_wherever_it_lies_and_all_its_figures_follow_from_its_build(
    settings, files, tmp_path, form
):
    elsewhere = tmp_path / f"mail-attachment{files[form].suffix}"
    shutil.copyfile(files[form], elsewhere)
    found = verify_report(settings, elsewhere)
    assert found.holds
    assert (found.community, found.period, found.revision, found.build) == (SLUG, MARCH, 1, 7)
    assert found.figures > 200
    assert (found.own_build, found.now, found.altered) == ((), (), ())


@pytest.mark.parametrize("form", ["html", "json", "csv"])
def test_one_altered_digit_is_found_and_named(settings, files, form):
    path = files[form]
    text = path.read_text(encoding="utf-8")
    at = next(i for i, letter in enumerate(text) if i > len(text) // 2 and letter in "12345678")
    path.chmod(0o600)
    path.write_text(text[:at] + str(int(text[at]) + 1) + text[at + 1 :], encoding="utf-8", newline="")
    found = verify_report(settings, path)
    assert not found.holds
    assert found.issued_at is None
    assert {line.partition(":")[0] for line in found.altered} == {"issued", "file"}


def test_what_was_corrected_since_is_listed_and_is_no_failure(settings, files):
    publish_change(settings.paths.published, 8, LOWER)
    found = verify_report(settings, files["html"])
    assert found.holds
    assert found.own_build == ()
    assert {(one.subject, one.now.value) for one in found.now} == {("N2", 0.5)}


def test_a_figure_that_its_own_build_does_not_have_fails(settings, files):
    build = settings.paths.published / "guildhall-000007.duckdb"
    build.chmod(0o600)
    publish_change(settings.paths.published, 8, LOWER)
    shutil.copyfile(settings.paths.published / "guildhall-000008.duckdb", build)
    found = verify_report(settings, files["html"])
    assert not found.holds
    assert {one.subject for one in found.own_build} == {"N2"}


def test_a_build_that_is_not_kept_is_named_and_the_frozen_value_still_decides(settings, files):
    publish_change(settings.paths.published, 8, "select 1")
    (settings.paths.published / "guildhall-000007.duckdb").unlink()
    found = verify_report(settings, files["html"])
    assert (found.own_build, found.holds) == (None, True)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"{}", b"%PDF-1.7", b"a,b\n1,2\n", b'<meta name="guildhall-report" content="[1]">']
)
def test_a_file_that_is_no_report_is_refused_with_three_parts(settings, files, tmp_path, content):
    path = tmp_path / "x.html"
    path.write_bytes(content)
    with pytest.raises(GuildhallError, match="not recognised"):
        verify_report(settings, path)
