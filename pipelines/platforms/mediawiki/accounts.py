"""Accounts: those with which MediaWiki and its extensions write, which no person or bot owns, and those without an owner.

MediaWiki reserves the names: https://www.mediawiki.org/wiki/Manual:$wgReservedUsernames. Add a name here when it adds one.
"""

import re
from ipaddress import ip_address

SYSTEM_NAMES = frozenset(
    {
        "Abuse filter",
        "Babel AutoCreate",
        "Conversion script",
        "Delete page script",
        "Edit filter",
        "Flow talk page manager",
        "FuzzyBot",
        "Global rename script",
        "Maintenance script",
        "MediaWiki default",
        "MediaWiki message delivery",
        "Move page script",
        "New user message",
        "Redirect fixer",
        "ScriptImporter",
        "Template namespace initialisation script",
        "Translation Notification Bot",
        "Unknown user",
        "User merge script",
    }
)
_TEMPORARY = re.compile(r"~[0-9]{1,4}-[0-9-]+|~[0-9]+")
"""Temporary accounts by MediaWiki's own pattern: `~2026-12345-67`."""
_MASKED = re.compile(r"(?:[0-9]{1,3}\.){3}(?:xxx|XXX)")
"""Addresses as old wikis stored them."""


def is_anonymous(user: str) -> bool:
    """Whether the account has no lasting owner: a network address or a temporary account."""
    if _TEMPORARY.fullmatch(user) or _MASKED.fullmatch(user):
        return True
    try:
        ip_address(user)
    except ValueError:
        return False
    return True
