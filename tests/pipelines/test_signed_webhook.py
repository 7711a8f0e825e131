"""Signed webhooks: a declaration says how a platform signs; the same code verifies and signs for every platform."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.connector import Accept, Answer, Refuse, Request
from pipelines.shared.signed_webhook import SignedWebhook

NOW = 1_772_452_800.0
PLAIN = SignedWebhook(type="quill.event", header="X-Quill-Signature", prefix="sha256=")
STAMPED = SignedWebhook(
    type="quill.event",
    header="X-Quill-Signature",
    template="{timestamp}.{body}",
    timestamp_header="X-Quill-Time",
    tolerance_seconds=60,
    algorithm="sha1",
)


def request(body: bytes, headers: dict[str, str]) -> Request:
    return Request(method="POST", path="/hooks/quill/main", headers=headers, body=body)


def test_a_signature_is_the_prefix_and_the_hmac_of_the_template():
    digest = hmac.new(b"secret", b"{}", hashlib.sha256).hexdigest()
    assert PLAIN.sign(b"{}", "secret", NOW)["x-quill-signature"] == f"sha256={digest}"
    stamped = hmac.new(b"secret", b"1772452800.{}", hashlib.sha1).hexdigest()
    assert STAMPED.sign(b"{}", "secret", NOW) == {
        "content-type": "application/json",
        "x-quill-time": "1772452800",
        "x-quill-signature": stamped,
    }


@given(st.binary(), st.text(min_size=1), st.sampled_from([PLAIN, STAMPED]))
def test_what_is_signed_with_any_one_of_the_secrets_is_accepted(body, secret, webhook):
    signed = request(body, webhook.sign(body, secret, NOW))
    assert webhook.verify(signed, ("another", secret), NOW) == Accept("quill.event")
    assert isinstance(webhook.verify(signed, (f"{secret}x",), NOW), Refuse)
    assert isinstance(webhook.verify(request(body + b" ", dict(signed.headers)), (secret,), NOW), Refuse)


@pytest.mark.parametrize(("late", "accepted"), [(0, True), (60, True), (-60, True), (61, False), (-61, False)])
def test_a_timestamp_may_be_as_far_away_as_the_tolerance(late, accepted):
    signed = request(b"{}", STAMPED.sign(b"{}", "secret", NOW))
    assert isinstance(STAMPED.verify(signed, ("secret",), NOW + late), Accept) is accepted


def test_an_empty_secret_matches_nothing():
    assert isinstance(PLAIN.verify(request(b"{}", PLAIN.sign(b"{}", "", NOW)), ("",), NOW), Refuse)


def test_a_handshake_gets_its_answer_only_when_it_is_signed():
    webhook = SignedWebhook(type="quill.event", header="X-Sign", handshake=lambda body, secret: Answer(body + secret.encode()))
    signed = request(b"ping ", webhook.sign(b"ping ", "secret", NOW))
    assert webhook.verify(signed, ("secret",), NOW) == Answer(b"ping secret")
    assert isinstance(webhook.verify(request(b"ping ", {}), ("secret",), NOW), Refuse)


@pytest.mark.parametrize(
    ("declared", "named"),
    [
        ({"template": "{timestamp}:{body}"}, "timestamp_header"),
        ({"timestamp_header": "X-Time"}, "timestamp_header"),
        ({"template": "v0"}, "template"),
        ({"algorithm": "rot13"}, "algorithm"),
    ],
)
def test_a_declaration_that_verifies_nothing_is_refused(declared, named):
    with pytest.raises(ValueError, match=named):
        SignedWebhook(type="quill.event", header="X-Sign", **declared)
