"""Body token: a webhook whose secret is a token in its body, JSON or a form. It signs nothing, so it is as safe as its TLS."""

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pydantic_core import to_json

from pipelines.connector import Accept, Answer, Refuse, Request
from pipelines.shared.payload import read_object

MAX_FIELDS = 100
MAX_TOKEN_CHARACTERS = 256


def read_body(body: bytes) -> dict[str, Any]:
    """The fields of a body: a JSON object, or a form. Raises ValueError for anything else."""
    if body.lstrip()[:1] in {b"{", b"["}:
        return read_object(body)
    return dict(parse_qsl(body.decode(), strict_parsing=True, max_num_fields=MAX_FIELDS))


@dataclass(frozen=True, slots=True)
class BodyToken:
    """How a platform sends its token, and the type of the raw events that the bodies become."""

    type: str
    field: str = "token"
    answer: bytes = b"{}"

    def verify(self, request: Request, secrets: tuple[str, ...], now: float) -> Accept | Answer | Refuse:  # noqa: ARG002 - no timestamp
        """Check the token. See `pipelines.connector.Verify`."""
        try:
            token = read_body(request.body).get(self.field)
        except (ValueError, RecursionError):
            token = None
        if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN_CHARACTERS:
            return Refuse("no token in the body", status=400)
        # Every secret is compared, so that the time of the answer does not depend on which one matches.
        given = token.encode("utf-8", "replace")
        matches = [hmac.compare_digest(secret.encode(), given) for secret in secrets if secret]
        return Accept(self.type, answer=self.answer) if any(matches) else Refuse("the token does not match")

    def sign(self, body: bytes, secret: str, now: float) -> dict[str, str]:  # noqa: ARG002 - the token is in the body
        """The headers with which the platform sends this body. The token is in the body: see `with_token`."""
        return {"content-type": "application/json"}

    def with_token(self, body: bytes, secret: str, *, form: bool = False) -> bytes:
        """The body with its token, as the platform sends it. Raises ValueError for a body of another form."""
        fields = {**read_body(body), self.field: secret}
        return urlencode(fields).encode() if form else to_json(fields)
