"""Markup: what a text of Discord links to."""

import re

from pipelines.shared.links import links_in

_MESSAGE_LINK = re.compile(r"https?://(?:\w+\.)?discord(?:app)?\.com/channels/([0-9]{1,20})/[0-9]{1,20}/([0-9]{1,20})")


def refs_in(text: str, server: str) -> tuple[str, ...]:
    """The links of a text. A link to a message of the same server becomes the message's native id."""
    return tuple(_ref(link.rstrip(")>.,"), server) for link in links_in(text))


def _ref(link: str, server: str) -> str:
    found = _MESSAGE_LINK.fullmatch(link)
    return found[2] if found and found[1] == server else link
