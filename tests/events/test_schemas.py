"""The committed JSON Schemas are those of the models."""

import json
from datetime import UTC, datetime

import pytest

from events import schemas
from events.raw import RawEvent
from events.topics import DIRECTIVES, RAW, TOPICS

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("topic", sorted(schemas.MODELS))
def test_the_committed_schema_is_the_models(topic):
    committed = (schemas.FOLDER / f"{topic}.json").read_text(encoding="utf-8")
    assert committed == schemas.text(topic), "a contract changed: run `python -m events.schemas` and commit the difference"


def test_every_topic_that_carries_a_model_has_a_schema_and_no_other_file_lies_there():
    # What people decide gets its model with the command that writes it.
    assert set(schemas.MODELS) == {topic.name for topic in TOPICS} - {DIRECTIVES.name}
    assert {path.stem for path in schemas.FOLDER.iterdir()} == set(schemas.MODELS)


def test_the_headers_of_a_raw_event_are_those_of_the_schema():
    full = RawEvent(
        id="1",
        sender="/s",
        type="quill.note",
        source="emit/quill/main",
        received_at=NOW,
        payload=b"{}",
        time=NOW,
        tenant="T",
        community="c",
        captured_at=NOW,
        import_id="i",
    )
    headers = {name: value.decode() for name, value in full.headers()}
    assert set(headers) == set(schemas.RawHeaders.model_fields)
    assert schemas.RawHeaders.model_validate(headers).ce_receivedat == NOW


def test_a_schema_of_values_lets_no_unknown_field_through():
    for topic in set(schemas.MODELS) - {RAW.name}:
        assert json.loads(schemas.text(topic))["additionalProperties"] is False


def test_writing_the_schemas_gives_the_committed_files(tmp_path):
    schemas.write(tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {p.name: p.read_text() for p in schemas.FOLDER.iterdir()}
