"""Platforms: one row each. A new platform is one folder beside this file, one folder of fixtures, and one row here.

A platform outside this repository is a `Platform` behind an entry point of the group `guildhall.platforms`.
"""

from pipelines.connector import Platform
from pipelines.platforms import (
    bigbluebutton,
    discord,
    discourse,
    google_meet,
    guildhall,
    irc,
    jitsi,
    matrix,
    mattermost,
    mediawiki,
    rocketchat,
    slack,
    teams,
    transcript,
    zoom,
    zulip,
)
from pipelines.shared.installed import with_installed

_ROWS: tuple[Platform, ...] = (
    bigbluebutton.PLATFORM,
    discord.PLATFORM,
    discourse.PLATFORM,
    google_meet.PLATFORM,
    guildhall.PLATFORM,
    irc.PLATFORM,
    jitsi.PLATFORM,
    matrix.PLATFORM,
    mattermost.PLATFORM,
    mediawiki.PLATFORM,
    rocketchat.PLATFORM,
    slack.PLATFORM,
    teams.PLATFORM,
    transcript.PLATFORM,
    zoom.PLATFORM,
    zulip.PLATFORM,
)

PLATFORMS: dict[str, Platform] = with_installed({row.slug: row for row in _ROWS})
