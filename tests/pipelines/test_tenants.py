"""The tenant of a source: live traffic and an import of the same place get the same account ids."""

import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.communities import Communities, Community, SpaceRule
from events.outcome import Reason, Verdict
from events.raw import RawEvent
from pipelines.connector import ImportOptions
from pipelines.imports.importer import raw_events
from pipelines.platforms import PLATFORMS
from pipelines.understand.understand import Context, understand

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SPACES = tuple(SpaceRule(platform=slug, workspace="garden", spaces=("*",)) for slug in PLATFORMS)
COMMUNITY = Community(slug="gardeners", title="Gardeners", space=SPACES)
CONTEXT = Context(key=b"k", communities=Communities({"gardeners": COMMUNITY}), platforms=PLATFORMS)
FIXTURES = Path(__file__).parents[1] / "fixtures"


def slack_export(folder: Path) -> Path:
    path = folder / "export.zip"
    files = {
        "channels.json": [{"id": "C1", "name": "general"}],
        "users.json": [{"id": "U1", "team_id": "T0", "name": "ada"}],
        "general/2026-03-02.json": [{"type": "message", "user": "U1", "text": "hi", "ts": "1772452680.000100"}],
    }
    with zipfile.ZipFile(path, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, json.dumps(content))
    return path


def zulip_export(folder: Path) -> Path:
    root = folder / "export"
    root.mkdir()
    message = {"id": 1, "sender": 7, "recipient": 3, "subject": "soup", "content": "hi", "date_sent": 1772452680.0}
    (root / "realm.json").write_text(
        json.dumps(
            {
                "zerver_realm": [{"id": 1, "name": "Garden Club"}],
                "zerver_stream": [{"id": 5, "name": "general", "invite_only": False}],
                "zerver_recipient": [{"id": 3, "type": 2, "type_id": 5}],
                "zerver_userprofile": [{"id": 7, "full_name": "Ada", "email": "ada@garden.example", "is_bot": False}],
            }
        )
    )
    (root / "messages-000001.json").write_text(json.dumps({"zerver_message": [message]}))
    return root


SLACK_LIVE = {
    "type": "event_callback",
    "team_id": "T0",
    "event": {
        "type": "message",
        "channel": "C1",
        "channel_type": "channel",
        "user": "U1",
        "text": "hi",
        "ts": "1772452680.000100",
    },
}


def actors(raw: RawEvent) -> set[str]:
    return {interaction.actor for interaction in understand(raw.payload, raw.headers(), 0, 1, CONTEXT).interactions}


def live(kind: str, payload: object, source: str) -> RawEvent:
    body = json.dumps(payload).encode()
    return RawEvent(id="1", sender="/s", type=kind, source=source, received_at=NOW, payload=body, tenant="garden")


@pytest.mark.parametrize("kind", ["slack", "zulip"])
def test_live_traffic_and_an_import_with_the_tenant_of_the_source_have_the_same_accounts(kind: str, tmp_path: Path) -> None:
    if kind == "slack":
        export, path, event = "slack-export", slack_export(tmp_path), live("slack.event", SLACK_LIVE, "webhook/slack/main")
    else:
        message = json.loads((FIXTURES / "zulip/message.json").read_text())["raw"]["payload"]
        message["message"] |= {"sender_id": 7}
        export, path = "zulip-archive", zulip_export(tmp_path)
        event = live("zulip.webhook", message, "webhook/zulip/main")
    imported = [
        found for raw in raw_events(PLATFORMS[kind], export, path, ImportOptions(tenant="garden"), NOW) for found in actors(raw)
    ]
    assert len(imported) == 1
    assert set(imported) == actors(event)


CHANGE = {
    "type": "edit",
    "id": 5,
    "timestamp": 1772452680,
    "title": "Soup",
    "namespace": 0,
    "user": "Ada",
    "bot": False,
    "wiki": "othergarden",
    "revision": {"old": 7, "new": 8},
    "length": {"old": 10, "new": 30},
}
ACTION = {"id": "p1", "verb": "post", "actor": {"id": "17", "name": "Ada"}, "space": "general", "time": "2026-03-02T11:00:00Z"}


@pytest.mark.parametrize(
    ("kind", "payload", "source"),
    [
        ("mediawiki.recentchange", CHANGE, "webhook/mediawiki/main"),
        ("mediawiki.recentchange", CHANGE, "emit/mediawiki/main"),
        ("guildhall.action", ACTION, "emit/guildhall/main"),
    ],
)
def test_a_source_sends_no_events_of_another_tenant(kind, payload, source):
    raw = replace(live(kind, payload, source), tenant="othergarden")
    allowed = {"othergarden": Verdict.UNDERSTOOD, "garden": Verdict.REJECTED}
    everywhere = Communities(
        {"g": Community(slug="g", title="G", space=tuple(r.model_copy(update={"workspace": "*"}) for r in SPACES))}
    )
    for tenant, verdict in allowed.items():
        context = Context(b"k", everywhere, PLATFORMS, {source: tenant})
        outcome = understand(raw.payload, raw.headers(), 0, 1, context)
        assert outcome.record.verdict is verdict
        if verdict is Verdict.REJECTED:
            assert (outcome.record.reason, outcome.interactions, outcome.accounts) == (Reason.BAD_ENVELOPE, (), ())


def test_an_import_cannot_give_a_space_to_another_community_than_the_settings(tmp_path):
    communities = Communities({"gardeners": COMMUNITY, "bakers": Community(slug="bakers", title="Bakers")})
    context = Context(b"k", communities, PLATFORMS)
    found = {}
    for community in ("gardeners", "bakers", None):
        options = ImportOptions(tenant="garden", community=community)
        (folder := tmp_path / str(community)).mkdir()
        raws = raw_events(PLATFORMS["slack"], "slack-export", slack_export(folder), options, NOW)
        outcomes = [understand(raw.payload, raw.headers(), 0, 1, context) for raw in raws]
        found[community] = [one.community for outcome in outcomes for one in outcome.interactions]
        conflicts = [outcome.record.detail for outcome in outcomes if outcome.record.verdict is Verdict.REJECTED]
        assert len(conflicts) == (community == "bakers")
    assert found == {"gardeners": ["gardeners"], "bakers": [], None: ["gardeners"]}
