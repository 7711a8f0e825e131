"""Bent payloads: a fixture's payload with parts dropped or replaced is never a fault of ours, and neither are odd bytes."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.outcome import Reason
from events.raw import RawEvent
from pipelines.understand.understand import understand
from tests.pipelines.bending import bent, raws_of, values
from tests.pipelines.test_platforms import RECEIVED_AT, everything_belongs_to_the_gardeners

SLUGS = ("bigbluebutton", "google_meet", "jitsi", "teams", "transcript")
"""The other platforms have such a test in a file of their own."""
FOLDER = Path(__file__).parents[1] / "fixtures"
CONTEXT = everything_belongs_to_the_gardeners()


def reason_of(slug: str, kind: str, payload: bytes) -> Reason | None:
    raw = RawEvent(
        id="1",
        sender="/t",
        type=kind,
        source=f"import/{slug}/bent",
        received_at=datetime.fromisoformat(RECEIVED_AT),
        payload=payload,
        tenant="garden",
    )
    return understand(raw.payload, raw.headers(), 0, 0, CONTEXT).record.reason


@pytest.mark.parametrize("slug", SLUGS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_bent_payload_is_never_a_fault_of_ours(slug: str, data: st.DataObject) -> None:
    for raw, payload in bent(data, raws_of(FOLDER / slug), values("Anonymous", "none", "2026-03-02T10:00:00")):
        assert reason_of(slug, raw["type"], json.dumps(payload).encode()) != Reason.NORMALISER_FAILED


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    "payload", [b"", b"\x00", b"[]", b"{}", b"[[]]", b'"x"', b"\xff\xfe", b"[" * 5000, b"null", b"event=[{}]"]
)
def test_odd_bytes_are_rejected_or_ignored(slug: str, payload: bytes) -> None:
    for kind in sorted({raw["type"] for raw in raws_of(FOLDER / slug)}):
        assert reason_of(slug, kind, payload) not in {None, Reason.NORMALISER_FAILED}
