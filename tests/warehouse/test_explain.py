"""Why: sentences for a level and for a metric, with counts, bars and what would change it."""

import pytest

from events.errors import GuildhallError
from tests.warehouse.levels_world import World, at, built, models
from warehouse.build.build import make
from warehouse.explain import why_member, why_metric


@pytest.fixture(scope="module")
def con():
    world = World().meets("abcdef", range(40)).meets("bcdef", range(40, 43)).does("y", [38]).joins("z", 41)
    con = built(world.leaves("q", 20).does("q", [10]))
    for table in ("metrics.level_distribution", "metrics.core_presence"):
        make(con, models()[table])
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
        "Core is kept with 6 of 12 live weeks, exchange with 2 and 2 helped; four evaluations in a row below lower it (none so far).",
    )
    assert answer.history[0] == "insufficient from 2022-01-10: first seen"


def test_a_passer_by_reads_what_a_second_sign_would_do(con):
    answer = why(con, "y")
    assert (answer.level, answer.overlays) == ("transactional", ("newcomer",))
    assert answer.would_change == (
        "Active needs 3 more live weeks taken part in and 2 more people with mutual exchange, at two evaluations in a row.",
        "A contribution in another beat of the year, or joining, makes occasional at once.",
        "After 12 weeks without a sign it ends at once.",
    )


def test_who_left_reads_how_to_come_back(con):
    assert why(con, "q").would_change == ("Taking part again, or joining again, gives a level at the next evaluation.",)


def test_no_sentence_holds_a_score_or_a_rank(con):
    said = " ".join(" ".join((a.reason, *a.would_change, *a.history)) for member in "abyz" for a in why_member(con, member))
    assert not any(word in said.lower() for word in ("score", "rank", "points", "top "))


def test_a_stranger_is_an_error_that_says_what_to_do(con):
    with pytest.raises(GuildhallError) as error:
        why_member(con, "nobody")
    assert "nobody" in str(error.value)


def test_a_metric_is_told_with_its_counts_interval_and_evaluation(con):
    [answer] = why_metric(con, "p3", "c")
    assert (answer.id, answer.evaluation, answer.numerator, answer.denominator) == ("P3", at(43), 6.0, 6.0)
    assert answer.sentence == "Core group: 1, 6 of 6 people, 95 % interval 0.61 to 1."
    assert answer.columns["core_presence"] == "present"
    assert answer.version == 1
    assert answer.caveats
    assert "core_members: people at level core" in answer.definition


def test_a_metric_of_several_parts_has_an_answer_for_each(con):
    answers = why_metric(con, "level_distribution", "c")
    assert {answer.part: answer.value for answer in answers} == {
        "core": 6.0,
        "active": 0.0,
        "occasional": 0.0,
        "peripheral": 1.0,
        "transactional": 1.0,
    }


@pytest.mark.parametrize(("metric", "community"), [("X9", "c"), ("P3", "elsewhere")])
def test_an_unknown_metric_or_community_is_an_error_that_says_what_to_do(con, metric, community):
    with pytest.raises(GuildhallError):
        why_metric(con, metric, community)
