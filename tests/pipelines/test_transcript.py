"""Transcripts: the forms of WebVTT and SRT, whose turns they are, and when."""

from datetime import UTC, datetime

import pytest

from pipelines.connector import ExportError, ImportOptions
from pipelines.platforms.transcript.cues import turns
from pipelines.platforms.transcript.export import read_transcripts
from tests.cases.installation import SETTINGS, Installation

VOICES = (
    "\ufeffWEBVTT\n\nNOTE Rosa: no cue\n\n1\n00:00:01.000 --> 00:00:03.000 align:left\n<v Rosa Meadow>Where are the shears?</v>\n\n"
    "00:03.500 --> 00:05.000\n<v Rosa Meadow>The new ones.</v>\n\n00:00:05.000 --> 00:00:07.000\n<v.loud Abel Fern>In <i>the</i> shed.</v>\n"
)
SRT = (
    "1\r\n00:00:01,000 --> 00:00:03,000\r\nRosa Meadow: Where are the shears?\r\n\r\n2\r\n00:00:03,500 --> 00:00:05,000\r\nThe new ones.\r\n\r\n"
    "3\r\n00:00:05,000 --> 00:00:07,000\r\nAbel Fern: In the shed.\r\n"
)


@pytest.mark.parametrize("text", [VOICES, SRT, SRT.replace("\r\n", "\r")])
def test_cues_of_one_speaker_are_one_turn(text):
    found = [(turn.name, turn.start, turn.end) for turn in turns(text)]
    assert found == [("Rosa Meadow", 1.0, 5.0), ("Abel Fern", 5.0, 7.0)]
    assert next(turns(text)).text == "Where are the shears? The new ones."


def test_a_clock_and_a_sentence_are_nobodys_name_and_overlaps_are_in_order():
    text = (
        "00:01.000 --> 00:02.000\n10:30 Meeting: we begin\n\n00:09.000 --> 00:12.000\nAbel Fern: later\n\n"
        "00:03.000 --> 00:10.000\nRosa Meadow: first\n\n00:13.000 --> 00:14.000\nWe have one thing to do today that matters: prune\n"
    )
    assert [(turn.name, turn.start) for turn in turns(text)] == [("Rosa Meadow", 3.0), ("Abel Fern", 9.0)]


def test_two_voices_in_one_cue_are_two_turns():
    assert [turn.name for turn in turns("00:01.000 --> 00:02.000\n<v Rosa>Yes.</v> <v Abel>No.</v>\n")] == ["Rosa", "Abel"]


def test_a_folder_becomes_one_series_and_no_word_stays(tmp_path):
    folder = tmp_path / "vtt"
    folder.mkdir()
    (folder / "2026-03-02 10-00 Pruning.vtt").write_text(VOICES)
    (folder / "2026-03-09 10-00 Pruning.srt").write_text(SRT.replace("Abel Fern", "Speaker 2"))
    made = Installation(tmp_path, SETTINGS.format(platform="transcript"))
    assert made.imports("transcripts", folder, tenant="garden", time_zone="Europe/Oslo") == {("understood", None): 4}
    made.refresh()
    assert made.rows("select count(distinct series), count(*), sum(speakers), sum(anonymous) from core.meetings") == [
        (1, 2, 3, 1)
    ]
    assert made.one("select min(occurred_at) from core.interactions") == datetime(2026, 3, 2, 9, 0, 1)  # noqa: DTZ001 - naive UTC
    assert made.one("select count(*) from core.interactions where is_question") == 2
    kept = str(made.rows("select * from core.interactions"))
    assert not [word for word in ("Rosa", "Abel", "shears", "Pruning") if word in kept]
    made.close()


def test_zooms_name_is_utc_and_a_file_without_a_day_is_refused(tmp_path):
    (tmp_path / "GMT20260302-100000_Recording.transcript.vtt").write_text(VOICES)
    found = list(read_transcripts(tmp_path / "GMT20260302-100000_Recording.transcript.vtt", ImportOptions()))
    assert str(datetime(2026, 3, 2, 10, 0, 1, tzinfo=UTC).isoformat()) in found[0].payload.decode()
    for name, text in (("Pruning.vtt", VOICES), ("2026-13-45.vtt", VOICES), ("2026-03-02.vtt", "WEBVTT\n\nnothing\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ExportError):
            list(read_transcripts(tmp_path / name, ImportOptions(time_zone="Europe/Oslo")))
