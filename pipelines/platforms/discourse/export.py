"""Export: topics as Discourse's REST API gives them: `/t/<id>.json`, and `/t/<id>/posts.json` beyond twenty posts."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.connector import ExportError, ImportOptions, PlatformEvent
from pipelines.imports.archive import ExportTree, open_tree
from pipelines.shared.entries import Fault, faulty
from pipelines.shared.payload import Moment
from pipelines.shared.text import read_json

EXPORTED = "discourse.rest.topic"
_KEPT = (
    *("id", "topic_id", "post_number", "post_type", "action_code", "user_id", "username", "name", "created_at", "updated_at"),
    *("deleted_at", "user_deleted", "hidden", "version", "reply_to_post_number", "cooked"),
)
_MOMENT: TypeAdapter[Any] = TypeAdapter(Moment)


def read_topics(path: Path, options: ImportOptions) -> Iterator[PlatformEvent]:
    """Every post of the topics in a JSON file, or in a folder, zip or tar of them. A record's id is the post's.

    The tenant is that of the options, otherwise `export`: a topic does not name its site. Raises ExportError.
    """
    with _opened(path) as tree:
        names = [name for name in tree.names() if name.lower().endswith(".json")]
        topics, whose = _topics(tree, names, options)
        if not whose:
            raise ExportError(
                "This is not an export of Discourse in a known layout.",
                f"{path.name} has no file with the JSON of a topic.",
                "Save https://<site>/t/<id>.json for each topic, and give the folder that holds the files.",
            )
        for number, (name, topic) in enumerate(whose.items(), 1):
            found = _read(tree, name)
            if isinstance(found, dict):
                yield from _posts(
                    found["post_stream"]["posts"], topics.get(topic, {}), f"File {number}", options.tenant or "export"
                )
            else:
                yield faulty(Fault(f"File {number}", "it is not JSON"), EXPORTED, options.tenant or "export")


def _topics(
    tree: ExportTree, names: list[str], options: ImportOptions
) -> tuple[dict[object, dict[str, Any]], dict[str, object]]:
    """What the files show of each topic, and the topic of each file. A file of further posts shows only the topic's number."""
    topics: dict[object, dict[str, Any]] = {}
    whose: dict[str, object] = {}
    listed: dict[object, set[object]] = {}
    given: dict[object, set[object]] = {}
    for name in names:
        found = _read(tree, name)
        if found is None:
            whose[name] = None
            continue
        stream = found.get("post_stream")
        if not isinstance(stream, dict) or not isinstance(stream.get("posts"), list):
            options.left_out(name, "it holds no topic")
            continue
        number = str(found.get("id"))
        whose[name] = number
        if "category_id" in found:
            topics[number] = {"category": found["category_id"], "archetype": found.get("archetype")}
        ids = stream.get("stream")
        listed.setdefault(number, set()).update(map(str, ids if isinstance(ids, list) else ()))
        given.setdefault(number, set()).update(str(post.get("id")) for post in stream["posts"] if isinstance(post, dict))
    for topic, listed_ids in listed.items():
        if absent := len(listed_ids - given[topic]):
            options.left_out(f"topic {topic}", f"{absent} of its posts are in no file: save /t/{topic}/posts.json too")
    return topics, whose


def _posts(posts: list[Any], topic: Mapping[str, Any], place: str, tenant: str) -> Iterator[PlatformEvent]:
    for index, post in enumerate(posts, 1):
        if not isinstance(post, dict):
            yield faulty(Fault(f"{place}, entry {index}", "it should be an object"), EXPORTED, tenant)
            continue
        kept = {name: post[name] for name in _KEPT if name in post}
        payload = json.dumps({**topic, "post": kept}, separators=(",", ":")).encode()
        own = f"post:{post.get('id')}" if isinstance(post.get("id"), int) else f"{place}:{index}"
        yield PlatformEvent(
            id=own, type=EXPORTED, payload=payload, tenant=tenant, time=_time(post), place=f"{place}, entry {index}"
        )


def _time(post: Mapping[str, Any]) -> datetime | None:
    """The newest moment that the post shows."""
    for name in ("updated_at", "created_at"):
        try:
            moment: datetime = _MOMENT.validate_python(post.get(name))
        except ValidationError:
            continue
        return moment
    return None


def _read(tree: ExportTree, name: str) -> dict[str, Any] | None:
    """The object of a file; None for what is no JSON."""
    try:
        found = read_json(tree.read(name))
    except (ValueError, RecursionError, ExportError):
        return None
    return found if isinstance(found, dict) else {}


class _OneFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        return [self._path.name]

    def read(self, name: str) -> bytes:  # noqa: ARG002 - there is only one
        return self._path.read_bytes()


@contextmanager
def _opened(path: Path) -> Iterator[ExportTree]:
    if path.is_file() and path.name.lower().endswith(".json"):
        yield _OneFile(path)
    else:
        with open_tree(path) as tree:
            yield tree
