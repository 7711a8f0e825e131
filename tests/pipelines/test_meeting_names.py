"""Names in meetings that are no person's: programs that take notes, devices and placeholders."""

import pytest

from pipelines.shared.meeting_names import is_note_taker, is_placeholder


@pytest.mark.parametrize(
    "name",
    [
        "Otter.ai", "Mia's OtterPilot", "Fireflies.ai Notetaker Mia", "Fred from Fireflies", "read.ai meeting notes", "Fathom",
        "Bo’s Fathom Notetaker", "Fathom AI Notetaker", "tl;dv", "TLDV Recorder", "Zoom AI Companion", "AI Companion",
        "MeetGeek", "Avoma Notetaker", "Sembly AI", "Grain Recorder", "Krisp AI Note Taker", "Gong Assistant", "Read AI",
        "Bubbles Notetaker", "Circleback", "Notta Bot",
    ],
)  # fmt: skip
def test_a_well_known_program_that_takes_notes_is_known_by_its_name(name):
    assert is_note_taker(name)


@pytest.mark.parametrize(
    "name",
    [
        "Mia Sol", "Otter", "Nora Grain", "Ana (note taker)", "note taker", "Joe Fellow", "Chorus member Ida", "Reade Aimes",
        "Fathoma Lie", "Ai Tanaka", "Gong Li", "Zoom", "Read", "", None,
    ],
)  # fmt: skip
def test_a_persons_name_is_no_program(name):
    assert not is_note_taker(name)


@pytest.mark.parametrize(
    "name",
    [
        "iPhone", "iPhone (2)", "iPhone 13 Pro Max", "iPad", "iPad Pro", "Galaxy S21", "Galaxy Tab A7", "SM-G991B", "Pixel 7a",
        "Redmi Note 9", "MacBook Pro", "DESKTOP-4F2K9Q1", "Call-In User_1", "Call-in User 12", "Zoom user", "Zoom", "Guest",
        "guest 3", "User", "Participant 7", "+47 555 01 00", "1*****234", "(deleted)", "", "  ", None, "-", "Anonymous", "Unknown",
        "Phone User", "Telephone", "H.323/SIP", "Host", "me",
    ],
)  # fmt: skip
def test_a_placeholder_is_no_one_person(name):
    assert is_placeholder(name)


@pytest.mark.parametrize(
    "name",
    [
        "Ana's iPhone", "Ana", "Guest Lecturer Ida Ro", "Mac Macdonald", "Pixel Anderson", "Galaxy Quest Fan", "Bo", "I", "Ola 2",
        "李", "Zoomer Lie", "Hosta Gard", "Mei", "Userine Dahl", "Moto Yama",
    ],
)  # fmt: skip
def test_a_name_with_something_of_its_own_is_a_persons(name):
    assert not is_placeholder(name)
