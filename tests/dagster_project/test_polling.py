"""Polling from outside: what the settings may hold, `guildhall poll`, `guildhall sources`, and the process of `guildhall up`."""

import json
import re

import httpx
import pytest
from filelock import FileLock

from dagster_project import polling
from dagster_project.assembly import sources_of
from dagster_project.cli.app import run_command
from dagster_project.cli.common import state
from dagster_project.polling import polled_sources
from dagster_project.processes.up import children
from dagster_project.settings import load
from events.errors import GuildhallError
from pipelines.ingest import last_seen
from tests.pipelines.wiki_api import START, URL, WikiApi

POLLED = """
[source.wiki]
platform = "mediawiki"
kind = "poll"
url = "https://wiki.garden.example/w/api.php"
"""
BROKEN = """
[source.broken]
platform = "mediawiki"
kind = "poll"
url = "https://gone.example/api.php"
"""
PUSHED = """
[source.main]
platform = "slack"
secret_env = "NOT_SET"
"""


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Write these settings; commands then use them."""
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)

    def write(text: str):
        path = tmp_path / "guildhall.toml"
        path.write_text(text)
        monkeypatch.setenv("GUILDHALL_CONFIG", str(path))
        monkeypatch.setenv("GUILDHALL_HOME", str(tmp_path / "var"))
        monkeypatch.setattr(state, "config", None)
        monkeypatch.setattr(state, "home", None)
        return load()

    return write


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[source.a]\nplatform = "mediawiki"\nkind = "poll"\n', "needs a `url`"),
        ('[source.a]\nplatform = "mediawiki"\nurl = "https://a.example/api.php"\n', '`url` is for sources with kind = "poll"'),
        ('[source.a]\nplatform = "zoom"\nkind = "poll"\nurl = "https://a.example"\n', "zoom has no poll"),
        ('[source.a]\nplatform = "mediawiki"\nkind = "poll"\nurl = "a.example/api.php"\n', "url"),
        (
            '[source.a]\nplatform = "mediawiki"\nkind = "poll"\nurl = "http://a.example/api.php"\nsecret_env = "X"\n',
            "https://",
        ),
        ('[source.a]\nplatform = "mediawiki"\nkind = "poll"\nurl = "https://a.example"\npoll_seconds = 0\n', "poll_seconds"),
    ],
)
def test_settings_of_a_polled_source_that_mean_nothing_are_refused(configured, text, why):
    with pytest.raises(GuildhallError, match=re.escape(why)):
        configured(text)


def test_a_polled_source_is_what_the_settings_name(configured, monkeypatch):
    monkeypatch.setenv("TOKEN", "one\ntwo")
    settings = configured(
        POLLED.replace("api.php", "api.php/") + 'poll_seconds = 5\ntenant = "garden"\nsecret_env = "TOKEN"\n' + PUSHED
    )
    (source,) = polled_sources(settings)
    assert (source.name, source.address, source.url) == ("wiki", "poll/mediawiki/wiki", URL)
    assert (source.every_seconds, source.tenant, source.secrets) == (5.0, "garden", ("one", "two"))


@pytest.mark.parametrize(
    ("text", "names", "what"), [(POLLED, ["main"], "`main` is not polled"), (PUSHED, [], "No source is polled")]
)
def test_a_name_that_no_polled_source_has_is_refused_with_those_there_are(configured, text, names, what):
    with pytest.raises(GuildhallError, match=what):
        polled_sources(configured(text), names)


@pytest.mark.parametrize(("text", "runs"), [(POLLED, True), (PUSHED, False)])
def test_up_runs_the_poller_where_a_source_is_polled(configured, text, runs):
    assert ("poller" in [child.name for child in children(configured(text), "127.0.0.1:1")]) is runs


def answers(api: WikiApi):
    def client(_version: str) -> httpx.Client:
        def handle(request: httpx.Request) -> httpx.Response:
            return httpx.Response(404) if request.url.host == "gone.example" else api._handle(request)

        return httpx.Client(transport=httpx.MockTransport(handle))

    return client


@pytest.mark.kafka
def test_poll_reads_each_source_once_and_fails_for_the_broken_one_only(configured, kafka, monkeypatch, capsys):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    settings = configured(BROKEN + POLLED)
    api = WikiApi()
    api.edit(START)
    monkeypatch.setattr(polling, "make_client", answers(api))

    assert run_command(["poll"]) == 1
    shown = capsys.readouterr()
    assert re.search(r"wiki +1 new events", shown.out)
    assert "404" in shown.err
    assert "to do" in shown.err

    assert run_command(["poll", "wiki", "--json"]) == 0
    (done,) = json.loads(capsys.readouterr().out)
    assert (done["source"], done["events"], done["failure"]) == ("wiki", 0, None)

    assert run_command(["sources", "--json"]) == 0
    listed = {one["source"]: one for one in json.loads(capsys.readouterr().out)["sources"]}
    wiki, broken = listed["poll/mediawiki/wiki"], listed["poll/mediawiki/broken"]
    assert wiki["endpoint"] == URL
    assert wiki["seen_at"] == last_seen.read(settings.paths.sources)["poll/mediawiki/wiki"]["seen_at"]
    assert wiki["poll"]["answered_at"]
    assert wiki["poll"]["gaps"] == []
    assert "404" in broken["poll"]["failure"]
    assert {one.address: one.last_seen_at is not None for one in sources_of(settings)} == {
        "poll/mediawiki/wiki": True,
        "poll/mediawiki/broken": False,
    }, "M1 counts a polled source as seen when it answers"
    assert broken["seen_at"] is None

    assert run_command(["sources"]) == 0
    assert re.search(r"poll/mediawiki/broken .*404", capsys.readouterr().out)


@pytest.mark.kafka
def test_two_processes_do_not_poll_for_one_home(configured, kafka, monkeypatch, capsys):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    settings = configured(POLLED)
    settings.home.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.paths.poller_lock):
        assert run_command(["poll"]) == 1
    assert "polled already" in capsys.readouterr().err
