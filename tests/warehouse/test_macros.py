"""Macros: weeks, checked against Python's own calendar; kinds of verbs and lengths of beats, against their owners."""

import re
from datetime import datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.communities import BEATS_IN_WINDOW
from events.verb import Verb, VerbKind, verbs_of
from warehouse.build.macros import BEAT_LENGTHS, MACROS
from warehouse.build.model import MODELS

EPOCH = datetime(1969, 12, 29)  # noqa: DTZ001 - the warehouse speaks naive UTC
CON = duckdb.connect()
CON.execute(MACROS)


@settings(deadline=None)
@given(st.datetimes(min_value=EPOCH - timedelta(days=3000), max_value=EPOCH + timedelta(days=40_000)))
def test_a_week_begins_on_its_monday_and_holds_seven_days(moment):
    week, monday = CON.execute("select week_of(?::timestamp), monday(week_of(?::timestamp))", [moment, moment]).fetchone()
    assert week == (moment - EPOCH) // timedelta(days=7)
    assert monday == EPOCH + timedelta(days=7 * week)


def test_the_last_microsecond_of_a_sunday_is_of_its_own_week():
    last, next_ = CON.execute(
        "select week_of(timestamp '2024-03-24 23:59:59.999999'), week_of(timestamp '2024-03-25')"
    ).fetchone()
    assert (last, next_) == (2829, 2830)


@pytest.mark.parametrize("kind", VerbKind)
def test_the_macro_of_a_kind_of_verb_holds_for_the_verbs_of_that_kind_alone(kind):
    held = {verb for verb in Verb if CON.execute(f"select is_{kind}(?)", [str(verb)]).fetchone() == (True,)}
    assert held == set(verbs_of(kind))


def test_no_model_lists_the_verbs_of_a_kind_itself():
    kinds = [set(verbs_of(kind)) for kind in VerbKind]
    for path in MODELS.glob("*/*.sql"):
        for listed in re.findall(r"verb (?:not )?in \(([^)]*)\)", path.read_text()):
            assert set(re.findall(r"'(\w+)'", listed)) not in kinds, f"{path.name}: use the macro of the kind, not ({listed})"


def test_the_lengths_of_beats_are_those_of_the_settings():
    rows = CON.execute(BEAT_LENGTHS).fetchall()
    assert rows == [(days, days // 7, beats, days // 7 * beats) for days, beats in BEATS_IN_WINDOW.items()]
    assert [weeks for *_, weeks in rows] == [12, 16, 24, 48, 52]


def test_no_model_lists_the_lengths_of_beats_itself():
    found = [
        path.name
        for path in [*MODELS.glob("*/*.sql"), *MODELS.glob("*/*.py")]
        if re.search(r"\[7, 14|\[1, 2, 4, 8|\[12, 8|\[12, 16", path.read_text())
    ]
    assert found == []
