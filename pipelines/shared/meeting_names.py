"""Meeting names: names in a meeting that are no person's: programs that take notes, and what stands for a missing name.

Both lists are maintained by hand. A product is listed only where its name cannot be read as a person's. The settings name what
is missing here (`[[bots]]`), and `guildhall doctor` suggests it. Where the products come from: the lists that universities give
to hosts, such as https://kb.wisc.edu/149383, https://kb.rice.edu/page.php?id=149886 and
https://it.stonybrook.edu/help/kb/preventing-3rd-party-ai-tools-your-meetings, and the makers' pages. Programs are also
named after their owner: `Mia's Otter.ai Bot`, `Mia's AI Notetaker`.
"""

import re

from pipelines.shared.nobody import is_nobody

_PRODUCTS = (
    r"otter\.ai", r"otter ?pilot", r"fireflies\.ai", r"fred from fireflies", r"read\.ai", r"fathom\.(?:video|ai)",
    r"tl;?dv(?:\.io)?", r"(?:zoom )?ai companion", r"meetgeek(?:\.ai)?", r"avoma", r"sembly(?:\.ai)?", r"supernormal",
    r"airgram", r"notta\.ai", r"gong\.io", r"chorus\.ai", r"krisp\.ai", r"circleback(?:\.ai)?", r"spinach\.(?:ai|io)",
    r"fellow\.(?:app|ai)", r"tactiq(?:\.io)?", r"laxis", r"rewatch", r"jiminny", r"sybill", r"wudpecker", r"noty\.ai",
    r"meetrecord", r"scribbl", r"nyota(?:\.ai)?", r"loopin(?:\.ai)?", r"microsoft copilot", r"colibri\.ai",
    r"grain\.(?:com|co)", r"recall\.ai", r"bluedot(?:hq)?", r"modjo", r"claap", r"hal\.ai", r"firefly\.ai", r"winn\.ai",
    r"clari copilot", r"dialpad ai", r"equal time bot", r"leexi", r"loom ai", r"notion ai", r"parrot ai", r"sally ai",
    r"zoominfo chorus", r"noota", r"timeos", r"bliro", r"cluely", r"notes by fellow", r"zoom cloud recording",
    r"(?<!\w)ai (?:note[ -]?taker|notes bot|meeting notes|scribe|recorder)",
)  # fmt: skip
_AMBIGUOUS = (
    "otter", "fireflies", "read", "fathom", "grain", "gong", "chorus", "krisp", "spinach", "fellow", "bubbles", "notta", "zoom",
)  # fmt: skip
"""Products whose names are also words or names of people: a program only with its work behind it, as in `Fathom Notetaker`."""
_WORK = r"(?:ai )?(?:note[ -]?taker|meeting notes|notes bot|meeting navigator|assistant|recorder|bot)|ai"
_NOTE_TAKER = re.compile(
    rf"(?<!\w)(?:{'|'.join(_PRODUCTS)}|(?:{'|'.join(_AMBIGUOUS)})(?:['’]s)? (?:{_WORK}))(?!\w)|^(?:fathom|fireflies)$"
    # One word behind a name is a product's work; somebody who takes notes writes `Ana (note taker)`.
    r"|^(?:[\w.'’]+ ){1,4}notetaker(?: bot)?$"
)

_DEVICES = (
    r"i(?:phone|pad|pod|mac)", "apple ?tv", r"macbook(?: ?(?:pro|air))?", "mac ?mini", "galaxy", "samsung(?: galaxy)?",
    r"sm-\w+", r"(?:google )?pixel", "android", "oneplus", "xiaomi", "redmi(?: note)?", "huawei", "oppo", "vivo", "motorola",
    "moto", "nokia", r"lg-\w+", r"desktop(?:-\w+)?", r"laptop(?:-\w+)?", "tablet", r"surface(?: pro)?", "chromebook", "kindle",
    "phone", "telephone", "mobile", "cell ?phone", "computer", "pc", "mac",
)  # fmt: skip
_MODEL = r"(?:[ _-]?(?:\d+\w*|[a-z]\d+\w*|pro|max|mini|plus|ultra|air|se|xr?s?|note|tab|fold|flip|fe|5g|lite|edge|phone|user))*"
_ROLES = (
    "user|guest|caller|participant|attendee|gast|teilnehmer(?:in)?|benutzer|unbekannt|invité|participant|utilisateur|inconnu|"
    "invitado|usuario|participante|desconocido|convidado|usuário|ospite|utente|partecipante|deelnemer|gebruiker|gjest|gäst|gæst|"
    "deltaker|deltagare|deltager|vieras|gość|uczestnik|гость|участник|пользователь|misafir|"
    "ゲスト|参加者|ユーザー|访客|用户|来宾|參與者|게스트|사용자|참가자"
)
_ROOMS = (
    r"(?:zoom|teams|conference|meeting|board|huddle|video|training|class|seminar)[ -]?rooms?|"
    r"meeting owl|owl(?: labs| pro)?|rally bar"
)
"""Rooms and the devices in them: several people, of whom nobody is named."""
_PLACEHOLDER = re.compile(
    rf"(?:{'|'.join(_DEVICES)}){_MODEL}(?: ?\(\d+\))?"
    rf"|(?:zoom|guest|anonymous|unknown|call[- ]?in|dial[- ]?in|telephone|pstn|h\.?323(?:/sip)?|sip|web)"
    rf"[ _-]?(?:{_ROLES})?[ _-]?\d*"
    rf"|(?:the )?(?:{_ROOMS})[ _#-]*\w{{0,3}}"
    rf"|(?:{_ROLES}|member|host|admin|me|zoom (?:meeting|room)|anonym|name|n/?a|none|null)[ _-]?\d*"
    r"|\W*"
)
_TELEPHONE = re.compile(r"[\d\s()+*#./x•-]{3,}")


def is_note_taker(name: str | None) -> bool:
    """Whether a name is that of a well-known program that takes notes in meetings."""
    return bool(name) and _NOTE_TAKER.search(_folded(name or "")) is not None


def is_placeholder(name: str | None) -> bool:
    """Whether a name stands for no one person: a device, a telephone number, `Guest`, `Call-In User_1`, or nothing at all."""
    folded = _folded(name or "")
    return any(form.fullmatch(folded) for form in (_PLACEHOLDER, _TELEPHONE)) or is_nobody(folded)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
