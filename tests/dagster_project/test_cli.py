"""Command line: every command teaches, errors have three parts, exit codes mean what they say."""

import json
import tomllib
import zipfile
from pathlib import Path

import pytest

from dagster_project.cli import app, run_command

PROMISED = ["demo", "up", "init", "sources", "import", "land", "build", "refresh", "publish", "report"]
PROMISED += ["sql", "levels", "why", "metrics", "rejected", "replay", "status", "doctor"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("GUILDHALL_CONFIG", "GUILDHALL_HOME", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def commands() -> dict:
    return {c.name or c.callback.__name__: c.callback for c in app.registered_commands}


def test_every_promised_command_is_there():
    assert set(PROMISED) <= set(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_teaches_with_an_example(name):
    assert "Example: `guildhall" in (commands()[name].__doc__ or "")


def test_an_unknown_command_is_wrong_use(here, capsys):
    assert run_command(["lnad"]) == 2
    assert "to do" in capsys.readouterr().err


def test_init_writes_settings_that_load_and_never_overwrites(here, capsys):
    assert run_command(["init"]) == 0
    assert tomllib.loads(Path("guildhall.toml").read_text()) == {}
    assert (Path("var/secret.key").stat().st_mode & 0o777) == 0o600
    Path("guildhall.toml").write_text("# mine\n")
    key = Path("var/secret.key").read_text()
    assert run_command(["init"]) == 0
    assert Path("guildhall.toml").read_text() == "# mine\n"
    assert Path("var/secret.key").read_text() == key


def test_a_misspelt_setting_is_refused_with_the_nearest_known_one(here, capsys):
    Path("guildhall.toml").write_text("[gatewya]\nport = 1\n")
    assert run_command(["sources"]) == 1
    said = capsys.readouterr().err
    assert "gatewya" in said
    assert "Did you mean `gateway`?" in said


def test_sources_lists_every_platform_for_a_machine_too(here, capsys):
    assert run_command(["sources", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"slack", "zoom"} <= {platform["platform"] for platform in said["platforms"]}


def test_metrics_shows_one_whole(here, capsys):
    assert run_command(["metrics", "n2"]) == 0
    said = capsys.readouterr().out
    assert "Newcomer welcome" in said
    assert "caveat" in said


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["metrics", "Z9"], "no metric"),
        (["sql", "select 1"], "published"),
        (["levels", "auditors"], "published"),
        (["report", "auditors"], "published"),
        (["import", "slack-exprot", "x.zip", "--community", "a"], "cannot be imported"),
        (["import", "slack-export", "x.zip", "--community", "nobody"], "no community"),
        (["rejected", "--show", "x"], "no place"),
        (["why", "Ann Example"], "neither"),
    ],
)
def test_what_cannot_be_done_is_said_in_three_parts(here, capsys, arguments, word):
    assert run_command(arguments) == 1
    said = capsys.readouterr().err
    assert word in said
    assert "why" in said
    assert "to do" in said


def test_no_traceback_without_debug(here, capsys):
    run_command(["sql", "select 1"])
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content"),
    [("cut.zip", b"PK\x03\x04 the beginning of a zip"), ("not.zip", b"[]"), ("layout.zip", None)],
)
def test_a_broken_export_is_refused_in_a_dry_run_and_nothing_is_sent(here, capsys, name, content):
    Path("guildhall.toml").write_text('[community.gardeners]\ntitle = "Gardeners"\n')
    if content is None:
        with zipfile.ZipFile(name, "w") as archive:
            archive.writestr("readme.txt", "hello")
    else:
        Path(name).write_bytes(content)
    assert run_command(["import", "slack-export", name, "--community", "gardeners", "--dry-run"]) == 1
    assert "to do" in capsys.readouterr().err
