"""Payloads through the source: every file that others wrote, signed as its platform signs, answered, kept, understood as decided."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from events.communities import Communities, Community, SpaceRule
from events.raw import delivery_id
from events.source import Source, SourceKind
from events.topics import RAW
from pipelines.broker import admin
from pipelines.broker.clients import live_producer
from pipelines.ingest.gateway import ConfiguredSource, make_app
from pipelines.ingest.publisher import RawPublisher
from pipelines.ingest.spool import Spool
from pipelines.platforms import PLATFORMS
from pipelines.understand.replay import read_raw
from pipelines.understand.understand import Context, Outcome, understand
from tests.pipelines import test_real_payloads as real

pytestmark = [pytest.mark.kafka, pytest.mark.histories]

SECRET = "a secret for tests only"
needs_payloads = pytest.mark.skipif(
    not real.PAYLOADS.is_dir(), reason="the folder shared/data lies beside the repository only where we measure"
)


@dataclass(slots=True)
class RunningGateway:
    """A gateway on the real Kafka whose clock we set."""

    client: TestClient
    publisher: RawPublisher
    bootstrap: str
    now: datetime = datetime(2021, 6, 1, tzinfo=UTC)

    def post(self, slug: str, body: bytes, secret: str = SECRET):
        sign = PLATFORMS[slug].sign
        assert sign is not None
        headers = {"content-type": "application/json", **sign(body, secret, self.now.timestamp())}
        return self.client.post(f"/hooks/{slug}/payloads", content=body, headers=headers)

    def ends(self) -> dict[int, int]:
        return admin.ends(self.bootstrap, RAW.name)


@pytest.fixture(scope="module")
def gateway(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    publisher = RawPublisher(partial(live_producer, kafka), Spool(tmp_path_factory.mktemp("spool")), wait_seconds=20.0)
    sources = [ConfiguredSource(source=Source(SourceKind.WEBHOOK, slug, "payloads"), secrets=(SECRET,)) for slug in real.TYPES]
    made: RunningGateway
    app = make_app(sources, PLATFORMS, publisher, lambda: made.now)
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        made = RunningGateway(client, publisher, kafka)
        yield made


def context() -> Context:
    rules = tuple(SpaceRule(platform=each, workspace="*", spaces=("*",)) for each in real.TYPES)
    communities = Communities({"gardeners": Community(slug="gardeners", title="Gardeners", space=rules)})
    return Context(key=b"k", communities=communities, platforms=PLATFORMS)


def understood(gateway: RunningGateway, before: dict[int, int]) -> dict[str, Outcome]:
    """The outcomes of what entered since, by raw id."""
    places = [(part, offset) for part, end in gateway.ends().items() for offset in range(before[part], end)]
    found = {}
    for part, offset, value, headers in read_raw(gateway.bootstrap, places):
        outcome = understand(value, headers, part, offset, context())
        if outcome.record.source and outcome.record.source.endswith("/payloads"):
            found[str(outcome.record.raw_id)] = outcome
    return found


@needs_payloads
@pytest.mark.parametrize("slug", sorted(real.TYPES))
def test_every_file_is_answered_200_and_becomes_what_was_decided(gateway, slug):
    decisions = {name: decision for of, name, decision in real._DECISIONS if of == slug}
    before, sent = gateway.ends(), {}
    for name, decision in decisions.items():
        gateway.now = datetime.fromisoformat(decision.get("received_at", real.RECEIVED_AT[slug]))
        body = real._body(slug, (real._folder(slug) / name).read_bytes())
        answer = gateway.post(slug, body)
        assert answer.status_code == 200, (name, answer.text)
        sent[delivery_id(f"webhook/{slug}/payloads", body)] = (name, decision)
    assert gateway.publisher.spool.count() == 0
    found = understood(gateway, before)
    assert found.keys() == sent.keys()
    for raw_id, (name, decision) in sent.items():
        record = found[raw_id].record
        assert (record.verdict, record.reason) == (decision["verdict"], decision.get("reason")), (name, record.detail)
        assert [real._in_words(made) for made in found[raw_id].interactions] == decision.get("found", []), name


@needs_payloads
@pytest.mark.parametrize("slug", sorted(real.TYPES))
def test_with_a_wrong_signature_every_file_is_401_and_nothing_enters(gateway, slug):
    gateway.now = datetime.fromisoformat(real.RECEIVED_AT[slug])
    before = gateway.ends()
    bodies = [real._body(slug, path.read_bytes()) for path in sorted(Path(real._folder(slug)).glob("*.json"))]
    assert {gateway.post(slug, body, secret="another").status_code for body in bodies} == {401}
    assert understood(gateway, before) == {}


def test_slacks_and_zooms_handshakes_are_answered_and_nothing_is_stored(gateway):
    before = gateway.ends()
    slack = gateway.post("slack", json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode())
    zoom = gateway.post(
        "zoom",
        json.dumps({"event": "endpoint.url_validation", "event_ts": 1, "payload": {"plainToken": "qgg8vlvZ"}}).encode(),
    )
    assert (slack.status_code, zoom.status_code) == (200, 200)
    assert "3eZbrw1a" in slack.text
    assert zoom.json()["plainToken"] == "qgg8vlvZ"
    assert len(zoom.json()["encryptedToken"]) == 64
    assert understood(gateway, before) == {}
