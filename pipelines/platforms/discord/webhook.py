"""Webhook: Discord signs with Ed25519 over timestamp and body. Interactions and webhook events share the scheme.

The source's secret is the application's public key, as hex. It is no secret: nobody can sign with it.
"""

import hashlib
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from pipelines.connector import Accept, Answer, Refuse, Request
from pipelines.shared.payload import read_object

if TYPE_CHECKING:  # every process loads this module; only a gateway with Discord verifies
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIVE = "discord.webhook"
MAX_DIGITS = 11
TOLERANCE_SECONDS = 300
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64
_PING_OF_EVENTS, _PING, _AUTOCOMPLETE = 0, 1, 4
_SIGNATURE, _STAMP = "x-signature-ed25519", "x-signature-timestamp"
_EPHEMERAL = 64
_ANSWER = to_json({"type": 4, "data": {"flags": _EPHEMERAL, "content": "This app answers no commands."}})
_NO_CHOICES = to_json({"type": 8, "data": {"choices": []}})


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:
    """Check the timestamp and the signature, then answer a ping. See `pipelines.connector.Verify`."""
    stamp = request.headers.get(_STAMP, "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= MAX_DIGITS):
        return Refuse("no X-Signature-Timestamp in seconds")
    if abs(now - int(stamp)) > TOLERANCE_SECONDS:
        return Refuse(f"X-Signature-Timestamp is more than {TOLERANCE_SECONDS} seconds away")
    signature = _bytes(request.headers.get(_SIGNATURE, ""), _SIGNATURE_BYTES)
    if signature is None or not any(_signed(secret, signature, stamp.encode() + request.body) for secret in secrets):
        return Refuse("X-Signature-Ed25519 does not match")
    try:
        return _answer(read_object(request.body))
    except ValueError:
        return Refuse("the body is not a JSON object", status=400)


def _answer(payload: dict[str, Any]) -> Accept | Answer:
    kind = payload.get("type")
    if kind == _PING_OF_EVENTS:
        return Answer(b"", status=204)
    if "event" in payload:
        return Accept(LIVE, status=204)
    if kind == _PING:
        return Answer(to_json({"type": _PING}))
    return Accept(LIVE, answer=_NO_CHOICES if kind == _AUTOCOMPLETE else _ANSWER)


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:
    """The headers of this body, signed with the key pair that `secret` stands for. The source's secret is `public_key(secret)`.

    For tests and the simulator: with a public key alone nobody signs.
    """
    stamp = str(int(now))
    signature = _private_key(secret).sign(stamp.encode() + body).hex()
    return {"content-type": "application/json", _SIGNATURE: signature, _STAMP: stamp}


def public_key(secret: str) -> str:
    """The public key of the key pair that `secret` stands for, as hex."""
    return _private_key(secret).public_key().public_bytes_raw().hex()


def _private_key(secret: str) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above

    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(secret.encode()).digest())


def _signed(public: str, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    key = _bytes(public.strip(), _KEY_BYTES)
    if key is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _bytes(text: str, length: int) -> bytes | None:
    """The bytes of hex digits, if they are as many as they should be."""
    if len(text) != 2 * length or not text.isascii() or not text.isalnum():
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
