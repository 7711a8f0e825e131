"""Headers: what a metric's header may say, and that a typo in it is refused with the choices."""

import pytest
import yaml
from pydantic import ValidationError

from warehouse.build.catalog import catalog, metrics
from warehouse.build.model import Header, ModelError, read_model
from warehouse.build.vocabulary import CHAPTERS, COUNTS, KINDS, NEEDS, RULES

HEADER = {
    "id": "X1",
    "title": "A metric",
    "chapter": "help",
    "summary": "What it counts.",
    "grain": ["community", "window_end"],
    "reads": ["core.windows"],
    "columns": {"community": "the community", "window_end": "the evaluation", "value": "the value"},
    "unit": "people",
    "direction": "neither",
    "needs": ["contributions"],
    "minimum": "none",
    "reference": "Somebody 2020.",
    "reading": "How to read it.",
    "sentences": {"up": "More", "down": "Fewer", "phrase": "{value} people came", "ask": "Why?"},
    "measure": {"value": "value", "kind": "people", "counts": "people"},
    "caveats": ["A caveat."],
}


def test_a_whole_header_is_accepted():
    assert Header.model_validate(HEADER).chapter == "help"


@pytest.mark.parametrize("phrase", ["people came", "{number} people came", "{value} of {value}"])
def test_the_sentence_of_a_value_has_one_place_for_it(phrase):
    with pytest.raises(ValidationError, match="phrase"):
        Header.model_validate(HEADER | {"sentences": HEADER["sentences"] | {"phrase": phrase}})


@pytest.mark.parametrize(
    ("change", "choices"),
    [
        ({"chapter": "newcommers"}, CHAPTERS),
        ({"needs": ["contribution"]}, NEEDS),
        ({"measure": HEADER["measure"] | {"kind": "shares"}}, KINDS),
        ({"measure": HEADER["measure"] | {"counts": "persons"}}, COUNTS),
    ],
)
def test_a_typo_is_refused_with_the_choices(change, choices):
    with pytest.raises(ValidationError) as error:
        Header.model_validate(HEADER | change)
    assert all(choice in str(error.value) for choice in choices)


@pytest.mark.parametrize(
    "field", ["title", "chapter", "unit", "direction", "needs", "minimum", "reference", "reading", "sentences", "measure"]
)
def test_a_metric_without_a_field_is_refused_with_its_name(field):
    with pytest.raises(ValidationError, match=f"a metric needs {field}"):
        Header.model_validate({name: value for name, value in HEADER.items() if name != field})


def test_a_field_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError, match="chaptr"):
        Header.model_validate(HEADER | {"chaptr": "help"})


def test_an_error_in_a_header_names_the_file(tmp_path):
    path = tmp_path / "metrics" / "strange.sql"
    path.parent.mkdir()
    path.write_text(f"/*\n{yaml.safe_dump(HEADER | {'chapter': 'nowhere'})}*/\nselect 1 as value from core.windows\n")
    with pytest.raises(ModelError, match=r"strange\.sql.*(?s:.)*`nowhere`"):
        read_model(path)


def test_every_kind_has_a_rule_for_small_groups():
    assert {kind.rule for kind in KINDS.values()} == set(RULES)


def test_every_chapter_that_metrics_use_comes_in_the_order_of_a_report():
    used = {model.header.chapter for model in metrics(catalog())}
    assert used <= set(CHAPTERS)
    assert len({chapter.title for chapter in CHAPTERS.values()}) == len(CHAPTERS)
