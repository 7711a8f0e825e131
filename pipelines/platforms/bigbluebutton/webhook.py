"""Webhook: bbb-webhooks posts a form. It hashes the address, the body and the server's secret, or sends the secret itself.

The hash stands in the address as `checksum`. The address is the one that was registered, so it is made here of the request's
host and path, as https and as http. The secret itself comes as a bearer token where `auth2_0` is set.
"""

import hashlib
import hmac
from urllib.parse import parse_qs, urlencode

from pipelines.connector import Accept, Answer, Refuse, Request

LIVE = "bigbluebutton.webhook"
_BY_LENGTH = {40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:  # noqa: ARG001 - see below
    """Check the checksum or the token. See `pipelines.connector.Verify`.

    The form's timestamp is not compared with now: bbb-webhooks repeats a permanent hook until it succeeds, for as long as it
    takes, and a repeated event has the id of the first one.
    """
    fields = parse_qs(request.body.decode("utf-8", "replace"), max_num_fields=32)
    if not fields.get("event"):
        return Refuse("no event in a form", status=400)
    token = request.headers.get("authorization", "").removeprefix("Bearer ").encode("utf-8", "replace")
    given = request.query.get("checksum", "").casefold()
    # Every secret is compared, so that the time of the answer does not depend on which one matches.
    matches = [
        hmac.compare_digest(secret.encode(), token) | (_checksum_matches(request, given, secret) if given else False)
        for secret in secrets
        if secret
    ]
    if not any(matches):
        return Refuse("neither the checksum nor the token matches")
    domain = (fields.get("domain") or [""])[0].strip()
    return Accept(LIVE, tenant=domain or None)


def _checksum_matches(request: Request, given: str, secret: str) -> bool:
    algorithm = _BY_LENGTH.get(len(given))
    if algorithm is None:
        return False
    hosts = {request.headers.get("x-forwarded-host", ""), request.headers.get("host", "")} - {""}
    others = [(name, value) for name, value in request.query.items() if name != "checksum"]
    path = request.path + (f"?{urlencode(others)}" if others else "")
    return any(
        hmac.compare_digest(checksum(f"{scheme}://{host}{path}", request.body, secret, algorithm).encode(), given.encode())
        for scheme in ("https", "http")
        for host in hosts
    )


def checksum(address: str, body: bytes, secret: str, algorithm: str = "sha1") -> str:
    """The checksum of a request to a registered address."""
    return hashlib.new(algorithm, address.encode() + body + secret.encode()).hexdigest()


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:  # noqa: ARG001 - no timestamp in the headers
    """The headers with which bbb-webhooks sends this body, where `auth2_0` is set."""
    return {"content-type": "application/x-www-form-urlencoded", "authorization": f"Bearer {secret}"}


def form(events: bytes, domain: str, at: int) -> bytes:
    """The form in which bbb-webhooks sends a JSON array of events."""
    return urlencode({"domain": domain, "event": events.decode(), "timestamp": at}).encode()
