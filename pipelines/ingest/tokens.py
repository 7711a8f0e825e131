"""Tokens: what a request shows to be let in. No address counts as proof: behind a reverse proxy everybody comes from one."""

import base64
import binascii
import hmac
from collections.abc import Sequence


def holds_token(authorization: str, tokens: Sequence[str]) -> bool:
    """Whether an Authorization header holds one of the tokens: `Bearer TOKEN`, or Basic with the token as the password."""
    scheme, _, given = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            token = given.strip().encode("utf-8", "surrogateescape")
        case "basic":
            token = _password(given.strip())
        case _:
            return False
    # Every token is compared, so that the time of the answer does not show which one matched.
    return sum(hmac.compare_digest(token, each.encode()) for each in tokens if each) > 0


def _password(credentials: str) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""
