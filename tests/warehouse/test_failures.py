"""A failed check says whose rows fail, what follows, and what to do."""

from datetime import datetime

import pytest
from pydantic import ValidationError

from tests.warehouse.wire import MODELS, interaction, model, put, warehouse
from warehouse.build.catalog import catalog
from warehouse.build.failures import failures
from warehouse.build.model import Check

NOW = datetime(2024, 5, 1, 12)  # noqa: DTZ001 - the warehouse stores naive UTC
WARNING = {"name": "no_posts", "rule": "Nobody posts.", "severity": "warn"}


def counted(**check) -> list:
    posts = model(
        "core", "posts", "community event_id", "select community, event_id from landing.interactions semi join building using (community)",
        grain=("community", "event_id"), reads=("landing.interactions",), checks=(Check(**check),),
    )  # fmt: skip
    return [*MODELS, posts]


def test_the_sentences_name_the_communities_the_rule_the_consequence_and_the_remedy(tmp_path):
    check = WARNING | {"sql": "select community from {table}", "consequence": "Posts count.", "remedy": "Do nothing."}
    with warehouse(tmp_path, models=counted(**check)) as kept:
        put(kept, [interaction(1), interaction(2), interaction(3, community="bakers")])
        kept.sync_settings([], NOW)
        ((found, text),) = failures(kept.build(NOW), kept.models)
    assert found.communities == ("bakers", "gardeners")
    assert text == (
        "core.posts, `no_posts` (warn): 3 rows of bakers, gardeners fail. The rule: Nobody posts. Posts count. Do nothing."
    )


def test_an_error_without_words_of_its_own_says_that_nothing_is_published(tmp_path):
    with warehouse(tmp_path, models=counted(name="x", rule="No.", sql="select event_id from {table}")) as kept:
        put(kept, [interaction(1)])
        kept.sync_settings([], NOW)
        ((_, text),) = failures(kept.build(NOW), kept.models)
    assert text.startswith("core.posts, `x` (error): 1 row fails. The rule: No. Nothing is published until this is fixed.")
    assert "guildhall refresh --full" in text


def test_a_warning_without_consequence_and_remedy_is_refused():
    with pytest.raises(ValidationError, match="consequence"):
        Check(**WARNING, sql="select 1")


def test_every_warning_of_the_catalog_shows_whose_rows_fail():
    checks = [check for one in catalog() for check in one.header.checks if check.severity == "warn"]
    assert checks
    assert all(check.sql.startswith("select community") for check in checks)
