"""Poll: `list=recentchanges` of the action API, and the patrol log, which recent changes do not contain.

* A pass reads forward in time and continues where the API says (`rccontinue`). The cursor keeps the newest timestamp of each
  list and the entries of the last five minutes before it. The next pass reads these five minutes again and drops what it has
  seen. So entries with equal timestamps, and entries that the wiki commits late, are not missed.
* The wiki purges old recent changes (`$wgRCMaxAge`, 90 days by default). A cursor has expired when the newest entry that we
  read is gone, the oldest one left is younger than our last pass, and their numbers do not follow each other.
* `options.base_url` is the address of `api.php`, or of an event stream (`.../stream/recentchange`): `stream.py` reads that.
* A secret of the source is an OAuth 2 access token, for wikis that only members read.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from pydantic_core import from_json

from pipelines.connector import CursorExpired, Page, PlatformBusy, PlatformEvent, PollError, PollOptions
from pipelines.platforms.mediawiki.api import API_CHANGE, API_LOG

if TYPE_CHECKING:  # every process loads this module; only the poller makes requests
    import httpx

OVERLAP = timedelta(minutes=5)
"""How long the wiki may take to commit a change. This much is read again in each pass."""
MAX_SEEN = 5000
"""Entries that a cursor remembers for each list. Beyond that, the oldest may be published twice."""
FIRST_PATROLS = timedelta(days=90)
"""How far back the first pass reads the patrol log: as far as recent changes go by default."""
SURELY_KEPT = timedelta(days=1)
"""No wiki purges changes as young as this."""
_BUSY = frozenset({"maxlag", "ratelimited", "readonly", "internal_api_error_DBQueryTimeoutError"})


@dataclass(frozen=True, slots=True)
class Place:
    """How far one list has been read: its newest timestamp, and the entries of the OVERLAP before it with their timestamps."""

    at: datetime | None = None
    seen: Mapping[str, datetime] = field(default_factory=dict)

    def after(self, entries: Sequence["Entry"]) -> Self:
        """The place behind these entries."""
        at = max((entry.at for entry in entries), default=self.at)
        at = max(at, self.at) if at and self.at else at
        if at is None:
            return self
        seen = {**self.seen, **{entry.key: entry.at for entry in entries}}
        kept = sorted(((key, moment) for key, moment in seen.items() if moment >= at - OVERLAP), key=lambda one: one[1])
        return replace(self, at=at, seen=dict(kept[-MAX_SEEN:]))


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the poller stores between two passes. `asked` is the wiki's time of the last pass that had an answer."""

    changes: Place = Place()
    patrols: Place = Place()
    asked: datetime | None = None

    def text(self) -> str:
        """The cursor as JSON."""
        places = {name: _written(place) for name, place in (("changes", self.changes), ("patrols", self.patrols))}
        return json.dumps(places | {"asked": self.asked.isoformat() if self.asked else None}, separators=(",", ":"))

    @classmethod
    def read(cls, text: str | None) -> Self:
        """What `text` wrote; the beginning for None and for what cannot be read: everything is then read again."""
        try:
            found = from_json(text or "{}")
            asked = found.get("asked")
            return cls(_place(found.get("changes")), _place(found.get("patrols")), _moment(asked) if asked else None)
        except (ValueError, TypeError, AttributeError):
            return cls()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list: its key within the list, its time, and itself."""

    key: str
    at: datetime
    content: Mapping[str, Any]


def poll(client: "httpx.Client", options: PollOptions, cursor: str | None) -> Iterator[Page]:
    """Everything that is new on the wiki, oldest first. See `pipelines.connector.Poll`."""
    if "/stream/" in options.base_url:
        from pipelines.platforms.mediawiki.stream import poll_stream  # noqa: PLC0415 - as httpx above

        yield from poll_stream(client, options, cursor)
        return
    api = _Api(client, options)
    place = Cursor.read(cursor)
    tenant, now = api.tenant_and_time(options.tenant)
    if _may_have_expired(place, now):
        _refuse_expired(api, place)
    for entries in api.list("recentchanges", "rc", _CHANGES, place.changes.at):
        new = unseen(entries, place.changes)
        place = replace(place, changes=place.changes.after(entries))
        yield Page(tuple(_event(entry, API_CHANGE, tenant) for entry in new), place.text())
    for entries in api.list("logevents", "le", _PATROLS, place.patrols.at or now - FIRST_PATROLS + OVERLAP):
        new = unseen(entries, place.patrols)
        place = replace(place, patrols=place.patrols.after(entries))
        yield Page(tuple(_event(entry, API_LOG, tenant) for entry in new), place.text())
    if place.changes.at:  # an empty list proves nothing about what was purged
        place = replace(place, asked=now)
    yield Page((), place.text())


def unseen(entries: Sequence[Entry], place: Place) -> list[Entry]:
    """The entries that no earlier page held."""
    return [entry for entry in entries if entry.key not in place.seen]


def has_expired(place: Place, asked: datetime, oldest: Entry) -> bool:
    """Whether changes may have been purged unread, given the oldest one that the wiki still has.

    Not if the newest change that we read is still there, nor if the oldest one left is older than our last pass or directly
    follows ours by number.
    """
    newest = max((_number(key) for key in place.seen), default=0)
    return oldest.at > asked and _number(oldest.key) > newest + 1


_CHANGES = {"rctype": "edit|new|log", "rcprop": "title|ids|timestamp|user|comment|flags|sizes|loginfo|tags"}
_PATROLS = {"leaction": "patrol/patrol", "leprop": "ids|title|type|user|timestamp|comment|details|tags"}


class _Api:
    """Requests to one api.php."""

    def __init__(self, client: "httpx.Client", options: PollOptions) -> None:
        self._client, self._url = client, options.base_url
        self._headers = {"authorization": f"Bearer {options.secrets[0]}"} if options.secrets else {}

    def tenant_and_time(self, tenant: str | None) -> tuple[str, datetime]:
        """The wiki's domain, as its feeds name it, and its clock."""
        answer = self._get({"meta": "siteinfo", "siprop": "general", "curtimestamp": "1"})
        name = answer["query"].get("general", {}).get("servername")
        found = tenant or (name.lower() if isinstance(name, str) else None)
        if not found:
            raise _strange(self._url, "it does not name its server", "Set `tenant` of this source to the wiki's domain.")
        return found, _moment(answer.get("curtimestamp"))

    def list(self, name: str, prefix: str, wanted: Mapping[str, str], at: datetime | None) -> Iterator[list[Entry]]:
        """The pages of a list from OVERLAP before a moment on, oldest first."""
        asked = {"list": name, f"{prefix}dir": "newer", f"{prefix}limit": "max", **wanted}
        if at is not None:
            asked[f"{prefix}start"] = (at - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")
        more: Mapping[str, Any] = {}
        while True:
            answer = self._get({**asked, **more})
            found = answer["query"].get(name)
            if not isinstance(found, list):
                raise _strange(self._url, f"the answer has no list {name}")
            yield [_entry(self._url, one) for one in found]
            more_from = answer.get("continue")
            if not more_from:
                return
            if not isinstance(more_from, Mapping) or more_from == more:
                raise _strange(self._url, "it continues without an end")
            more = more_from

    def oldest(self) -> Entry | None:
        """The oldest change that the wiki still has."""
        asked = {"list": "recentchanges", "rcdir": "newer", "rclimit": "1", **_CHANGES}
        found = self._get(asked)["query"].get("recentchanges") or []
        return _entry(self._url, found[0]) if found else None

    def has(self, entry: str, at: datetime) -> bool:
        """Whether the wiki still lists a change of this moment."""
        start = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        asked = {"list": "recentchanges", "rcdir": "newer", "rclimit": "max", "rcstart": start, "rcend": start, **_CHANGES}
        found = self._get(asked)["query"].get("recentchanges") or []
        return any(_entry(self._url, one).key == entry for one in found)

    def _get(self, asked: Mapping[str, str]) -> dict[str, Any]:
        always = {"action": "query", "format": "json", "formatversion": "2", "maxlag": "5"}
        response = self._client.get(self._url, params={**always, **asked}, headers=self._headers)
        response.raise_for_status()
        try:
            answer = from_json(response.content, allow_inf_nan=False)
        except ValueError as error:
            raise _strange(self._url, "it does not answer with JSON") from error
        if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
            code = str(answer["error"].get("code"))[:64]
            if code in _BUSY:
                raise PlatformBusy(code, response.headers.get("retry-after"))
            raise _strange(self._url, f"it refuses with the code {code}")
        if not isinstance(answer, dict) or not isinstance(answer.setdefault("query", {}), dict):
            raise _strange(self._url, "the answer is no answer of MediaWiki's action API")
        return answer


def _may_have_expired(cursor: Cursor, now: datetime) -> bool:
    return cursor.asked is not None and bool(cursor.changes.seen) and now - cursor.asked > SURELY_KEPT


def _refuse_expired(api: _Api, cursor: Cursor) -> None:
    assert cursor.asked is not None
    newest, at = max(cursor.changes.seen.items(), key=lambda one: (one[1], _number(one[0])))
    if api.has(newest, at):
        return
    oldest = api.oldest()
    if oldest is not None and has_expired(cursor.changes, cursor.asked, oldest):
        raise CursorExpired


def _entry(url: str, found: object) -> Entry:
    if not isinstance(found, dict) or not isinstance(found.get("timestamp"), str):
        raise _strange(url, "an entry has no timestamp")
    # Numbers of recent changes are given out again when a wiki rebuilds the table: the revision or log entry goes with them.
    number, of = found.get("rcid", found.get("logid")), found.get("revid") or found.get("logid") or 0
    if not isinstance(number, int):
        raise _strange(url, "an entry has no number")
    try:
        return Entry(f"{number}:{of}", _moment(found["timestamp"]), found)
    except ValueError as error:
        raise _strange(url, "an entry has a time that is none") from error


def _event(entry: Entry, raw_type: str, tenant: str) -> PlatformEvent:
    found = entry.content
    log, revision = found.get("logid"), found.get("revid")
    return PlatformEvent(
        id=f"log:{log}" if log else f"rev:{revision}" if revision else f"rc:{entry.key}",
        type=raw_type,
        payload=json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode(),
        tenant=tenant,
        time=entry.at,
    )


def _number(key: str) -> int:
    return int(key.partition(":")[0])


def _moment(text: object) -> datetime:
    if not isinstance(text, str):
        raise ValueError("a time is a text")  # noqa: TRY004 - unreadable is a ValueError
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment


def _written(place: Place) -> dict[str, Any]:
    at = place.at.isoformat() if place.at else None
    return {"at": at, "seen": {key: int(moment.timestamp()) for key, moment in place.seen.items()}}


def _place(found: Mapping[str, Any] | None) -> Place:
    if not found or not found.get("at"):
        return Place()
    at = _moment(found["at"])
    return Place(at, {key: datetime.fromtimestamp(seconds, at.tzinfo) for key, seconds in found["seen"].items()})


def _strange(url: str, why: str, todo: str | None = None) -> PollError:
    return PollError(
        f"{url} does not answer as MediaWiki's action API.",
        f"{why[0].upper()}{why[1:]}.",
        todo or "Open that address in a browser; `url` of this source is the full address of the wiki's api.php.",
    )
