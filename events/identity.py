"""Identity: deterministic ids and keyed pseudonyms."""

import hashlib
import hmac
import re
import unicodedata
from functools import lru_cache

SEPARATOR = "|"
TITLE = "title:"
_MARKED = re.compile("\x01(.*?)\x01", re.DOTALL)
PSEUDONYM_LENGTH = 32
"""Hex characters kept of an HMAC-SHA-256: 128 bits."""


def global_id(platform: str, tenant: str, native: str) -> str:
    """`platform:tenant:native`: the id of an object, a thread or a action."""
    return f"{platform}:{tenant}:{native}"


def name_account(name: str) -> str:
    """The native account id where a platform gives only a name: NFKC, trimmed, case-folded."""
    return "name:" + " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def account_in_key(account: str) -> str:
    """A native account inside the natural key of a action: a keyed hash stands there later, for ids are published."""
    return f"\x01{account}\x01"


def event_id(key: bytes, platform: str, tenant: str, native: str) -> str:
    """`platform:tenant:natural key` of a action; an account in it (`account_in_key`) only as a keyed hash.

    The hash is of what stands before the account too: ids are published, and an account that had one hash everywhere would join
    a person's pseudonyms in two communities.
    """
    if "\x01" not in native:
        return global_id(platform, tenant, native)

    def hashed(found: re.Match[str]) -> str:
        return _keyed(key, "in-key", platform, tenant, native[: found.start()], found[1])[:16]

    return global_id(platform, tenant, _MARKED.sub(hashed, native))


def title_object(title: str) -> str:
    """The native id of an object or thread that has only a title (page, topic): it is keyed later, for titles name people."""
    return TITLE + title


def object_id(key: bytes, platform: str, tenant: str, native: str) -> str:
    """`platform:tenant:native` of an object or a thread; of a title (`title_object`) only a keyed hash."""
    return global_id(platform, tenant, _hashed_title(key, platform, tenant, native) if native.startswith(TITLE) else native)


@lru_cache(maxsize=200_000)
def _hashed_title(key: bytes, platform: str, tenant: str, title: str) -> str:
    return TITLE + _keyed(key, "object", platform, tenant, title)


@lru_cache(maxsize=200_000)
def actor_id(key: bytes, platform: str, tenant: str, account: str) -> str:
    """The keyed pseudonym of an account: the same in every community, never in anything published."""
    return _keyed(key, "actor", platform, tenant, account)


def published_pseudonym(key: bytes, community: str, member: str) -> str:
    """The only key of a person in the warehouse: of one member in one community, joined with no other community."""
    return _keyed(key, "member", community, member)


@lru_cache(maxsize=20_000)
def keyed_link(key: bytes, url: str, domain: str) -> str:
    """A link as it is kept: keyed hash and registered domain, never the address."""
    return f"link:{_keyed(key, 'link', url)[:16]}@{domain}"


def _keyed(key: bytes, *parts: str) -> str:
    # Parts are length-prefixed by the separator's escape: "a|b","c" and "a","b|c" must differ.
    message = SEPARATOR.join(part.replace("\\", "\\\\").replace(SEPARATOR, "\\" + SEPARATOR) for part in parts)
    return hmac.digest(key, message.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:PSEUDONYM_LENGTH]
