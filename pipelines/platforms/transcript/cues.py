"""Cues: WebVTT and SRT as turns: who spoke, from when to when, and the words.

A speaker is `<v Name>` or `Name:` before the words. A cue without a name goes on with the speaker before it, because many
programs name a speaker only on change. What begins with a digit, as in `10:30 Meeting:`, is nobody's name. Cues of one speaker
that follow each other are one turn.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+(?P<name>[^>]{1,100})>")
_NAMED = re.compile(r"\s*(?:[-–>]+\s*)?(?P<name>[^\W\d_][^:<>\n]{0,59}):\s+(?P<words>\S.*)", re.DOTALL)
_TAG = re.compile(r"<[^>]{0,200}>")
_MOST_WORDS_OF_A_NAME = 5


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker said without another in between. Times are seconds from the beginning of the file."""

    name: str
    start: float
    end: float
    text: str


def is_transcript(text: str) -> bool:
    """Whether a text has a line with the times of a cue."""
    return any(_TIMING.fullmatch(line) for line in text.splitlines())


def turns(text: str) -> Iterator[Turn]:
    """The turns of a file, by when they begin. Cues before the first name are nobody's and are left out."""
    current: Turn | None = None
    name = ""
    for start, end, words in sorted(_cues(text), key=lambda cue: cue[0]):
        for named, said in _parts(words):
            name = named or name
            if not name:
                continue
            if current is not None and current.name == name:
                current = replace(current, end=max(current.end, end), text=f"{current.text} {said}")
            else:
                if current is not None:
                    yield current
                current = Turn(name, start, end, said)
    if current is not None:
        yield current


def _cues(text: str) -> Iterator[tuple[float, float, str]]:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    times: tuple[float, float] | None = None
    words: list[str] = []
    for line in [*lines, ""]:
        found = _TIMING.fullmatch(line)
        if (found or not line.strip()) and times is not None:
            yield *times, "\n".join(words)
            times, words = None, []
        if found:
            times = _seconds(found, 1), _seconds(found, 5)
        elif times is not None and line.strip():
            words.append(line)


def _seconds(found: re.Match[str], first: int) -> float:
    hours, minutes, seconds, fraction = (found[first + place] or "0" for place in range(4))
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def _parts(words: str) -> list[tuple[str, str]]:
    """(name or nothing, words) of each speaker of a cue."""
    voices = list(_VOICE.finditer(words))
    if voices:
        ends = [*(voice.start() for voice in voices[1:]), len(words)]
        return [(voice["name"].strip(), _plain(words[voice.end() : end])) for voice, end in zip(voices, ends, strict=True)]
    found = _NAMED.fullmatch(_TAG.sub("", words))
    if found and len(found["name"].split()) <= _MOST_WORDS_OF_A_NAME:
        return [(found["name"].strip(), " ".join(found["words"].split()))]
    return [("", _plain(words))]


def _plain(words: str) -> str:
    return " ".join(_TAG.sub("", words).split())
