"""Bad input: a command that is refused reports three parts and changes nothing."""

import errno
import fcntl
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import pytest

from dagster_project.cli.app import run_command
from dagster_project.processes.supervisor import alive, wait_for
from events.errors import GuildhallError
from pipelines.broker.runtime import BrokerError, jars
from warehouse.report.period import period_of

SPACE = '[[community.{0}.space]]\nplatform = "slack"\nworkspace = "{1}"\nspaces = ["{2}"]\n'
COMMUNITY = '[community.{0}]\ntitle = "Some people"\n'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("GUILDHALL_CONFIG", "GUILDHALL_HOME", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def published(here):
    folder = here / "var" / "published"
    folder.mkdir(parents=True)
    con = duckdb.connect(str(folder / "guildhall-000001.duckdb"))
    con.execute(
        "create schema core; create table core.communities as select 'bakers' as community, 'Bakers' as title, 'UTC' as time_zone"
    )
    con.execute("create table core.interactions (community varchar, occurred_at timestamp)")
    con.execute(
        "create schema meta; create table meta.dictionary as select 'core' as layer, 'communities' as \"table\", "
        "'community' as \"column\", 1 as position, 'varchar' as \"type\", 'the slug' as meaning, 'Each one.' as table_meaning"
    )
    con.close()
    (folder / "current").symlink_to("guildhall-000001.duckdb")
    return folder


def refused(capsys, *arguments: str) -> str:
    """Standard error of a command that is refused in three parts."""
    assert run_command(list(arguments)) == 1
    output = capsys.readouterr().err
    assert "  why    " in output
    assert "  to do  " in output
    assert "Something failed" not in output
    return output


def sync_settings(text: str) -> None:
    Path("guildhall.toml").write_text(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[gateway]\nport = 'http'\n", "gateway.port"),
        ("community = 3\n", "a block of settings"),
        ("kafka = 3\n", "a block of settings"),
        ("[community.a]\n", "community.a.title: this is missing"),
        (COMMUNITY.format("a") + "time_zone = 'Europe/Berlni'\n", "is not a time zone"),
        (COMMUNITY.format("a") + "time_zone = '../etc/passwd'\n", "is not a time zone"),
        (COMMUNITY.format("a") + "[[community.a.break]]\nfrom = 2026-03-01\nto = 2026-01-01\n", "`to` is not after `from`"),
        (COMMUNITY.format("a") + SPACE.format("a", "T1", "C1") + "from = 2026-03-01\nto = 2026-03-01\n", "not after"),
        (COMMUNITY.format("a") + "[[community.a.break]]\nfrom = '2026-13-01'\nto = 2026-01-01\n", "break.0.from"),
        ("[source.a]\nplatform = 'slak'\n", "did you mean `slack`?"),
        (COMMUNITY.format("a") + SPACE.format("a", "T1", "C1").replace("slack", "slak"), "did you mean `slack`?"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(here, capsys, text, word):
    sync_settings(text)
    assert word in refused(capsys, "sources")


@pytest.mark.parametrize(("workspace", "space"), [("T1", "C1"), ("*", "C1"), ("T1", "*"), ("T1", "C?")])
def test_a_space_of_two_communities_is_refused(here, capsys, workspace, space):
    mine, theirs = SPACE.format("a", "T1", "C1"), SPACE.format("b", workspace, space)
    sync_settings(COMMUNITY.format("a") + mine + COMMUNITY.format("b") + theirs)
    assert "`a` and `b` both have the space slack/T1/C1" in refused(capsys, "sources")


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (SPACE.format("a", "T1", "C1"), SPACE.format("b", "T1", "C2")),
        (SPACE.format("a", "T1", "C1"), SPACE.format("b", "T2", "C1")),
        (SPACE.format("a", "T1", "C1") + "to = 2026-03-01\n", SPACE.format("b", "T1", "C1") + "from = 2026-03-01\n"),
    ],
)
def test_neighbours_and_a_dated_move_are_no_conflict(here, capsys, mine, theirs):
    sync_settings(COMMUNITY.format("a") + mine + COMMUNITY.format("b") + theirs)
    assert run_command(["sources", "--json"]) == 0


def test_settings_that_are_a_folder_are_refused(here, capsys):
    Path("guildhall.toml").mkdir()
    assert "guildhall.toml cannot be used" in refused(capsys, "sources")


def test_a_secret_file_that_cannot_be_read_is_named_with_its_source(here, capsys):
    Path("secret").mkdir()
    sync_settings("[source.chat]\nplatform = 'slack'\nsecret_file = 'secret'\n")
    assert "`chat`" in refused(capsys, "sources")


def test_an_export_that_cannot_be_opened_is_refused_before_kafka_is_started(here, capsys):
    sync_settings(COMMUNITY.format("bakers"))
    for name in ("nowhere.zip", "layout.zip"):
        output = refused(capsys, "import", "slack-export", name, "--community", "bakers")
        assert "Starting Kafka" not in output
        with zipfile.ZipFile("layout.zip", "w") as archive:
            archive.writestr("readme.txt", "hello")
    assert not Path("var/kafka").exists()


def test_a_build_of_the_future_is_refused(here, capsys):
    assert "in the future" in refused(capsys, "build", "--as-of", "9999-01-01")
    assert not Path("var/warehouse.duckdb").exists()


def test_rows_of_an_unknown_community_are_refused_and_not_an_empty_list(published, capsys):
    assert "The published file has: bakers" in refused(capsys, "report", "bakres", "--format", "json")


@pytest.mark.parametrize(
    "query",
    [
        "create table x as select 1",
        "drop table core.communities",
        "attach 'other.db'",
        "from read_csv('/etc/passwd')",
        "from '/etc/passwd'",
        "copy (select 1) to 'out.csv'",
        "set enable_external_access = true",
        "select 1; delete from core.communities",
        "selec 1",
    ],
)
def test_a_query_that_writes_or_leaves_the_file_is_refused(published, capsys, query):
    assert "The query was refused" in refused(capsys, "sql", query)
    assert sorted(path.name for path in published.parent.parent.iterdir()) == ["var"]


@pytest.mark.parametrize(
    ("query", "remedy"),
    [
        ("copy core.communities to 'x.csv'", "--format csv"),
        ("from core.comunities", "guildhall sql .tables"),
        ("select comunity from core.communities", ".schema TABLE"),
        (".schema core.comunities", "guildhall sql .tables"),
        (".tabels", "There are .tables, .schema, .help and .quit."),
    ],
)
def test_a_refused_query_names_a_remedy_that_works_outside_the_prompt(published, capsys, query, remedy):
    assert remedy in refused(capsys, "sql", query)


@pytest.mark.parametrize("name", ["core.communities", "communities"])
def test_commands_of_the_prompt_work_outside_it_too(published, capsys, name):
    for command, text in (
        (".tables", "core.communities"),
        (f".schema {name}", "the slug"),
        (".help", ".schema TABLE"),
        (".quit", ""),
    ):
        assert run_command(["sql", command]) == 0
        assert text in capsys.readouterr().out


def test_the_prompt_goes_on_after_a_wrong_query_and_ends_with_quit(published, capsys, monkeypatch):
    lines = iter(["selec 1", ".tables", ".quit", "never read"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(lines))
    assert run_command(["sql"]) == 0
    output = capsys.readouterr()
    assert "syntax error" in output.err
    assert "core.communities" in output.out
    assert list(lines) == ["never read"]


def test_a_pseudonym_stays_on_one_line_in_a_wide_table(published, capsys):
    columns = ", ".join(f"md5('{number}') as member_{number}" for number in range(9))
    assert run_command(["sql", f"select {columns}, repeat('long text ', 40) as reason"]) == 0
    found = capsys.readouterr().out
    assert len(re.findall(r"\b[0-9a-f]{32}\b", found.splitlines()[1])) == 9


def test_an_empty_query_prints_nothing(published, capsys):
    assert run_command(["sql", " ; -- nothing"]) == 0


def test_a_table_shows_cells_as_they_are(published, capsys):
    assert run_command(["sql", "select '[bold]x[/bold] [/red]' as message"]) == 0
    assert "[bold]x[/bold] [/red]" in capsys.readouterr().out


HOSTILE = (
    "select chr(27) || ']0;owned' || chr(7) as title, chr(155) || '2J' as c1, 'a' || chr(8238) || 'b' as turned, '=1+1' as sum"
)


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_no_text_of_a_table_is_obeyed_by_a_terminal_or_computed_by_a_spreadsheet(published, capsys, output):
    assert run_command(["sql", HOSTILE, "--format", output]) == 0
    shown = capsys.readouterr().out
    assert [c for c in shown if (ord(c) < 0x20 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e"] == []
    assert "owned" in shown
    assert (",'=1+1" in shown) == (output == "csv")


def test_an_error_shows_no_escape_sequence(published, capsys):
    assert run_command(["sql", 'from "\x1b[2Jnowhere"']) == 1
    assert run_command(["report", "\x1b[2Jx", "--period", "2026-01"]) == 1
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "period", ["2026/10", "2026-1", "../../x", "2026-10/..", "\uff12\uff10\uff12\uff16-10", "2026-13", "2026-10\n", ""]
)
def test_what_is_no_period_is_refused_and_makes_no_folder(period):
    with pytest.raises(GuildhallError, match="is no period"):
        period_of(period)


def test_a_long_table_is_cut_and_a_long_csv_is_not(published, capsys):
    assert run_command(["sql", "from range(25000)"]) == 0
    table = capsys.readouterr()
    assert len(table.out.splitlines()) == 1_001
    assert "The first 1,000 rows" in table.err
    assert run_command(["sql", "from range(25000)", "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 25_001


@pytest.mark.parametrize("output", ["csv", "table"])
def test_a_closed_pipe_ends_a_query_without_a_failure(published, output):
    command = [sys.executable, "-c", "from dagster_project.cli import main; main()", "sql", "--format", output]
    with subprocess.Popen(
        [*command, "select i, repeat('x', 500) from range(200000) t(i)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "GUILDHALL_HOME": str(published.parent)},
    ) as asked:
        assert asked.stdout
        asked.stdout.readline()
        asked.stdout.close()
        assert asked.stderr
        assert b"Traceback" not in asked.stderr.read()
    assert asked.returncode == 0


@pytest.mark.parametrize("command", ["sources", "status", "doctor", "metrics"])
def test_output_for_a_program_is_json_and_nothing_else(here, capsys, monkeypatch, command):
    sync_settings(COMMUNITY.format("bakers"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setattr("pipelines.broker.admin.wait_ready", lambda *_: False)
    run_command([command, "--json"])
    json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("address", ["nohost", "host:port", ",", "http://host:9092", "host:9092,"])
def test_a_malformed_address_of_kafka_names_the_variable_that_holds_it(here, capsys, monkeypatch, address):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
    assert "KAFKA_BOOTSTRAP_SERVERS" in refused(capsys, "land")


def test_every_command_that_needs_kafka_reports_that_it_is_down(here, capsys, monkeypatch):
    sync_settings(COMMUNITY.format("bakers"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setattr("dagster_project.processes.temporary.admin.wait_ready", lambda *_: False)
    for command in ("land", "refresh"):
        assert "Kafka at 127.0.0.1:9 does not answer" in refused(capsys, command)


def test_the_second_of_two_commands_that_start_kafka_is_refused(here, capsys):
    Path("var").mkdir()
    with Path("var/kafka.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "Another command runs Kafka" in refused(capsys, "refresh")
    assert not Path("var/kafka").exists()


def test_a_home_that_is_a_file_is_refused_and_the_doctor_goes_on(here, capsys):
    Path("var").write_text("")
    refused(capsys, "build")
    assert run_command(["doctor", "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)) > 3


def test_a_full_disk_is_reported_as_a_full_disk(published, capsys, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("dagster_project.delivery.issue.make_report", full)
    assert "The disk is full" in refused(capsys, "report", "bakers")


def test_init_writes_where_config_says(here, capsys):
    assert run_command(["--config", "mine.toml", "init"]) == 0
    assert Path("mine.toml").exists()
    assert not Path("guildhall.toml").exists()


def test_a_published_file_that_is_gone_is_made_again_by_publish(here, capsys):
    sync_settings(COMMUNITY.format("bakers"))
    assert run_command(["build"]) == 0
    assert run_command(["publish"]) == 0
    assert run_command(["publish"]) == 0
    for path in Path("var/published").glob("*.duckdb"):
        path.unlink()
    assert "`guildhall publish` writes a new one" in refused(capsys, "sql", "select 1")
    assert run_command(["publish"]) == 0
    assert run_command(["sql", "select 1"]) == 0


def test_ctrl_c_has_an_answer(published, capsys, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dagster_project.delivery.issue.make_report", interrupted)
    assert "Stopped." in refused(capsys, "report", "bakers")


def test_kafka_ends_with_a_command_that_was_killed():
    starter = (
        "import subprocess, sys, time; from pipelines.broker.server import _DIE_WITH_PARENT as words; "
        "print(subprocess.Popen([sys.executable, '-I', '-S', '-c', words, '/bin/sleep', '60']).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert wait_for(lambda: "sleep" in Path(f"/proc/{child}/comm").read_text(), 20)
        parent.kill()
    assert wait_for(lambda: not alive(child), 20)


def test_jars_that_cannot_be_fetched_are_not_reported_as_a_disk_error(tmp_path, monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("a proxy error of requests, which has no number")

    monkeypatch.setattr("jgo.build", unreachable)
    with pytest.raises(BrokerError) as refusal:
        jars(tmp_path)
    assert "could not be fetched" in refusal.value.what
