"""An import into the wrong community: reported, undone, and made again."""

import zipfile
from pathlib import Path

import pytest

from dagster_project.cli.app import run_command
from pipelines.imports.importer import import_id_of
from tests.dagster_project.test_cli import slack_export

SETTINGS = '[community.wrong]\ntitle = "Wrong"\n[community.right]\ntitle = "Right"\n'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("GUILDHALL_CONFIG", "GUILDHALL_HOME"):
        monkeypatch.delenv(name, raising=False)
    Path("guildhall.toml").write_text(SETTINGS)
    return tmp_path


def test_an_undo_is_asked_for_without_a_dry_run(here, capsys):
    export = slack_export(here / "export.zip", team="T1")
    assert run_command(["import", "slack-export", str(export), "--community", "wrong", "--undo", "--dry-run"]) == 1
    assert "no dry run" in capsys.readouterr().err


@pytest.mark.kafka
def test_an_import_is_known_the_second_time_undone_and_new_again(here, kafka, monkeypatch, capsys):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    export = slack_export(here / "export.zip", team=f"T{here.name.upper()}")

    def run(*more: str, community: str = "wrong") -> str:
        assert run_command(["import", "slack-export", str(export), "--community", community, *more]) == 0
        return capsys.readouterr().out

    assert "4 new, 0 known from an earlier import, 0 changed since" in run()
    again = run()
    assert "0 new, 4 known from an earlier import, 0 changed since" in again
    assert "1 account in 2 spaces: general 2, random 1" in again
    assert "8 records of export.zip: 3 interactions leave wrong" in run("--undo", "--refresh")
    assert run_command(["sql", "--format", "csv", "select count(*) as n from core.interactions"]) == 0
    assert capsys.readouterr().out.split() == ["n", "0"]
    assert run_command(["import", "slack-export", str(export), "--community", "wrong", "--undo"]) == 1
    assert "nothing of export.zip in `wrong` to undo" in capsys.readouterr().err
    assert "4 new" in run("--refresh", community="right")
    assert run_command(["sql", "--format", "csv", "select community, count(*) as n from core.interactions group by all"]) == 0
    assert capsys.readouterr().out.split() == ["community,n", "right,3"]


def test_an_export_that_was_never_imported_has_another_id(here):
    export = slack_export(here / "export.zip", team="T1")
    before = import_id_of("import/slack/slack-export", export, "wrong")
    with zipfile.ZipFile(export, "a") as archive:
        archive.writestr("random/2024-01-02.json", "[]")
    assert import_id_of("import/slack/slack-export", export, "wrong") != before
