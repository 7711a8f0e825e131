"""Impossible times: few records that lie years before all others are set apart, counted, and confirmed by a setting."""

from datetime import UTC, date, datetime, timedelta

import pytest

from events.communities import Community
from tests.warehouse import wire
from tests.warehouse.wire import MONDAY, SPACE, interaction

NOW = (MONDAY + timedelta(days=30)).replace(tzinfo=UTC)
OLD = datetime(1970, 1, 1, 0, 0, 1)  # noqa: DTZ001 - naive UTC


def beginnings(home, *, recent: int, older: list[datetime], begins: date | None = None) -> tuple:
    settings = {"gardeners": Community(slug="gardeners", title="Gardeners", space=(SPACE,), begins=begins)}
    values = [interaction(n) for n in range(1, recent + 1)]
    values += [interaction(1000 + n, occurred_at=at.isoformat() + "Z") for n, at in enumerate(older)]
    with wire.warehouse(home, models=None, communities=settings) as kept:
        wire.put(kept, values)
        kept.sync_settings([], NOW)
        kept.build(NOW)
        apart = kept.con.execute("select reason, set_apart from warehouse.core.beginnings").fetchone()
        (stand,) = kept.con.execute("select count(*) from warehouse.core.interactions").fetchone()
        (first,) = kept.con.execute("select min(window_end) from warehouse.core.windows").fetchone()
    return *apart, stand, first


def test_one_broken_record_of_1970_begins_no_community(tmp_path):
    assert beginnings(tmp_path, recent=9, older=[OLD])[:3] == ("gap", 1, 9)


def test_no_window_lies_before_the_first_plausible_week(tmp_path):
    *_, first = beginnings(tmp_path, recent=9, older=[OLD])
    assert first is None or first >= MONDAY


def test_a_broken_record_of_a_few_years_ago_is_set_apart_too(tmp_path):
    assert beginnings(tmp_path, recent=40, older=[MONDAY - timedelta(days=900), OLD])[:3] == ("gap", 2, 40)


def test_a_quiet_year_sets_nothing_apart(tmp_path):
    assert beginnings(tmp_path, recent=9, older=[MONDAY - timedelta(days=700)])[:3] == (None, 0, 10)


def test_a_community_that_slept_for_years_keeps_its_first_life(tmp_path):
    first_life = [MONDAY - timedelta(days=1200 - n) for n in range(6)]
    assert beginnings(tmp_path, recent=9, older=first_life)[:3] == (None, 0, 15)


@pytest.mark.parametrize(
    ("begins", "expected"), [(date(1970, 1, 1), ("settings", 0, 10)), (date(2024, 1, 1), ("settings", 1, 9))]
)
def test_the_settings_decide(tmp_path, begins, expected):
    assert beginnings(tmp_path, recent=9, older=[OLD], begins=begins)[:3] == expected
