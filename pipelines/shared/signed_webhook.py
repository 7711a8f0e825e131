"""Signed webhook: a platform declares how it signs with an HMAC in a header; this module verifies and signs."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.connector import Accept, Answer, Refuse, Request

MAX_DIGITS = 11
"""Of a timestamp in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedWebhook:
    """How a platform signs its requests, and the type of the raw events that they become.

    The signature is `prefix` and the hex HMAC of `template`, in which `{timestamp}` and `{body}` are filled in. Where there is
    a `timestamp_header`, its value in seconds may be at most `tolerance_seconds` away from now. `handshake` (body, secret)
    gives the answer to a request that only asks whether the endpoint is there, and None for every other request.
    """

    type: str
    header: str
    prefix: str = ""
    template: str = "{body}"
    algorithm: str = "sha256"
    timestamp_header: str | None = None
    tolerance_seconds: int = 300
    handshake: Callable[[bytes, str], Answer | None] = lambda _body, _secret: None

    def __post_init__(self) -> None:
        """Raises ValueError for a declaration that cannot verify anything."""
        if self.template.count("{body}") != 1:
            raise ValueError("template: holds {body} once")
        if ("{timestamp}" in self.template) != (self.timestamp_header is not None):
            raise ValueError("timestamp_header: belongs to a template with {timestamp}, and only to one")
        if self.algorithm not in hashlib.algorithms_guaranteed:
            raise ValueError(f"algorithm: {self.algorithm} is unknown to hashlib")

    def verify(self, request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:
        """Check the timestamp and the signature, then answer a handshake. See `pipelines.connector.Verify`."""
        stamp = ""
        if self.timestamp_header is not None:
            stamp = request.headers.get(self.timestamp_header.lower(), "")
            if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= MAX_DIGITS):
                return Refuse(f"no {self.timestamp_header} in seconds")
            if abs(now - int(stamp)) > self.tolerance_seconds:
                return Refuse(f"{self.timestamp_header} is more than {self.tolerance_seconds} seconds away")
        given = request.headers.get(self.header.lower(), "").encode("utf-8", "replace")
        # Every secret is compared, so that the time of the answer does not depend on which one matches.
        matching = [
            secret for secret in secrets if secret and hmac.compare_digest(self._signature(request.body, secret, stamp), given)
        ]
        if not matching:
            return Refuse(f"{self.header} does not match")
        return self.handshake(request.body, matching[0]) or Accept(self.type)

    def sign(self, body: bytes, secret: str, now: float) -> dict[str, str]:
        """The headers with which the platform sends this body. See `pipelines.connector.Sign`."""
        stamp = str(int(now))
        headers = {"content-type": "application/json"}
        if self.timestamp_header is not None:
            headers[self.timestamp_header.lower()] = stamp
        return headers | {self.header.lower(): self._signature(body, secret, stamp).decode()}

    def _signature(self, body: bytes, secret: str, stamp: str) -> bytes:
        before, after = self.template.replace("{timestamp}", stamp).split("{body}")
        signed = before.encode() + body + after.encode()
        return self.prefix.encode() + hmac.digest(secret.encode(), signed, self.algorithm).hex().encode()
