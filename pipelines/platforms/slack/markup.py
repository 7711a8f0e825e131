"""Markup: whom a text of Slack mentions, and what it links to."""

import html
import re

from pipelines.shared.links import HOST

_MENTION = re.compile(r"<@([UWB][A-Z0-9]*)(?:\|[^>]*)?>")
_ADDRESS = rf"{HOST}(?:[/?#][^|>\s]*)?"
_LINK = re.compile(rf"<({_ADDRESS})(?:\|[^>]*)?>|({_ADDRESS})")
_MESSAGE_LINK = re.compile(r"https://[\w-]+\.slack\.com/archives/([A-Z0-9]+)/p([0-9]{10})([0-9]{6})")


def mentions_in(text: str) -> tuple[str, ...]:
    """The accounts that a text mentions: `<@U024BE7LH>`."""
    return tuple(_MENTION.findall(text)) if "<@" in text else ()


def refs_in(text: str) -> tuple[str, ...]:
    """The links of a text. A link to a message of Slack becomes the message's native id, `<channel>:<ts>`."""
    if "://" not in text:
        return ()
    links = (html.unescape(bracketed or bare) for bracketed, bare in _LINK.findall(text))
    return tuple(_MESSAGE_LINK.sub(r"\1:\2.\3", link) if _MESSAGE_LINK.fullmatch(link) else link for link in links)
