"""Which reports are due, and that each is made once."""

# ruff: noqa: DTZ001 - the warehouse speaks naive UTC

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dagster_project.delivery.due import CATCH_UP, Due, Evaluation, ended_periods, evaluated, wanted_reports
from warehouse.report.period import period_of


def mondays(first: datetime, count: int) -> list[Evaluation]:
    return [Evaluation(first + timedelta(weeks=week), 7) for week in range(count)]


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_a_month_is_due_when_it_has_ended_and_not_before():
    seen = {"gardeners": mondays(datetime(2026, 1, 5), 8)}  # the last on 2026-02-23
    rules = {"gardeners": "month"}
    assert wanted_reports(rules, seen, at(2026, 2, 28, 23)) == [Due("gardeners", "2026-01")]
    assert wanted_reports(rules, seen, at(2026, 3, 2)) == [Due("gardeners", "2026-01"), Due("gardeners", "2026-02")]


def test_a_report_waits_for_late_events_until_the_grace_of_its_last_evaluation_is_over():
    seen = {"gardeners": mondays(datetime(2026, 6, 8), 8)}  # the last on 2026-07-27
    rules = {"gardeners": "month"}
    june = Due("gardeners", "2026-06")
    assert wanted_reports(rules, seen, at(2026, 8, 2, 23)) == [june]
    assert wanted_reports(rules, seen, at(2026, 8, 3)) == [june, Due("gardeners", "2026-07")]


def test_a_quarter_is_due_when_it_has_ended():
    seen = {"gardeners": mondays(datetime(2026, 1, 5), 20)}
    assert wanted_reports({"gardeners": "quarter"}, seen, at(2026, 4, 6)) == [Due("gardeners", "2026-Q1")]


def test_a_period_in_which_nothing_was_evaluated_is_not_due():
    seen = {"gardeners": mondays(datetime(2026, 3, 2), 4)}
    assert wanted_reports({"gardeners": "month", "nobody": "month"}, seen, at(2026, 4, 6)) == [Due("gardeners", "2026-03")]


def test_what_was_missed_is_made_up_for_at_most_a_year():
    seen = {"gardeners": mondays(datetime(2023, 1, 2), 160)}
    due = wanted_reports({"gardeners": "month"}, seen, at(2026, 1, 10))
    assert len(due) == CATCH_UP
    assert due[-1] == Due("gardeners", "2025-12")


def test_over_a_month_of_hours_with_kills_every_period_is_made_exactly_once():
    seen = {"gardeners": mondays(datetime(2026, 1, 5), 30)}
    rules = {"gardeners": "month"}
    made: list[Due] = []
    there: set[Due] = set()
    now, hour = at(2026, 2, 27), 0
    while now < at(2026, 4, 8):
        for due in wanted_reports(rules, seen, now):
            if due in there:
                continue
            if hour % 3:  # two of three runs are killed before their page is there
                break
            made.append(due)
            there.add(due)
        now, hour = now + timedelta(hours=1), hour + 1
    assert sorted(made) == [Due("gardeners", f"2026-0{month}") for month in (1, 2, 3)]


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(["month", "quarter"]))
def test_ended_periods_touch_one_another_and_end_before_today(today, every):
    periods = list(ended_periods(every, today))
    assert periods[0].after <= today
    assert all(newer.first == older.after for newer, older in pairwise(periods))


def test_a_long_beat_reaches_into_the_next_month():
    quarter = Evaluation(datetime(2026, 1, 26), 91)
    assert evaluated([quarter], period_of("2026-03"))
    assert not evaluated([quarter], period_of("2026-05"))
