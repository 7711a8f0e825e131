"""Macros: weeks, checked against Python's own calendar."""

from datetime import datetime, timedelta

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.build.build import MACROS

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
