"""Microsoft Teams: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.teams.export import read_files
from pipelines.platforms.teams.normalise import normalise
from pipelines.platforms.teams.webhook import sign, verify

PLATFORM = Platform(
    slug="teams",
    title="Microsoft Teams",
    medium=Medium.CHAT,
    reference="https://learn.microsoft.com/graph/api/resources/chatmessage",
    setup=(
        "Register an app in Entra with ChannelMessage.Read.All, and OnlineMeetingArtifact.Read.All for attendance.",
        (
            "Subscribe it to /teams/TEAM/channels/CHANNEL/messages (created, updated, deleted) with a long random clientState, "
            "and <gateway>/hooks/teams/<source> as notificationUrl and lifecycleNotificationUrl. Renew it before it expires."
        ),
        "Give the source the clientState as its secret (`secret_env` or `secret_file` in [source.NAME]).",
        "The gateway answers Graph's validation by itself.",
        (
            "Graph encrypts messages in notifications, and Guildhall does not decrypt them: let a flow of yours put the "
            "decrypted message into resourceData and pass it on. `guildhall rejected` lists notifications without one."
        ),
        "History: run `guildhall import teams-files PATH --tenant DIRECTORY-ID`. PATH is a file or a folder.",
        "Messages: Graph's replies to /teams/TEAM/channels/CHANNEL/messages?$expand=replies, each page one file.",
        (
            "Attendance: Graph's reply to …/attendanceReports/ID?$expand=attendanceRecords, call records, or the CSV that the "
            "organizer downloads."
        ),
        (
            "A CSV shows the clock of the browser that downloaded it: give --time-zone. Give a meeting as CSV or as Graph's "
            "report, not as both."
        ),
        "Teams does not tell who spoke or shared a screen, nor when a reaction was taken back.",
    ),
    reads=(
        "Who posts, answers and reacts in the channels that you subscribe to, and whom a message mentions.",
        "Who attends a meeting, from when to when, and who organizes it.",
    ),
    does_not_read=(
        "Chats between people and in groups, and calls of two people.",
        "Sound, video, transcripts and recordings.",
        "Registrations, devices and network addresses.",
        "The text of messages, beyond whether it asks or thanks. The text is dropped once these features are read.",
    ),
    version=1,
    normalise=normalise,
    verify=verify,
    sign=sign,
    exports={"teams-files": read_files},
    snapshots=frozenset({"teams-files"}),
)
