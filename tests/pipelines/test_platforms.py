"""Platforms: a guide for whoever adds one. Every platform has a folder, a row and fixtures, and every fixture holds.

A platform is one folder `pipelines/platforms/<slug>/`, one folder of fixtures and one row. Run this file while you work: each
failure says what is missing and where to put it.

A fixture is one file per action, `tests/fixtures/<slug>/<action>.json`, with invented people only:

    {
      "what": "one sentence: what happened, and what it becomes",
      "raw": {
        "type": "slack.event",                    begins with the slug and a dot
        "source": "webhook/slack/main",           or "import/slack/slack-export" for what a reader of exports yields
        "received_at": "2026-03-02T12:00:00Z",    optional: this is the default
        "tenant": null, "community": null,        optional: what sources and imports add to the payload
        "payload": {…}                            any JSON; or "payload_text": "…" for other bytes
      },
      "expect": {
        "verdict": "understood",                  understood, ignored or rejected
        "reason": null,                           if ignored or rejected
        "interactions": [                         all of them, in order; of each the fields that matter
          {"event_id": "slack:T0:C1:1.0001", "verb": "post", "actor": {"account": "U1"}, "mentions": [{"account": "U2"}], …}
        ],
        "accounts": [{"native_id": "U1", "email": "…", …}]     all of them, in order
      }
    }

Fields are those of Interaction v1 and Account as JSON (times as "2026-03-02T11:58:00Z"; ids are whole, with
`platform:tenant:`; an account within an id is <native id>). People are `{"account": native id}`; a link in `refs` is
`{"link": "https://…"}`; an object or a thread that has only a title is `{"title": "…"}`, a section of a page
`{"page": native id, "section": "…"}`. A missing list is expected
to be empty. Every space of every tenant belongs to the community "gardeners".
"""

import ast
import json
import pkgutil
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import pipelines.platforms
from events.communities import Communities, Community, SpaceRule
from events.identity import account_in_key, actor_id, event_id, keyed_link, object_id, section_object, title_object
from events.raw import RawEvent
from pipelines.platforms import PLATFORMS
from pipelines.understand.understand import Context, Outcome, understand

FIXTURES = Path(__file__).parents[1] / "fixtures"
KEY = b"a key for tests only"
MOST_LINES_OF_SETUP = 10
RECEIVED_AT = "2026-03-02T12:00:00Z"
_MODULES = sorted(module.name for module in pkgutil.iter_modules(pipelines.platforms.__path__))
_FILES = sorted(path for slug in PLATFORMS for path in (FIXTURES / slug).glob("*.json"))


def everything_belongs_to_the_gardeners() -> Context:
    rules = tuple(SpaceRule(platform=slug, workspace="*", spaces=("*",)) for slug in PLATFORMS)
    community = Community(slug="gardeners", title="Gardeners", space=rules)
    return Context(key=KEY, communities=Communities({"gardeners": community}), platforms=PLATFORMS)


def outcome_of(raw: dict[str, Any], context: Context) -> Outcome:
    payload = raw["payload_text"].encode() if "payload_text" in raw else json.dumps(raw["payload"]).encode()
    event = RawEvent(
        id="fixture-1",
        sender="/fixtures",
        type=raw["type"],
        source=raw["source"],
        received_at=datetime.fromisoformat(raw.get("received_at", RECEIVED_AT)),
        payload=payload,
        tenant=raw.get("tenant"),
        community=raw.get("community"),
    )
    return understand(event.payload, event.headers(), 0, 7, context)


def _expected(value: Any, platform: str, tenant: str) -> Any:
    match value:
        case {"account": account}:
            return actor_id(KEY, platform, tenant, account)
        case {"link": url}:
            host = urlsplit(url).hostname or ""
            return keyed_link(KEY, url, ".".join(host.removeprefix("www.").split(".")[-2:]))
        case {"title": title}:
            return object_id(KEY, platform, tenant, title_object(title))
        case {"page": page, "section": section}:
            return object_id(KEY, platform, tenant, section_object(page, section))
        case str() if "<" in value:
            native = re.sub("<(.*?)>", lambda found: account_in_key(found[1]), value.removeprefix(f"{platform}:{tenant}:"))
            return event_id(KEY, platform, tenant, native)
        case list():
            return [_expected(item, platform, tenant) for item in value]
    return value


def test_an_account_in_a_key_is_a_keyed_hash_that_joins_nobody_across_actions():
    one, other = (
        event_id(KEY, "irc", "garden", f"{meeting}:{account_in_key('name:rosa')}:in:5") for meeting in ("board", "choir")
    )
    assert one == event_id(KEY, "irc", "garden", f"board:{account_in_key('name:rosa')}:in:5"), "the same action has the same id"
    assert one != event_id(b"another key", "irc", "garden", f"board:{account_in_key('name:rosa')}:in:5")
    assert "rosa" not in one + other
    assert one.split(":")[3] != other.split(":")[3]


@pytest.mark.parametrize("module", _MODULES)
def test_every_platform_module_has_a_row(module: str) -> None:
    assert module in PLATFORMS, (
        f"pipelines/platforms/{module}/ has no row: write `PLATFORM = Platform(slug={module!r}, …)` in its __init__.py "
        f"(pipelines/connector.py describes the fields) and add {module}.PLATFORM to _ROWS in pipelines/platforms/__init__.py"
    )


@pytest.mark.parametrize("slug", sorted(PLATFORMS))
def test_a_platform_is_a_folder_whose_init_has_the_row_only(slug: str) -> None:
    folder = Path(pipelines.platforms.__file__).parent / slug
    assert folder.is_dir(), f"make a folder pipelines/platforms/{slug}/ with __init__.py (the row) and normalise.py"
    assert (folder / "normalise.py").is_file(), f"write `normalise(raw)` in pipelines/platforms/{slug}/normalise.py"
    tree = ast.parse((folder / "__init__.py").read_text())
    code = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)]
    assert [ast.unparse(node).partition(" = ")[0] for node in code] == ["PLATFORM"], (
        f"pipelines/platforms/{slug}/__init__.py holds imports and the row PLATFORM: move other code to a module beside it, "
        "such as normalise.py, webhook.py, export.py, poll.py, payloads.py or markup.py"
    )


@pytest.mark.parametrize("slug", sorted(PLATFORMS))
def test_every_row_has_fixtures(slug: str) -> None:
    assert list((FIXTURES / slug).glob("*.json")), (
        f"the platform {slug} has no fixtures: write tests/fixtures/{slug}/<action>.json, one file per action, "
        "in the format at the top of tests/pipelines/test_platforms.py"
    )


@pytest.mark.parametrize("slug", sorted(PLATFORMS))
def test_every_row_is_complete(slug: str) -> None:
    row = PLATFORMS[slug]
    assert row.slug == slug, "slug: use the name of the folder"
    assert row.title, "title: give the name that people know"
    assert row.version >= 1, "version: begin with 1"
    assert row.reference.startswith("https://"), "reference: give the address of the platform's documentation of its payloads"
    assert row.setup, (
        "setup: write the steps that connect the platform, one line per step, in the order in which a person does them"
    )
    assert len(row.setup) <= MOST_LINES_OF_SETUP, f"setup: use at most {MOST_LINES_OF_SETUP} lines"
    assert row.reads, "reads: list for the privacy page, one sentence each, what is read about people"
    assert row.does_not_read, "does_not_read: list for the privacy page, one sentence each, what is never read"
    sentences = row.setup + row.reads + row.does_not_read
    assert [line for line in sentences if not line.endswith(".")] == [], (
        "setup, reads and does_not_read are sentences: end with a dot"
    )
    assert (row.verify is None) == (row.sign is None), (
        "a webhook needs both `verify` and `sign` (the tests and the simulator sign)"
    )
    assert row.arrives, "nothing can arrive: give the row `verify` and `sign`, `poll`, `exports`, or `emits`"


@pytest.mark.parametrize("path", _FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_fixture_has_the_outcome_that_it_expects(path: Path) -> None:
    fixture = json.loads(path.read_text())
    raw, expect = fixture["raw"], fixture["expect"]
    assert fixture["what"], "what: describe the fixture in one sentence"
    assert raw["type"].startswith(f"{path.parent.name}."), "a raw type begins with the platform's slug and a dot"

    outcome = outcome_of(raw, everything_belongs_to_the_gardeners())

    result = (outcome.record.verdict, outcome.record.reason)
    assert result == (expect["verdict"], expect.get("reason")), outcome.record.detail
    interactions = [interaction.model_dump(mode="json") for interaction in outcome.interactions]
    found_accounts = [account.model_dump(mode="json") for account in outcome.accounts]
    wanted, wanted_accounts = expect.get("interactions", []), expect.get("accounts", [])
    assert len(interactions) == len(wanted), interactions
    assert len(found_accounts) == len(wanted_accounts), found_accounts
    for found, want in zip(interactions, wanted, strict=True):
        fields = {name: _expected(value, found["platform"], found["tenant"]) for name, value in want.items()}
        assert {name: found[name] for name in fields} == fields
    for found, want in zip(found_accounts, wanted_accounts, strict=True):
        assert {name: found[name] for name in want} == want


@pytest.mark.parametrize("path", _FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_text_of_a_fixture_reaches_an_interaction(path: Path) -> None:
    outcome = outcome_of(json.loads(path.read_text())["raw"], everything_belongs_to_the_gardeners())
    for interaction in outcome.interactions:
        names = [account.display_name for account in outcome.accounts if account.display_name]
        kept = interaction.model_dump_json()
        assert not [name for name in names if name in kept], "a name travels on the accounts topic only"
