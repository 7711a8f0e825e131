"""Markup: whom a cooked post mentions, what it refers to, and which text is the author's own."""

from dataclasses import dataclass
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_MARKUP_CHARACTERS = 200_000
"""Of markup that is read. Discourse accepts 32,000 typed characters unless an administrator changes that."""
_CODE = frozenset({"pre", "code"})


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a post: the author's own text without quotations and code, its size with code, user names, references."""

    own: str = ""
    size: int = 0
    mentions: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()


def read_cooked(cooked: str) -> Content:
    """Read the HTML of a post."""
    body = LexborHTMLParser(cooked[:MAX_MARKUP_CHARACTERS]).body
    if body is None:
        return Content()
    texts: list[str] = []
    own: list[str] = []
    mentions: list[str] = []
    refs: list[str] = []
    # A stack instead of recursion: a post can be nested very deep.
    waiting: list[tuple[LexborNode | None, bool]] = [(body.child, False)]
    while waiting:
        node, in_code = waiting.pop()
        if node is None:
            continue
        waiting.append((node.next, in_code))
        if node.tag == "-text":
            texts.append(node.text_content or "")
            own += [] if in_code else texts[-1:]
        elif node.tag == "aside":  # a quotation, or the preview of a link
            refs += _quoted(node)
        elif node.tag != "blockquote":
            if node.tag == "a":
                _link(node, mentions, refs)
            waiting.append((node.child, in_code or node.tag in _CODE))
    return Content("".join(own).strip(), len("".join(texts).strip()), tuple(mentions), tuple(refs))


def _quoted(aside: LexborNode) -> list[str]:
    """The post that a quotation is taken from, or the address of a preview."""
    topic, number = aside.attributes.get("data-topic") or "", aside.attributes.get("data-post") or ""
    if _is_number(topic) and _is_number(number):
        return [f"{int(topic)}/{int(number)}"]
    address = aside.attributes.get("data-onebox-src") or ""
    return [address] if address.startswith(("http://", "https://")) else []


def _link(node: LexborNode, mentions: list[str], refs: list[str]) -> None:
    address, classes = node.attributes.get("href") or "", (node.attributes.get("class") or "").split()
    if "mention" in classes and "/u/" in address:
        mentions.append(unquote(address.rpartition("/u/")[2].partition("/")[0]))
    elif address.startswith(("http://", "https://")):
        refs.append(address)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15  # noqa: PLR2004 - as every id
