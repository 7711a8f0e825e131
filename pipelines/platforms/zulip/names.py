"""Names: which account of an archive has a name, as its table of users or its rendered mentions show it.

An archive that has only names calls a person by each of its names. A name that one account has, and no other, is that account.
A person has one name at a time: when names of one number send messages in overlapping periods, the number links none of them.
"""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from itertools import pairwise
from typing import Any

from events.identity import name_account

_MENTION = re.compile(r"""<span class="user-mention[^"]*" data-user-id="([0-9]{1,15})">@?([^<@]{1,100})</span>""")


class Names:
    """Names and the numbers of the accounts that have them, collected while an archive is read."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers: dict[str, set[int]] = {}
        self._written: dict[str, str] = {}
        self._first: float = float("inf")
        self._last: float = 0
        self._shown: set[int] = set()
        """Accounts that a public message shows."""
        self._sending: dict[str, tuple[float, float]] = {}
        """For each name, the moments of its first and last message."""

    def note(self, name: object, number: object) -> None:
        """Note that an account has this name."""
        if isinstance(name, str) and name.strip() and isinstance(number, int) and not isinstance(number, bool):
            account = name_account(name)
            self._numbers.setdefault(account, set()).add(number)
            self._written.setdefault(account, name.strip())

    def read(self, message: Mapping[str, Any], content: object) -> None:
        """Note the sender, the moment and the mentions of a public message."""
        at = message.get("timestamp")
        if isinstance(at, int | float) and not isinstance(at, bool):
            self._first, self._last = min(self._first, at), max(self._last, at)
            sender = message.get("sender_full_name")
            if isinstance(sender, str) and sender.strip():
                first, last = self._sending.get(name_account(sender), (at, at))
                self._sending[name_account(sender)] = (min(first, at), max(last, at))
        if isinstance(message.get("sender_id"), int):
            self._shown.add(message["sender_id"])
        if isinstance(content, str) and "data-user-id" in content:
            for number, name in _MENTION.findall(content):
                self.note(unescape(name), int(number))
                self._shown.add(int(number))

    def joined(self, account: object, at: object) -> bool:
        """Whether an account that a public message shows was made at this moment, and not before the first public message."""
        return account in self._shown and isinstance(at, int | float) and not isinstance(at, bool) and at >= self._first

    def records(self) -> Iterator[dict[str, Any]]:
        """One record for each name that only one account has, in the order of the names."""
        shared = self._shared()
        for account, numbers in sorted(self._numbers.items()):
            if len(numbers) == 1 and numbers <= self._shown - shared:
                yield {"name": self._written[account], "id": min(numbers), "seen_at": self._last}

    def _shared(self) -> set[int]:
        """The numbers whose names send messages in overlapping periods: they belong to more than one person."""
        periods: dict[int, list[tuple[float, float]]] = {}
        for account, numbers in self._numbers.items():
            if len(numbers) == 1 and account in self._sending:
                periods.setdefault(min(numbers), []).append(self._sending[account])
        return {number for number, found in periods.items() if any(a[1] >= b[0] for a, b in pairwise(sorted(found)))}
