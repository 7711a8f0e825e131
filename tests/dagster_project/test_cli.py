"""Command line: every command teaches, errors have three parts, exit codes have one meaning each."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from dagster_project.cli.app import app, run_command
from dagster_project.cli.common import counted
from dagster_project.cli.setup import example_of
from dagster_project.settings import DagsterSettings, GatewaySettings, KafkaSettings, RefreshSettings, SourceSettings, load
from events.communities import BotList, Community, SpaceRule
from events.errors import GuildhallError
from warehouse.identity.rosters import read_people, read_roles

KEY = bytes(32)
ROOT = Path(__file__).parent.parent.parent

PROMISED = ["demo", "up", "init", "sources", "import", "land", "build", "refresh", "publish", "report"]
PROMISED += ["sql", "levels", "why", "metrics", "validate", "ties", "rejected", "replay", "status", "doctor"]


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


def test_init_writes_settings_and_rosters_that_load_and_never_overwrites(here, capsys):
    assert run_command(["init"]) == 0
    assert tomllib.loads(Path("guildhall.toml").read_text()) == {}
    assert read_people(Path("people.csv"), KEY) == {}
    assert read_roles(Path("roles.csv"), KEY, [], []) == []
    assert (Path("var/secret.key").stat().st_mode & 0o777) == 0o600
    Path("guildhall.toml").write_text("# mine\n")
    key = Path("var/secret.key").read_text()
    assert run_command(["init"]) == 0
    assert Path("guildhall.toml").read_text() == "# mine\n"
    assert Path("var/secret.key").read_text() == key


def uncommented(text: str, sign: str = "# ") -> str:
    """An example file with its commented lines in effect, without the lines that are prose."""
    lines = [
        line.removeprefix(sign) for line in text.splitlines() if line.startswith((sign + "[", sign + "p1", sign + "auditors"))
    ]
    return "\n".join(lines) + "\n"


def test_every_setting_of_the_example_is_a_setting(here, monkeypatch):
    text = example_of("guildhall.toml")
    setting = re.compile(r"# (\[|[a-z_]+ = )")
    Path("guildhall.toml").write_text("\n".join(line[2:] for line in text.splitlines() if setting.match(line)))
    settings = load(Path("guildhall.toml"), here)
    assert settings.community["auditors"].space[0].spaces == ("C024BE91L", "C0G9QF9GZ")
    assert settings.source["main"].secret_env == "SLACK_SIGNING_SECRET"


def test_the_example_names_every_setting(here):
    text = example_of("guildhall.toml")
    models = (KafkaSettings, GatewaySettings, DagsterSettings, RefreshSettings, SourceSettings, Community, SpaceRule, BotList)
    names = {field.alias or name for model in models for name, field in model.model_fields.items()} - {"slug"}
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", text)] == []


def test_the_examples_of_the_rosters_can_be_used(here):
    for name in ("people.csv", "roles.csv"):
        header = next(line for line in example_of(name).splitlines() if not line.startswith("#"))
        Path(name).write_text(header + "\n" + uncommented(example_of(name)))
    people = read_people(Path("people.csv"), KEY)
    assert len(people) == 2
    assert [role.role for role in read_roles(Path("roles.csv"), KEY, ["auditors"], set(people.values()))] == ["facilitator"]


def test_a_comment_in_a_roster_keeps_the_numbers_of_lines(here):
    Path("people.csv").write_text("# our people\nperson,platform,tenant,account\n# Ann\np1,slack,,U1\n")
    with pytest.raises(GuildhallError, match="line 4, column `tenant`"):
        read_people(Path("people.csv"), KEY)


def slack_export(path: Path, *, team: str | None) -> Path:
    """A small export of Slack: two channels, three messages."""
    user = {"id": "U1", "name": "ann"} | ({"team_id": team} if team else {})
    days = {"general": ["1704103200.000100", "1704106800.000200"], "random": ["1704110400.000300"]}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("users.json", json.dumps([user]))
        archive.writestr("channels.json", json.dumps([{"id": f"C{name}", "name": name} for name in days]))
        for name, moments in days.items():
            messages = [{"type": "message", "user": "U1", "ts": ts, "text": "hello"} for ts in moments]
            archive.writestr(f"{name}/2024-01-01.json", json.dumps(messages))
    return path


def test_init_from_an_export_writes_its_spaces_and_the_import_that_follows_is_mapped(here, capsys):
    export = slack_export(here / "export.zip", team="T1")
    assert run_command(["init", "--from", str(export)]) == 0
    assert f"guildhall import slack-export {export} --community my-community" in capsys.readouterr().out
    (rule,) = load(Path("guildhall.toml"), here).community["my-community"].space
    assert (rule.platform, rule.workspace, set(rule.spaces)) == ("slack", "T1", {"Cgeneral", "Crandom"})
    assert rule.titles == {"Cgeneral": "general", "Crandom": "random"}
    assert run_command(["import", "slack-export", str(export), "--community", "my-community", "--dry-run", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["interactions"] == 3
    assert result["unmapped"] == {}
    assert result["workspaces"] == {"T1": 4}  # three messages, and the account
    assert (result["first"][:10], result["last"][:10]) == ("2024-01-01", "2024-01-01")


def test_init_from_something_else_writes_nothing(here, capsys):
    Path("notes.txt").write_text("not an export")
    assert run_command(["init", "--from", "notes.txt"]) == 1
    assert "is not an export" in capsys.readouterr().err
    assert sorted(path.name for path in here.iterdir()) == ["notes.txt"]


def test_init_from_an_export_never_overwrites_settings(here, capsys):
    Path("guildhall.toml").write_text("# mine\n")
    assert run_command(["init", "--from", str(slack_export(here / "export.zip", team="T1"))]) == 1
    assert Path("guildhall.toml").read_text() == "# mine\n"


def test_an_import_whose_workspace_is_unknown_asks_for_it(here, capsys):
    export = slack_export(here / "export.zip", team=None)
    Path("guildhall.toml").write_text('[community.a]\ntitle = "A"\n')
    command = ["import", "slack-export", str(export), "--community", "a", "--dry-run"]
    assert run_command(command) == 1
    assert "--tenant" in capsys.readouterr().err
    assert run_command([*command, "--tenant", "T9"]) == 0
    assert "workspace T9 (named by --tenant)" in capsys.readouterr().out


def test_an_import_reports_the_workspace_the_days_the_people_and_the_spaces_that_it_found(here, capsys):
    export = slack_export(here / "export.zip", team="T1")
    Path("guildhall.toml").write_text('[community.a]\ntitle = "A"\n')
    assert run_command(["import", "slack-export", str(export), "--community", "a", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "workspace T1 (named by the export) · 2024-01-01 to 2024-01-01" in shown
    assert "1 account in 2 spaces: general 2, random 1" in shown
    assert "4 new, 0 known from an earlier import, 0 changed since" in shown


def test_an_import_with_a_broken_line_goes_on_reports_the_line_and_exits_with_1(here, capsys):
    Path("guildhall.toml").write_text('[community.a]\ntitle = "A"\n')
    change = {
        "type": "edit",
        "namespace": 0,
        "title": "Beans",
        "timestamp": 1_788_771_600,
        "user": "Rosa",
        "server_name": "w.org",
    }
    lines = [json.dumps({**change, "id": number, "revision": {"new": number}}) for number in (1, 2, 3)]
    Path("changes.jsonl").write_text("\n".join([lines[0][:40], *lines]))
    assert run_command(["import", "mediawiki-recentchange", "changes.jsonl", "--community", "a", "--dry-run"]) == 1
    shown = capsys.readouterr()
    assert "4 records = 3 understood + 0 ignored + 1 rejected" in shown.out
    assert "Line 1: it is not JSON" in shown.out
    assert "workspace w.org (named by the export) ·" in shown.out
    assert "1 records of the export were rejected" in shown.err


def test_an_import_of_which_nothing_is_understood_exits_with_1(here, capsys):
    Path("guildhall.toml").write_text('[community.a]\ntitle = "A"\n')
    Path("changes.jsonl").write_text('{"type": "categorize", "id": 1, "server_name": "w.org"}\n')
    assert run_command(["import", "mediawiki-recentchange", "changes.jsonl", "--community", "a", "--dry-run"]) == 1
    assert "Nothing of the export was understood" in capsys.readouterr().err


def test_an_import_names_the_folders_that_no_list_names(here, capsys):
    export = slack_export(here / "export.zip", team="T1")
    with zipfile.ZipFile(export, "a") as archive:
        archive.writestr(
            "old-garden/2024-01-01.json", json.dumps([{"type": "message", "user": "U1", "ts": "1704100000.000100"}])
        )
    Path("guildhall.toml").write_text('[community.a]\ntitle = "A"\n')
    assert run_command(["import", "slack-export", str(export), "--community", "a", "--dry-run"]) == 0
    assert "in old-garden of workspace T1: the export does not show who can read it" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device that never ends")
def test_a_device_is_not_an_export(here, capsys):
    Path("guildhall.toml").write_text('[community.a]\ntitle = "A"\n')
    assert run_command(["import", "slack-export", "/dev/zero", "--community", "a"]) == 1
    assert "neither a file nor a folder" in capsys.readouterr().err


def test_a_misspelt_setting_is_refused_with_the_nearest_known_one(here, capsys):
    Path("guildhall.toml").write_text("[gatewya]\nport = 1\n")
    assert run_command(["sources"]) == 1
    output = capsys.readouterr().err
    assert "gatewya" in output
    assert "Did you mean `gateway`?" in output


def test_sources_lists_every_platform_as_json_too(here, capsys):
    assert run_command(["sources", "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert {"slack", "zoom"} <= {platform["platform"] for platform in output["platforms"]}


def test_sources_of_a_fresh_installation_name_the_block_to_add(here, capsys):
    assert run_command(["sources"]) == 0
    assert "[source.NAME]" in capsys.readouterr().out


def test_a_count_has_its_noun():
    assert [counted(n, noun) for n, noun in ((1, "communities"), (2, "rows"), (1, "rows"), (1_000, "checks"))] == [
        "1 community", "2 rows", "1 row", "1,000 checks",
    ]  # fmt: skip


def test_metrics_shows_everything_about_one_metric(here, capsys):
    assert run_command(["metrics", "n2"]) == 0
    output = capsys.readouterr().out
    assert "Newcomer welcome" in output
    assert "caveat" in output


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["metrics", "Z9"], "no metric"),
        (["sql", "select 1"], "published"),
        (["levels", "auditors"], "published"),
        (["report", "auditors"], "published"),
        (["import", "slack-exprot", "x.zip", "--community", "a"], "cannot be imported"),
        (["import", "slack-export", "x.zip", "--community", "nobody"], "no community"),
        (["rejected", "--show", "x"], "not a position"),
        (["why", "Ann Example"], "neither"),
        (["why", "slack/T1/U1"], "published"),
    ],
)
def test_a_refused_command_reports_three_parts(here, capsys, arguments, word):
    assert run_command(arguments) == 1
    output = capsys.readouterr().err
    assert word in output
    assert "why" in output
    assert "to do" in output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[door.main]\nplatform = 'slack'\n", "`door` is now `source`"),
        ("[community.a]\ntitle = 'A'\nnames_for_facilitators = false\n", "has no effect"),
        ("[community.a]\ntitle = 'A'\nreport.to = ['mailto:x@example.org']\n", "`community.a.report.to` has no effect"),
        ("[source.a]\nplatform = 'slack'\nto = 'x'\n", "`source.a.to` is not a setting"),
        ("home = '/tmp'\n", "Use --home"),
    ],
)
def test_a_setting_that_was_renamed_or_does_nothing_is_refused_with_a_sentence(here, capsys, text, message):
    Path("guildhall.toml").write_text(text)
    assert run_command(["sources"]) == 1
    assert message in capsys.readouterr().err


def test_help_imports_none_of_the_packages_that_commands_need(here):
    code = (
        "import sys; from dagster_project.cli.app import run_command; run_command(['--help']); "
        "print([n for n in ('pydantic', 'rich', 'duckdb', 'pyarrow', 'dagster', 'kafka', 'httpx') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_ctrl_c_while_the_commands_are_imported_has_an_answer(here):
    (here / "typer.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, "-c", "from dagster_project.cli import main; main()", "status"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{ROOT}"},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Stopped.")
    assert "Traceback" not in done.stderr


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
