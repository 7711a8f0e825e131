"""IRC: meetings that are held or minuted on it, from their logs.

What becomes of what:

* One log is one meeting: an occurrence of its series, which is the space. The tenant belongs to the archive.
* A line in which somebody writes or acts is a turn (`speak`). Its key is the meeting, the clock and its number among the lines
  of that clock. Text that continues without a name belongs to the turn before.
* A log is minutes where somebody writes `present+`, `scribe:` or `#startmeeting`. There a line `Name: …` of the scribe is the
  turn of that name, and `… more` continues it: the turn belongs to the speaker. The scribe's other lines are the scribe's own.
  When anybody else writes `name: …`, they address that name, except for the scribe's name: then they minute the scribe. Where
  nobody is named as scribe, the scribes are those who write like one: `Name: …` of at least two people, and three times a line
  after it that begins with `…`.
* `present+`, with names or alone for the writer, and `Present:` are edges of attendance. So are joins and quits where they are
  logged, and what a telephone bridge reports about connections. Without clocks, edges have no times.
* `Chair:`, `chair+`, `#chair` and `#startmeeting` name hosts. A scribe is not a host.
* `name:` or `name,` at the start, and `@name`, address somebody: a mention, where the log has that nick.
* Commands are nobody's turn: the queue (`q+`), topics and agendas, `s/…/…/`, and lines to bots.
* Bots are those of the protocols of meetings, by `accounts.py`, which replaces a flag of the platform. Others are in the list
  of the settings. What bots and the server report about attendance is read; nothing else of theirs belongs to a person.
* There are only names: an account is a nick as it is written. A new nick, a nick with `_` and a name that a scribe writes are
  accounts of their own until the identity store links them.
* Lines whose author is lost are not read. Files that are not logs are never sent (`pipelines.platforms.irc.export`).
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from events.identity import account_in_key, name_account
from events.interaction import ActorKind, Medium, ObjectKind, SizeUnit, Visibility
from events.raw import RawEvent
from events.verb import Verb
from pipelines.connector import AccountSeen, Action, Found, Ignored
from pipelines.platforms.irc.accounts import is_bot
from pipelines.platforms.irc.export import Meeting, unpack
from pipelines.platforms.irc.lines import Kind, Line
from pipelines.platforms.irc.words import NO_NAMES
from pipelines.shared.links import links_in
from pipelines.shared.nobody import is_nobody
from pipelines.shared.payload import milliseconds_of

_MINUTED = re.compile(r"(?:present\s?\+|scribe(?:nick)?\s?[:+]|#startmeeting\b)", re.IGNORECASE)
_PRESENT = re.compile(r"present(?:\s?(?P<sign>[+-])|:)[:=]?\s*(?P<names>.*)", re.IGNORECASE)
_SCRIBE = re.compile(r"scribe(?:nick)?\s?(?P<sign>[:+-])\s*(?P<names>.*)", re.IGNORECASE)
_CHAIR = re.compile(r"chairs?\s?[:+]\s*(?P<names>.*)", re.IGNORECASE)
_MEETBOT = re.compile(r"#(?P<word>startmeeting|chair)\b\s*(?P<names>.*)", re.IGNORECASE)
_BOT_NAMES = r"(?:rrsagent|zakim|trackbot|voip[\w-]*)"
_COMMAND = re.compile(
    r"(?:q|queue)\s?[+?=-](?:\s.*)?|\+?q|\+q\s.*|ack(?:\s.*)?|(?:agenda|regrets|chair)\s?[+=-].*|"
    rf"(?:v?q|agenda|regrets|{_BOT_NAMES})\s?[,:?].*|{_BOT_NAMES}\s.*|"
    r"(?:topic|subtopic|meeting|date|scribe list|next item|close item)\s?[:\d].*|[si]/[^/]+/.*|"
    r"#(?:topic|subtopic|endmeeting|meetingname|link|unchair|lurk)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_NAMED = re.compile(r"@?(?P<name>[^\s:<>][^:<>]{0,59}?)\s?:(?:\s+(?P<text>.*))?", re.DOTALL)
_UNLIKE_A_NAME = re.compile(r"[()\[\]/]")
_CONTINUED = re.compile(r"(?:\.{2,}|…)\s?(?P<text>.*)", re.DOTALL)
_ADDRESSED = re.compile(r"@?(?P<nick>[^\s:,]{2,64})[:,](?=\s|$)\s*")
_AT = re.compile(r"(?<![\w@/.])@([^\s:,;!?@()]{2,64})")
_BRIDGE = re.compile(
    r"Associated (?P<in>\S.{0,60}?) with \S+\.?|(?P<name>[^\d\s\[][^\[]{0,60}?) \[SIP/[^\]]*\] has (?P<what>joined|left) .*"
)
MIN_CONTINUED = 3
_NOBODY = frozenset(["unknown", "anonymous", "guest"])
"""What bridges call unknown callers."""
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>")
_MAX_WORDS = 4


@dataclass(slots=True)
class _Minutes:
    """The state of reading one log."""

    meeting: Meeting
    nicks: frozenset[str]
    minuted: bool
    counts: dict[str, int] = field(default_factory=dict)
    scribes: set[str] = field(default_factory=set)
    speaking: dict[str, str] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    seen: dict[str, AccountSeen] = field(default_factory=dict)

    def place(self, line: Line) -> str:
        """The identity of this line within its meeting: its clock and the number within it; without clocks its number."""
        clock = str(milliseconds_of(line.at)) if line.timed else "line"
        self.counts[clock] = self.counts.get(clock, 0) + 1
        return f"{clock}:{self.counts[clock]}"


def normalise(raw: RawEvent) -> Iterator[Found]:
    """The actions and accounts in the log of one meeting. Raises ValueError for anything but a record of a log."""
    meeting, log = unpack(raw.payload)
    lines = meeting.lines(log)
    turns = [line for line in lines if line.kind in {Kind.TURN, Kind.ACTION}]
    if not turns:
        yield Ignored(tenant=meeting.tenant, space=meeting.series)
        return
    nicks = {line.nick.casefold() for line in lines if line.nick} | {
        line.text.casefold() for line in lines if line.kind is Kind.RENAMED
    }
    minuted = any(_MINUTED.match(line.text) for line in turns)
    minutes = _Minutes(meeting, frozenset(nicks), minuted)
    if minuted and not any(_SCRIBE.fullmatch(line.text) for line in turns):
        minutes.scribes = _undeclared_scribes(turns, minutes.nicks)
    for line in lines:
        yield from _line(minutes, line)
    yield from minutes.seen.values()


def _line(minutes: _Minutes, line: Line) -> Iterator[Found]:
    match line.kind:
        case Kind.TURN | Kind.ACTION:
            place = minutes.place(line)
            if is_bot(line.nick):
                yield _turn(minutes, line, line.nick, line.text, place, ActorKind.BOT)
                yield from _bridged(minutes, line)
            else:
                yield from _person_line(minutes, line, place)
        case Kind.JOINED if not is_bot(line.nick):
            yield from _edge(minutes, line, line.nick, left=False)
        case Kind.LEFT if not is_bot(line.nick):
            yield from _edge(minutes, line, line.nick, left=True)
        case Kind.AUTHORLESS if minutes.minuted and (listed := _PRESENT.fullmatch(line.text)):
            yield from _present(minutes, line, listed)


def _person_line(minutes: _Minutes, line: Line, place: str) -> Iterator[Found]:
    """What a person's line is: a command, or a turn."""
    text = line.text
    if host := _MEETBOT.fullmatch(text):
        names = [] if host["word"].casefold() == "startmeeting" else re.split(r"[\s,]+", host["names"].strip())
        yield from _hosts(minutes, line, [name for name in names if name] or [line.nick])
        return
    if minutes.minuted and line.kind is Kind.TURN:
        if listed := _PRESENT.fullmatch(text):
            yield from _present(minutes, line, listed)
            return
        if scribe := _SCRIBE.fullmatch(text):
            _appoint(minutes, line.nick, scribe)
            return
        if chair := _CHAIR.fullmatch(text):
            yield from _hosts(minutes, line, _names(chair["names"], minutes.nicks))
            return
        if _COMMAND.fullmatch(text):
            return
        speaker, spoken_text = _speaker(minutes, line)
        if not is_bot(speaker):
            yield _turn(minutes, line, speaker, spoken_text, place)
    else:
        yield _turn(minutes, line, line.nick, text, place)


def _speaker(minutes: _Minutes, line: Line) -> tuple[str, str]:
    """The speaker of a line, and the text: the scribe writes for others."""
    nick = line.nick.casefold()
    named = _named(line.text, minutes.nicks)
    if named and named[0].casefold() == nick:
        return line.nick, named[1]
    if nick not in minutes.scribes:
        return _for_the_scribe(minutes, line, named)
    if named and _is_name(named[0], minutes.nicks):
        minutes.speaking[nick] = named[0]
        return named
    if continued := _CONTINUED.fullmatch(line.text):
        return minutes.speaking.get(nick, line.nick), continued["text"]
    return line.nick, line.text


def _named(text: str, nicks: frozenset[str]) -> tuple[str, str] | None:
    """The name before a colon, and what stands behind it. Brackets and `/` belong to a nick of the log only."""
    found = _NAMED.fullmatch(text)
    if found is None:
        return None
    name = found["name"]
    if _UNLIKE_A_NAME.search(name) and name.casefold() not in nicks:
        name = " ".join(_ASIDE.sub(" ", name).split())  # `Dora (Fern Garden): …`
        if not name or _UNLIKE_A_NAME.search(name):
            return None
    return name, found["text"] or ""


def _for_the_scribe(minutes: _Minutes, line: Line, named: tuple[str, str] | None) -> tuple[str, str]:
    """When the scribe speaks, somebody else minutes it under the scribe's name."""
    nick = line.nick.casefold()
    if named and named[0].casefold() in minutes.scribes and not line.text.startswith("@"):
        minutes.speaking[nick] = named[0]
        return named
    continued = _CONTINUED.fullmatch(line.text)
    if continued and nick in minutes.speaking:
        return minutes.speaking[nick], continued["text"]
    minutes.speaking.pop(nick, None)
    return line.nick, line.text


def _undeclared_scribes(turns: list[Line], nicks: frozenset[str]) -> set[str]:
    """Who writes like a scribe, in minutes that name none."""
    names: dict[str, set[str]] = {}
    continued: Counter[str] = Counter()
    for line in turns:
        nick, named = line.nick.casefold(), _named(line.text, nicks)
        if named and not _COMMAND.fullmatch(line.text) and _is_name(named[0], nicks):
            names.setdefault(nick, set()).add(named[0].casefold())
        elif nick in names and _CONTINUED.fullmatch(line.text):
            continued[nick] += 1
    return {nick for nick, times in continued.items() if times >= MIN_CONTINUED and len(names[nick]) > 1}


def _is_name(found: str, nicks: frozenset[str]) -> bool:
    name = found.casefold()
    if name in nicks or is_bot(name):
        return True
    words = found.split()
    if name in NO_NAMES or not 1 <= len(words) <= _MAX_WORDS or not any(letter.isalpha() for letter in found):
        return False
    return len(words) == 1 or all(word[:1].isupper() for word in words)


def _appoint(minutes: _Minutes, writer: str, scribe: re.Match[str]) -> None:
    """Record who is scribe from here on. A name that is not a nick of the log stands for the writer."""
    named = _names(scribe["names"], minutes.nicks)
    nicks = {name.casefold() if name.casefold() in minutes.nicks else writer.casefold() for name in named} or {
        writer.casefold()
    }
    if scribe["sign"] == "-":
        minutes.scribes -= nicks
    elif any(len(name.split()) > _MAX_WORDS for name in named):
        return  # a sentence to the scribe
    elif scribe["sign"] == "+":
        minutes.scribes |= nicks
    else:
        minutes.scribes = nicks
    minutes.speaking.clear()


def _names(listed: str, nicks: frozenset[str]) -> list[str]:
    """The names of a list: separated by commas, `;` and `and`, or by blanks where every word is a nick of the log."""
    found: list[str] = []
    for part in re.split(r"[,;\n]|\s+and\s+|\s&\s", _ASIDE.sub(" ", listed)):
        name = " ".join(part.split()).strip(" .:+*\\@")
        words = name.split()
        if len(words) > 1 and all(word.casefold() in nicks for word in words):
            found.extend(words)
        elif name and len(words) <= _MAX_WORDS and any(letter.isalpha() for letter in name):
            found.append(name[:64])
    return list(dict.fromkeys(found))


def _present(minutes: _Minutes, line: Line, listed: re.Match[str]) -> Iterator[Found]:
    names = _names(listed["names"], minutes.nicks)
    for name in names or ([line.nick] if line.nick and not listed["names"].strip() else []):
        if not is_bot(name):
            yield from _edge(minutes, line, name, left=listed["sign"] == "-")


def _bridged(minutes: _Minutes, line: Line) -> Iterator[Found]:
    found = _BRIDGE.fullmatch(line.text)
    if found:
        name = (found["in"] or found["name"]).strip()
        if name.casefold() not in _NOBODY:
            yield from _edge(minutes, line, name, left=found["what"] == "left")


def _action(minutes: _Minutes, line: Line, verb: Verb, name: str, key: str) -> Action:
    meeting = minutes.meeting
    account = name_account(name)
    # An archive may have taken a name out: `(deleted)` is whoever it was.
    kind = ActorKind.ANONYMOUS if is_nobody(name) else ActorKind.HUMAN
    if account not in minutes.seen:
        seen = _account(meeting.tenant, account, name, line.at)
        minutes.seen[account] = seen if kind is ActorKind.HUMAN else replace(seen, kind=kind)
    return Action(
        key=f"{meeting.occurrence}:{key}",
        tenant=meeting.tenant,
        space=meeting.series,
        medium=Medium.MEETING,
        visibility=Visibility.PUBLIC,
        occurred_at=line.at,
        verb=verb,
        actor=account,
        actor_kind=kind,
        object_id=meeting.occurrence,
        object_kind=ObjectKind.MEETING,
    )


def _turn(minutes: _Minutes, line: Line, name: str, text: str, place: str, kind: ActorKind = ActorKind.HUMAN) -> Action:
    turn = _action(minutes, line, Verb.SPEAK, name, place)
    if kind is ActorKind.BOT:
        minutes.seen[turn.actor] = replace(minutes.seen[turn.actor], kind=kind)
        return replace(turn, actor_kind=kind, size=len(text), size_unit=SizeUnit.CHARACTERS)
    return replace(
        turn,
        mentions=tuple(account for account in _mentions(text, minutes.nicks) if account != turn.actor),
        refs=links_in(text),
        size=len(text),
        size_unit=SizeUnit.CHARACTERS,
        text=text,
    )


def _edge(minutes: _Minutes, line: Line, name: str, *, left: bool) -> Iterator[Found]:
    """An edge of attendance. Whoever is present does not join again, and whoever left can."""
    account = name_account(name)
    if not left and account in minutes.there:
        return
    (minutes.there.discard if left else minutes.there.add)(account)
    when: datetime | None = line.at if line.timed else None
    clock = milliseconds_of(line.at) if when else "line"
    edge = _action(minutes, line, Verb.ATTEND, name, f"{account_in_key(account)}:{'out' if left else 'in'}:{clock}")
    yield replace(edge, ended_at=when) if left else replace(edge, started_at=when)


def _hosts(minutes: _Minutes, line: Line, names: list[str]) -> Iterator[Found]:
    for name in names:
        account = name_account(name)
        if account in minutes.hosts or is_bot(name):
            continue
        minutes.hosts.add(account)
        yield _action(minutes, line, Verb.HOST, name, f"{account_in_key(account)}:host")


def _mentions(text: str, nicks: frozenset[str]) -> Iterator[str]:
    rest = text
    while (addressed := _ADDRESSED.match(rest)) and addressed["nick"].casefold() in nicks:
        yield name_account(addressed["nick"])
        rest = rest[addressed.end() :]
    for at in _AT.findall(text) if "@" in text else ():
        if at.casefold() in nicks:
            yield name_account(at)


def _account(tenant: str, account: str, name: str, at: datetime) -> AccountSeen:
    if " " in name:
        return AccountSeen(tenant=tenant, native_id=account, seen_at=at, display_name=name)
    return AccountSeen(tenant=tenant, native_id=account, seen_at=at, handle=name)
