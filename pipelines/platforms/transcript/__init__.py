"""Transcripts: the platform's row."""

from events.interaction import Medium
from pipelines.connector import Platform
from pipelines.platforms.transcript.export import read_transcripts
from pipelines.platforms.transcript.normalise import normalise

PLATFORM = Platform(
    slug="transcript",
    title="Transcripts (WebVTT, SRT)",
    medium=Medium.MEETING,
    reference="https://www.w3.org/TR/webvtt1/",
    setup=(
        "Download the transcripts of your meetings as WebVTT or SRT, with the names of the speakers.",
        "Let each file's name show day and time, such as `2026-03-02 10-00 Pruning.vtt`; Zoom's own names do.",
        "Run `guildhall import transcripts PATH --tenant NAME --time-zone Europe/Oslo`. PATH is a file or a folder.",
        "Files whose names differ only in day and time are one series of meetings.",
        "A transcript shows who spoke, not who listened. Its meetings are apart from those of other sources.",
    ),
    reads=("Who speaks in a meeting, from when to when.",),
    does_not_read=("The words, beyond whether they ask or thank. The words are dropped once these features are read.",),
    version=1,
    normalise=normalise,
    exports={"transcripts": read_transcripts},
)
