"""Entries: the objects of a JSON array, one at a time; an entry that cannot be read costs itself only.

A reader of exports turns a Fault into a rejected record with `faulty`. The import goes on behind it.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

from events.limits import MAX_BODY_BYTES
from pipelines.connector import PlatformEvent
from pipelines.shared.lines import content_id
from pipelines.shared.text import decoded, without_lone_surrogates

CHUNK = 1 << 20
"""Characters that are read at a time."""
MAX_KEPT_BYTES = 4096
"""Of an unreadable place that a rejected record keeps."""
MAX_DETAIL_CHARACTERS = 500
"""Of the place and reason: what an outcome takes."""
IsEntry = Callable[[dict[str, Any]], bool]
"""Whether an object has the keys of an entry: `frozenset({"type", "ts"}).issubset`."""
_GAP = re.compile(r"[\s,]*")
_NEXT = re.compile(r"[\n,]\s*(?=\{)")


@dataclass(frozen=True, slots=True)
class Fault:
    """A place of an export that cannot be read. `place` and `why` contain nothing of its content."""

    place: str
    why: str
    content: bytes = b""


def faulty(fault: Fault, raw_type: str, tenant: str, *, keep: bool = False) -> PlatformEvent:
    """The event that becomes a rejected record with this place and reason. With `keep` it has the beginning of the content."""
    detail = f"{fault.place}: {fault.why}"[:MAX_DETAIL_CHARACTERS].encode("utf-8", "replace").decode()
    return PlatformEvent(
        id="fault:" + content_id(detail.encode() + fault.content),
        type=raw_type,
        payload=fault.content[:MAX_KEPT_BYTES] if keep and fault.content else detail.encode(),
        tenant=tenant,
        fault=detail,
    )


def entries_of(content: bytes, place: str, is_entry: IsEntry) -> Iterator[dict[str, Any] | Fault]:
    """The objects of a file that holds a JSON array, or null for an empty one. See `entries`."""
    text = decoded(content)
    try:
        found = json.loads(without_lone_surrogates(text))
    except (ValueError, RecursionError):
        yield from entries(StringIO(text).read, place, is_entry)
        return
    if found is None:
        return
    if not isinstance(found, list):
        yield Fault(place, "it should be a list of objects")
        return
    for number, entry in enumerate(found, 1):
        yield entry if isinstance(entry, dict) else Fault(f"{place}, entry {number}", "it should be an object")


def entries(
    read: Callable[[int], str], place: str, is_entry: IsEntry, *, listed: bool = True, limit: int = MAX_BODY_BYTES
) -> Iterator[dict[str, Any] | Fault]:
    """The objects of a JSON array that `read` gives piece by piece, in order; not `listed`: of objects one after the other.

    An entry that is not JSON, or has more than `limit` characters, is one Fault; reading goes on at the next object for which
    `is_entry` holds, because an object inside the broken entry must not count as one. Text that ends before the array does is a
    Fault.
    """
    text = _Text(read, limit)
    text.skip()
    if listed and not text.take("["):
        yield Fault(place, "it should be a list of objects")
        return
    number, lost = 0, False
    while True:
        text.skip()
        if not listed and text.at_end():
            return
        if listed and not lost and text.take("]"):  # inside a broken entry it may be the end of an inner list
            return
        number += not lost
        found = text.value()
        if found is None:
            if not lost:
                yield Fault(f"{place}, entry {number}", text.trouble())
            lost = True
            if not text.resume():
                return
        elif lost and not (isinstance(found, dict) and is_entry(found)):
            continue  # still inside the broken entry
        else:
            number += lost
            lost = False
            yield found if isinstance(found, dict) else Fault(f"{place}, entry {number}", "it should be an object")


class _Text:
    """Text that arrives in pieces, and the place in it."""

    def __init__(self, read: Callable[[int], str], limit: int) -> None:
        self._read, self._limit, self._text, self._at, self._ended = read, limit, "", 0, False

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._text) and self._ended

    def _more(self) -> bool:
        piece = "" if self._ended else self._read(CHUNK)
        self._ended = not piece
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)

    def skip(self) -> None:
        """Skip white space and commas."""
        while True:
            found = _GAP.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text) or not self._more():
                return

    def take(self, sign: str) -> bool:
        """Whether this sign comes next; then it is taken."""
        taken = self._text.startswith(sign, self._at)
        self._at += taken
        return taken

    def value(self) -> Any:
        """The next value, or None where there is none that can be read."""
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                if len(self._text) - self._at > self._limit or not self._more():
                    return None
                continue
            if end == len(self._text) and self._more():  # a number may go on
                continue
            source, self._at = self._text[self._at : end], end
            if len(source) > self._limit:
                return None
            repaired = without_lone_surrogates(source)
            return found if repaired == source else json.loads(repaired)

    def trouble(self) -> str:
        """Why `value` found nothing."""
        if self._at >= len(self._text):
            return "the file ends before the list does"
        if len(self._text) - self._at > self._limit:
            return f"it is not JSON, or has more than {self._limit >> 20} MiB"
        return "it is not JSON, or the file ends in it"

    def resume(self) -> bool:
        """Go to the next place where an object can begin. False at the end."""
        self._at = min(self._at + 1, len(self._text))
        while True:
            found = _NEXT.search(self._text, self._at)
            if found:
                self._at = found.end()
                return True
            self._at = max(self._at, len(self._text.rstrip()) - 1)  # the last sign may be the comma before an object
            if not self._more():
                return False


_DECODER = json.JSONDecoder(strict=False)
