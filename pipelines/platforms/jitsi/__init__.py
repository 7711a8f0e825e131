"""Jitsi: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.jitsi.export import read_posts
from pipelines.platforms.jitsi.normalise import normalise
from pipelines.platforms.jitsi.webhook import sign, verify

PLATFORM = Platform(
    slug="jitsi",
    title="Jitsi",
    medium=Medium.MEETING,
    reference="https://github.com/jitsi-contrib/prosody-plugins/tree/main/event_sync",
    setup=(
        "Install mod_event_sync_component of jitsi-contrib/prosody-plugins in Prosody, and enable it as its page describes.",
        'Set `api_prefix = "<gateway>/hooks/jitsi/<source>"`.',
        'Set `api_headers = { ["Authorization"] = "Bearer TOKEN" }` with a long random TOKEN.',
        "Set `include_speaker_stats = true`.",
        "Give the source the TOKEN as its secret (`secret_env` or `secret_file` in [source.NAME]).",
        "Restart Prosody.",
        "Jitsi names people only where rooms need a token (JWT). Without one everybody is anonymous.",
        "History: Jitsi has none. Posts that you stored can be read: `guildhall import jitsi-events PATH`.",
    ),
    reads=("Who joins and leaves a room, and when.", "Whether somebody was the loudest speaker at least once in a visit."),
    does_not_read=(
        "Sound, video, chat, polls and recordings.",
        "Network addresses, devices, pictures, and what else a token holds about a person.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    exports={"jitsi-events": read_posts},
)
