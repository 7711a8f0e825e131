"""What every chat platform must hold: no text and no name travels, and no payload is a fault of ours."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.outcome import Reason
from tests.pipelines.bending import bent, raws_of, values
from tests.pipelines.test_platforms import FIXTURES, everything_belongs_to_the_gardeners, outcome_of

SLUGS = ("discord", "discourse", "matrix", "mattermost", "rocketchat")
SENTINEL = "SENTINEL"
"""It stands in every text, title and file name of the fixtures of these platforms."""
_FILES = [path for slug in SLUGS for path in sorted((FIXTURES / slug).glob("*.json"))]


@pytest.mark.parametrize("path", _FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_text_and_no_title_is_in_anything_that_is_written(path):
    outcome = outcome_of(json.loads(path.read_text())["raw"], everything_belongs_to_the_gardeners())
    written = [outcome.record, *outcome.interactions, *outcome.accounts]
    assert [one for one in written if SENTINEL.casefold() in one.model_dump_json().casefold()] == []


@pytest.mark.parametrize("slug", SLUGS)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_payload_is_a_fault_of_ours(slug, data):
    context = everything_belongs_to_the_gardeners()
    for raw, payload in bent(data, raws_of(FIXTURES / slug), values("1001", "m.room.message", "posted")):
        outcome = outcome_of({**raw, "payload": payload}, context)
        assert outcome.record.reason != Reason.NORMALISER_FAILED, (outcome.record.detail, payload)
