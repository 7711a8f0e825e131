"""Identity: deterministic ids and keyed pseudonyms."""

import base64
import hashlib
import hmac
import re
import unicodedata
from functools import lru_cache

SEPARATOR = "|"
TITLE = "title:"
_MARKED = re.compile("\x01(.*?)\x01", re.DOTALL)
_EVERYWHERE = "\x02"
_SECTION = "\x03"
PSEUDONYM_LENGTH = 32
"""Hex characters kept of an HMAC-SHA-256: 128 bits."""
PUBLISHED_LENGTH = 12
"""Base-32 characters of a published pseudonym: 60 bits, short enough to paste. Among a million members of one community the
probability that any two share one is 4 in ten million."""
PUBLISHED = re.compile(f"[a-z2-7]{{{PUBLISHED_LENGTH}}}")
"""What a published pseudonym looks like."""


def global_id(platform: str, tenant: str, native: str) -> str:
    """`platform:tenant:native`: the id of an object, a thread or an action."""
    return f"{platform}:{tenant}:{native}"


def name_account(name: str) -> str:
    """The native account id where a platform gives only a name: NFKC, trimmed, case-folded."""
    return "name:" + " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def account_in_key(account: str, *, everywhere: bool = False) -> str:
    """A native account within the natural key of an action. `event_id` replaces it with a keyed hash: ids are published.

    With `everywhere` the hash is the same in every tenant: for what two workspaces share.
    """
    return f"\x01{_EVERYWHERE if everywhere else ''}{account}\x01"


def event_id(key: bytes, platform: str, tenant: str, native: str) -> str:
    """`platform:tenant:natural key` of an action. An account in it (`account_in_key`) becomes a keyed hash.

    The hash includes what precedes the account. Ids are published, and an account with the same hash everywhere would link a
    person's pseudonyms in two communities.
    """
    if "\x01" not in native:
        return global_id(platform, tenant, native)

    def hashed(found: re.Match[str]) -> str:
        whose, account = ("", found[1][1:]) if found[1].startswith(_EVERYWHERE) else (tenant, found[1])
        return _keyed(key, "in-key", platform, whose, native[: found.start()], account)[:16]

    return global_id(platform, tenant, _MARKED.sub(hashed, native))


def title_object(title: str) -> str:
    """The native id of an object or thread that has only a title. `object_id` hashes it, because titles name people."""
    return TITLE + title


def section_object(page: str, section: str) -> str:
    """The native id of a section of a page. It begins with the page's own id, so that it moves with the page."""
    return f"{page}{_SECTION}{section}"


def object_id(key: bytes, platform: str, tenant: str, native: str) -> str:
    """`platform:tenant:native` of an object or a thread. A title (`title_object`, `section_object`) becomes a keyed hash."""
    page, separator, section = native.partition(_SECTION)
    if separator:
        return f"{object_id(key, platform, tenant, page)}#{_keyed(key, 'section', platform, tenant, section)[:16]}"
    return global_id(platform, tenant, _hashed_title(key, platform, tenant, native) if native.startswith(TITLE) else native)


@lru_cache(maxsize=200_000)
def _hashed_title(key: bytes, platform: str, tenant: str, title: str) -> str:
    return TITLE + _keyed(key, "object", platform, tenant, title)


@lru_cache(maxsize=200_000)
def actor_id(key: bytes, platform: str, tenant: str, account: str) -> str:
    """The keyed pseudonym of an account. It is the same in every community and is never published."""
    return _keyed(key, "actor", platform, tenant, account)


def published_pseudonym(key: bytes, community: str, member: str) -> str:
    """The only key of a person in the warehouse. It differs per community, so it links nobody across communities."""
    digest = _digest(key, "member", community, member)
    return base64.b32encode(digest[:10]).decode().lower()[:PUBLISHED_LENGTH]


@lru_cache(maxsize=20_000)
def keyed_link(key: bytes, url: str, domain: str) -> str:
    """A link as it is stored: keyed hash and registered domain, never the URL."""
    return f"link:{_keyed(key, 'link', url)[:16]}@{domain}"


def _keyed(key: bytes, *parts: str) -> str:
    return _digest(key, *parts).hex()[:PSEUDONYM_LENGTH]


def _digest(key: bytes, *parts: str) -> bytes:
    # The separator is escaped within parts, so that "a|b","c" and "a","b|c" differ.
    message = SEPARATOR.join(part.replace("\\", "\\\\").replace(SEPARATOR, "\\" + SEPARATOR) for part in parts)
    return hmac.digest(key, message.encode("utf-8", "surrogatepass"), hashlib.sha256)
