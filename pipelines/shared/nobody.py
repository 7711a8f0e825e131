"""Nobody: what platforms and archives write in place of the name of an account that is gone or was never known."""

import re

_GONE = r"deleted|removed|deactivated|suspended|former|unknown|anonymous|anonymized|anonymised|unnamed|missing|nobody|redacted"
_WHAT = r"user|account|member|person|participant|author|sender|name|username"
_NOBODY = re.compile(
    rf"\W*(?:(?:{_GONE})(?:[ _-](?:{_WHAT}))?|(?:{_WHAT})[ _-](?:{_GONE})|no (?:name|author|user)|n/?a|null|none|undefined)\W*"
)


def is_nobody(name: str) -> bool:
    """Whether a name stands for whoever it was: `(deleted)`, `Deleted user`, `[removed]`. A number makes it one account's."""
    return _NOBODY.fullmatch(" ".join(name.split()).casefold()) is not None
