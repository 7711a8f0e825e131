"""What is kept: revisions, deletions, moves, conflicts, undone edits, and who is shown."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.warehouse.landing_rows import act, add, build_tables, edited, empty, land, moment, posted, revised, rows

AS_OF = "2024-03-25"


@pytest.fixture
def con(shared_con):
    empty(shared_con)
    return shared_con


def kept(con, *landed, people=None, as_of=AS_OF):
    land(con, *landed, people=people)
    build_tables(con, as_of)
    return {row["event_id"]: row for row in rows(con, "core.interactions")}


ASKED = posted("ana", "2024-01-02 09:00", event_id="e", is_question=True, size=40)


def test_an_edit_changes_features_and_size_and_gives_no_second_credit(con):
    found = kept(con, ASKED, revised(ASKED, "edit", 2, is_question=False, size=7), revised(ASKED, "edit", 1, size=99))
    assert list(found) == ["e"]
    assert (found["e"]["is_question"], found["e"]["size"], found["e"]["edits"]) == (False, 7, 2)
    assert rows(con, "core.member_weeks")[0]["contributions"] == 1


def test_an_edit_does_not_move_a_message_in_time(con):
    found = kept(con, ASKED, revised(ASKED, "edit", 1, occurred_at=moment("2024-02-02 09:00")))
    assert found["e"]["occurred_at"] == moment("2024-01-02 09:00")


def test_a_deletion_takes_the_contribution_away(con):
    assert kept(con, ASKED, revised(ASKED, "edit", 1), revised(ASKED, "delete", 2)) == {}


def test_a_restoration_brings_back_what_the_content_of_the_latest_edit(con):
    found = kept(con, ASKED, revised(ASKED, "edit", 1, size=7), revised(ASKED, "delete", 2), revised(ASKED, "restore", 3))
    assert found["e"]["size"] == 7


def test_of_two_changes_with_one_revision_the_greater_event_id_wins(con):
    first = revised(ASKED, "edit", 5, event_id="a", size=1)
    second = revised(ASKED, "edit", 5, event_id="b", size=2)
    assert kept(con, second, ASKED, first)["e"]["size"] == 2


def test_a_move_changes_space_and_thread_and_an_edit_does_not(con):
    moved = revised(ASKED, "move", 1, space="help", thread_id="help/pruning")
    found = kept(con, ASKED, moved, revised(ASKED, "edit", 2))
    assert (found["e"]["space"], found["e"]["thread_id"]) == ("help", "help/pruning")


def test_a_move_out_of_a_thread_leaves_no_thread(con):
    answered = posted("ana", "2024-01-02 09:00", event_id="e", thread_id="t")
    assert kept(con, answered, revised(answered, "move", 1, thread_id=None))["e"]["thread_id"] is None


@pytest.mark.parametrize("change", ["edit", "delete", "restore", "move"])
def test_a_revision_whose_original_never_came_is_no_contribution(con, change):
    assert kept(con, revised(ASKED, change)) == {}


def test_a_revision_may_come_before_what_it_revises(con):
    assert kept(con, revised(ASKED, "edit", 1, size=7), ASKED)["e"]["size"] == 7


def test_a_reaction_taken_back_is_gone_and_the_message_stays(con):
    liked = act("ben", "2024-01-02 10:00", "react", event_id="r", reply_to_id="e", object_id="e")
    assert list(kept(con, ASKED, liked, revised(liked, "delete", 1))) == ["e"]


def test_a_wiki_edit_that_names_the_edit_before_it_is_a_contribution_of_its_own(con):
    first = edited("ana", "2024-01-02 09:00", event_id="rev:1", verb="create")
    second = edited("ben", "2024-01-03 09:00", event_id="rev:2", revises="rev:1", change="edit", revision=2, size=5)
    found = kept(con, first, second)
    assert set(found) == {"rev:1", "rev:2"}
    assert found["rev:1"]["size"] is None


def test_of_two_records_of_one_event_the_higher_normaliser_version_wins(con):
    old = act("ana", "2024-01-02 09:00", event_id="e", size=1, content_hash=1)
    new = act("ana", "2024-01-02 09:00", event_id="e", size=2, content_hash=9, normaliser_version=2)
    found = kept(con, new, old)
    assert (found["e"]["size"], found["e"]["has_conflict"]) == (2, True)


def test_of_one_version_the_smaller_content_hash_wins(con):
    one = act("ana", "2024-01-02 09:00", event_id="e", size=1, content_hash=7)
    other = act("ana", "2024-01-02 09:00", event_id="e", size=2, content_hash=8)
    assert kept(con, other, one)["e"]["size"] == 1


def test_the_newer_capture_wins_whatever_its_content_hash_and_is_no_conflict(con):
    old = act("ana", "2024-01-02 09:00", event_id="e", size=1, content_hash=1, captured_at=moment("2024-02-01"))
    new = act("ana", "2024-01-02 09:00", event_id="e", size=2, content_hash=9, captured_at=moment("2024-03-01"))
    found = kept(con, new, old)
    assert (found["e"]["size"], found["e"]["has_conflict"]) == (2, False)


def test_a_capture_wins_over_the_live_record_of_what_it_shows(con):
    live = act("ana", "2024-01-02 09:00", event_id="e", size=1, content_hash=1)
    capture = act("ana", "2024-01-02 09:00", event_id="e", size=2, content_hash=9, captured_at=moment("2024-01-02 09:00"))
    assert kept(con, live, capture)["e"]["size"] == 2


@given(hashes=st.permutations(range(6)), later=st.integers(1, 3))
@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_captures_that_show_the_same_moment_the_later_import_wins_in_every_record(con, hashes, later):
    empty(con)

    def shown(event: int, import_number: int) -> dict:
        return act(
            "ana", f"2024-01-02 09:0{event}", event_id=f"e{event}", size=import_number, content_hash=hashes[3 * import_number + event],
            captured_at=moment("2024-02-01"), raw={"partition": event, "offset": import_number * later},
        )  # fmt: skip

    found = kept(con, *(shown(event, number) for event in range(3) for number in range(2)))
    assert [found[f"e{event}"]["size"] for event in range(3)] == [1, 1, 1]


def test_the_same_record_twice_is_one_and_no_conflict(con):
    assert kept(con, ASKED, ASKED)["e"]["has_conflict"] is False


EDIT = edited("ana", "2024-01-02 09:00", event_id="rev:1")


@pytest.mark.parametrize(("hours", "reverted"), [(0, True), (48, True), (48.001, False), (-1, False)])
def test_an_edit_is_reverted_when_it_was_undone_within_48_hours(con, hours, reverted):
    at = EDIT["occurred_at"] + timedelta(hours=hours)
    found = kept(con, EDIT, edited("ben", at, verb="revert", event_id="rev:2", reply_to_id="rev:1"))
    assert found["rev:1"]["reverted"] is reverted


def test_a_late_revert_does_not_hide_an_early_one(con):
    early = edited("ben", "2024-01-02 10:00", verb="revert", event_id="rev:2", reply_to_id="rev:1")
    late = edited("ben", "2024-02-02 10:00", verb="revert", event_id="rev:3", reply_to_id="rev:1")
    assert kept(con, late, EDIT, early)["rev:1"]["reverted"]


def test_a_revert_from_before_the_edit_does_not_meet_one_from_long_after_it(con):
    before = edited("ben", "2024-01-01 10:00", verb="revert", event_id="rev:0", reply_to_id="rev:1")
    after = edited("ben", "2024-02-02 10:00", verb="revert", event_id="rev:3", reply_to_id="rev:1")
    assert not kept(con, before, EDIT, after)["rev:1"]["reverted"]


def test_an_undone_edit_is_no_contribution_of_its_week_but_its_author_was_seen(con):
    undo = edited("ben", "2024-01-02 10:00", verb="revert", event_id="rev:2", reply_to_id="rev:1")
    kept(con, EDIT, undo)
    assert [(r["member"], r["contributions"], r["undone"]) for r in rows(con, "core.member_weeks")] == [("ana", 0, 1)]
    seen = {r["member"]: r["first_at"] for r in rows(con, "core.first_seen")}
    assert seen == {"ana": moment("2024-01-02 09:00"), "ben": None}


def test_what_happens_at_the_moment_of_the_build_is_not_seen(con):
    before, at = posted("ana", "2024-03-24 23:59:59.999"), posted("ana", AS_OF)
    assert list(kept(con, before, at)) == [before["event_id"]]


def test_other_communities_are_not_seen(con):
    assert kept(con, posted("ana", "2024-01-02", community="d")) == {}


def test_two_accounts_of_one_person_are_one_member(con):
    landed = posted("ana", "2024-01-02 09:00"), posted("ana-wiki", "2024-01-02 10:00")
    kept(con, *landed, people={"ana": "m1", "ana-wiki": "m1"})
    assert [(r["member"], r["contributions"]) for r in rows(con, "core.member_weeks")] == [("m1", 2)]


def test_an_account_that_may_not_be_shown_leaves_its_message_without_a_member(con):
    found = kept(con, ASKED, people={"ana": None})
    assert found["e"]["member"] is None
    assert rows(con, "core.member_weeks") == rows(con, "core.first_seen") == []


def test_mentions_are_members_each_once(con):
    addressing = posted("ana", "2024-01-02 09:00", event_id="e", mentions=["ben-wiki", "ben", "cleo", "nobody"])
    found = kept(con, addressing, people={"ben": "m2", "ben-wiki": "m2", "cleo": "m1", "nobody": None})
    assert found["e"]["mentions"] == ["m1", "m2"]


def test_an_edit_may_address_others(con):
    found = kept(con, ASKED, revised(ASKED, "edit", 1, mentions=["ben"]))
    assert found["e"]["mentions"] == ["ben"]


def test_a_hosted_meeting_that_ends_keeps_its_beginning(con):
    hosted = act("ana", "2024-01-02 09:00", "host", event_id="h", medium="meeting", started_at="2024-01-02 09:00")
    ended = revised(hosted, "edit", 1, started_at=None, ended_at=moment("2024-01-02 10:00"))
    found = kept(con, hosted, ended)
    assert (found["h"]["started_at"], found["h"]["ended_at"]) == (moment("2024-01-02 09:00"), moment("2024-01-02 10:00"))


def test_a_community_without_events_is_a_row_and_breaks_nothing(con):
    build_tables(con, AS_OF)
    assert [(r["community"], r["records"]) for r in rows(con, "core.communities")] == [("c", 0)]
    assert rows(con, "core.windows") == []


def test_a_member_is_a_person_where_one_of_the_accounts_is(con):
    landed = (
        posted("ana", "2024-01-02"),
        posted("ana-app", "2024-01-03", actor_kind="bot"),
        posted("rss", "2024-01-03", actor_kind="bot"),
    )
    kept(con, *landed, people={"ana": "m1", "ana-app": "m1", "rss": "m2"})
    assert {r["member"]: r["actor_kind"] for r in rows(con, "core.first_seen")} == {"m1": "human", "m2": "bot"}


def test_a_space_has_its_workspace_its_dates_and_the_title_of_the_settings(con):
    named = {"community": "c", "platform": "slack", "space": "general", "title": "General talk"}
    add(con, "spaces", [named | {"workspace": "T*"}])
    land(
        con,
        posted("ana", "2024-01-02 09:00", space="general", tenant="T1"),
        posted("ben", "2024-01-09 09:00", space="general", tenant="T1"),
        posted("ben", "2024-01-10 09:00", space="general", tenant="U1"),
        posted("ben", "2024-01-17 09:00", space="general", tenant="T1"),
    )
    build_tables(con, "2024-01-18")  # a Thursday: the week of the last message is open
    found = {row["workspace"]: row for row in rows(con, "core.spaces")}
    assert {workspace: (row["title"], row["interactions"]) for workspace, row in found.items()} == {
        "T1": ("General talk", 2),
        "U1": (None, 1),
    }
    assert (found["T1"]["first_at"], found["T1"]["last_at"]) == (moment("2024-01-02 09:00"), moment("2024-01-09 09:00"))
    assert {row["workspace"] for row in rows(con, "core.interactions")} == {"T1", "U1"}
