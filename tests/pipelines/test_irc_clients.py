"""Clients' own forms of a log: who came, spoke, acted, was renamed and left, in whichever client's words and encoding."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.platforms.irc.clients import decode, rewrite
from pipelines.platforms.irc.export import _placed
from pipelines.platforms.irc.lines import Kind, read_lines

DAY = date(2026, 3, 2)
ENERGYMECH = """\
[18:00:00] *** Joins: rosa (rosa@host.example)
[18:00:30] <rosa> shall we?
[18:01:00] * abel nods
[18:02:00] *** abel is now known as abel_away
[18:03:00] *** Parts: rosa (rosa@host.example)
"""
KVIRC = """\
[18:00:00] *** rosa [rosa@host.example] has joined #garden
[18:00:30] <rosa> shall we?
[18:01:00] * abel nods
[18:02:00] *** abel is now known as abel_away
[18:03:00] *** rosa [rosa@host.example] has left #garden
"""
HEXCHAT = """\
**** BEGIN LOGGING AT Mon Mar  2 18:00:00 2026

Mar 02 18:00:00 *\trosa (rosa@host.example) has joined
Mar 02 18:00:30 <rosa>\tshall we?
Mar 02 18:01:00 *\tabel nods
Mar 02 18:02:00 *\tabel is now known as abel_away
Mar 02 18:03:00 *\trosa has quit (Quit: bye)
**** ENDING LOGGING AT Mon Mar  2 18:05:00 2026
"""
KONVERSATION = """\
[Monday, 2. March 2026] [18:00:00] Join\trosa (rosa@host.example) has joined this channel
[Monday, 2. March 2026] [18:00:30] <rosa>\tshall we?
[Monday, 2. March 2026] [18:01:00] *\tabel nods
[Monday, 2. March 2026] [18:02:00] Nick\tabel is now known as abel_away.
[Monday, 2. March 2026] [18:03:00] Part\trosa (rosa@host.example) has left this channel (bye)
"""
PIDGIN = """\
Conversation with #garden at Mon 02 Mar 2026 06:00:00 PM CET on abel@irc.example (irc)
(06:00:00 PM) rosa [rosa@host.example] entered the room.
(06:00:30 PM) rosa: shall we?
(06:01:00 PM) ***abel nods
(06:02:00 PM) abel is now known as abel_away
(06:03:00 PM) rosa left the room (quit: Quit: bye).
"""
WEECHAT = """\
2026-03-02 18:00:00\t-->\trosa (rosa@host.example) has joined #garden
2026-03-02 18:00:30\trosa\tshall we?
2026-03-02 18:01:00\t *\tabel nods
2026-03-02 18:02:00\t--\tabel is now known as abel_away
2026-03-02 18:02:10\t--\tMode #garden [+o abel_away] by ChanServ
2026-03-02 18:03:00\t<--\trosa (rosa@host.example) has quit (bye)
"""
EGGDROP = """\
[18:00:00] rosa (rosa@host.example) joined #garden.
[18:00:30] <rosa> shall we?
[18:01:00] Action: abel nods
[18:02:00] Nick change: abel -> abel_away
[18:03:00] rosa (rosa@host.example) left irc: bye
"""
LIMNORIA = """\
2026-03-02T18:00:00  *** rosa <rosa@host.example> has joined #garden
2026-03-02T18:00:30  <rosa> shall we?
2026-03-02T18:01:00  * abel nods
2026-03-02T18:02:00  *** abel changed nick to abel_away
2026-03-02T18:03:00  *** rosa <rosa@host.example> has quit IRC (bye)
"""
LOGS = {
    "energymech": ENERGYMECH, "kvirc": KVIRC, "hexchat": HEXCHAT, "konversation": KONVERSATION, "pidgin": PIDGIN,
    "weechat": WEECHAT, "eggdrop": EGGDROP, "limnoria": LIMNORIA,
}  # fmt: skip


def read(log: str) -> list[tuple]:
    lines = read_lines(log, DAY, ZoneInfo("UTC"))
    wanted = {Kind.TURN, Kind.ACTION, Kind.JOINED, Kind.LEFT, Kind.RENAMED}
    return [(line.kind, line.nick, line.text, line.at) for line in lines if line.kind in wanted]


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 3, 2, 18, minute, second, tzinfo=UTC)


@pytest.mark.parametrize("client", LOGS)
def test_one_meeting_reads_alike_in_every_client(client):
    assert read(LOGS[client]) == [
        (Kind.JOINED, "rosa", "", at(0)),
        (Kind.TURN, "rosa", "shall we?", at(0, 30)),
        (Kind.ACTION, "abel", "nods", at(1)),
        (Kind.RENAMED, "abel", "abel_away", at(2)),
        (Kind.LEFT, "rosa", "", at(3)),
    ]


@pytest.mark.parametrize(
    "encoded",
    [
        "<zoé> salut".encode(),
        "<zoé> salut".encode("latin-1"),
        "<zoé> salut".encode("utf-16"),
        b"\xef\xbb\xbf" + "<zoé> salut".encode(),
    ],
    ids=["utf-8", "latin-1", "utf-16", "bom"],
)
def test_an_accent_is_an_accent_in_whichever_encoding(encoded):
    assert decode(encoded) == "<zoé> salut"


def test_two_people_whose_names_differ_by_an_accent_stay_two_in_an_old_encoding():
    assert decode("<zoé> a\n<zoë> b".encode("latin-1")).split() == ["<zoé>", "a", "<zoë>", "b"]


def test_a_utf_8_log_with_one_broken_byte_stays_utf_8():
    assert decode("<zoé> café été".encode() + b"\xff") == "<zoé> café été�"


def test_a_clock_in_a_sentence_and_an_action_item_stay_as_they_are():
    lines = ["<rosa> at 06:00:00 PM we meet", "ACTION: abel to write", "[18:00] <rosa> Action: abel to write"]
    assert rewrite(lines) == lines


@given(st.binary(max_size=200))
def test_any_bytes_decode(log):
    assert isinstance(decode(log), str)


@given(st.text(max_size=200))
def test_any_text_is_rewritten_line_by_line(log):
    assert len(rewrite(log.split("\n"))) <= len(log.split("\n"))


@pytest.mark.parametrize("name", ["2026-03-02-board", "20260302-board", "board 02.03.2026", "2026_03_02_board"])
def test_a_date_in_a_name_is_read_in_its_usual_forms(name):
    assert _placed([name], "garden") == ("board", DAY, None)
