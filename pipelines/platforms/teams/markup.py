"""Teams' markup: the writer's own text of a message, without quotations, code and attachments, and the links in it."""

from selectolax.lexbor import LexborHTMLParser

from pipelines.platforms.teams.payloads import Body
from pipelines.shared.links import links_in

MAX_MARKUP_CHARACTERS = 100_000
"""Of markup that is read. Teams accepts 28 KB. The parser's time grows with the square of the nesting."""
_NOT_OWN = "blockquote, pre, code, codeblock, attachment"


def read(body: Body) -> tuple[str, int, tuple[str, ...]]:
    """The own text, the number of characters of the whole text, and the links."""
    content = (body.content or "")[:MAX_MARKUP_CHARACTERS]
    if body.contentType != "html":
        return content, len(content), links_in(content)
    parsed = LexborHTMLParser(content)
    whole = parsed.body.text() if parsed.body else ""
    links = tuple(href for node in parsed.css("a") if (href := node.attributes.get("href") or "").startswith("http"))
    for node in parsed.css(_NOT_OWN):
        if node.parent is not None:
            node.decompose()
    return (parsed.body.text() if parsed.body else ""), len(whole), (*links, *links_in(whole))
