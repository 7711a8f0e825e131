"""A fake of MediaWiki's action API, written from its documentation and from answers of MediaWiki 1.39: lists and continuation."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx

URL = "https://wiki.garden.example/w/api.php"
START = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)


def text_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class WikiApi:
    """Rows that a test appends, and the API that lists them. `limit` is the largest page."""

    def __init__(self, limit: int = 500) -> None:
        self.limit, self.now = limit, START
        self.changes: list[dict[str, Any]] = []
        self.patrols: list[dict[str, Any]] = []
        self.requests: list[httpx.Request] = []
        self.answers: list[httpx.Response | Exception] = []
        """What the next requests get instead of an answer."""

    def edit(self, at: datetime, number: int | None = None, **more: Any) -> int:
        """Append an edit; its number is that of the row and of the revision."""
        number = number or max((row["rcid"] for row in self.changes), default=0) + 1
        self.changes.append(
            {"type": "edit", "ns": 0, "title": "Pears", "pageid": 7, "revid": number, "old_revid": number - 1, "rcid": number}
            | {"user": "Ines", "bot": False, "new": False, "minor": False, "oldlen": 10, "newlen": 12}
            | {"timestamp": text_of(at), "comment": "", "tags": []}
            | more
        )
        return number

    def patrol(self, at: datetime, number: int) -> None:
        self.patrols.append(
            {"logid": number, "ns": 0, "title": "Pears", "pageid": 7, "logpage": 7, "params": {"curid": 2, "auto": False}}
            | {"type": "patrol", "action": "patrol", "user": "Rosa", "timestamp": text_of(at), "comment": "", "tags": []}
        )

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._handle))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        asked = dict(request.url.params)
        assert asked["action"] == "query"
        assert asked["formatversion"] == "2"
        if asked.get("meta") == "siteinfo":
            return self._json({"query": {"general": {"servername": "Wiki.Garden.example", "wikiid": "garden"}}})
        if asked["list"] == "recentchanges":
            return self._listed("recentchanges", "rc", self.changes, "rcid", asked)
        return self._listed("logevents", "le", self.patrols, "logid", asked)

    def _listed(self, name: str, prefix: str, rows: list[dict[str, Any]], number: str, asked: dict[str, str]) -> httpx.Response:
        assert asked[f"{prefix}dir"] == "newer"
        begin = (asked.get(f"{prefix}start", ""), 0)
        if f"{prefix}continue" in asked:
            at, _, row = asked[f"{prefix}continue"].partition("|")
            begin = (at, int(row))
        end = asked.get(f"{prefix}end", "9999")
        found = sorted(
            (row for row in rows if (row["timestamp"], row[number]) >= begin and row["timestamp"] <= end),
            key=lambda row: (row["timestamp"], row[number]),
        )
        limit = self.limit if asked[f"{prefix}limit"] == "max" else min(self.limit, int(asked[f"{prefix}limit"]))
        answer: dict[str, Any] = {"query": {name: found[:limit]}}
        if len(found) > limit:
            following = found[limit]
            answer["continue"] = {f"{prefix}continue": f"{following['timestamp']}|{following[number]}", "continue": "-||"}
        return self._json(answer)

    def _json(self, answer: dict[str, Any]) -> httpx.Response:
        return httpx.Response(200, text=json.dumps({"batchcomplete": True, "curtimestamp": text_of(self.now)} | answer))
