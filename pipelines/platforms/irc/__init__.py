"""IRC: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.irc.export import read_export
from pipelines.platforms.irc.normalise import normalise

PLATFORM = Platform(
    slug="irc",
    title="IRC meetings",
    medium=Medium.MEETING,
    reference="https://modern.ircdocs.horse/",
    setup=(
        "Put the logs of meetings, one file per meeting, into a folder, a tar or a zip; plain text or pages of Markdown.",
        (
            "Give each file, or the folder it is in, a name with the date of the meeting and the name of its series, such as "
            "`2026-03-02-board.txt`. The series becomes the space."
        ),
        (
            "Choose a tenant with --tenant. Without it the tenant is the name of the archive, without years and words such as "
            "`meetings`."
        ),
        "Where the clocks of the logs name no time zone, give it with --time-zone; otherwise they are read as UTC.",
        "Run `guildhall import irc-meetings PATH --community COMMUNITY`.",
    ),
    reads=("Who attends a meeting and when, who speaks and how long the text is, who chairs, and who addresses whom by name.",),
    does_not_read=(
        "Private messages: a meeting's log does not hold them.",
        "The text of a turn, beyond whether it asks or thanks. The text is dropped once these features are read.",
    ),
    version=3,
    normalise=normalise,
    exports={"irc-meetings": read_export},
)
