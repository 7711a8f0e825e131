"""Google Meet: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.google_meet.export import read_files
from pipelines.platforms.google_meet.normalise import normalise

PLATFORM = Platform(
    slug="google_meet",
    title="Google Meet",
    medium=Medium.MEETING,
    reference="https://developers.google.com/workspace/meet/api/reference/rest/v2",
    setup=(
        "Get an OAuth token with the scope meetings.space.readonly, of the account that organizes the meetings.",
        "Save the replies of https://meet.googleapis.com/v2/conferenceRecords, one file per page, in one folder.",
        "Save, for each record, /participants, and for each participant /participantSessions, in the same folder.",
        "Who spoke: save, for each record, /transcripts, and for each transcript /entries. The text is dropped.",
        "Google deletes conference records after 30 days: save them every week.",
        "Run `guildhall import google-meet PATH --tenant DOMAIN`. PATH is the folder, or one file.",
        (
            "Attendance reports: export the sheet as CSV under its own name, which has the date, and give --time-zone. "
            "Give a meeting as report or from the API, not as both."
        ),
        "Live events are not read: a Workspace event names no person, and only Google's servers can verify it.",
    ),
    reads=("Who attends a meeting, from when to when.", "Who has a turn in a meeting that Meet transcribes."),
    does_not_read=(
        "Sound, video, recordings, chat and notes.",
        "Telephone numbers, and addresses that Meet masks.",
        "The text of transcripts, beyond whether it asks or thanks. The text is dropped once these features are read.",
    ),
    version=1,
    normalise=normalise,
    exports={"google-meet": read_files},
)
