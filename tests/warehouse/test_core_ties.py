"""Who is in touch with whom where nobody says so: turns in chat and in meetings, presence, and pages edited one after another."""

from datetime import timedelta
from itertools import cycle, islice

import pytest

from tests.warehouse.landing_rows import build_tables, came, edited, empty, land, met, moment, posted, rows, went

AS_OF = "2024-03-25"


@pytest.fixture
def con(shared_con):
    empty(shared_con)
    return shared_con


def built(con, *landed):
    land(con, *landed)
    build_tables(con, AS_OF)
    return con


def said(names, day="2024-01-02", start="09:00", **given):
    """A conversation without threads, a message per minute, by these people in this order."""
    first = moment(f"{day} {start}")
    return [posted(name, first + timedelta(minutes=n), **given) for n, name in enumerate(names.split())]


def spoken(names, day="2024-01-02", meeting="m1"):
    first = moment(f"{day} 09:00")
    return [met(name, first + timedelta(minutes=n), "speak", meeting) for n, name in enumerate(names.split())]


def taken(con, medium="chat"):
    """(member, other) -> (times, of which member spoke in between, expected by chance)."""
    return {
        (r["member"], r["other"]): (r["times"], r["member_between"], round(r["expected_millionths"] / 1e6, 2))
        for r in rows(con, "core.turn_taking")
        if r["medium"] == medium and r["times"]
    }


def test_coming_back_to_one_another_is_taking_turns_and_speaking_next_is_not(con):
    others = "cleo dan eve fay gus hal ivy jon cleo dan eve fay gus hal ivy jon"
    built(con, *said(f"ana ben ana ben ana {others}"))
    assert set(taken(con)) == {("ana", "ben")}
    assert taken(con)["ana", "ben"][:2] == (3, 1)


def test_several_messages_in_a_row_are_one_turn(con):
    built(con, *said("ana ana ben ben ana ben ana cleo dan eve fay gus hal ivy jon cleo dan eve fay gus"))
    assert taken(con)["ana", "ben"][0] == 3


def test_what_chance_gives_is_the_closed_formula(con):
    # ana 3, ben 2 of 13 messages: 3·2·2 ÷ 13·11 + 2·1·3 ÷ 13·10
    built(con, *said("ana ben ana ben ana cleo dan eve fay gus hal ivy jon"))
    assert taken(con)["ana", "ben"][2] == round(12 / 143 + 6 / 130, 2)


def test_a_silence_ends_a_conversation_and_with_it_the_turns(con):
    built(con, *said("ana ben"), *said("ana ben", start="12:00"), *said("ana ben", start="15:00"))
    assert taken(con) == {}


def test_a_feed_between_the_messages_of_many_takes_turns_with_nobody(con):
    pairs = cycle([("ana", "ben"), ("cleo", "dan"), ("eve", "fay"), ("gus", "hal")])
    talk = [f"{one} {other} {one} {other} {one} feed" for one, other in islice(pairs, 100)]
    built(con, *said(" ".join(talk)), *said("ana feed ana feed ana ben cleo dan eve fay gus hal", day="2024-01-04"))
    assert set(taken(con)) == {("ana", "ben"), ("cleo", "dan"), ("eve", "fay"), ("gus", "hal")}


def test_a_thread_has_answers_and_no_turns(con):
    built(con, *said("ana ben ana ben ana cleo", thread_id="topic"))
    assert rows(con, "core.turn_taking") == []
    assert {(r["member"], r["to_member"], r["by_thread"]) for r in rows(con, "core.ties")} == {
        ("ben", "ana", True),
        ("ana", "ben", True),
        ("cleo", "ana", True),
    }


def asked(answers, threads=20):
    """So many threads in which these answer whom asks, in this order, and who asks comes back."""
    names = ["ana", "ben", "cleo", "dan"]
    return [
        row
        for n in range(threads)
        for row in said(answers.format(asks=names[n % 4], one=names[(n + 1) % 4]), day=f"2024-02-{n + 1:02}", thread_id=f"t{n}")
    ]


def with_ties(con):
    """Everybody in a tie of the latest week."""
    return {
        r["member"]
        for r in rows(
            con, "select unnest([member, to_member]) as member from core.ties where week = (select max(week) from core.ties)"
        )
    }


def test_who_answers_in_threads_and_is_never_come_back_to_is_in_touch_with_nobody(con):
    built(con, *asked("{asks} program {one} {asks} {one} {asks} {one} {asks}"))
    assert "program" not in with_ties(con)


def test_who_answers_once_in_a_thread_and_is_come_back_to_is_in_touch(con):
    built(con, *asked("{asks} eve {asks} {one} {asks} {one}"))
    assert "eve" in with_ties(con)


def test_a_thread_of_one_turn_each_says_nothing_against_anybody(con):
    built(con, *asked("{asks} eve {one}"))
    assert "eve" in with_ties(con)


def test_in_chat_without_threads_speaking_next_is_no_act_towards_anybody(con):
    built(con, *said("ana ben cleo"))
    assert rows(con, "core.ties") == rows(con, "core.helps") == []


def test_naming_somebody_who_spoke_before_answers_them_and_naming_a_stranger_helps_nobody(con):
    built(
        con,
        *said("ana"),
        posted("ben", "2024-01-02 09:05", mentions=["ana"]),
        posted("cleo", "2024-01-02 09:06", mentions=["dan"]),
        *said("dan", start="13:00"),
    )
    assert {(r["member"], r["helped"], r["by_answer"]) for r in rows(con, "core.helps")} == {("ben", "ana", True)}
    assert {(r["member"], r["to_member"], r["by_name"]) for r in rows(con, "core.ties")} == {
        ("ben", "ana", True),
        ("cleo", "dan", True),
    }


def test_turns_in_a_meeting_count_without_a_chance_to_beat(con):
    built(con, *spoken("ana ben ana cleo"))
    assert taken(con, "meeting") == {("ana", "ben"): (1, 0, 0.0)}


def test_being_named_in_a_meeting_and_speaking_after_it_helps(con):
    built(
        con,
        met("ana", "2024-01-02 09:00", "speak"),
        met("ben", "2024-01-02 09:01", "speak", mentions=["ana", "cleo"]),
        met("ana", "2024-01-02 09:02", "speak"),
        met("cleo", "2024-01-02 08:59", "speak"),
    )
    assert {(r["member"], r["helped"]) for r in rows(con, "core.helps")} == {("ana", "ben")}


def there(name, start, end, meeting="m1", day="2024-01-02"):
    return came(name, f"{day} {start}", meeting=meeting), went(name, f"{day} {end}", meeting=meeting)


def together(con):
    return {(r["member"], r["other"]): r["meetings"] for r in rows(con, "core.together")}


def test_who_was_there_together_for_half_of_a_meeting_was_together(con):
    built(
        con,
        *there("ana", "09:00", "10:00"),
        *there("ben", "09:10", "10:00"),
        *there("cleo", "09:00", "09:35"),
        *there("dan", "09:50", "10:00"),
    )
    assert set(together(con)) == {("ana", "ben"), ("ana", "cleo")}


def test_a_meeting_of_more_than_25_tells_of_nobodys_contact(con):
    built(con, *(row for n in range(26) for row in there(f"p{n:02}", "09:00", "10:00")))
    assert together(con) == {}
    built(con, *(row for n in range(25) for row in there(f"q{n:02}", "09:00", "10:00", "m2", "2024-01-09")))
    assert len(together(con)) == 25 * 24 / 2


def test_where_turns_are_seen_presence_alone_is_no_contact(con):
    built(con, *there("ana", "09:00", "10:00"), *there("ben", "09:00", "10:00"), met("ana", "2024-01-02 09:30", "speak"))
    assert together(con) == {}


def acted(con):
    return {(r["member"], r["to_member"]) for r in rows(con, "core.ties") if r["by_page"]}


def test_editing_a_page_within_28_days_after_somebody_is_an_act_towards_them(con):
    built(
        con,
        edited("ana", "2024-01-02 09:00", verb="create"),
        edited("ben", "2024-01-30 08:00"),
        edited("cleo", "2024-02-28 09:00"),
    )
    assert acted(con) == {("ben", "ana")}


def test_an_undone_edit_is_no_act_towards_anybody(con):
    built(
        con,
        edited("ana", "2024-01-02 09:00", event_id="1"),
        edited("ben", "2024-01-03 09:00", event_id="2"),
        edited("cleo", "2024-01-03 10:00", verb="revert", reply_to_id="2"),
    )
    assert acted(con) == set()


def test_a_page_that_everybody_edits_tells_of_nobodys_contact(con):
    built(con, *(edited(f"p{n:02}", f"2024-01-02 {n // 60:02}:{n % 60:02}") for n in range(26)))
    assert acted(con) == set()
