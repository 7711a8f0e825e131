"""Accounts: the ghosts and bots that well-known bridges make, by the names that they have unless an administrator changes them.

A ghost stands for somebody who writes in another network and has no account here. Add a prefix when a bridge appears.
"""

from events.interaction import ActorKind

_GHOSTS = (
    *("_irc_", "irc_", "_oftc_", "_libera_", "libera_", "freenode_", "_discord_", "discord_", "_slack_", "slack_", "_xmpp_"),
    *("telegram_", "_telegram_", "whatsapp_", "signal_", "gitter_", "_gitter_", "mattermost_", "_mattermost_", "meta_"),
    *("googlechat_", "instagram_", "facebook_", "twitter_", "imessagego_", "gmessages_", "linkedin_", "bluesky_", "_bifrost_"),
)
"""Beginnings of the names of ghosts, in the order of their networks."""
_BOTS = frozenset(
    {
        *("appservice-irc", "appservice", "_discord_bot", "discordbot", "slackbot", "telegrambot", "whatsappbot", "signalbot"),
        *("googlechatbot", "metabot", "mjolnir", "draupnir", "abuse", "_neb_github", "_neb_rssbot", "rss", "feeds", "hookshot"),
    }
)
"""Names of bridges' own accounts and of well-known programs."""


def kind_of(account: str) -> ActorKind:
    """The kind of an account by its name. Matrix itself has no flag for programs."""
    name = account.removeprefix("@").partition(":")[0].lower()
    if name in _BOTS:
        return ActorKind.BOT
    return ActorKind.ANONYMOUS if name.startswith(_GHOSTS) else ActorKind.HUMAN
