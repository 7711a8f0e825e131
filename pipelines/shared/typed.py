"""Typed: a text in Markdown as somebody typed it in a chat: whom it mentions by name, outside of code."""

import re

_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_NAMED = re.compile(r"(?<![\w@/.])@([A-Za-z0-9][A-Za-z0-9._-]{0,99})")
EVERYBODY = frozenset({"all", "channel", "here", "everyone"})


def names_in(text: str) -> tuple[str, ...]:
    """The user names that a text mentions with `@`, in lower case, without those that address everybody."""
    if "@" not in text:
        return ()
    own = _CODE.sub(" ", text) if "`" in text else text
    names = (name.rstrip("._-").lower() for name in _NAMED.findall(own))
    return tuple(name for name in names if name not in EVERYBODY)
