"""Clients: logs of clients with a form of their own, rewritten in the forms that `lines` reads.

| client | form of its own |
| --- | --- |
| HexChat, XChat | `Oct 05 17:00:00 *<tab>nick (host) has joined`, and a tab after `<nick>` |
| Konversation | `[Monday 05 October 2026] [17:00:00] Join<tab>nick (host) has joined this channel` |
| Pidgin, Adium | `(05:00:00 PM) nick: text`, `***nick acts`, `nick [host] entered the room.` |
| WeeChat | `2026-10-05 17:00:00<tab>--<tab>old is now known as new`, with `-->`, `<--` and `*` in the second column |
| eggdrop | `[17:02] Action: nick acts`, `[17:03] Nick change: old -> new` |
| ZNC, EnergyMech | `[17:00:00] *** Joins: nick (host)`, `*** Parts:`, `*** Quits:` |
| Limnoria, supybot | `*** nick <user@host> has joined #garden` |
| The Lounge | `*** old changed nick to new` |

A line of any other form stays as it is.
"""

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
LEAST_PIDGIN = 0.5
"""The share of lines with Pidgin's clock from which `name: text` after a clock is a turn."""

_MARK = re.compile(
    r"(?:\*{4} (?:BEGIN|ENDING) LOGGING AT|--- (?:Log (?:opened|closed)|Day changed)|Session (?:Start|Ident|Close|Time):|"
    r"Conversation with \S+ at |Logfile started)"
)
_HEXCHAT = re.compile(r"[A-Z][a-z]{2} {1,2}\d{1,2} (?=\d{2}:\d{2}:\d{2}\s)")
_KONVERSATION = re.compile(r"\[[^\W\d]+,? \d{1,2}\.? [^\W\d]+ \d{4}\] (?=\[\d{1,2}:\d{2})")
_HALF_DAY = re.compile(r"[\[(]?(\d{1,2}):(\d{2})(?::(\d{2}))?\s?([AaPp])\.?[Mm]\.?[\])]?\s+", re.ASCII)
_PIDGIN = re.compile(r"\(\d{1,2}:\d{2}:\d{2}(?:\s?[AaPp][Mm])?\)\s")
_CLOCK = re.compile(
    r"(?:\[[^\]\n]*\d:\d{2}[^\]\n]*\]|\(\d{1,2}:\d{2}(?::\d{2})?\)|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?\S*|"
    r"\d{1,2}:\d{2}(?::\d{2})?)\s+",
    re.ASCII,
)
_COLUMN = re.compile(r"(?P<sign>-->|<--|--|=!=|\*)\t+(?P<text>.*)")
_KIND = re.compile(r"(?:Join|Part|Quit|Nick|Kick|Topic|Mode|Notice)\t+(?P<text>.*)")
_MOVES = re.compile(r"\*{3} (?P<what>Joins|Parts|Quits): (?P<text>\S+(?: \([^)]*\))?).*")
_WHAT = {"Joins": "has joined", "Parts": "has left", "Quits": "has quit"}
_ANGLED = re.compile(r"(?P<before>(?:\*{3} )?\S+) <(?P<host>[^<>\s]+@[^<>\s]+)>(?= )")
_EGGDROP_ACTS = re.compile(r"Action: (?P<text>\S.*)")
_RENAMES = re.compile(
    r"(?:\*{3} )?(?:Nick change: (?P<old>\S+) -> (?P<new>\S+)|"
    r"(?P<from>\S+) changed (?:his |her |their )?nick to (?P<to>\S+?)\.?)"
)
_ENTERED = re.compile(r"(?P<nick>\S+)(?: \[(?P<host>[^\]]*)\])? entered the room\.?")
_WENT = re.compile(r"(?P<nick>\S+)(?: \[[^\]]*\])? left the room(?: \(.*\))?\.?")
_KNOWN = re.compile(r"(?P<old>\S+) is now known as (?P<new>\S+?)\.?")
_NAMED = re.compile(r"(?P<nick>[^\s<>:*][^<>:\n]{0,63}): ?(?P<text>.*)")


def decode(log: bytes) -> str:
    """The text of a log: UTF-8 or UTF-16 by its mark, else UTF-8, else Windows-1252, as old clients write. Never raises."""
    for bom, encoding in _BOMS:
        if log.startswith(bom) and (encoding == "utf-8-sig" or b"\0" in log[2:64]):
            return log.decode(encoding, "replace")
    try:
        return log.decode()
    except UnicodeDecodeError:
        # A log cut within a character is still UTF-8: more of it reads as UTF-8 than does not.
        text = log.decode("utf-8", "replace")
        high = sum(1 for byte in log if byte >= 0x80)  # noqa: PLR2004 - bytes beyond ASCII
        return text if text.count("�") * 4 <= high else log.decode("cp1252", "replace")


def rewrite(lines: list[str]) -> list[str]:
    """The lines of a log in the forms that `lines` reads. Marks of a client's session are left out."""
    texts = [line for line in lines if line.strip()]
    pidgin = bool(texts) and sum(1 for text in texts if _PIDGIN.match(text)) >= LEAST_PIDGIN * len(texts)
    return [_rewritten(line, pidgin=pidgin) for line in lines if not _MARK.match(line)]


def _rewritten(line: str, *, pidgin: bool) -> str:
    line = _KONVERSATION.sub("", _HEXCHAT.sub("", line, count=1), count=1)
    line = _HALF_DAY.sub(_of_a_day, line, count=1) if _HALF_DAY.match(line) else line
    clock = _CLOCK.match(line)
    if clock is None:
        return line
    head, rest = line[: clock.end()], line[clock.end() :]
    if column := _COLUMN.fullmatch(rest):
        return f"{head}{'-!-' if column['sign'] in {'--', '=!='} else column['sign']} {_plain(column['text'])}"
    if kind := _KIND.fullmatch(rest):
        return f"{head}*** {_plain(kind['text'])}"
    if pidgin:
        return head + _of_pidgin(rest)
    if acts := _EGGDROP_ACTS.fullmatch(rest):
        return f"{head}* {acts['text']}"
    return head + _plain(rest)


def _of_a_day(match: re.Match[str]) -> str:
    hour = int(match[1]) % 12 + (12 if match[4] in "Pp" else 0)
    return f"[{hour:02}:{match[2]}:{match[3] or '00'}] "


def _plain(text: str) -> str:
    """The words of joining, leaving and renaming in one form."""
    if moves := _MOVES.fullmatch(text):
        return f"*** {moves['text']} {_WHAT[moves['what']]}"
    if renames := _RENAMES.fullmatch(text):
        return f"*** {renames['old'] or renames['from']} is now known as {renames['new'] or renames['to']}"
    if known := _KNOWN.fullmatch(text):
        return f"{known['old']} is now known as {known['new']}"
    text = _ANGLED.sub(r"\g<before> (\g<host>)", text, count=1)
    text = re.sub(r"(\)) has left this server\b.*", r"\1 has quit", text)
    return re.sub(r"(\)) has left this channel\b.*", r"\1 has left", text)


def _of_pidgin(text: str) -> str:
    if text.startswith("***"):
        return f"* {text[3:].lstrip()}"
    if entered := _ENTERED.fullmatch(text):
        return f"*** {entered['nick']} ({entered['host'] or 'host'}) has joined"
    if went := _WENT.fullmatch(text):
        return f"*** {went['nick']} has quit"
    if known := _KNOWN.fullmatch(text):
        return f"*** {known['old']} is now known as {known['new']}"
    named = _NAMED.fullmatch(text)
    return f"<{named['nick']}> {named['text']}" if named else text
