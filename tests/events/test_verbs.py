"""Verbs, limits and beats: each fact has one home, and the other places agree with it."""

import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from events.communities import BEATS_DAYS
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


def test_the_sql_macro_of_contributions_names_the_verbs_of_that_kind():
    macros = (ROOT / "warehouse/build/macros.sql").read_text()
    found = re.search(r"is_contribution\(verb\) as verb in \(([^)]*)\)", macros)
    assert found is not None
    assert re.findall(r"'(\w+)'", found[1]) == [str(verb) for verb in verbs_of(VerbKind.CONTRIBUTION)]


def test_every_model_that_lists_the_lengths_of_beats_lists_those_of_the_contract():
    models = sorted((ROOT / "warehouse/models").rglob("*.sql"))
    lists = [found for path in models for found in re.findall(r"unnest\(\[([\d, ]+)\]\) as beat_days", path.read_text())]
    assert {tuple(int(days) for days in found.split(",")) for found in lists} <= {BEATS_DAYS}
    sentence = ", ".join(map(str, BEATS_DAYS[:-1])) + f" or {BEATS_DAYS[-1]}"
    texts = [*models, ROOT / "dagster_project/settings.py"]
    sentences = [
        found for path in texts for found in re.findall(r"\b7, 14, .*?\d\b(?! or|,)", path.read_text()) if " or " in found
    ]
    assert set(sentences) <= {sentence}


def test_what_becomes_one_record_fits_into_the_topics():
    assert {topic.config()["max.message.bytes"] for topic in TOPICS} == {str(MAX_RECORD_BYTES)}
    assert MAX_INTERACTION_BYTES < MAX_CHUNK_BYTES < MAX_RECORD_BYTES
    assert MAX_BODY_BYTES < MAX_RECORD_BYTES


def test_a_batch_of_the_sdk_fits_into_one_body():
    envelope = 4 * MAX_CHARACTERS
    assert MAX_PAYLOAD_BYTES + envelope <= MAX_BODY_BYTES
    assert MAX_BATCH_BYTES * 4 // 3 + envelope <= MAX_BODY_BYTES
