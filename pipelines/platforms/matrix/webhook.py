"""Webhook: the transactions of a homeserver to an application service, with its `hs_token`.

Matrix signs nothing: a request is as safe as its TLS. Each event of a transaction becomes a record of its own. Messages between
devices hold keys of encryption, and are not stored.
"""

import hmac

from pydantic_core import to_json

from pipelines.connector import Accept, Answer, Refuse, Request
from pipelines.shared.payload import read_object

LIVE = "matrix.event"
_NOTHING = b"{}"
_EPHEMERAL = ("ephemeral", "de.sorunome.msc2409.ephemeral")


def verify(request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:  # noqa: ARG001 - no timestamp in it
    """Check the homeserver's token, then take the transaction apart. See `pipelines.connector.Verify`."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    # Homeservers from before version 1.4 of the specification send the token in the query.
    token = bearer.strip() if scheme.lower() == "bearer" else request.query.get("access_token", "")
    # Every secret is compared, so that the time of the answer does not depend on which one matches.
    matches = [hmac.compare_digest(secret.encode(), token.encode("utf-8", "replace")) for secret in secrets if secret]
    if not any(matches):
        return Refuse("the homeserver's token does not match", status=403)
    if request.path.endswith("/ping"):
        return Answer(_NOTHING)
    if "/transactions/" not in request.path:
        return Refuse("a homeserver sends transactions here, and nothing else", status=404)
    try:
        found = read_object(request.body)
    except ValueError:
        return Refuse("the body is not a JSON object", status=400)
    lists = [found.get(name, []) for name in ("events", *_EPHEMERAL)]
    if not all(isinstance(each, list) for each in lists):
        return Refuse("the events of a transaction are lists", status=400)
    parts = tuple(to_json(event) for each in lists for event in each)
    return Accept(LIVE, answer=_NOTHING, parts=parts) if parts else Answer(_NOTHING)


def sign(body: bytes, secret: str, now: float) -> dict[str, str]:  # noqa: ARG001 - the token alone is sent
    """The headers with which a homeserver sends this body."""
    return {"content-type": "application/json", "authorization": f"Bearer {secret}"}
