"""Accounts: those with which MediaWiki and its extensions write, which no person or bot owns, and those without an owner.

MediaWiki reserves the names: https://www.mediawiki.org/wiki/Manual:$wgReservedUsernames, also as names of messages, such as
`msg:double-redirect-fixer`, whose English texts are listed here. Extensions reserve theirs by the hook UserGetReservedNames.
Add a name here when one is added.
"""

import re
from ipaddress import ip_address

SYSTEM_NAMES = frozenset(
    {
        "Abuse filter",
        "Babel AutoCreate",
        "Command line script",
        "Conversion script",
        "DNSBL",
        "Delete page script",
        "Edit filter",
        "Flow talk page manager",
        "FuzzyBot",
        "Global rename script",
        "Maintenance script",
        "MediaWiki automatic change",
        "MediaWiki default",
        "MediaWiki message delivery",
        "MediaWiki spam cleanup",
        "Move page script",
        "New user message",
        "Proxy blocker",
        "Redirect fixer",
        "ScriptImporter",
        "System messenger",
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
