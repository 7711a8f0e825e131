"""The scorecard: every value against the community's own past, in windows that share no week; hand-computed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.report.data import Definition, Estimate, Metric, Sentences, Series
from warehouse.report.scorecard import apart, chapter_states, compared, together
from warehouse.report.words import frequency

MONDAY = datetime(2026, 6, 29, tzinfo=UTC)


def definition(kind="share", direction="higher is better", name="N2", chapter="newcomers"):
    return Definition(
        id=name,
        title="Newcomer welcome",
        version=1,
        table="metrics.x",
        chapter=chapter,
        summary="A share.",
        reading="Read it.",
        unit="share",
        direction=direction,
        kind=kind,
        counts="threads",
        needs=(),
        reference="Somebody 2020.",
        sentences=Sentences(up="up", down="down", phrase="{value} of it", ask="why?"),
        caveats=(),
    )


def value(number, spread=0.05, weeks_ago=0, weeks=13, **more):
    if number is None:
        return Estimate(at=MONDAY - timedelta(weeks=weeks_ago), measurement="withheld", reason="fewer than 5", weeks=weeks)
    edges = {} if spread is None else {"low": round(number - spread, 4), "high": round(number + spread, 4)}
    return Estimate(at=MONDAY - timedelta(weeks=weeks_ago), measurement="shown", value=number, weeks=weeks, **(edges | more))


def series(*numbers, spread=0.05, **more):
    """Values of windows that follow one another, the last one now."""
    last = len(numbers) - 1
    points = [value(number, spread, weeks_ago=13 * (last - n), **more) for n, number in enumerate(numbers)]
    return Series(part="", now=points[-1], before=points[:-1])


def judged(*numbers, kind="share", direction="higher is better", **more):
    return compared(definition(kind, direction), series(*numbers, **more))


def test_a_fall_in_one_window_is_to_be_watched_and_in_two_it_is_worse():
    one = judged(0.9, 0.9, 0.9, 0.2)
    assert (one.state, one.toward, one.move, one.sure) == ("watch", "worse", "down", "sure")
    assert one.before.value == 0.9
    assert one.size == 14.0  # 70 points ÷ 5
    two = judged(0.9, 0.9, 0.2, 0.25)
    assert (two.state, two.before.value) == ("worse", 0.9)


def test_a_rise_in_two_windows_is_better_and_where_lower_is_better_it_is_worse():
    assert judged(0.5, 0.5, 0.8, 0.8).state == "better"
    assert judged(0.5, 0.5, 0.8, 0.8, direction="lower is better").state == "worse"
    assert judged(0.5, 0.5, 0.8, 0.8, direction="neither").state == "changed"
    assert judged(0.5, 0.5, 0.8, 0.8, direction="both extremes are bad").state == "changed"


def test_what_came_back_is_steady_and_says_that_it_came_back():
    one = judged(0.9, 0.9, 0.2, 0.88)
    assert (one.state, one.back, one.move) == ("steady", True, None)
    assert not judged(0.9, 0.9, 0.9, 0.88).back


def test_less_than_five_points_is_no_move_however_sure():
    assert judged(0.90, 0.86, spread=0.001).state == "steady"
    assert judged(0.90, 0.85, spread=0.001).state == "watch"


def test_intervals_that_touch_may_still_differ_and_that_is_likely_not_sure():
    # The difference is 12 points and its half width √(8² + 8²) = 11.3 points.
    one = judged(0.80, 0.68, spread=0.08)
    assert (one.state, one.sure) == ("watch", "likely")
    # 11 points are within 11.3.
    assert judged(0.80, 0.69, spread=0.08).state == "steady"


def test_an_interval_that_reaches_more_than_fifteen_points_to_one_side_decides_nothing():
    assert judged(0.8, 0.8, spread=0.15).state == "steady"
    assert judged(0.8, 0.8, spread=0.16).state == "can't tell"


def test_with_six_earlier_windows_a_move_must_also_leave_the_usual_range():
    # The median is 0.70 and the median absolute deviation 0.10, so 0.45 is within 0.70 ± 0.297.
    usual = (0.6, 0.8, 0.6, 0.8, 0.6, 0.8)
    assert judged(*usual, 0.45).state == "steady"
    assert judged(*usual, 0.35).state == "watch"


def test_a_value_without_an_interval_needs_six_earlier_windows():
    counts = {"kind": "people", "direction": "neither", "spread": None, "step": 5}
    assert judged(20, 20, 20, 20, 20, 60, **counts).state == "can't tell"
    assert judged(20, 20, 20, 20, 20, 20, 60, **counts).state == "watch"
    assert judged(20, 20, 20, 20, 20, 20, 25, **counts).state == "steady"  # 24 and 25 may be neighbours


def test_waits_are_compared_as_ratios():
    waits = {"kind": "hours", "direction": "lower is better"}
    assert judged(4, 8, spread=0.5, **waits).toward == "worse"
    assert judged(40, 44, spread=0.5, **waits).state == "steady"  # a tenth more
    assert judged(8, 4, spread=0.5, **waits).toward == "better"


@pytest.mark.parametrize("now", [None])
def test_what_may_not_be_shown_has_no_state_that_a_value_would_have(now):
    one = judged(0.9, 0.9, now)
    assert (one.state, one.move, one.before) == ("not shown", None, None)


def test_the_first_window_cannot_be_compared():
    assert judged(0.9).state == "can't tell"


def test_only_windows_that_share_no_week_and_cover_as_many_weeks_are_compared():
    points = [value(0.5, weeks_ago=ago, weeks=52 if ago == 14 else 13) for ago in range(40, -1, -1)]
    assert [(MONDAY - one.at).days // 7 for one in apart(points)] == [13, 26, 39]
    points = [value(0.5, weeks_ago=ago, weeks=52 if ago == 13 else 13) for ago in range(40, -1, -1)]
    assert [(MONDAY - one.at).days // 7 for one in apart(points)] == [14, 27, 40]


def test_a_chapter_is_what_moved_and_a_good_number_does_not_make_up_for_a_bad_one():
    assert together(["steady", "steady", "worse"]) == "worse"
    assert together(["better", "steady", "steady"]) == "better"
    assert together(["better", "worse"]) == "mixed"
    assert together(["watch", "steady", "steady"]) == "watch"
    assert together(["steady", "can't tell", "steady"]) == "steady"
    assert together(["steady", "can't tell"]) == "can't tell"
    assert together(["not shown", "not measured"]) == "not shown"
    assert together(["not measured"]) == "not measured"


def test_chapters_without_a_metric_have_no_state():
    metric = Metric(definition=definition(), measurement="shown", series=(series(0.9, 0.9),))
    found = (compared(metric.definition, metric.series[0]),)
    assert [(one.chapter, one.state) for one in chapter_states(("rhythm", "newcomers"), (metric,), found)] == [
        ("newcomers", "steady")
    ]


@given(st.lists(st.none() | st.integers(0, 20), min_size=1, max_size=9), st.integers(0, 20))
def test_a_mirrored_history_moves_the_other_way(twentieths, wide):
    """What is better where higher is better, is worse in the mirror: the rules know no side."""
    numbers, spread = [None if n is None else n / 20 for n in twentieths], wide / 40 + 0.001
    one = judged(*numbers, spread=spread)
    other = judged(*(None if n is None else 1 - n for n in numbers), spread=spread)
    assert other.move == {"up": "down", "down": "up", None: None}[one.move]
    assert other.state == {"better": "worse", "worse": "better"}.get(one.state, one.state)
    assert (other.windows, other.back, other.sure) == (one.windows, one.back, one.sure)


@pytest.mark.parametrize(
    ("share", "bound", "spoken"),
    [
        (0.94, None, "9 in 10"),
        (0.25, None, "1 in 4"),
        (0.75, None, "3 in 4"),
        (0.55, None, "6 in 10"),
        (0.97, None, "almost all"),
        (0.03, None, "almost no"),
        (1.0, None, "all"),
        (0.0, None, "no"),
        (0.85, "over", "more than 8 in 10"),
        (0.25, "under", "fewer than 3 in 10"),
    ],
)
def test_a_share_is_spoken_as_so_many_in_ten(share, bound, spoken):
    assert frequency(definition(), value(share, bound=bound)) == spoken
