"""Bending: payloads of fixtures with parts dropped or replaced, for the tests that no payload may be a fault of ours."""

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

ODD = (
    "1.0", "9" * 16, "x" * 1100, "[", "\ud800", "", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 10**18, 10**400, -1,
)  # fmt: skip


def values(*of_the_platform: object) -> st.SearchStrategy[Any]:
    """What a part of a payload may become, with words that mean something to the platform."""
    return st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12)),
        *(st.just([]), st.just({}), st.sampled_from((*ODD, *of_the_platform))),
    )


def raws_of(folder: Path) -> list[dict[str, Any]]:
    """The `raw` part of every fixture that holds JSON."""
    raws = (json.loads(path.read_text())["raw"] for path in sorted(folder.glob("*.json")))
    return [raw for raw in raws if "payload" in raw]


def bent(
    data: st.DataObject, raws: Sequence[dict[str, Any]], replacements: st.SearchStrategy[Any]
) -> Iterator[tuple[dict[str, Any], Any]]:
    """Four raws, each with its payload bent in one to three places: 2,500 examples are 10,000 payloads."""
    for raw in data.draw(st.lists(st.sampled_from(raws), min_size=4, max_size=4)):
        payload = json.loads(json.dumps(raw["payload"]))
        for _ in range(data.draw(st.integers(1, 3))):
            places = list(_places(payload))
            if places:
                _bend(payload, data.draw(st.sampled_from(places)), data.draw(replacements), drop=data.draw(st.booleans()))
        yield raw, payload


def _places(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    entries = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for name, inner in entries:
        yield from _places(inner, (*path, name))


def _bend(payload: Any, path: tuple[Any, ...], value: Any, drop: bool) -> None:
    at = payload
    for name in path[:-1]:
        at = at[name]
    if drop:
        del at[path[-1]]
    else:
        at[path[-1]] = copy.deepcopy(value)  # a list put into itself would have no end
