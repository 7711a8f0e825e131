"""BigBlueButton: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.bigbluebutton.export import read_events
from pipelines.platforms.bigbluebutton.normalise import normalise
from pipelines.platforms.bigbluebutton.webhook import sign, verify

PLATFORM = Platform(
    slug="bigbluebutton",
    title="BigBlueButton",
    medium=Medium.MEETING,
    reference="https://docs.bigbluebutton.org/development/webhooks/",
    setup=(
        "On the server, install bbb-webhooks: `apt install bbb-webhooks`.",
        "Register <gateway>/hooks/bigbluebutton/<source> as a permanent URL in /etc/bigbluebutton/bbb-webhooks/production.yml.",
        "Give the source the secret that `bbb-conf --secret` prints (`secret_env` or `secret_file` in [source.NAME]).",
        "Behind a proxy that changes the host, pass the registered one as X-Forwarded-Host, or set `auth2_0`.",
        "Send mapped events or raw events (`getRaw`), not both: their times differ, and both would count.",
        (
            "A space is a room, named by the hash of the room's own id: `echo -n ROOM | sha1sum`. "
            "`guildhall sources` lists those that are not mapped. A breakout room is a room of its own."
        ),
        (
            "History: run `guildhall import bigbluebutton-events PATH --tenant DOMAIN` with the `events.xml` of recordings, or "
            "with a folder of them, such as /var/bigbluebutton/recording/raw. Only recorded meetings have one."
        ),
        "BigBlueButton does not name who hosts a meeting or who shares a screen; only recordings name who spoke.",
    ),
    reads=(
        "Who joins and leaves a meeting, and when.",
        "Who posts in the public chat of a meeting, and in recordings who spoke and when.",
    ),
    does_not_read=(
        "Sound, video, slides, the whiteboard and shared notes.",
        "Private chats.",
        "Answers to polls, reactions, raised hands, cameras and microphones.",
        "Telephone numbers of people who dial in.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    exports={"bigbluebutton-events": read_events},
)
