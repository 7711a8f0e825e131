"""Threads, conversations, answers, ties, pages and help."""

from datetime import date

import pytest

from tests.warehouse.landing_rows import act, build_tables, edited, empty, land, met, moment, posted, revised, rows

AS_OF = "2024-03-25"


@pytest.fixture
def con(shared_con):
    empty(shared_con)
    return shared_con


def built(con, *landed, people=None):
    land(con, *landed, people=people)
    build_tables(con, AS_OF)
    return con


def threads(con):
    return {row["thread_id"]: row for row in rows(con, "core.threads")}


def ties(con):
    return {(row["member"], row["to_member"]) for row in rows(con, "core.ties")}


def helps(con):
    return {(row["member"], row["helped"]) for row in rows(con, "core.helps")}


def answers(con):
    return {row["event_id"]: (row["to_member"], row["explicit"]) for row in rows(con, "core.replies")}


def opening(actor, at, **given):
    """A Slack-like opening message: it carries no thread; what answers it names it."""
    return posted(actor, at, **{"event_id": "root", "object_id": "root"} | given)


def answer(actor, at, **given):
    return posted(actor, at, **{"thread_id": "root", "reply_to_id": "root"} | given)


# --- explicit threads


def test_an_opening_that_carries_no_thread_is_joined_to_the_thread_that_names_it(con):
    built(con, opening("ana", "2024-01-02 09:00", is_question=True), answer("ben", "2024-01-02 09:30"))
    thread = threads(con)["root"]
    assert (thread["starter"], thread["starter_kind"], thread["is_question"], thread["inferred"]) == (
        "ana",
        "human",
        True,
        False,
    )
    assert (thread["first_replier"], thread["first_reply_at"]) == ("ben", moment("2024-01-02 09:30"))
    assert (thread["people"], thread["messages"], thread["last_at"]) == (2, 2, moment("2024-01-02 09:30"))


def test_a_reply_by_the_asker_is_no_answer(con):
    built(con, opening("ana", "2024-01-02 09:00"), answer("ana", "2024-01-02 09:30"))
    assert threads(con)["root"]["first_reply_at"] is None
    assert helps(con) == set()


def test_a_bots_reply_is_no_answer(con):
    built(
        con,
        opening("ana", "2024-01-02 09:00"),
        answer("rss", "2024-01-02 09:01", actor_kind="bot"),
        answer("ben", "2024-01-02 10:00"),
    )
    assert threads(con)["root"]["first_replier"] == "ben"


def test_a_bots_thread_does_not_become_the_first_repliers(con):
    built(con, opening("rss", "2024-01-02 09:00", actor_kind="bot"), answer("ben", "2024-01-02 09:30"))
    thread = threads(con)["root"]
    assert (thread["starter"], thread["starter_kind"], thread["first_replier"]) == ("rss", "bot", "ben")
    assert helps(con) == set()


def test_the_thread_of_somebody_not_shown_does_not_become_the_first_repliers(con):
    built(con, opening("ana", "2024-01-02 09:00"), answer("ben", "2024-01-02 09:30"), people={"ana": None})
    thread = threads(con)["root"]
    assert (thread["starter"], thread["starter_kind"], thread["first_replier"]) == (None, "human", "ben")
    assert helps(con) == ties(con) == set()


def test_a_thread_whose_opening_was_deleted_has_no_known_starter(con):
    root = opening("ana", "2024-01-02 09:00", is_question=True)
    built(con, root, revised(root, "delete"), answer("ben", "2024-01-02 09:30"), answer("cleo", "2024-01-02 09:40"))
    thread = threads(con)["root"]
    assert (thread["starter"], thread["starter_kind"], thread["is_question"]) == (None, "unknown", False)
    assert thread["first_reply_at"] is None
    assert helps(con) == set()


def test_a_reply_of_the_same_second_counts(con):
    built(
        con, opening("ana", "2024-01-02 09:00", event_id="a", object_id="root"), answer("ben", "2024-01-02 09:00", event_id="b")
    )
    assert threads(con)["root"]["first_reply_at"] == moment("2024-01-02 09:00")


def test_who_answers_a_message_three_weeks_later_still_answers_it(con):
    built(con, opening("ana", "2024-01-02 09:00"), answer("ben", "2024-01-23 09:00"))
    assert threads(con)["root"]["first_replier"] == "ben"
    assert helps(con) == {("ben", "ana")}


def test_a_topic_starts_again_after_fourteen_silent_days(con):
    topic = {"thread_id": "pruning"}
    built(
        con,
        posted("ana", "2024-01-01 09:00", **topic),
        posted("ben", "2024-01-15 09:00", **topic),
        posted("cleo", "2024-01-29 09:00:01", **topic),
        posted("ana", "2024-01-30 09:00", **topic),
    )
    assert {key: (t["starter"], t["first_replier"]) for key, t in threads(con).items()} == {
        "pruning": ("ana", "ben"),
        "pruning@2024-01-29": ("cleo", "ana"),
    }


def test_a_talk_page_is_a_thread_and_an_edit_is_none(con):
    talk = {"medium": "wiki", "object_id": "talk:roses", "object_kind": "page", "thread_id": "talk:roses", "space": "1"}
    built(
        con, act("ana", "2024-01-02 09:00", **talk), act("ben", "2024-01-03 09:00", **talk), edited("ana", "2024-01-02 10:00")
    )
    assert {key: (t["starter"], t["first_replier"], t["medium"]) for key, t in threads(con).items()} == {
        "talk:roses": ("ana", "ben", "wiki")
    }
    assert {row["page"] for row in rows(con, "core.pages")} == {"page"}


def test_turns_in_a_meeting_are_in_no_thread(con):
    built(con, met("ana", "2024-01-02 09:00", "speak"), met("ben", "2024-01-02 09:01", "speak"))
    assert threads(con) == {}
    assert ties(con) == set()


# --- what opens something, and what answers it


def opens(con):
    return {key: t["is_opening"] for key, t in threads(con).items()}


def test_a_message_that_addresses_somebody_is_no_opening(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", event_id="1", mentions=["ben"]),
        posted("cleo", "2024-01-03 09:00", event_id="2"),
        posted("ben", "2024-01-04 09:00", event_id="3", mentions=["ben"]),
        posted("dan", "2024-01-05 09:00", event_id="4", reply_to_id="2"),
    )
    found = opens(con)
    assert found == {"conversation:1": False, "conversation:2": True, "conversation:3": True, "conversation:4": False}


def test_an_opening_with_a_thread_that_addresses_somebody_is_none_either_and_a_topic_is(con):
    built(
        con,
        *(opening("ana", "2024-01-02 09:00", mentions=["ben"]), answer("ben", "2024-01-02 09:30")),
        posted("ana", "2024-01-02 09:00", thread_id="pruning", mentions=["ben"]),
    )
    assert opens(con) == {"root": False, "pruning": True}


def test_who_names_the_opener_after_the_conversation_closed_answers_within_seven_days(con):
    built(
        con,
        *(posted("ana", "2024-01-02 09:00", event_id="1"), posted("ben", "2024-01-09 09:00", mentions=["ana"])),
        *(
            posted("cleo", "2024-01-02 09:00", event_id="2", space="b"),
            posted("ben", "2024-01-09 09:01", space="b", mentions=["cleo"]),
        ),
        *(
            posted("dan", "2024-01-02 09:00", event_id="3", space="d"),
            posted("ben", "2024-01-03 09:00", space="e", mentions=["dan"]),
        ),
    )
    found = threads(con)
    assert (found["conversation:1"]["first_replier"], found["conversation:1"]["first_reply_at"]) == (
        "ben",
        moment("2024-01-09 09:00"),
    )
    assert [found[f"conversation:{n}"]["first_reply_at"] for n in (2, 3)] == [None, None]


def test_who_answers_the_opener_after_the_conversation_closed_answers_and_oneself_and_bots_do_not(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", event_id="1", object_id="1"),
        posted("ana", "2024-01-03 09:00", event_id="2", reply_to_id="1", mentions=["ana"]),
        posted("rss", "2024-01-04 09:00", event_id="3", reply_to_id="1", actor_kind="bot"),
        posted("ben", "2024-01-05 09:00", event_id="4", reply_to_id="1"),
        posted("cleo", "2024-01-06 09:00", event_id="5", mentions=["ana"]),
    )
    assert threads(con)["conversation:1"]["first_replier"] == "ben"


def test_the_first_answer_is_the_earlier_one(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", event_id="1"),
        posted("ben", "2024-01-02 09:10", event_id="2"),
        posted("cleo", "2024-01-02 12:00", event_id="3", mentions=["ana"]),
    )
    assert threads(con)["conversation:1"]["first_replier"] == "ben"


def test_a_thread_asks_where_its_author_adds_a_question_before_another_person_writes(con):
    built(
        con,
        *(posted("ana", "2024-01-02 09:00", event_id="1"), posted("ana", "2024-01-02 09:01", is_question=True)),
        *(posted("ben", "2024-01-03 09:00", event_id="2"), posted("ana", "2024-01-03 09:01", is_question=True)),
        *(posted("ben", "2024-01-04 09:00", event_id="3"), posted("ana", "2024-01-04 09:01")),
        posted("ben", "2024-01-04 09:02", is_question=True),
    )
    assert {key: t["is_question"] for key, t in threads(con).items()} == {
        "conversation:1": True,
        "conversation:2": False,
        "conversation:3": False,
    }


def test_an_answer_is_looked_for_until_the_conversation_is_over_for_good(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", event_id="1"),
        opening("ben", "2024-01-02 09:05"),
        answer("cleo", "2024-01-02 09:10"),
        posted("ana", "2024-01-02 09:00", thread_id="pruning"),
    )
    assert {key: t["watched_until"] for key, t in threads(con).items()} == {
        "conversation:1": moment("2024-01-09 09:00"),
        "root": None,
        "pruning": moment("2024-01-16 09:00"),
    }


# --- conversations


def test_chat_without_threads_is_a_conversation_until_it_falls_silent(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", event_id="1", is_question=True),
        posted("ben", "2024-01-02 10:00", event_id="2"),  # an hour, which is the gap where nothing is known
        posted("cleo", "2024-01-02 11:00:01", event_id="3"),
    )
    assert {key: (t["starter"], t["first_replier"], t["inferred"]) for key, t in threads(con).items()} == {
        "conversation:1": ("ana", "ben", True),
        "conversation:3": ("cleo", None, True),
    }


def test_a_space_falls_silent_by_its_own_usual_gap(con):
    # Ten gaps of 2 hours in the first week: the 90th percentile is 2 hours.
    first = [posted("ana", f"2024-01-02 {hour:02}:00", event_id=f"a{hour:02}") for hour in range(0, 22, 2)]
    second = [
        posted("ana", "2024-01-09 00:00", event_id="b1"),
        posted("ben", "2024-01-09 02:00", event_id="b2"),
        posted("ben", "2024-01-09 04:00:01", event_id="b3"),
    ]
    built(con, *first, *second)
    assert [t for t in threads(con) if t.startswith("conversation:b")] == ["conversation:b1", "conversation:b3"]


def test_the_usual_gap_is_between_ten_minutes_and_a_day(con):
    busy = [posted("ana", f"2024-01-02 09:{minute:02}", event_id=f"a{minute:02}", space="busy") for minute in range(11)]
    slow = [posted("ana", f"2024-01-{day:02} 09:00", event_id=f"s{day:02}", space="slow") for day in (1, 3, 5, 7)]
    built(
        con,
        *busy,
        *slow,
        posted("ana", "2024-01-09 09:00", event_id="b1", space="busy"),
        posted("ben", "2024-01-09 09:10", event_id="b2", space="busy"),
        posted("ben", "2024-01-09 09:20:01", event_id="b3", space="busy"),
        posted("ana", "2024-01-09 08:00", event_id="t1", space="slow"),
        posted("ben", "2024-01-10 08:00", event_id="t2", space="slow"),
        posted("ben", "2024-01-11 08:00:01", event_id="t3", space="slow"),
    )
    late = {key for key, t in threads(con).items() if t["opened_at"] >= moment("2024-01-08")}
    assert late == {"conversation:b1", "conversation:b3", "conversation:t1", "conversation:t3"}


def test_gaps_older_than_thirteen_weeks_are_forgotten(con):
    old = [posted("ana", f"2023-10-03 {hour:02}:00", event_id=f"a{hour:02}") for hour in range(0, 22, 2)]
    # 2023-10-02 is 14 weeks before 2024-01-08: two hours are longer than the hour where nothing is known.
    built(con, *old, posted("ana", "2024-01-09 00:00", event_id="b1"), posted("ben", "2024-01-09 02:00", event_id="b2"))
    assert {"conversation:b1", "conversation:b2"} <= set(threads(con))


def test_a_thread_beside_a_conversation_does_not_join_it(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", event_id="1"),
        opening("ben", "2024-01-02 09:05"),
        answer("cleo", "2024-01-02 09:10"),
        posted("dan", "2024-01-02 09:15", event_id="2"),
    )
    assert {key: t["people"] for key, t in threads(con).items()} == {"conversation:1": 2, "root": 2}


def test_two_spaces_are_two_conversations(con):
    built(con, posted("ana", "2024-01-02 09:00", space="a"), posted("ben", "2024-01-02 09:01", space="b"))
    assert len(threads(con)) == 2


def test_the_open_week_is_not_in_threads_yet(con):
    land(con, posted("ana", "2024-03-24 23:00", event_id="1"), posted("ben", "2024-03-25 00:00", event_id="2"))
    build_tables(con, "2024-03-27 12:00")
    assert threads(con)["conversation:1"]["first_reply_at"] is None


# --- answers and ties


def test_naming_the_root_of_a_thread_answers_the_last_different_speaker(con):
    built(
        con,
        opening("ana", "2024-01-02 09:00"),
        answer("ben", "2024-01-02 09:10", event_id="1"),
        answer("cleo", "2024-01-02 09:20", event_id="2"),
        answer("cleo", "2024-01-02 09:30", event_id="3"),
    )
    assert answers(con) == {"1": ("ana", False), "2": ("ben", False), "3": ("ben", False)}


def test_an_explicit_answer_goes_to_the_author_of_what_it_answers(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", event_id="1"),
        posted("ben", "2024-01-02 09:10", event_id="2"),
        posted("cleo", "2024-01-02 09:20", event_id="3", reply_to_id="1"),
    )
    assert answers(con)["3"] == ("ana", True)


def test_what_answers_something_never_seen_goes_to_the_last_different_speaker(con):
    built(
        con,
        opening("ana", "2024-01-02 09:00"),
        posted("ben", "2024-01-02 09:10", event_id="2", thread_id="root", reply_to_id="lost"),
    )
    assert answers(con) == {"2": ("ana", False)}


def test_who_answers_themselves_or_a_bot_answers_nobody(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", event_id="1", thread_id="t"),
        posted("rss", "2024-01-02 09:05", event_id="2", actor_kind="bot"),
        posted("ben", "2024-01-02 09:10", event_id="3", thread_id="t"),
        posted("ben", "2024-01-02 09:20", event_id="4", reply_to_id="3"),
        posted("ben", "2024-01-02 09:30", event_id="5", reply_to_id="2"),
    )
    assert answers(con) == {"3": ("ana", False)}


def test_after_more_than_fourteen_days_a_speaker_is_answered_no_more(con):
    built(
        con,
        opening("ana", "2024-01-01 09:00"),
        answer("ben", "2024-01-15 09:00", event_id="in time"),
        opening("ana", "2024-01-01 09:00", event_id="other", object_id="other"),
        answer("ben", "2024-01-15 09:00:01", event_id="late", thread_id="other", reply_to_id="other"),
    )
    assert set(answers(con)) == {"in time"}


def test_who_speaks_after_somebody_not_shown_answers_nobody(con):
    built(
        con,
        opening("ana", "2024-01-02 09:00"),
        answer("hidden", "2024-01-02 09:10"),
        answer("ben", "2024-01-02 09:20"),
        people={"hidden": None},
    )
    assert answers(con) == {}


def test_mentions_reactions_and_thanks_tie(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", event_id="1", mentions=["ben", "ana"]),
        act("ben", "2024-01-04 09:00", "react", event_id="2", object_id="1", reply_to_id="1"),
        act("cleo", "2024-01-05 09:00", "thank", event_id="3", object_id="1", reply_to_id="1"),
    )
    assert ties(con) == {("ana", "ben"), ("ben", "ana"), ("cleo", "ana")}


def test_bots_are_on_neither_side_of_a_tie(con):
    built(
        con,
        posted("ana", "2024-01-02 09:00", mentions=["rss"]),
        posted("rss", "2024-01-02 09:01", mentions=["ana"], actor_kind="bot"),
    )
    assert ties(con) == set()


def test_whoever_was_addressed_but_never_seen_is_not_known_to_be_a_person(con):
    built(con, posted("ana", "2024-01-02 09:00", mentions=["app"]))
    assert ties(con) == set()


def test_reverting_and_moderating_tie_nobody(con):
    built(
        con,
        edited("ana", "2024-01-02 09:00", event_id="1"),
        edited("ben", "2024-01-02 10:00", verb="revert", event_id="2", reply_to_id="1", mentions=["ana"]),
        edited("cleo", "2024-01-09 10:00", verb="moderate", event_id="3", reply_to_id="1"),
    )
    assert ties(con) == set()


def test_an_undone_contribution_ties_nobody(con):
    built(
        con,
        posted("ben", "2024-01-02 08:00"),
        edited("ana", "2024-01-02 09:00", event_id="1", mentions=["ben"]),
        edited("cleo", "2024-01-02 10:00", verb="revert", reply_to_id="1"),
    )
    assert ties(con) == set()


def test_a_tie_has_a_row_for_each_week_and_direction(con):
    built(
        con,
        opening("ana", "2024-01-02 09:00"),
        answer("ben", "2024-01-02 09:10"),
        answer("ana", "2024-01-02 09:20"),
        answer("ben", "2024-01-02 09:30"),
        answer("ana", "2024-01-09 09:20"),
    )
    assert [
        (r["member"], r["to_member"], r["week"]) for r in sorted(rows(con, "core.ties"), key=lambda r: (r["week"], r["member"]))
    ] == [
        ("ana", "ben", date(2024, 1, 1)),
        ("ben", "ana", date(2024, 1, 1)),
        ("ana", "ben", date(2024, 1, 8)),
    ]


# --- help


def test_whoever_contributes_in_anothers_thread_helps_them(con):
    built(con, opening("ana", "2024-01-02 09:00"), answer("ben", "2024-01-02 09:10"), answer("cleo", "2024-01-02 09:20"))
    assert helps(con) == {("ben", "ana"), ("cleo", "ana")}


def test_whoever_edits_a_page_that_another_made_helps_them(con):
    built(
        con,
        edited("ana", "2024-01-02 09:00", verb="create"),
        edited("ana", "2024-01-02 10:00"),
        edited("ben", "2024-02-02 09:00"),
        edited("rss", "2024-02-02 10:00", actor_kind="bot"),
    )
    assert helps(con) == {("ben", "ana")}
    page = rows(con, "core.pages")[0]
    assert (page["creator"], page["edits"], page["editors"]) == ("ana", 3, 2)


def test_nobody_made_a_page_that_is_older_than_the_archive(con):
    built(con, edited("ana", "2024-01-02 09:00"), edited("ben", "2024-02-02 09:00"))
    assert rows(con, "core.pages")[0]["creator"] is None
    assert helps(con) == set()


def test_an_undone_edit_helps_nobody(con):
    built(
        con,
        edited("ana", "2024-01-02 09:00", verb="create"),
        edited("ben", "2024-02-02 09:00", event_id="2"),
        edited("ana", "2024-02-02 10:00", verb="revert", reply_to_id="2"),
    )
    assert helps(con) == set()


def test_addressing_somebody_in_chat_alone_helps_nobody(con):
    built(con, posted("ana", "2024-01-02 09:00"), posted("ben", "2024-01-09 09:00", mentions=["ana"]))
    assert ties(con) == {("ben", "ana")}
    assert helps(con) == set()
