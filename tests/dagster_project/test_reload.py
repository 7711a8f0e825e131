"""After a change of guildhall.toml the processes that read it start again; a file that is refused changes nothing."""

import sys
import threading
import time
from pathlib import Path

import pytest

from dagster_project.processes.entry_points import PROCESSES
from dagster_project.processes.reload import READ_BY, SettingsWatch, decide
from dagster_project.processes.supervisor import Child, Supervisor, wait_for
from dagster_project.settings import Settings, load

PLAIN = '[community.a]\ntitle = "A"\n[source.main]\nplatform = "slack"\n'


def settings(folder: Path, text: str = PLAIN) -> Settings:
    path = folder / "guildhall.toml"
    path.write_text(text)
    return load(path, folder / "var")


@pytest.mark.parametrize(
    ("more", "restarted"),
    [
        ("", None),
        ("# a comment\n", None),
        ('[community.b]\ntitle = "B"\n', ("worker", "refresher")),
        ('[[bots]]\nplatform = "slack"\nworkspace = "T1"\naccounts = ["U1"]\n', ("worker", "refresher")),
        ('[source.other]\nplatform = "zoom"\n', ("gateway", "worker", "refresher")),
        ("[gateway]\nport = 8001\n", ("gateway",)),
        ("[refresh]\nevery_seconds = 5.0\n", ("refresher",)),
        ("[dagster]\nport = 3001\n", ("webserver",)),
    ],
)
def test_what_reads_a_section_starts_again_and_nothing_else(tmp_path, more, restarted):
    running = [name for name in PROCESSES if name != "poller"]
    change = decide(settings(tmp_path), settings(tmp_path, PLAIN + more), running)
    assert (change and change.restart) == restarted


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[kafka]\nbootstrap_servers = "elsewhere:9092"\n', "Ctrl-C"),
        (
            '[source.wiki]\nplatform = "mediawiki"\nkind = "poll"\nurl = "https://wiki.example.org/api.php"\n',
            "starts the poller",
        ),
    ],
)
def test_what_cannot_start_again_alone_says_what_to_do(tmp_path, more, words):
    change = decide(settings(tmp_path), settings(tmp_path, PLAIN + more), ["kafka", "gateway", "worker", "refresher"])
    assert words in " ".join(change.lines)


def test_every_section_of_the_settings_has_its_readers():
    sections = {name for name, field in Settings.model_fields.items() if not field.exclude}
    assert sections == {*READ_BY, "kafka"}
    assert {name for names in READ_BY.values() for name in names} <= set(PROCESSES)


def test_a_file_that_is_refused_changes_nothing_until_it_is_right(tmp_path):
    now = [0.0]
    first = settings(tmp_path)
    watch = SettingsWatch(first, ["worker"], lambda: load(first.config, first.home), lambda: now[0])

    def look():
        now[0] += 10
        return watch.look()

    assert look() is None
    first.config.write_text(PLAIN + "[comunity.b]\n")
    change = look()
    assert change.restart == ()
    assert "Everything runs on" in change.lines[0]
    assert "community" in change.lines[0]
    assert look() is None, "reported once"
    first.config.unlink()
    assert look() is None, "an editor replaces the file"
    first.config.write_text(PLAIN + '[community.b]\ntitle = "B"\n')
    assert look().restart == ("worker",)


def test_a_child_that_is_started_again_does_not_wait(tmp_path):
    lines = []
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    supervisor = Supervisor([Child("one", sleeper), Child("other", sleeper)], tmp_path, lines.append, time.monotonic)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        assert wait_for(lambda: len(supervisor.pids()) == 2, 20)
        before = supervisor.pids()
        supervisor.restart(["one"])
        assert wait_for(lambda: supervisor.pids().get("one") not in {None, before["one"]}, 20)
        assert supervisor.pids()["other"] == before["other"]
        assert lines == ["one starts again"]
    finally:
        supervisor.stop()
        thread.join(30)
