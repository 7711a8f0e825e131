"""Text: bytes of any Unicode encoding as text, and JSON in which half a character costs one character and no record."""

import codecs
import json
import re
import unicodedata
from typing import Any

from pydantic_core import from_json

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks. Those of UTF-32 come first: one of them begins like one of UTF-16."""
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_REPLACEMENT = "\\ufffd"


def encoding_of(beginning: bytes) -> str:
    """The encoding of a text that begins with these bytes (at least four, where it has them); UTF-8 where nothing shows it.

    Without a mark, zero bytes beside ASCII show UTF-16, because JSON and our other formats begin with ASCII.
    """
    for mark, name in _MARKS:
        if beginning.startswith(mark):
            return name
    if len(beginning) >= 2 and beginning[0] != beginning[1]:  # noqa: PLR2004 - one unit of UTF-16
        if beginning[1] == 0:
            return "utf-16-le"
        if beginning[0] == 0:
            return "utf-16-be"
    return "utf-8"


def decoded(content: bytes) -> str:
    """The text of a file. Bytes that are none in its encoding become U+FFFD."""
    return content.decode(encoding_of(content[:4]), errors="replace")


def without_lone_surrogates(text: str) -> str:
    """JSON in which every escape of half a character is U+FFFD. Whole characters and escaped backslashes stay."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda found: _REPLACEMENT if found["lone"] else found[0], text)


def read_json(content: bytes) -> Any:
    """The value of a JSON file in any Unicode encoding. Raises ValueError, or RecursionError where it is too deep."""
    return json.loads(without_lone_surrogates(decoded(content)))


def parse_payload(payload: bytes) -> Any:
    """The value of a JSON payload. Half a character becomes U+FFFD. Raises ValueError for what is not JSON."""
    try:
        return from_json(payload, allow_inf_nan=False)
    except ValueError:
        repaired = repaired_payload(payload)
        if repaired == payload:
            raise
        return from_json(repaired, allow_inf_nan=False)


def repaired_payload(payload: bytes) -> bytes:
    """A payload as UTF-8 without a byte order mark and without half characters."""
    return without_lone_surrogates(decoded(payload)).encode("utf-8", "replace")


def plain_name(name: str) -> str:
    """The name of a file or folder, comparable across systems: Unicode normal form C, `/` between folders, no `./` in front."""
    return unicodedata.normalize("NFC", name).replace("\\", "/").removeprefix("./")
