"""MediaWiki's format: an action as an event of Wikimedia's stream of recent changes.

The revisions of a page are linked, so this format remembers the last revision and the size of every page. It must get all
actions of the wiki in their order.
"""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pipelines.simulator.actions import Action, Kind
from pipelines.simulator.formats.world import World
from pipelines.simulator.population import SPECS

FIRST_REVISION = 1_000_000
BOT = "TidyBot"


class MediaWiki:
    """The recent changes of the wikis. Reverts have their tag, as in a feed with tags."""

    def __init__(self, world: World) -> None:
        """No page exists yet."""
        self.world = world
        self._pages: dict[tuple[int, int], tuple[int, int]] = {}
        self._repeated: dict[int, bytes] = {}

    def payload(self, action: Action) -> bytes:
        """Return one `recentchange` event as JSON. A re-delivery has the same bytes."""
        if action.again:
            return self._repeated.pop(action.number)
        body = json.dumps(self._change(action), separators=(",", ":")).encode()
        if action.repeats:
            self._repeated[action.number] = body
        return body

    def event_id(self, action: Action) -> str:
        """Return `meta.id`, which every event of the stream has."""
        return self.world.uuid("recentchange", action.number)

    def _change(self, action: Action) -> dict[str, Any]:
        page = _page(action)
        subjects = SPECS[action.community].subjects
        title = f"{subjects[page % len(subjects)].capitalize()} {page + 1}"
        if action.kind is Kind.WIKI_CATEGORY:
            title = f"Category:{subjects[page % len(subjects)].capitalize()}"
        domain = self.world.domains[action.community]
        address = f"https://{domain}/wiki/{quote(title.replace(' ', '_'))}"
        found: dict[str, Any] = {
            "$schema": "/mediawiki/recentchange/1.0.1",
            "meta": {
                "uri": address,
                "request_id": self.world.uuid("request", action.number),
                "id": self.event_id(action),
                "domain": domain,
                "stream": "mediawiki.recentchange",
                "topic": "eqiad.mediawiki.recentchange",
                "partition": 0,
                "offset": 5_000_000_000 + action.number,
                "dt": _iso(action.at),
            },
            "id": 40_000_000 + action.number,
            "type": "edit",
            "namespace": 0,
            "title": title,
            "title_url": address,
            "comment": "",
            "timestamp": action.at // 1000,
            "user": self.world.wiki_user(action.who) if action.who else BOT,
            "bot": action.kind is Kind.WIKI_BOT,
            "server_url": f"https://{domain}",
            "server_name": domain,
            "server_script_path": "/w",
            "wiki": self.world.wikis[action.community],
            "parsedcomment": "",
        }
        if action.kind is Kind.WIKI_LOG:
            return found | {
                "type": "log",
                "log_id": 700_000 + action.number,
                "log_type": "patrol",
                "log_action": "autopatrol" if is_automatic(action) else "patrol",
                "log_params": {"curid": FIRST_REVISION + action.number, "previd": 0, "auto": int(is_automatic(action))},
                "log_action_comment": f"marked a revision of [[{title}]] as patrolled",
            }
        if action.kind is Kind.WIKI_CATEGORY:
            return found | {"type": "categorize", "namespace": 14, "comment": f"[[{title}]] added to category"}
        return found | self._revision(action, page)

    def _revision(self, action: Action, page: int) -> dict[str, Any]:
        place = (action.community, page)
        old, size = self._pages.get(place, (0, 0))
        new = FIRST_REVISION + action.number
        undone = action.ref if isinstance(action.ref, Action) else None
        # A page never shrinks to nothing, so an undo of its last change restores its size exactly.
        length = size - _growth(undone) if undone else size + _growth(action)
        self._pages[place] = (new, length)
        found: dict[str, Any] = {
            "type": "edit" if old else "new",
            "minor": action.number % 4 == 0,
            "patrolled": True,
            "length": {"old": size, "new": length} if old else {"new": length},
            "revision": {"old": old, "new": new} if old else {"new": new},
        }
        if undone:
            who = self.world.wiki_user(undone.who) if undone.who else BOT
            link = f"[[Special:Diff/{FIRST_REVISION + undone.number}|{FIRST_REVISION + undone.number}]]"
            found["comment"] = f"Undo revision {link} by [[Special:Contributions/{who}|{who}]] ([[User talk:{who}|talk]])"
            found["tags"] = ["mw-undo"]
        return found


def is_automatic(action: Action) -> bool:
    """Return whether the software itself wrote an entry of the patrol log."""
    return action.number % 2 == 0


def _page(action: Action) -> int:
    about = action.ref
    if isinstance(about, Action):
        about = about.ref
    return about if isinstance(about, int) else 0


def _growth(action: Action) -> int:
    return 20 + action.number * 7_919 % 900


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
