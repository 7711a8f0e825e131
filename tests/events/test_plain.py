"""Plain: no text of a stranger is obeyed by a terminal or computed by a spreadsheet."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.plain import plain, plain_json, spreadsheet_cell

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "a\rb",
    "safe\u202etxt.exe",
    "\x00",
    "\x7f",
    "line\u2028break",
    "\u2066x\u2069",
]


def obeyed(text: str) -> list[str]:
    """The characters of a text that a terminal obeys."""
    return [c for c in text if (ord(c) < 0x20 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2028\u2066\u2069"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_obeys_nothing_of_it(text):
    assert obeyed(text)
    assert obeyed(plain(text)) == []
    assert obeyed(str(spreadsheet_cell(text))) == []


@given(st.text())
def test_a_document_keeps_its_value(text):
    document = plain_json(json.dumps({text: text}, ensure_ascii=False, indent=2))
    assert json.loads(document) == {text: text}
    assert obeyed(document) == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1+1", "|cmd", "%0A=1", "\n=1"])
def test_a_spreadsheet_computes_nothing_of_it(text):
    out = io.StringIO()
    csv.writer(out).writerow([spreadsheet_cell(text), spreadsheet_cell(-1), spreadsheet_cell("plain = text")])
    (row,) = csv.reader(io.StringIO(out.getvalue()))
    assert row[0].startswith("'")
    assert row[1:] == ["-1", "plain = text"]
