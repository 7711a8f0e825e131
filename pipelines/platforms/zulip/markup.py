"""Zulip's markup: whom a message mentions, what it answers, refers to and quotes, and which text is the sender's own."""

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from events.identity import name_account

_NEAR = re.compile(r"#narrow/(?:stream|channel)/[^/]{1,400}/(?:topic|subject)/[^/]{0,600}/(?:near|with)/([0-9]{1,15})(?![0-9])")
_QUOTE = re.compile(r"(`{3,20}|~{3,20})[ \t]{0,20}quote[ \t\r]{0,20}")
_NAMED = re.compile(r"(?<![\w`])@\*\*([^*|\n]{1,100})(?:\|([0-9]{1,15}))?\*\*")
_LINK = re.compile(r"https?://[\w.~%:@-]+(?:[/?#][^\s<>\"()]*)?")
_EVERYBODY = frozenset({"all", "everyone", "channel", "stream", "topic"})

MAX_MARKUP_CHARACTERS = 100_000
"""Of markup that is read. Zulip accepts 10,000 typed characters. The parser's time grows with the square of the nesting."""


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a message.

    `own` is the sender's own text without quotations and code; `size` counts its characters, with code. `mentions` are native
    accounts, `answers` is the number of the quoted message, `refs` are links and numbers of messages.
    """

    own: str = ""
    size: int = 0
    mentions: tuple[str, ...] = ()
    answers: str | None = None
    refs: tuple[str, ...] = ()


def read_html(content: str, *, by_name: bool) -> Content:
    """Read a rendered message. `by_name`: whether the mentioned are known by their names only, as in an archive."""
    body = LexborHTMLParser(content[:MAX_MARKUP_CHARACTERS]).body
    if body is None:
        return Content()
    answers, introductions = _answered(body)
    texts: list[str] = []
    own: list[str] = []
    mentions: list[str] = []
    refs: list[str] = []
    # A stack instead of recursion: quotations can contain quotations, and a message can be nested very deep.
    waiting: list[tuple[LexborNode | None, bool]] = [(body.child, False)]
    while waiting:
        node, in_code = waiting.pop()
        if node is None:
            continue
        waiting.append((node.next, in_code))
        if node.tag == "-text":
            texts.append(node.text_content or "")
            own += [] if in_code else texts[-1:]
        elif node.tag != "blockquote" and node.mem_id not in introductions:
            classes = (node.attributes.get("class") or "").split()
            if node.tag == "span" and "user-mention" in classes and "silent" not in classes:
                mentions += _mentioned(node, by_name=by_name)
            elif node.tag == "a":
                refs += _ref(node.attributes.get("href") or "")
            waiting.append((node.child, in_code or node.tag in {"pre", "code"}))
    return Content(
        own="".join(own).strip(),
        size=len("".join(texts).strip()),
        mentions=tuple(mentions),
        answers=answers,
        refs=tuple(ref for ref in refs if ref != answers),
    )


def _answered(body: LexborNode) -> tuple[str | None, frozenset[int]]:
    """The quoted message, and the paragraphs that only introduce a quotation.

    Zulip puts `<sender> [said](…/near/<number>):` before what it quotes.
    """
    answers: str | None = None
    introductions: set[int] = set()
    for quotation in body.css("blockquote"):
        before = quotation.prev
        while before is not None and before.tag == "-text":
            before = before.prev
        links = before.css("a") if before is not None and before.tag == "p" else []
        named = _NEAR.search(links[-1].attributes.get("href") or "") if links else None
        if before is None or named is None:
            continue
        answers = answers or str(int(named.group(1)))
        first = before.child
        if first is not None and "silent" in (first.attributes.get("class") or "").split():
            introductions.add(before.mem_id)
    return answers, frozenset(introductions)


def _mentioned(span: LexborNode, *, by_name: bool) -> list[str]:
    number = span.attributes.get("data-user-id") or ""
    if number == "*":
        return []
    name = span.text().strip().removeprefix("@")
    if number.isascii() and number.isdigit() and len(number) <= 15 and not by_name:  # noqa: PLR2004 - as every number
        return [str(int(number))]
    return [name_account(name)] if name.strip() else []


def read_typed(content: str) -> Content:
    """Read a message that is not rendered."""
    own, introduction = _unquoted(content)
    named = list(_NEAR.finditer(introduction))
    mentioned = [
        number or name_account(name)
        for name, number in _NAMED.findall(own)
        if number or (name.strip() and name.strip().casefold() not in _EVERYBODY)
    ]
    return Content(
        own=own,
        size=len(own),
        mentions=tuple(mentioned),
        answers=str(int(named[-1].group(1))) if named else None,
        refs=tuple(_LINK.findall(own)),
    )


def _unquoted(content: str) -> tuple[str, str]:
    """The sender's own lines, and the line that introduces the first quotation, where one does."""
    own: list[str] = []
    introduction = fence = ""
    for line in content.split("\n"):
        opened = _QUOTE.fullmatch(line)
        if fence:
            fence = "" if line.rstrip() == fence else fence
        elif opened:
            fence = opened.group(1)
            if own and _NEAR.search(own[-1]):
                last = own.pop()
                introduction = introduction or last
        else:
            own.append(line)
    return "\n".join(own).strip(), introduction


def _ref(link: str) -> list[str]:
    named = _NEAR.search(link)
    if named:
        return [str(int(named.group(1)))]
    return [link] if link.startswith(("http://", "https://")) else []
