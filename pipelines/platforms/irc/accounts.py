"""Accounts: well-known programs of meetings, by name.

| names | source |
| --- | --- |
| Zakim, RRSAgent, trackbot | https://www.w3.org/guide/meetings/zakim.html |
| MeetBot, hcoop-meetbot, MootBot | https://hcoop-meetbot.readthedocs.io/en/stable/ |
| zodbot | https://fedoraproject.org/wiki/Zodbot |
| openstack, opendevmeet, opendevstatus and others of OpenDev | https://docs.opendev.org/opendev/system-config |
| meetingology, ubottu | https://wiki.ubuntu.com/meetingology |
| wm-bot, wikibugs, stashbot | https://meta.wikimedia.org/wiki/IRC |

Those named `voip-…` are telephone bridges. Relays need no list: `lines` recognises them by what they write. Add a name here
when a program appears; the settings name what is missing (`[[bots]]`).
"""

BOTS = frozenset(
    [
        "agendabot", "ccgbot", "chanserv", "collabot", "eavesdrop", "gerritbot", "ghbot", "github-bot", "hcoop-meetbot",
        "limnoria", "meetbot", "meetingology", "mootbot", "nickserv", "opendevmeet", "opendevstatus", "openstack",
        "openstackgerrit", "openstackstatus", "purplerbot", "rrsagent", "stashbot", "supybot", "trackbot", "ubot", "ubot5",
        "ubottu", "voip", "wikibugs", "wm-bot", "zakim", "zodbot",
    ]
)  # fmt: skip


def is_bot(nick: str) -> bool:
    """Whether a nick is a bot of the protocols of meetings."""
    return nick.casefold() in BOTS or nick.casefold().startswith("voip-")
