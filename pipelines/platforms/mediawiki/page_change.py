"""Page changes: events of the stream mediawiki.page_change.v1 in the shape of the recent-change feed.

An edit has the same event id in both streams, because both name the revision. Moves, deletions and changes of visibility have
no number here; the recent changes have them with the number of their log entry, so they are left to that feed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipelines.connector import UnreadableError

_TYPES = {"edit": "edit", "create": "new"}


def is_page_change(found: Mapping[str, Any]) -> bool:
    """Whether this is an event of mediawiki.page_change."""
    return "page_change_kind" in found and isinstance(found.get("page"), Mapping)


def as_recent_change(found: Mapping[str, Any]) -> dict[str, Any]:
    """A page change as a recent change of the feed, of type `page_change` where it is no edit. Raises ValueError."""
    page, revision, performer = (_part(found, name) for name in ("page", "revision", "performer"))
    before = _part(_part(found, "prior_state"), "revision")
    title, created = page.get("page_title"), found.get("page_change_kind") == "create"
    size = revision.get("rev_size") if created or before else None  # without the size before, the difference is unknown
    return {
        "meta": found.get("meta"),
        "wiki": found.get("wiki_id"),
        "type": _TYPES.get(str(found.get("page_change_kind")), "page_change"),
        "namespace": page.get("namespace_id"),
        "title": title.replace("_", " ") if isinstance(title, str) else title,
        "timestamp": seconds_of(found.get("dt")),
        "user": performer.get("user_text"),
        "bot": performer.get("is_bot") is True,
        "temp": performer.get("is_temp") is True,
        "minor": revision.get("is_minor_edit"),
        "comment": revision.get("comment", found.get("comment")),
        "length": {"old": 0 if created else before.get("rev_size"), "new": size},
        "revision": {"old": revision.get("rev_parent_id"), "new": revision.get("rev_id")},
    }


def seconds_of(dt: object) -> int:
    """Epoch seconds of an ISO time. Raises ValueError."""
    if not isinstance(dt, str):
        raise UnreadableError("a page change without its time")
    return int(datetime.fromisoformat(dt).timestamp())


def _part(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = found.get(name)
    return part if isinstance(part, Mapping) else {}
