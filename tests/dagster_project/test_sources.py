"""Sources in the settings: their identity, their kind, their tenant."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dagster_project.cli import setup
from dagster_project.cli.app import run_command
from dagster_project.settings import Settings, load
from events.errors import GuildhallError
from pipelines.ingest.last_seen import LastSeen


def settings(folder: Path, text: str) -> Settings:
    path = folder / "guildhall.toml"
    path.write_text(text)
    return load(path, folder / "var")


def test_a_source_is_a_webhook_where_nothing_else_is_set(tmp_path):
    found = settings(tmp_path, '[source.main]\nplatform = "slack"\n')
    assert found.source_of("main").address == "webhook/slack/main"


def test_a_source_has_the_kind_that_is_set(tmp_path):
    found = settings(tmp_path, '[source.wiki]\nplatform = "mediawiki"\nkind = "emit"\n')
    assert found.source_of("wiki").address == "emit/mediawiki/wiki"


def test_an_import_gets_the_tenant_of_the_sources_of_its_platform(tmp_path):
    found = settings(tmp_path, '[source.a]\nplatform = "zulip"\ntenant = "garden"\n[source.b]\nplatform = "slack"\n')
    assert found.tenant_of("zulip") == "garden"
    assert found.tenant_of("slack") is None
    assert found.tenant_of("zoom") is None


def test_an_import_gets_the_one_workspace_of_the_communitys_spaces_where_no_source_names_a_tenant(tmp_path):
    space = '[[community.{}.space]]\nplatform = "slack"\nworkspace = "{}"\nspaces = ["{}"]\n'
    named = '[community.{0}]\ntitle = "{0}"\n'
    text = named.format("one") + space.format("one", "T1", "C1") + space.format("one", "T1", "C2")
    text += named.format("two") + space.format("two", "T1", "C3") + space.format("two", "T2", "C4")
    text += named.format("three") + space.format("three", "export", "C5")
    found = settings(tmp_path, text + '[source.a]\nplatform = "slack"\n')
    assert [found.tenant_of("slack", slug) for slug in ("one", "two", "three")] == ["T1", None, None]
    assert found.tenant_of("zulip", "one") is None
    assert settings(tmp_path, text + '[source.a]\nplatform = "slack"\ntenant = "T9"\n').tenant_of("slack", "one") == "T9"


def test_sources_that_disagree_on_the_tenant_give_an_import_none(tmp_path):
    text = '[source.a]\nplatform = "zulip"\ntenant = "garden"\n[source.b]\nplatform = "zulip"\ntenant = "kitchen"\n'
    assert settings(tmp_path, text).tenant_of("zulip") is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[source.a]\nplatform = "irc"\n', "irc has no webhook; its events arrive by: import"),
        ('[source.a]\nplatform = "slack"\nkind = "emit"\n', "slack has no emit"),
        ('[source.a]\nplatform = "slack"\nkind = "import"\n', "kind"),
        ('[source."a/b"]\nplatform = "slack"\n', "letters, digits"),
        (
            '[source.a]\nplatform = "zulip"\nkind = "emit"\n[source.b]\nplatform = "zulip"\nkind = "emit"\n',
            "at most one such",
        ),
    ],
)
def test_a_source_that_cannot_be_is_refused_with_the_reason(tmp_path, text, named):
    with pytest.raises(GuildhallError) as refused:
        settings(tmp_path, text)
    assert named in str(refused.value)


def test_sources_lists_whatever_sent_events_with_counts_and_the_last_sign(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "var"
    settings(tmp_path, '[community.a]\ntitle = "A"\n[source.main]\nplatform = "slack"\n')
    signs = LastSeen(home / "sources")
    for address in ("webhook/slack/main", "emit/guildhall/main"):
        signs.note(address, "seen", datetime(2026, 3, 2, 9, tzinfo=UTC))
    signs.write()
    counts = {
        "webhook/slack/main": (12, 10, 1, 1),
        "emit/guildhall/main": (3, 3, 0, 0),
        "import/slack/slack-export": (1_400, 1_400, 0, 0),
    }
    rows = [
        {"name": name, **dict(zip(("raw", "understood", "ignored", "rejected"), n, strict=True))} for name, n in counts.items()
    ]
    monkeypatch.setattr(setup, "_published", lambda _settings, query: rows if "accounting" in query else [])
    assert run_command(["--home", str(home), "sources"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    shown = {words[0]: words[1:] for words in lines if words and words[0] in counts}
    assert shown["webhook/slack/main"][2:5] == ["12", "1", "2026-03-02T09:00:00+00:00"]
    assert shown["emit/guildhall/main"] == ["3", "0", "2026-03-02T09:00:00+00:00"]
    assert shown["import/slack/slack-export"] == ["1,400", "0", "–"]
