"""Platforms: one row each. A new platform is one module beside this file, one folder of fixtures, and one row here."""

from pipelines.connector import Platform
from pipelines.platforms import irc, mediawiki, slack, zoom, zulip

_ROWS: tuple[Platform, ...] = (irc.PLATFORM, mediawiki.PLATFORM, slack.PLATFORM, zoom.PLATFORM, zulip.PLATFORM)

PLATFORMS: dict[str, Platform] = {row.slug: row for row in _ROWS}
