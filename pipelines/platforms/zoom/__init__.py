"""Zoom: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.zoom.export import read_webhooks
from pipelines.platforms.zoom.normalise import normalise
from pipelines.platforms.zoom.webhook import WEBHOOK

PLATFORM = Platform(
    slug="zoom",
    title="Zoom",
    medium=Medium.MEETING,
    reference="https://developers.zoom.us/docs/api/meetings/events/",
    setup=(
        "Create a webhook-only app at https://marketplace.zoom.us.",
        (
            "Subscribe to the events of meetings and webinars: started, ended, participant joined and left, also of breakout "
            "rooms, sharing started, recording completed; and to chat messages."
        ),
        "Set the endpoint to <gateway>/hooks/zoom/<source>.",
        "Give the source the secret token of the app (`secret_env` or `secret_file` in [source.NAME]).",
        "Press Validate: the gateway answers Zoom's validation by itself.",
        "Messages in meetings arrive only where the account has DLP for in-meeting chat.",
        (
            "History: run `guildhall import zoom-webhooks PATH` with stored bodies of webhooks, one per line or as a JSON "
            "array, or with Zoom's participants reports (CSV; give --tenant and --time-zone). PATH is a file or a folder."
        ),
        (
            "The same import reads replies of Zoom's API (give --tenant): /past_meetings/UUID merged with "
            "/report/meetings/UUID/participants by `jq -s '.[0] + {participants: .[1].participants}' MEETING PARTICIPANTS`."
        ),
    ),
    reads=(
        "Who hosts and attends a meeting, from when to when, and who shares a screen or has a recording.",
        "Who posts to everyone in a meeting, or in a channel of Zoom's chat.",
    ),
    does_not_read=(
        "Sound, video, transcripts and recordings: only that a recording was made.",
        "Messages to one person.",
        "Telephone numbers, network addresses and devices.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
    ),
    version=3,
    normalise=normalise,
    verify=WEBHOOK.verify,
    sign=WEBHOOK.sign,
    exports={"zoom-webhooks": read_webhooks},
)
