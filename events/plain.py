"""Plain: text of strangers, made harmless for a terminal and a spreadsheet. What such a program would obey becomes visible."""

_CONTROLS = (*(code for code in range(0x20) if chr(code) not in "\n\t"), *range(0x7F, 0xA0))
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
"""Line separators, and marks that show text in another order than it is written."""
_VISIBLE = {code: f"\\x{code:02x}" for code in _CONTROLS} | {code: f"\\u{code:04x}" for code in _DIRECTIONS}
_IN_JSON = {code: f"\\u{code:04x}" for code in (*_CONTROLS, *_DIRECTIONS) if code > 0x1F}  # noqa: PLR2004 - the C0 controls
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet computes a text that begins with one of these (OWASP, CSV injection), the full-width forms too."""


def plain(text: str) -> str:
    """The text with control characters as escapes that can be seen; line breaks and tabs stay."""
    return text.translate(_VISIBLE)


def plain_json(document: str) -> str:
    """A JSON document with the same value and without a character that a terminal obeys."""
    return document.translate(_IN_JSON)


def spreadsheet_cell(value: object) -> object:
    """A text that a spreadsheet shows and does not compute; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    return f"'{plain(value)}" if value.lstrip(" \u00a0").startswith(_FORMULA) else plain(value)
