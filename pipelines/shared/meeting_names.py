"""Meeting names: names in a meeting that are no person's: programs that take notes, and what stands for a missing name.

Both lists are maintained by hand. A product is listed only where its name cannot be read as a person's. The settings name what
is missing here (`[[bots]]`).
"""

import re

_PRODUCTS = (
    r"otter\.ai", r"otter ?pilot", r"fireflies\.ai", r"fred from fireflies", r"read\.ai", r"fathom\.(?:video|ai)",
    r"tl;?dv(?:\.io)?", r"(?:zoom )?ai companion", r"meetgeek(?:\.ai)?", r"avoma", r"sembly(?:\.ai)?", r"supernormal",
    r"airgram", r"notta\.ai", r"gong\.io", r"chorus\.ai", r"krisp\.ai", r"circleback(?:\.ai)?", r"spinach\.(?:ai|io)",
    r"fellow\.(?:app|ai)", r"tactiq(?:\.io)?", r"laxis", r"rewatch", r"jiminny", r"sybill", r"wudpecker", r"noty\.ai",
    r"meetrecord", r"scribbl", r"nyota(?:\.ai)?", r"loopin(?:\.ai)?", r"microsoft copilot", r"colibri\.ai",
    r"grain\.(?:com|co)", r"recall\.ai", r"bluedot(?:hq)?", r"modjo", r"claap",
)  # fmt: skip
_AMBIGUOUS = (
    "otter", "fireflies", "read", "fathom", "grain", "gong", "chorus", "krisp", "spinach", "fellow", "bubbles", "notta", "zoom",
)  # fmt: skip
"""Products whose names are also words or names of people: a program only with its work behind it, as in `Fathom Notetaker`."""
_WORK = r"(?:ai )?(?:note[ -]?taker|meeting notes|notes bot|meeting navigator|assistant|recorder|bot)|ai"
_NOTE_TAKER = re.compile(
    rf"(?<!\w)(?:{'|'.join(_PRODUCTS)}|(?:{'|'.join(_AMBIGUOUS)})(?:['’]s)? (?:{_WORK}))(?!\w)|^(?:fathom|fireflies)$"
)

_DEVICES = (
    r"i(?:phone|pad|pod|mac)", "apple ?tv", r"macbook(?: ?(?:pro|air))?", "mac ?mini", "galaxy", "samsung(?: galaxy)?",
    r"sm-\w+", r"(?:google )?pixel", "android", "oneplus", "xiaomi", "redmi(?: note)?", "huawei", "oppo", "vivo", "motorola",
    "moto", "nokia", r"lg-\w+", r"desktop(?:-\w+)?", r"laptop(?:-\w+)?", "tablet", r"surface(?: pro)?", "chromebook", "kindle",
    "phone", "telephone", "mobile", "cell ?phone", "computer", "pc", "mac",
)  # fmt: skip
_MODEL = r"(?:[ _-]?(?:\d+\w*|[a-z]\d+\w*|pro|max|mini|plus|ultra|air|se|xr?s?|note|tab|fold|flip|fe|5g|lite|edge|phone|user))*"
_ROLES = "user|guest|caller|participant|attendee"
_PLACEHOLDER = re.compile(
    rf"(?:{'|'.join(_DEVICES)}){_MODEL}(?: ?\(\d+\))?"
    rf"|(?:zoom|guest|anonymous|unknown|call[- ]?in|dial[- ]?in|telephone|h\.?323(?:/sip)?|sip|web)[ _-]?(?:{_ROLES})?[ _-]?\d*"
    rf"|(?:{_ROLES}|member|host|admin|me|zoom (?:meeting|room)|anonym|name|n/?a|none|null)[ _-]?\d*"
    r"|\(?(?:deleted|deleted user|removed|unknown|no name|unnamed|anonymous)\)?"
    r"|\W*"
)
_TELEPHONE = re.compile(r"[\d\s()+*#./x•-]{3,}")


def is_note_taker(name: str | None) -> bool:
    """Whether a name is that of a well-known program that takes notes in meetings."""
    return bool(name) and _NOTE_TAKER.search(_folded(name or "")) is not None


def is_placeholder(name: str | None) -> bool:
    """Whether a name stands for no one person: a device, a telephone number, `Guest`, `Call-In User_1`, or nothing at all."""
    folded = _folded(name or "")
    return _PLACEHOLDER.fullmatch(folded) is not None or _TELEPHONE.fullmatch(folded) is not None


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
