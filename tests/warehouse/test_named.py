"""Named: whom a line of a roster means, and rosters to compare with."""

from datetime import UTC, date, datetime

import pytest

from events.account import Account
from events.errors import GuildhallError
from events.identity import actor_id, published_pseudonym
from tests.warehouse.wire import KEY
from warehouse.identity.named import Directory
from warehouse.identity.rosters import read_roster
from warehouse.identity.store import PERSON, IdentityStore

AT = "2024-01-01T00:00:00Z"


def actor(native):
    return actor_id(KEY, "slack", "t", native)


def pseudonym(native):
    return published_pseudonym(KEY, "c", actor(native))


@pytest.fixture
def store(tmp_path):
    with IdentityStore(tmp_path / "identity.db") as store:
        names = {"U1": ("ada", "Ada Lace"), "U2": ("ben", "Ben Twill"), "U3": ("ben2", "Ben Twill"), "U4": ("eve", "Eve Hem")}
        store.record(
            Account(actor=actor(n), platform="slack", tenant="t", native_id=n, seen_at=AT, handle=handle, display_name=name)
            for n, (handle, name) in names.items()
        )
        yield store


@pytest.fixture
def directory(store):
    return Directory(store, KEY, "c", [pseudonym(native) for native in ("U1", "U2", "U3")])


@pytest.mark.parametrize("who", ["Ada Lace", "ada  LACE", "@ada", "U1", "slack/t/U1", pseudonym("U1")])
def test_a_member_is_found_by_name_handle_account_and_pseudonym(directory, who):
    assert directory.find(who) == {pseudonym("U1")}


def test_a_name_of_two_members_means_both_and_a_stranger_is_nobody(directory):
    assert directory.find("Ben Twill") == {pseudonym("U2"), pseudonym("U3")}
    assert directory.find("Eve Hem") == directory.find("slack/t/U4") == directory.find("nobody") == set()


def test_a_person_of_the_file_is_found_by_their_id_there(store):
    store.apply_file({actor("U1"): PERSON + "p1", actor("U2"): PERSON + "p1"}, at=datetime.now(UTC))
    member = published_pseudonym(KEY, "c", store.members()[actor("U1")])
    assert Directory(store, KEY, "c", [member]).find("p1") == {member}


def test_a_roster_needs_only_people_and_keeps_to_one_community(tmp_path):
    path = tmp_path / "chairs.csv"
    path.write_text("person\nAda Lace\n")
    assert [(one.line, one.person, one.since) for one in read_roster(path, "c")] == [(2, "Ada Lace", None)]
    path.write_text("community,person,role,from,to\nc,Ada Lace,chair,2024-01-01,\nd,Ben Twill,,,\n")
    assert [(one.person, one.since, one.until) for one in read_roster(path, "c")] == [("Ada Lace", date(2024, 1, 1), None)]


@pytest.mark.parametrize("text", ["name\nAda\n", "person,form\nAda,2024-01-01\n", "person,from\nAda,yesterday\n"])
def test_a_wrong_roster_is_refused(tmp_path, text):
    path = tmp_path / "chairs.csv"
    path.write_text(text)
    with pytest.raises(GuildhallError, match=r"chairs\.csv, line"):
        read_roster(path, "c")


def test_a_roster_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(GuildhallError, match="cannot be read"):
        read_roster(tmp_path / "none.csv", "c")
