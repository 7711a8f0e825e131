"""Payloads: the parts of a recent change that are read, in the shape of MediaWiki's feeds."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from events.identity import title_object
from events.limits import MAX_CHARACTERS
from pipelines.connector import UnreadableError
from pipelines.shared.payload import MAX_SECONDS, Part, at_seconds

Number = Annotated[int, Field(ge=0, lt=2**63)]
Title = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]


_RENAMED = (("olduser", "newuser"), ("4::olduser", "5::newuser"), ("oldName", "newName"))
"""Names of the parameters: of `renameuser` and `gblrename`, of their stored form, and of `usermerge`."""
_MOVED = ("target", "4::target", "target_title")
"""Names of the parameter: in feeds, in its stored form, and in the action API."""


class Pair(Part):
    """A number before and after an edit."""

    old: Number | None = None
    new: Number | None = None


class Change(Part):
    """What every edit and log entry has."""

    namespace: Annotated[int, Field(ge=-(2**31), lt=2**31)]
    title: Title
    timestamp: Annotated[int, Field(ge=0, le=MAX_SECONDS)]
    user: Title
    bot: bool = False
    anon: bool = False
    temp: bool = False
    comment: str | None = None
    page_id: Number | None = None

    @property
    def at(self) -> datetime:
        """When it happened."""
        return at_seconds(self.timestamp)

    @property
    def page(self) -> str:
        """The page's native id: its number where the feed has one, because that survives a move; otherwise its title."""
        return f"page:{self.page_id}" if self.page_id else title_object(self.title)

    @property
    def named(self) -> str:
        """The account whose page this is: the title without its namespace, in any language."""
        return self.title.partition(":")[2].partition("/")[0] or self.title


class Edit(Change):
    """An edit, or a new page."""

    minor: bool | None = None
    length: Pair = Pair()
    revision: Pair
    tags: tuple[str, ...] | None = ()

    @property
    def difference(self) -> int | None:
        """By how many bytes the page grew."""
        return None if self.length.new is None else self.length.new - (self.length.old or 0)


class Log(Change):
    """An entry of a log."""

    id: Number | None = None
    log_id: Number | None = None
    log_type: str | None = None
    log_action: str | None = None
    log_params: Any = None

    @property
    def key(self) -> str:
        """The entry's natural key. Raises ValueError where the feed has none."""
        if self.log_id:
            return f"log:{self.log_id}"
        if self.id:
            return f"rc:{self.id}"
        raise UnreadableError("a log entry without log_id and id")

    @property
    def renamed(self) -> tuple[str, str] | None:
        """The old and the new name of an account, of a log entry that renames or merges accounts."""
        found = self.log_params if isinstance(self.log_params, dict) else {}
        for old, new in _RENAMED:
            names = found.get(old), found.get(new)
            if all(isinstance(name, str) and 0 < len(name) <= MAX_CHARACTERS for name in names) and names[0] != names[1]:
                return str(names[0]), str(names[1])
        return None

    @property
    def target(self) -> str | None:
        """Where a page was moved to."""
        parameters = self.log_params if isinstance(self.log_params, dict) else {}
        found = next((parameters[name] for name in _MOVED if name in parameters), None)
        return found if isinstance(found, str) and 0 < len(found) <= MAX_CHARACTERS else None
