"""Payloads that nobody on this project wrote: each has the outcome that was decided by reading it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from events.communities import Communities, Community, SpaceRule
from events.interaction import Interaction
from events.outcome import Verdict
from events.raw import RawEvent
from pipelines.platforms import PLATFORMS
from pipelines.understand.understand import Context, Outcome, understand

pytestmark = pytest.mark.histories

REPOSITORY = Path(__file__).parents[2]
PAYLOADS = REPOSITORY.parent / "shared" / "data" / "payloads"
DECIDED = REPOSITORY / "tests" / "fixtures" / "payloads"
TYPES = {"mediawiki": "mediawiki.recentchange", "slack": "slack.event", "zoom": "zoom.webhook"}
"""Of payloads that are bodies of webhooks: `test_payloads_through_the_gateway.py` posts them too."""
OTHER_TYPES = {"discord": "discord.event", "matrix": "matrix.event"}
"""Of payloads that come in other ways. A decision may name another type."""
ALL_TYPES = TYPES | OTHER_TYPES
FOLDERS = {"mediawiki": "wikimedia"}
"""Of payloads, where it is not called like the platform."""
RECEIVED_AT = {
    "discord": "2024-10-18T19:00:00Z",
    "matrix": "2015-05-28T00:00:00Z",
    "mediawiki": "2022-05-12T11:00:00Z",
    "slack": "2021-06-01T00:00:00Z",
    "zoom": "2021-07-14T12:00:00Z",
}
_DECISIONS = [
    (slug, name, decision)
    for slug in ALL_TYPES
    for name, decision in yaml.safe_load((DECIDED / f"{slug}.yaml").read_text()).items()
]


def _folder(slug: str) -> Path:
    return PAYLOADS / FOLDERS.get(slug, slug)


def _body(slug: str, content: bytes) -> bytes:
    if slug != "slack":
        return content
    return json.dumps({"type": "event_callback", "team_id": "T0SAMPLES", "event": json.loads(content)}).encode()


def _outcome(slug: str, name: str, received_at: str, kind: str | None = None) -> Outcome:
    rules = tuple(SpaceRule(platform=each, workspace="*", spaces=("*",)) for each in ALL_TYPES)
    communities = Communities({"gardeners": Community(slug="gardeners", title="Gardeners", space=rules)})
    raw = RawEvent(
        id=name,
        sender="/payloads",
        type=kind or ALL_TYPES[slug],
        source=f"{'emit' if (kind or ALL_TYPES[slug]) == 'discord.event' else 'webhook'}/{slug}/main",
        received_at=datetime.fromisoformat(received_at),
        payload=_body(slug, (_folder(slug) / name).read_bytes()),
    )
    return understand(raw.payload, raw.headers(), 0, 0, Context(key=b"k", communities=communities, platforms=PLATFORMS))


def _in_words(interaction: Interaction) -> str:
    kind = None if interaction.actor_kind == "human" else interaction.actor_kind
    return " ".join(word for word in (interaction.verb, interaction.change, kind) if word)


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the folder shared/data lies beside the repository only where we measure")
@pytest.mark.parametrize(("slug", "name", "decision"), _DECISIONS, ids=[f"{slug}/{name}" for slug, name, _ in _DECISIONS])
def test_the_outcome_is_the_one_decided_by_reading(slug: str, name: str, decision: dict[str, Any]) -> None:
    received_at = decision.get("received_at", RECEIVED_AT[slug])

    outcome = _outcome(slug, name, received_at, decision.get("type"))

    assert (outcome.record.verdict, outcome.record.reason) == (decision["verdict"], decision.get("reason")), (
        outcome.record.detail
    )
    assert [_in_words(interaction) for interaction in outcome.interactions] == decision.get("found", [])
    assert outcome.record.accounts == decision.get("accounts", 0)
    assert decision["why"]


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the folder shared/data lies beside the repository only where we measure")
@pytest.mark.parametrize("slug", sorted(ALL_TYPES))
def test_every_payload_has_a_decision(slug: str) -> None:
    decided = {name for of, name, _ in _DECISIONS if of == slug}
    assert {path.name for path in _folder(slug).glob("*.json")} == decided


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the folder shared/data lies beside the repository only where we measure")
def test_a_payload_years_old_is_refused_at_a_live_source() -> None:
    outcome = _outcome("slack", "MessageEvent_1.json", "2026-01-01T00:00:00Z")
    assert outcome.record.verdict == Verdict.REJECTED
    assert "400 days" in (outcome.record.detail or "")
