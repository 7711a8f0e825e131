"""Source: one way in which events reach Guildhall, with one identity and one address such as `webhook/slack/main`.

Raw records, outcomes, the accounting, `last_seen` and the metric M1 name a source by its address.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

MAIN = "main"
"""The name of a source that nobody configured: of the SDK, and of CloudEvents."""
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class SourceKind(StrEnum):
    """How events of a source arrive."""

    WEBHOOK = "webhook"
    POLL = "poll"
    IMPORT = "import"
    EMIT = "emit"


@dataclass(frozen=True, slots=True)
class Source:
    """The identity of a source. `name` is that of `[source.NAME]`, for an import the KIND of `guildhall import KIND`."""

    kind: SourceKind
    platform: str
    name: str

    def __post_init__(self) -> None:
        """Raises ValueError for a platform or a name that an address cannot hold."""
        for part in (self.platform, self.name):
            if not _PART.fullmatch(part):
                raise ValueError("a source's name has 1 to 63 letters, digits, dots, dashes and underscores")

    @property
    def address(self) -> str:
        """The identity as text: `webhook/slack/main`."""
        return f"{self.kind}/{self.platform}/{self.name}"

    @property
    def is_live(self) -> bool:
        """Whether events arrive soon after they happen. An import brings history, so its events may be of any age."""
        return self.kind is not SourceKind.IMPORT


@lru_cache(maxsize=4096)
def parse(address: str) -> Source:
    """The source with this address. Raises ValueError."""
    kind, _, rest = address.partition("/")
    platform, _, name = rest.partition("/")
    if kind not in set(SourceKind):
        raise ValueError("a source's address is KIND/PLATFORM/NAME, with a kind of: " + ", ".join(SourceKind))
    return Source(SourceKind(kind), platform, name)
