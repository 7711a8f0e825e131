"""Verbs, limits and beats: each fact has one home, and the other places agree with it."""

import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from events.communities import BEATS_DAYS, BEATS_IN_WINDOW
from events.limits import (
    MAX_BATCH_BYTES,
    MAX_BODY_BYTES,
    MAX_CHARACTERS,
    MAX_CHUNK_BYTES,
    MAX_INTERACTION_BYTES,
    MAX_PAYLOAD_BYTES,
    MAX_RECORD_BYTES,
)
from events.topics import TOPICS
from events.verb import Verb, VerbKind, verbs_of

ROOT = Path(__file__).parents[2]


def test_the_kinds_divide_the_verbs():
    assert sorted(verb for kind in VerbKind for verb in verbs_of(kind)) == sorted(Verb)
    assert verbs_of(VerbKind.ACKNOWLEDGEMENT) == (Verb.REACT, Verb.THANK)
    assert verbs_of(VerbKind.CONSUMPTION) == (Verb.VIEW, Verb.DOWNLOAD)
    assert verbs_of(VerbKind.CURATION) == (Verb.REVERT, Verb.MODERATE)


@pytest.mark.parametrize("verb", Verb)
def test_a_verb_is_its_string_with_a_sentence(verb):
    assert Verb(str(verb)) is verb
    assert TypeAdapter(Verb).validate_json(f'"{verb}"') is verb
    assert verb.sentence.endswith(".")


def test_every_length_of_a_beat_has_its_number_of_beats_in_a_window():
    assert tuple(BEATS_IN_WINDOW) == BEATS_DAYS
    assert BEATS_IN_WINDOW == {7: 12, 14: 8, 28: 6, 56: 6, 91: 4}


def test_every_text_that_lists_the_lengths_of_beats_lists_those_of_the_contract():
    models = [*(ROOT / "warehouse/models").rglob("*.sql"), *(ROOT / "warehouse/models").rglob("*.py")]
    sentence = ", ".join(map(str, BEATS_DAYS[:-1])) + f" or {BEATS_DAYS[-1]}"
    texts = [*models, ROOT / "events/communities.py", ROOT / "dagster_project/examples/guildhall.toml"]
    sentences = [
        found for path in texts for found in re.findall(r"\b7, 14, .*?\d\b(?! or|,)", path.read_text()) if " or " in found
    ]
    assert set(sentences) == {sentence}


def test_what_becomes_one_record_fits_into_the_topics():
    assert {topic.config()["max.message.bytes"] for topic in TOPICS} == {str(MAX_RECORD_BYTES)}
    assert MAX_INTERACTION_BYTES < MAX_CHUNK_BYTES < MAX_RECORD_BYTES
    assert MAX_BODY_BYTES < MAX_RECORD_BYTES


def test_a_batch_of_the_sdk_fits_into_one_body():
    envelope = 4 * MAX_CHARACTERS
    assert MAX_PAYLOAD_BYTES + envelope <= MAX_BODY_BYTES
    assert MAX_BATCH_BYTES * 4 // 3 + envelope <= MAX_BODY_BYTES
