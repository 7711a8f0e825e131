"""Private files: only their user reads what Guildhall writes, and the key of the data is never replaced silently."""

import os
import stat

import pytest

from dagster_project.cli.doctor import examine
from dagster_project.paths import Paths
from dagster_project.private import deployment_key, keep_private, readable_by_others
from dagster_project.settings import load
from events.errors import GuildhallError


@pytest.fixture(autouse=True)
def _open_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_that_others_can_enter_is_closed_to_them_and_new_files_are_private(tmp_path):
    tmp_path.chmod(0o755)
    deployment_key(Paths(tmp_path))
    keep_private(tmp_path)
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "0.log").write_text("x")
    assert [mode(tmp_path / name) for name in (".", "kafka", "kafka/0.log", "secret.key")] == [0o700, 0o700, 0o600, 0o600]
    assert list(readable_by_others(tmp_path)) == []


def test_a_folder_without_a_key_is_left_as_it_is(tmp_path):
    tmp_path.chmod(0o755)
    keep_private(tmp_path)
    assert mode(tmp_path) == 0o755


def test_doctor_names_what_others_can_read_and_its_remedy_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load(home=tmp_path / "var")
    settings.key()
    spill = settings.home / "spill.duckdb"
    spill.write_text("x")
    spill.chmod(0o644)

    def found():
        (result,) = (each for each in examine(lambda: settings) if each.what == "secret key and private files")
        return result

    assert not found().ok
    assert str(spill) in found().why
    os.system(found().todo.removeprefix("Run: "))
    assert found().ok


def test_a_key_that_is_gone_is_not_replaced_where_there_are_data(tmp_path):
    paths = Paths(tmp_path)
    key = deployment_key(paths)
    assert deployment_key(paths) == key
    paths.secret_key.unlink()
    with pytest.raises(GuildhallError, match="is missing"):
        deployment_key(paths)
    assert not paths.secret_key.exists()


def test_data_of_an_earlier_version_have_no_fingerprint_and_are_data_all_the_same(tmp_path):
    paths = Paths(tmp_path)
    paths.landing.write_text("")
    with pytest.raises(GuildhallError, match="is missing"):
        deployment_key(paths)


def test_another_key_than_the_data_have_is_refused_until_the_right_one_is_back(tmp_path):
    paths = Paths(tmp_path)
    key = deployment_key(paths)
    text = paths.secret_key.read_text()
    paths.secret_key.write_text("ab" * 32)
    with pytest.raises(GuildhallError, match="not the one that the data were made with"):
        deployment_key(paths)
    paths.secret_key.write_text(text)
    assert deployment_key(paths) == key
