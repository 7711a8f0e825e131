"""Sources in the settings: their identity, their kind, their tenant."""

from pathlib import Path

import pytest

from dagster_project.settings import Settings, load
from events.errors import GuildhallError


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
