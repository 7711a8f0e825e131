"""Markup: the sender's own text without the quotation that old clients put before it, and whom pills mention."""

import re
from urllib.parse import unquote

from pipelines.shared.links import links_in

_PILL = re.compile(r"https://matrix\.to/#/(@[^\"'?<>\s]{1,255})")
_EVENT_LINK = re.compile(r"https://matrix\.to/#/[!#][^/?\s]{1,255}/(\$[^?/\s]{1,255})(?:\?\S*)?")


def without_fallback(text: str) -> str:
    """A reply without the quotation at its beginning: lines with `> `, then an empty one."""
    if not text.startswith("> "):
        return text
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[first:]).strip("\n")


def pills_in(formatted: str) -> tuple[str, ...]:
    """The accounts that a formatted text links to, outside of the quotation of what it answers."""
    own = formatted.rpartition("</mx-reply>")[2]
    return tuple(unquote(account) for account in _PILL.findall(own))


def refs_in(text: str) -> tuple[str, ...]:
    """The links of a text. A link to an event becomes its id; a link to an account is no reference."""
    links = (unquote(link) if "matrix.to/" in link else link for link in links_in(text))
    found = ((_EVENT_LINK.fullmatch(link), link) for link in links if "matrix.to/#/@" not in link)
    return tuple(event[1] if event else link for event, link in found)
