"""Features: what is read from a text before the text is dropped: whether it asks, and whether it thanks."""

import re

from events.interaction import Features

VERSION = 1

_FENCED = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_QUOTED = re.compile(r"^\s*(?:>|&gt;).*$", re.MULTILINE)
_LINK = re.compile(r"<?https?://[^\s>]+>?")
_QUESTION_MARK = re.compile(r"[?\uff1f\u061f](?:[\s)\"'\u201d\u2019!*_~]|$)")
_ASKING = re.compile(
    r"^\s*(?:(?:hi|hello|hey)\b[^.!?\n]{0,40}[,.!:]?\s+)?"
    r"(?:does any(?:one|body)|has any(?:one|body)|is there (?:a|any)|any(?:one|body) (?:know|have|else)|"
    r"how (?:do|can|would|should|to)\b|what(?:'s| is| are| do)|where (?:is|are|can|do)|why (?:is|are|do|does)|"
    r"can (?:any(?:one|body)|some(?:one|body))|could (?:any|some)(?:one|body))",
    re.IGNORECASE,
)
_THANKS = re.compile(r"\b(?:thanks|thank you|thx|merci|danke|gracias|obrigad[oa]|kudos|much appreciated)\b", re.IGNORECASE)

_THANKS_BEGIN = ("thank", "thx", "merci", "danke", "gracias", "obrigad", "kudos", "appreciated")
_FOUND = {
    (asks, gives): Features(is_question=asks, thanks=gives, version=VERSION)
    for asks in (False, True)
    for gives in (False, True)
}
"""The four possible results. They are frozen, so that all texts share them."""


def read(text: str) -> Features:
    """Return the features of a text. Code, quotations and links are left out: their author asks nothing with them."""
    if "?" not in text and len(text) > 20_000:  # noqa: PLR2004 - a pasted file; only its beginning can ask
        text = text[:20_000]
    own = text
    if "`" in own:
        own = _FENCED.sub(" ", own)
    if ">" in own or "&gt;" in own:
        own = _QUOTED.sub(" ", own)
    if "://" in own:
        own = _LINK.sub(" ", own)
    asks = (any(mark in own for mark in "?\uff1f\u061f") and _QUESTION_MARK.search(own)) or _ASKING.match(own)
    lowered = own.lower()
    # A search for fixed strings is much cheaper than the expression, and most texts contain none of them.
    gives_thanks = any(start in lowered for start in _THANKS_BEGIN) and _THANKS.search(own)
    return _FOUND[bool(asks), bool(gives_thanks)]
