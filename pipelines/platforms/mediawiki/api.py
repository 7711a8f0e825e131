"""API: entries of MediaWiki's action API in the shape of the recent-change feed, so that one normaliser reads both.

The API lists the same changes as the feeds under other names: `revid` for `revision.new`, `logparams.target_title` for
`log_params.target`, ISO times for seconds. The mapping keeps the numbers of revisions and log entries, so the same edit gets
the same event id by poll, by webhook and from a file. It leaves out `pageid`: most feeds have none, and a page needs one id.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipelines.connector import UnreadableError

API_CHANGE = "mediawiki.api-change"
"""Raw type of an entry of `list=recentchanges`."""
API_LOG = "mediawiki.api-log"
"""Raw type of an entry of `list=logevents`."""
_HIDDEN = ("userhidden", "actionhidden", "suppressed")
_TYPES_OF_CHANGES = frozenset({"edit", "new", "log", "categorize", "external"})


def is_hidden(entry: Mapping[str, Any]) -> bool:
    """Whether the wiki hides who acted, or on what. Hidden edits keep their row, and privileged readers still see the name."""
    return any(is_set(entry, flag) for flag in _HIDDEN)


def is_set(entry: Mapping[str, Any], flag: str) -> bool:
    """Whether a flag of an entry is set. In formatversion=1 the API writes an empty text for true, and nothing for false."""
    return flag in entry and (entry[flag] == "" or bool(entry[flag]))


def type_of_entry(found: Mapping[str, Any]) -> str | None:
    """The raw type of what may be an entry of the API: its times are texts, and its namespace is `ns`."""
    if "ns" not in found or not isinstance(found.get("timestamp"), str):
        return None
    if "rcid" in found or str(found.get("type")) in _TYPES_OF_CHANGES:
        return API_CHANGE
    return API_LOG if "logid" in found else None


def id_of_entry(entry: Mapping[str, Any]) -> str | None:
    """The id of an entry, the same by poll and from a file; None where it has no number."""
    kinds = {"log": "logid", "rev": "revid", "rc": "rcid"}
    return next((f"{kind}:{entry[name]}" for kind, name in kinds.items() if entry.get(name)), None)


def as_recent_change(entry: Mapping[str, Any], raw_type: str) -> dict[str, Any]:
    """An API entry (formatversion=2) as a recent change of the feed. Raises ValueError for an unreadable time."""
    if raw_type == API_LOG:
        kind, action, parameters = entry.get("type"), entry.get("action"), entry.get("params")
        found: dict[str, Any] = {"type": "log", "log_type": kind}
    else:
        action, parameters = entry.get("logaction"), entry.get("logparams")
        found = {"type": entry.get("type"), "log_type": entry.get("logtype"), "id": entry.get("rcid")}
    return found | {
        "namespace": entry.get("ns"),
        "title": entry.get("title"),
        "timestamp": _seconds(entry.get("timestamp")),
        "user": entry.get("user"),
        "bot": is_set(entry, "bot"),
        "minor": is_set(entry, "minor"),
        "anon": is_set(entry, "anon"),
        "temp": is_set(entry, "temp"),
        "comment": entry.get("comment"),
        "tags": entry.get("tags") or (),
        "length": {"old": entry.get("oldlen"), "new": entry.get("newlen")},
        "revision": {"old": entry.get("old_revid"), "new": entry.get("revid")},
        "log_id": entry.get("logid"),
        "log_action": action,
        "log_params": _parameters(parameters),
    }


def _seconds(timestamp: object) -> int:
    if not isinstance(timestamp, str):
        raise UnreadableError("an entry without a timestamp")
    return int(datetime.fromisoformat(timestamp).timestamp())


def _parameters(found: object) -> dict[str, Any] | None:
    if not isinstance(found, Mapping):
        return None
    target = found.get("target_title")
    return {**found, "target": target} if target else dict(found)
