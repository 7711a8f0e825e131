"""Communities: which space belongs to which community on which day, and which accounts are bots, as in the settings."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

BeatDays = Literal[7, 14, 28, 56, 91]
BEATS_DAYS: tuple[int, ...] = get_args(BeatDays)
"""The lengths that a beat, the rhythm of a community, can have."""
BEATS_IN_WINDOW: Mapping[int, int] = dict(zip(BEATS_DAYS, (12, 8, 6, 6, 4), strict=True))
"""Length of a beat in days -> beats in a window, the time that an evaluation looks back over."""
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class _Dated(_Frozen):
    """Something from a day to another, exclusive; None is open."""

    since: date | None = Field(default=None, alias="from", description="first day; without it, always")
    until: date | None = Field(default=None, alias="to", description="first day after it; without it, no end")

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.since and self.until and self.until <= self.since:
            raise ValueError("`to` is not after `from`; it is the first day that no longer counts")
        return self


class SpaceRule(_Dated):
    """Spaces of one tenant of one platform that belong to a community, from a day to another."""

    platform: str = Field(description="a platform that `guildhall sources` lists")
    workspace: str = Field(description="workspace, site or account on the platform; `*` for any")
    spaces: tuple[str, ...] = Field(description='channel ids, namespaces or meeting series; "*" for all; patterns allowed')
    titles: Mapping[str, str] = Field(
        default={}, description='names of spaces for people, by id, such as { C0123 = "general" }'
    )

    @field_validator("spaces", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def covers(self, tenant: str, space: str, day: date) -> bool:
        """Whether a space of a tenant belongs here on that day."""
        return (
            fnmatchcase(tenant, self.workspace)
            and (self.since is None or day >= self.since)
            and (self.until is None or day < self.until)
            and any(fnmatchcase(space, pattern) for pattern in self.spaces)
        )

    def shared_with(self, other: "SpaceRule") -> str | None:
        """A space (or pattern) that both rules name on the same day, or None."""
        if self.platform != other.platform or not _alike(self.workspace, other.workspace):
            return None
        if (self.until or date.max) <= (other.since or date.min) or (other.until or date.max) <= (self.since or date.min):
            return None
        return next((mine for mine in self.spaces for theirs in other.spaces if _alike(mine, theirs)), None)


def _alike(one: str, other: str) -> bool:
    return fnmatchcase(one, other) or fnmatchcase(other, one)


class ReportRule(_Frozen):
    """When a report is made."""

    every: Literal["month", "quarter"] = Field(default="month", description="month or quarter")


class Break(_Dated):
    """An announced pause: it leaves the denominators."""

    since: date = Field(alias="from", description="first day of the pause")
    until: date = Field(alias="to", description="first day after the pause")
    kind: str = Field(default="break", description="what kind of pause it is, for the report")


class Community(_Frozen):
    """One community of practice."""

    slug: Slug
    title: str = Field(description="name in reports")
    origin: Literal["created", "organic"] = Field(default="organic", description="whether management created it or it grew")
    sector: str | None = Field(default=None, description="industry, for comparisons between communities")
    language: str | None = Field(default=None, description="main language, such as en")
    time_zone: str = Field(default="UTC", description="time zone of dates in reports, such as Europe/Berlin")
    beat_days: BeatDays = Field(default=7, description="usual days between meetings: 7, 14, 28, 56 or 91")
    begins: date | None = Field(default=None, description="first day that counts; older records are set apart")
    space: tuple[SpaceRule, ...] = ()
    breaks: tuple[Break, ...] = Field(default=(), alias="break")
    report: ReportRule = ReportRule()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError):  # KeyError: zoneinfo's way of not knowing a name
            raise ValueError(f"`{value}` is not a time zone; time zones are written like Europe/Berlin") from None
        return value


def contested(communities: Mapping[str, Community]) -> tuple[str, str, str] | None:
    """A space that two communities claim for the same day, and the two; None where every space has one owner."""
    for one, other in combinations(communities.values(), 2):
        for rule in one.space:
            for claim in other.space:
                space = rule.shared_with(claim)
                if space is not None:
                    return f"{rule.platform}/{rule.workspace}/{space}", one.slug, other.slug
    return None


class Communities:
    """Answers which community a space belongs to at a moment; at most one, or none."""

    def __init__(self, communities: Mapping[str, Community], bots: frozenset[tuple[str, str, str]] = frozenset()) -> None:
        """Keep the communities by slug; `bots` holds (platform, tenant, native account)."""
        self.by_slug = dict(communities)
        self.bots = bots
        self._rules: dict[str, list[tuple[SpaceRule, str]]] = {}
        for community in communities.values():
            for rule in community.space:
                self._rules.setdefault(rule.platform, []).append((rule, community.slug))
        self._memory: dict[tuple[str, str, str, int], str | None] = {}

    def of(self, platform: str, tenant: str, space: str, at: datetime) -> str | None:
        """The community that this space belongs to at this moment, or None."""
        asked = (platform, tenant, space, int(at.timestamp() // 86_400))
        if asked not in self._memory:
            if len(self._memory) > 100_000:  # noqa: PLR2004 - bounded, whatever spaces a platform invents
                self._memory.clear()
            self._memory[asked] = next(
                (slug for rule, slug in self._rules.get(platform, ()) if rule.covers(tenant, space, at.astimezone(UTC).date())),
                None,
            )
        return self._memory[asked]


class BotList(_Frozen):
    """Accounts that are bots although the platform does not mark them."""

    platform: str = Field(description="a platform that `guildhall sources` lists")
    workspace: str = Field(description="workspace, site or account on the platform; `*` for any")
    accounts: tuple[str, ...] = Field(
        description="the platform's ids or e-mail addresses of the accounts, or their names where it has names only"
    )

    @model_validator(mode="after")
    def _some(self) -> "BotList":
        if not self.accounts:
            raise ValueError("the list of bots has no accounts")
        return self
