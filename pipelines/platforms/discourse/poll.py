"""Poll: `/posts.json`, the latest posts of all public topics.

A page holds the posts within fifty ids (`before` is the highest), so a pass goes up from the stored id in steps of fifty, and a
week's outage is caught up without a hole. The cursor holds the newest id and the ids of the last fifty, because a post may be
committed after one with a higher id. The first pass reads the newest page: history comes from an export. A deletion or an edit
of an older post does not come this way; the webhook has them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_core import from_json

from pipelines.connector import Page, PlatformEvent, PollError, PollOptions
from pipelines.shared.payload import MAX_SECONDS

if TYPE_CHECKING:  # every process loads this module; only the poller makes requests
    import httpx

POLLED = "discourse.rest.post"
STEP = 50
"""Ids in one page."""
_SEEN = "seen"


def poll(client: "httpx.Client", options: PollOptions, cursor: str | None) -> Iterator[Page]:
    """Every public post that is new, oldest first. See `pipelines.connector.Poll`."""
    tenant = options.tenant or urlsplit(options.base_url).hostname or "discourse"
    latest = _page(client, options, None)
    newest = max((post["id"] for post in latest), default=0)
    last, seen = _read(cursor)
    place = last
    while place is not None and place < newest - STEP:
        place += STEP
        posts = [post for post in _page(client, options, place) if post["id"] not in seen]
        seen |= {post["id"] for post in posts}
        yield _made(posts, tenant, _text(place, posts))
    new = [post for post in latest if post["id"] not in seen and (last is None or post["id"] > last - STEP)]
    yield _made(new, tenant, _text(max(newest, place or 0), latest))


def _made(posts: Sequence[Mapping[str, Any]], tenant: str, cursor: str) -> Page:
    return Page(tuple(_event(post, tenant) for post in sorted(posts, key=lambda post: int(post["id"]))), cursor)


def _event(post: Mapping[str, Any], tenant: str) -> PlatformEvent:
    payload = json.dumps({"post": post}, separators=(",", ":"), ensure_ascii=False).encode()
    return PlatformEvent(id=f"post:{post['id']}:{post.get('version', 1)}", type=POLLED, payload=payload, tenant=tenant)


def _page(client: "httpx.Client", options: PollOptions, before: int | None) -> list[dict[str, Any]]:
    asked = {} if before is None else {"before": str(before)}
    headers = {"api-key": options.secrets[0]} if options.secrets else {}
    response = client.get(f"{options.base_url}/posts.json", params=asked, headers={"accept": "application/json", **headers})
    response.raise_for_status()
    try:
        found = from_json(response.content, allow_inf_nan=False)
    except ValueError as error:
        raise _strange(options.base_url, "It does not answer with JSON.") from error
    posts = found.get("latest_posts") if isinstance(found, dict) else None
    if not isinstance(posts, list):
        raise _strange(options.base_url, "The answer has no list latest_posts.")
    if not all(isinstance(post, dict) and isinstance(post.get("id"), int) and 0 < post["id"] < MAX_SECONDS for post in posts):
        raise _strange(options.base_url, "A post has no id.")
    return posts


def _text(last: int, posts: list[dict[str, Any]]) -> str:
    return json.dumps({"last": last, _SEEN: sorted(post["id"] for post in posts)}, separators=(",", ":"))


def _read(cursor: str | None) -> tuple[int | None, frozenset[int]]:
    """What `_text` wrote; the beginning for None and for what cannot be read."""
    try:
        found = from_json(cursor or "null")
        return int(found["last"]), frozenset(map(int, found[_SEEN]))
    except (ValueError, TypeError, KeyError):
        return None, frozenset()


def _strange(url: str, why: str) -> PollError:
    todo = "`url` of this source is the address of the site, such as https://forum.example.org."
    return PollError(f"{url} does not answer as Discourse.", why, todo)
