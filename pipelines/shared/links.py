"""Links: every link of a text."""

import re

HOST = r"https?://[\w.~%:@-]+"
_LINK = re.compile(rf"{HOST}(?:[/?#][^\s<>\"]*)?")


def links_in(text: str) -> tuple[str, ...]:
    """Every http and https link of a text, in order."""
    return tuple(_LINK.findall(text)) if "://" in text else ()
