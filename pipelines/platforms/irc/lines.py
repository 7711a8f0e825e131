r"""Lines: what each line of an IRC log is, for the formats of several clients and pages.

`clients` rewrites the formats of clients that differ more. Formats that are read, alone or after a clock (`[17:05]`,
`[Tue 17:05:13]`, `17:05:13`, `2020-03-02 17:05`, `[2020-03-02T17:05:13.880Z]`):

    <nick> text            <@nick> text          * nick acts              17:05:13<tab>nick<tab>text
    * nick (user@host) has joined #garden        == nick [user@host] has quit ["gone"]        -!- …    --> …   <-- …
    17:05:13<tab> From Name : text               the chat of a meeting, saved by Zoom; today `From Name to Everyone:`, and the
                                                 text in the next line
    **\<nick>** text      **\* nick** acts     **<relay> <nick>** text     pages of Markdown, after a heading `Logs`
    **nick** text          and lines without a name below it, by the same person, until the next name

A relay writes for others: it is a nick most of whose lines have a second name. Those lines belong to the second name. Lines of
a person who only quotes now and then stay that person's. Signs of status before a nick (`@ + % & ~`) are not part of it.

Time: a clock with a zone is used as it is. Any other clock is in the log's zone and begins on the log's date. A clock that goes
back by six hours or more has passed midnight. Lines with the same clock get a millisecond more each. A line without a clock
gets the last clock (or the date's midnight) and a millisecond more per line, so the order is preserved.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pipelines.platforms.irc.clients import rewrite

MAX_NICK_CHARACTERS = 64
BACK_OVER_MIDNIGHT = timedelta(hours=6)
MIN_CLOCKED = 0.25
"""The share of lines that must begin with a clock: some logs contain pasted texts between their lines."""
FIRST_YEAR, LAST_YEAR = 1988, 2999
"""The first year of IRC, and the last that keeps every computed time within what a datetime can hold."""
SERVICES = frozenset({"chanserv", "nickserv", "memoserv", "operserv", "botserv", "hostserv"})
"""Services of the network. No person acts through them."""


class Kind(StrEnum):
    """What a line of a log is."""

    TURN = "turn"
    ACTION = "action"
    JOINED = "joined"
    LEFT = "left"
    RENAMED = "renamed"
    SERVER = "server"
    CONTINUED = "continued"
    WORDLESS = "wordless"
    PRIVATE = "private"
    AUTHORLESS = "authorless"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank. `at` is its time, `timed` whether a clock gives it. The text of a turn has its continuation."""

    kind: Kind
    nick: str
    text: str
    at: datetime
    timed: bool


_CONTROL = re.compile(r"\x03[0-9]{0,2}(?:,[0-9]{1,2})?|[\x00-\x08\x0b-\x1f\x7f\ufeff]")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!<>|~-])")
_HEADING = re.compile(r"^#{1,6}\s*(?:irc\s+|chat\s+)?(?:logs?|transcript)\b.*$", re.IGNORECASE | re.MULTILINE)
_BOLD = re.compile(r"\*{2,3}(?P<head>\S.{0,150}?)\*\*(?P<text>.*)")
_BRACKETED = re.compile(r"^\*{2,3}\\?<", re.MULTILINE)
_ISO = re.compile(
    r"\[?(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:?\d{2})?(?:\]\s*|\s+|(?=<))", re.ASCII
)
_CLOCK = re.compile(
    r"(?:\[(?:[A-Z][a-z]{2},?\s+)?(\d{1,2}:\d{2}(?::\d{2})?)\]|\(?(\d{1,2}:\d{2}(?::\d{2})?)\)?(?=[\s<]))\s*", re.ASCII
)
_TURN = re.compile(rf"<\s*(?P<nick>[^<>\n]{{0,{MAX_NICK_CHARACTERS}}})>+(?P<text>.*)")
_INNER = re.compile(rf"<(?P<nick>[^<>\n]{{1,{MAX_NICK_CHARACTERS}}})>\s?(?P<text>.*)")
_NESTED = re.compile(rf"<[^<>\n]{{1,{MAX_NICK_CHARACTERS}}}>\s*(?P<inner>\S.*)")
_WRAPPED = re.compile(r"(?:<([^<>]+)>|\[([^\]\s]+)\]|\{-?([^}\s]+)\})\s*")
_BRIDGED = re.compile(r"\[[^\]\s]+\]\s+(\S.*)")
_ACTS = re.compile(rf"(?:\*|•|—)\s+(?P<nick>[^\s:]{{1,{MAX_NICK_CHARACTERS}}}):?(?:\s+(?P<text>.*))?")
_NOTICE = re.compile(r"(?:==|-!-|-->|<--|<->|\*{3}|→|←|⇐|⇒)\s+(?P<text>\S.*)")
_CHAT = re.compile(
    rf"From\s+(?P<nick>\S[^:\n]{{0,{MAX_NICK_CHARACTERS - 1}}}?)(?:\s+to\s+everyone|(?P<private>\s+to\s+\S.*?))?"
    r"\s*:\s?(?P<text>.*)",
    re.IGNORECASE,
)
_TABBED = re.compile(rf"(?P<nick>[^\s<>:]{{1,{MAX_NICK_CHARACTERS}}})\t(?P<text>.*)")
_HOST = r"(?:\s+[\[(][^\])\n]*[\])])"
_JOINED = re.compile(rf"(?P<nick>\S+)(?:{_HOST}\s+(?:has\s+)?joined\b|\s+(?:has\s+)?joined\s+(?:the room|[#&]\S)).*")
_LEFT = re.compile(
    rf"(?P<nick>\S+){_HOST}?\s+(?:has\s+quit|quit|has\s+left|left)(?:\s*$|\s+(?:[\[(\"]|irc\b|the room\b|[#&]\S)).*",
    re.IGNORECASE,
)
_RENAMED = re.compile(
    r"(?P<nick>\S+)\s+(?:is\s+now\s+known\s+as|est\s+maintenant\s+connu\s+sous\s+le\s+nom\s+de|heißt\s+jetzt)\s+(?P<text>\S+)\s*"
)
_SERVED = re.compile(r"\S+\s+(?:has changed the topic|sets? (?:the )?(?:topic|mode)|was kicked|has kicked|gives channel)\b.*")


@dataclass(frozen=True, slots=True)
class _Read:
    kind: Kind
    nick: str = ""
    text: str = ""
    relay: str = ""
    whole: str = ""


def read_lines(log: str, day: date, zone: ZoneInfo) -> list[Line]:
    """Every line of a log that is not blank, in order. Never raises; `day` is between FIRST_YEAR and LAST_YEAR."""
    body, grouped, before = _body(log)
    lines = [Line(Kind.OUTSIDE, "", text, _midnight(day, zone), timed=False) for text in before]
    clock = _Times(day, zone, clocked=_is_clocked(body))
    found: list[tuple[_Read, datetime, bool]] = []
    named = ""
    for text in body:
        moment, timed, rest = clock.read(text)
        read = _read(rest, clocked=timed)
        if read.kind is Kind.CONTINUED and grouped and named:
            read = _Read(Kind.TURN, named, rest)
        elif read.kind in {Kind.TURN, Kind.WORDLESS}:
            named = read.nick
        found.append((read, moment, timed))
    relays = _relays(read for read, _, _ in found)
    last_turn: int | None = None
    for read, moment, timed in found:
        kind, nick, text = read.kind, read.nick, read.text
        if read.relay and read.relay.casefold() not in relays:
            kind, nick, text = Kind.TURN, read.relay, read.whole
        if kind is Kind.CONTINUED and last_turn is None:
            kind = Kind.OUTSIDE
        elif kind is Kind.CONTINUED and last_turn is not None:
            lines[last_turn] = replace(lines[last_turn], text=f"{lines[last_turn].text}\n{text}")
        else:
            last_turn = len(lines) if kind in {Kind.TURN, Kind.ACTION} else None
        lines.append(Line(kind, nick, text, moment, timed))
    return lines


def _body(log: str) -> tuple[list[str], bool, list[str]]:
    """The lines of the log, whether lines without a name belong to the last name, and the lines of the page before it."""
    clean = _CONTROL.sub("", log.replace("\r\n", "\n").replace("\r", "\n"))
    clean = "\n".join(rewrite(clean.split("\n")))
    heading = _HEADING.search(clean)
    before = _filled(clean[: heading.end()]) if heading else []
    rest = clean[heading.end() :] if heading else clean
    bracketed = _BRACKETED.search(rest) is not None
    if heading is None and not bracketed:
        return _filled(rest), False, before
    grouped = heading is not None and not bracketed
    lines = [_plain(line, bold_names=heading is not None) for line in _filled(rest)]
    return lines, grouped and any(line.startswith("<") for line in lines), before


def _filled(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def _plain(line: str, *, bold_names: bool) -> str:
    """A line of Markdown in the form of a client: `<nick> text`, `<relay> <nick> text`, `* nick acts`."""
    bold = _BOLD.match(line)
    if bold is None:
        # Bold that is never closed. The asterisk of an action is escaped, or precedes a blank.
        return _unescaped(re.sub(r"^\*{2,3}(?=\\?<)", "", line))
    head, text = _unescaped(bold["head"]).strip().lstrip("\\"), _unescaped(bold["text"])
    text = re.sub(r"^\s*:(?=\s)", "", text)
    if head.startswith(("*", "<*")):
        return f"* {head.lstrip('<* ').rstrip(':')} {text.strip()}"
    if "<" not in head and "<" not in text[:3] and ">" in head[-1:] + text[:2]:
        head, text = head.rstrip("]> ") + ("]" if "[" in head else ""), text.lstrip("]>")
        return f"<{head}> {text.strip()}"
    if not head.startswith("<"):
        return f"<{head}> {text.strip()}" if bold_names else line
    if head.rstrip(">").count(">") == 0:
        return f"<{head.strip('<>')}> {text.lstrip('>').strip()}"
    nested = _NESTED.fullmatch(head)
    if nested is None:
        return f"{head} {text.strip()}"
    outer = head[: nested.start("inner")].strip()
    if nested["inner"].startswith("*"):
        return f"{outer} <{nested['inner'].lstrip('* ')}> {text.strip()}"
    names = [next(filter(None, found)) for found in _WRAPPED.findall(nested["inner"])]
    left = _WRAPPED.sub("", nested["inner"]).strip()
    return f"{outer} <{names[-1].strip('<>-')}> {text.strip()}" if names and not left else f"{head} {text.strip()}"


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _read(text: str, *, clocked: bool) -> _Read:
    notice = _NOTICE.fullmatch(text)
    if notice is None and (turn := _TURN.fullmatch(text)):
        return _turn(turn["nick"], turn["text"])
    if text == "<" or re.match(r"<\s", text):
        return _Read(Kind.AUTHORLESS, text=text)
    event = notice["text"] if notice else text.lstrip("*").strip() if text.startswith("*") else text
    if (notice or text.startswith("*") or clocked or "left the room" in text) and (server := _server(event)):
        return server
    if notice:
        return _Read(Kind.SERVER, text=text)
    if acts := _ACTS.fullmatch(text):
        nick = _nick(acts["nick"])
        if nick.casefold() in SERVICES:
            return _Read(Kind.SERVER, text=text)
        return _Read(Kind.ACTION if nick else Kind.AUTHORLESS, nick, acts["text"] or "")
    if clocked and (chat := _CHAT.fullmatch(text)):
        return _Read(Kind.PRIVATE) if chat["private"] else _Read(Kind.TURN, _nick(chat["nick"]), chat["text"])
    if clocked and (tabbed := _TABBED.fullmatch(text)):
        return _turn(tabbed["nick"], tabbed["text"])
    return _Read(Kind.AUTHORLESS if clocked else Kind.CONTINUED, text=text)


def _server(event: str) -> _Read | None:
    if joined := _JOINED.fullmatch(event):
        return _Read(Kind.JOINED, _nick(joined["nick"]))
    if left := _LEFT.fullmatch(event):
        return _Read(Kind.LEFT, _nick(left["nick"]))
    if renamed := _RENAMED.fullmatch(event):
        return _Read(Kind.RENAMED, _nick(renamed["nick"]), _nick(renamed["text"]))
    return _Read(Kind.SERVER, text=event) if _SERVED.fullmatch(event) else None


def _turn(name: str, text: str) -> _Read:
    bridged = _BRIDGED.fullmatch(name.strip())
    nick = _nick(bridged[1] if bridged else name)
    text = text.removeprefix(":").strip() if bridged else text.strip()
    if (
        not nick or '"' in nick
    ):  # a bridge shows an answer as `<nick "quoted"> text`: the nick is whom it answers, not who writes
        return _Read(Kind.AUTHORLESS, text=text)
    inner = _INNER.fullmatch(text)
    if inner and (second := _nick(inner["nick"])) and '"' not in second:
        own = inner["text"].strip()
        return _Read(Kind.TURN if own else Kind.WORDLESS, second, own, relay=nick, whole=text)
    return _Read(Kind.TURN if text else Kind.WORDLESS, nick, text)


def _nick(name: str) -> str:
    return name.strip().lstrip("@+%&~").strip()[:MAX_NICK_CHARACTERS]


def _relays(found: Iterator[_Read]) -> frozenset[str]:
    """Nicks, case-folded, most of whose lines have a second name."""
    others: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for read in found:
        if read.relay:
            others[read.relay.casefold()] += 1
        elif read.kind in {Kind.TURN, Kind.WORDLESS, Kind.ACTION}:
            own[read.nick.casefold()] += 1
    return frozenset(nick for nick, times in others.items() if times > own[nick])


def _is_clocked(body: list[str]) -> bool:
    """Whether lines begin with clocks of the log. A single line that begins with a time must not move the others."""
    clocks = sum(1 for text in body if _ISO.match(text.lstrip()) or _CLOCK.match(text.lstrip()))
    return clocks >= len(body) * MIN_CLOCKED


class _Times:
    """Reads the clocks of a log, in order."""

    def __init__(self, day: date, zone: ZoneInfo, *, clocked: bool) -> None:
        self._zone = zone
        self._clocked = clocked
        self._local = datetime.combine(day, time())
        self._last = _midnight(day, zone)
        self._same = -1

    def read(self, text: str) -> tuple[datetime, bool, str]:
        """The moment of a line, whether it comes from a clock, and the text after the clock."""
        text = text.strip()
        found = (self._iso(text) or self._clock(text)) if self._clocked else None
        if found is None:
            self._same += 1
            clock = None if self._clocked else _CLOCK.match(text)
            rest = text[clock.end() :] if clock and text[clock.end() :].startswith(("<", "* ")) else text
            return self._last + timedelta(milliseconds=self._same), False, rest
        moment, rest = found
        self._same = self._same + 1 if moment == self._last else 0
        self._last = moment
        return moment + timedelta(milliseconds=self._same), True, rest

    def _iso(self, text: str) -> tuple[datetime, str] | None:
        match = _ISO.match(text)
        if match is None:
            return None
        try:
            moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or ''}")
        except ValueError:
            return None
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            return None
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=self._zone)
        return zoned.astimezone(UTC), text[match.end() :]

    def _clock(self, text: str) -> tuple[datetime, str] | None:
        match = _CLOCK.match(text)
        if match is None:
            return None
        hours, _, rest = (match[1] or match[2]).partition(":")
        try:
            clock = time.fromisoformat(f"{hours:>02}:{rest}")
        except ValueError:
            return None
        local = datetime.combine(self._local.date(), clock)
        if local < self._local - BACK_OVER_MIDNIGHT and self._local.year <= LAST_YEAR:
            local += timedelta(days=1)
        self._local = local
        return local.replace(tzinfo=self._zone).astimezone(UTC), text[match.end() :]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
