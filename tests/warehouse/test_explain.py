"""Why: sentences for a level and for a metric, with counts, bars and what would change it."""

import pytest

from events.errors import GuildhallError
from tests.warehouse.levels_world import World, at, built, models
from warehouse.build.build import make
from warehouse.explain import why_member, why_metric, would_change


@pytest.fixture(scope="module")
def con():
    world = World().meets("abcdef", range(40)).meets("bcdef", range(40, 43)).does("y", [38]).joins("z", 41)
    con = built(world.leaves("q", 20).does("q", [10]))
    for table in ("metrics.level_distribution", "metrics.core_presence"):
        make(con, models()[table])
    for table in ("ties", "turn_taking", "together"):  # published tables have dates
        con.execute(f"alter table core.{table} alter week type date using (cast(monday(week) as date))")
    con.execute("update core.ties set by_name = true, by_thread = member < to_member")
    yield con
    con.close()


def why(con, member):
    [answer] = why_member(con, member)
    return answer


def test_a_core_member_reads_the_reason_and_what_keeps_it(con):
    answer = why(con, "b")
    assert (answer.level, answer.since, answer.evaluation) == ("core", at(14), at(43))
    assert answer.reason.startswith(
        "core: meets the bars of core; took part in 12 of 12 live weeks (core asks for 8, active for 4)"
    )
    assert answer.would_change == (
        (
            "To stay core: take part in 6 of 12 live weeks, have mutual exchange with 2 people and help 2 people; "
            "below that at four evaluations in a row the level falls (none so far)."
        ),
    )
    assert answer.ties == ("with 5 people by naming one another", "with 5 people by speaking next in a thread")
    assert answer.history[0] == "insufficient from 2022-01-10: first seen"


def test_a_passer_by_reads_what_a_second_sign_would_do(con):
    answer = why(con, "y")
    assert (answer.level, answer.overlays) == ("peripheral", ("newcomer",))
    assert answer.would_change == (
        "To become active: take part in 3 more live weeks and have mutual exchange with 2 more people, at two evaluations in a row.",
        "A contribution in another week of the year, or joining, makes the member occasional at once.",
        "After 12 weeks without a sign the level ends at once.",
    )


def test_who_left_reads_how_to_come_back(con):
    assert why(con, "q").would_change == ("Taking part again, or joining again, gives a level at the next evaluation.",)


ROW = {
    "level": "active",
    "beat_days": 7,
    "window_weeks": 12,
    "beats_alive": 12,
    "beats_active": 7,
    "beats_hosted": 0,
    "ties": 2,
    "helped": 2,
    "ties_seen": True,
    "help_seen": True,
    "misses": 0,
    "contributions": 3,
    "explicit": False,
    "newcomer": False,
    "tenure_days": 400,
    "bar_core_beats": 8,
    "bar_core_people": 3,
    "bar_core_hosted": 4,
    "bar_active_beats": 4,
    "bar_active_ties": 2,
    "bar_stay_core_beats": 6,
    "bar_stay_core_people": 2,
    "bar_stay_active_beats": 3,
    "bar_stay_active_ties": 1,
    "bar_met": 2,
    "bar_missed": 4,
    "level_beats": 3,
    "alive_people": 3,
}
LONG = {"beat_days": 28, "window_weeks": 24, "beats_alive": 6, "bar_met": 1, "bar_missed": 2}


@pytest.mark.parametrize(
    ("changed", "sentences"),
    [
        (
            {},
            [
                (
                    "To become core: take part in 1 more live week, have mutual exchange with 1 more person and help 1 more person "
                    "(or host in 4 live weeks), at two evaluations in a row."
                ),
                (
                    "To stay active: take part in 3 of 12 live weeks and have mutual exchange with 1 person; "
                    "below that at four evaluations in a row the level falls (none so far)."
                ),
            ],
        ),
        (
            {"beats_active": 9, "ties": 3, "beats_hosted": 4, "misses": 1},
            [
                "The bars of core are met; the level follows when they are met at two evaluations in a row.",
                (
                    "To stay active: take part in 3 of 12 live weeks and have mutual exchange with 1 person; "
                    "below that at four evaluations in a row the level falls (one so far)."
                ),
            ],
        ),
        (
            {"level": "occasional", "ties": 0} | LONG | {"beats_active": 1, "bar_active_beats": 2},
            [
                (
                    "To become active: take part in 1 more live beat of 28 days and have mutual exchange with 2 more people, "
                    "at one evaluation."
                ),
                "After 24 weeks without a sign the level ends at once.",
            ],
        ),
        (
            {"ties": 0, "helped": 0, "ties_seen": False, "help_seen": False},
            [
                "To become core: take part in 1 more live week, at two evaluations in a row.",
                (
                    "To stay active: take part in 3 of 12 live weeks; "
                    "below that at four evaluations in a row the level falls (none so far)."
                ),
            ],
        ),
        (
            {"level": "core", "help_seen": False},
            [
                (
                    "To stay core: take part in 6 of 12 live weeks and have mutual exchange with 2 people; "
                    "below that at four evaluations in a row the level falls (none so far)."
                ),
            ],
        ),
        (
            {"level": "insufficient", "beats_alive": 1},
            [
                "Levels need 3 live weeks in the window, and it has 1.",
                "A week is live when at least 3 people take part in it.",
            ],
        ),
        (
            {"level": "dormant", "contributions": 0, "beats_active": 0, "ties": 0},
            [
                (
                    "To become active: take part in 4 more live weeks and have mutual exchange with 2 more people, "
                    "at two evaluations in a row."
                ),
                (
                    "A contribution makes the member occasional at once, if the member is declared, "
                    "or contributed in another week of the year too."
                ),
            ],
        ),
    ],
)
def test_what_would_change_a_level_reads_the_bars_of_its_row_with_the_right_plurals(changed, sentences):
    assert list(would_change(ROW | changed)) == sentences


def test_no_sentence_holds_a_score_or_a_rank(con):
    text = " ".join(" ".join((a.reason, *a.would_change, *a.history)) for member in "abyz" for a in why_member(con, member))
    assert not any(word in text.lower() for word in ("score", "rank", "points", "top "))


def test_a_stranger_is_an_error_that_says_what_to_do(con):
    with pytest.raises(GuildhallError) as error:
        why_member(con, "nobody")
    assert "nobody" in str(error.value)


def test_a_metric_is_shown_with_its_counts_interval_and_evaluation(con):
    [answer] = why_metric(con, "p3", "c")
    assert (answer.id, answer.evaluation, answer.numerator, answer.denominator) == ("P3", at(43), 6.0, 6.0)
    assert answer.sentence == "Core group: 1, 6 of 6 people."
    assert answer.columns["core_presence"] == "present"
    assert answer.version == 2
    assert answer.caveats
    assert "core_members: people at level core; sponsors' staff left out; members:" in answer.definition
    assert ".;" not in answer.definition


def test_a_metric_of_several_parts_has_an_answer_for_each(con):
    answers = why_metric(con, "level_distribution", "c")
    assert {answer.part: answer.value for answer in answers} == {
        "core": 6.0,
        "active": 0.0,
        "occasional": 0.0,
        "peripheral": 2.0,
        "transactional": 0.0,
    }


@pytest.mark.parametrize(("metric", "community"), [("X9", "c"), ("P3", "elsewhere")])
def test_an_unknown_metric_or_community_is_an_error_that_says_what_to_do(con, metric, community):
    with pytest.raises(GuildhallError):
        why_metric(con, metric, community)
