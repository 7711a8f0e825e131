"""Slack: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.slack.export import channel_names, read_export
from pipelines.platforms.slack.normalise import normalise
from pipelines.platforms.slack.webhook import WEBHOOK

PLATFORM = Platform(
    slug="slack",
    title="Slack",
    medium=Medium.CHAT,
    reference="https://docs.slack.dev/reference/events",
    setup=(
        "Create a Slack app at https://api.slack.com/apps and install it in the workspace.",
        "Under Event Subscriptions, set the request URL to <gateway>/hooks/slack/<source>.",
        "Subscribe to message.channels, reaction_added, reaction_removed, team_join and user_change.",
        "Give the source the signing secret of the app (`secret_env` or `secret_file` in [source.NAME]).",
        (
            "Invite the app to every channel that a community uses. Name public channels only: a reaction does not show "
            "whether its channel is private."
        ),
        "History: run `guildhall import slack-export FILE` with the zip that an owner of the workspace exports, or its folder.",
        "The tenant of an export is --tenant; without it the team id that most of its users have, otherwise `export`.",
    ),
    reads=(
        "Who posts, replies, reacts or uploads in the public channels that the app is in, when, and whom they mention.",
        "Accounts of the workspace: name and email address, for the merging of one person's accounts.",
    ),
    does_not_read=(
        "Direct messages and private channels: they are ignored, even where an export has them.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
        "Files: only that one was uploaded. Their links, and telephone numbers of users, stay in the export.",
    ),
    version=3,
    normalise=normalise,
    verify=WEBHOOK.verify,
    sign=WEBHOOK.sign,
    exports={"slack-export": read_export},
    space_titles=channel_names,
    snapshots=frozenset({"slack-export"}),
    shares=True,
)
