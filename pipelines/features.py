"""Features: what is read from a text before the text is dropped."""

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


def read(text: str) -> Features:
    """Read the features of a text: code, quotations and links count as nobody's question."""
    if "?" not in text and len(text) > 20_000:  # noqa: PLR2004 - a paste; only its head can ask
        text = text[:20_000]
    own = text
    if "`" in own:
        own = _FENCED.sub(" ", own)
    if ">" in own or "&gt;" in own:
        own = _QUOTED.sub(" ", own)
    if "://" in own:
        own = _LINK.sub(" ", own)
    return Features(
        is_question=bool(_QUESTION_MARK.search(own) or _ASKING.search(own)),
        thanks=bool(_THANKS.search(own)),
        version=VERSION,
    )
