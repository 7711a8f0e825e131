"""Identity: accounts and their names are stored apart, links that can be undone, rosters refused by line and column."""

import sqlite3
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from events.errors import GuildhallError
from events.identity import actor_id, published_pseudonym
from tests.warehouse.wire import KEY, account
from warehouse.identity.rosters import Role, read_people, read_roles
from warehouse.identity.store import IdentityStore, connected

AT = datetime(2024, 5, 1, tzinfo=UTC)
HEAD = "person,platform,tenant,account\n"
ROLES = "community,person,role,from,to\n"


@pytest.fixture
def store(tmp_path):
    with IdentityStore(tmp_path / "identity.db") as store:
        yield store


def test_only_its_owner_may_read_it(store):
    assert [path.stat().st_mode & 0o777 for path in store.path.parent.glob("identity.db*")] == [0o600] * 3
    store.path.chmod(0o644)
    with pytest.raises(GuildhallError, match="may be read by others"):
        IdentityStore(store.path)


def test_the_newest_value_wins_field_by_field(store):
    store.record(
        [
            account("a", "2024-04-02T00:00:00Z", handle="new"),
            account("a", "2024-04-01T00:00:00Z", handle="old", email="a@example.org"),
        ]
    )
    store.record([account("a", "2024-04-03T00:00:00Z", display_name="Ada")])
    known = store.account("a")
    assert (known.handle, known.email, known.display_name) == ("new", "a@example.org", "Ada")
    assert store.account("nobody") is None


def test_what_a_platform_states_links_at_once_and_an_undone_link_stays_undone(store):
    renamed = [account("new", same_as="old"), account("newest", same_as="new")]
    store.record(renamed)
    assert len(set(store.members().values())) == 1
    assert set(store.members()) == {"old", "new", "newest"}
    assert {link.linked_by for link in store.links()} == {"platform"}
    store.unlink("old", by="ada", at=AT, why="another person took the name")
    store.record(renamed)
    assert set(store.members()) == {"new", "newest"}


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), max_size=6), st.randoms(use_true_random=False))
@hypothesis_settings(deadline=None, max_examples=20)
def test_the_order_and_the_repetition_of_statements_do_not_matter(tmp_path_factory, pairs, random):
    shuffled = [pair[::-1] for pair in pairs + pairs[:2]]
    random.shuffle(shuffled)
    found = []
    for statements in (pairs, shuffled):
        with IdentityStore(tmp_path_factory.mktemp("home") / "identity.db") as store:
            for one, other in statements:
                store.record([account(one, same_as=other)])
            found.append((store.members(), len(store.links())))
    assert found[0] == found[1]


DESCRIBED = st.builds(
    lambda day, handle, name: account("a", f"2024-04-{day:02}T00:00:00Z", handle=handle, display_name=name),
    st.integers(1, 3), st.sampled_from([None, "x", "y"]), st.sampled_from([None, "X", "Y"]),
)  # fmt: skip


@given(st.lists(DESCRIBED, min_size=1, max_size=6), st.randoms(use_true_random=False))
@hypothesis_settings(deadline=None, max_examples=30)
def test_the_order_of_reports_does_not_matter(tmp_path_factory, described, random):
    shuffled = described + described[:2]
    random.shuffle(shuffled)
    known = []
    for reports in (described, shuffled):
        with IdentityStore(tmp_path_factory.mktemp("s") / "identity.db") as store:
            for report in reports:
                store.record([report])
            known.append(store.account("a"))
    assert known[0] == known[1]


def test_a_link_holds_until_it_is_undone_and_stays_on_record(store):
    store.link(["a", "b"], by="facilitator", at=AT, why="she confirmed it")
    assert store.members() == {"a": "person:a", "b": "person:a"}
    assert store.link(["a", "b"], by="facilitator", at=AT, why="again") == "person:a"
    assert len(store.links()) == 2
    assert store.unlink("b", by="facilitator", at=AT, why="a mistake") == 1
    assert store.members() == {"a": "person:a"}
    assert [(link.why, link.undone_why) for link in store.links(undone=True)] == [
        ("she confirmed it", None),
        ("she confirmed it", "a mistake"),
    ]


def test_chains_of_links_are_one_person():
    assert connected([("a", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("d", "r")]) == {"a": "p", "b": "p", "c": "p", "d": "r"}


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("PQRST")), max_size=10), st.randoms(use_true_random=False))
@hypothesis_settings(deadline=None)
def test_the_order_of_links_does_not_matter(links, random):
    shuffled = random.sample(links, len(links))
    assert connected(links) == connected(shuffled)


def test_the_file_makes_and_undoes_its_own_links_only(store):
    store.link(["x", "y"], by="facilitator", at=AT, why="confirmed")
    assert store.apply_file({"a": "person:ada", "b": "person:ada"}, AT) == 2
    assert store.apply_file({"a": "person:ada", "b": "person:ada"}, AT) == 0
    assert store.apply_file({"a": "person:grace"}, AT) == 3
    assert store.members() == {"a": "person:grace", "x": "person:x", "y": "person:x"}
    with pytest.raises(GuildhallError, match="Remove its line"):
        store.unlink("a", by="x", at=AT, why="y")


def test_people_are_read_by_native_id_or_by_name(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(HEAD + "ada,slack,T1,U1\n\nada,irc,meetings,name:  ADA \n", encoding="utf-8-sig")
    assert read_people(path, KEY) == {
        actor_id(KEY, "slack", "T1", "U1"): "person:ada",
        actor_id(KEY, "irc", "meetings", "name:ada"): "person:ada",
    }
    assert read_people(tmp_path / "absent.csv", KEY) == {}


@pytest.mark.parametrize(
    ("text", "line", "column", "todo"),
    [
        ("person,platfrom,tenant,account\n", 1, "platfrom", "Did you mean `platform`?"),
        ("person,platform,tenant\n", 1, "account", "The first line is"),
        (HEAD + "ada,slack,,U1\n", 2, "tenant", "Fill it"),
        (HEAD + "ada,slack,T1,U1\n\ngrace,slack,T1,U1\n", 4, "account", "List it for one of them"),
        (HEAD + "ada,slack,T1,U1,U2\n", 2, "account", "Correct the line"),
    ],
)
def test_a_wrong_line_of_people_is_named(tmp_path, text, line, column, todo):
    path = tmp_path / "people.csv"
    path.write_text(text)
    with pytest.raises(GuildhallError, match=f"people.csv, line {line}, column `{column}`") as refused:
        read_people(path, KEY)
    assert todo in refused.value.todo
    assert "grace" not in str(refused.value)


def test_roles_are_dated_and_name_people_or_accounts(tmp_path):
    path = tmp_path / "roles.csv"
    path.write_text(ROLES + "gardeners,ada,facilitator,2024-01-01,\ngardeners,slack/T1/U9/x,staff,,2024-02-01\n")
    assert read_roles(path, KEY, {"gardeners"}, {"person:ada"}) == [
        Role("gardeners", "person:ada", "facilitator", date(2024, 1, 1), None),
        Role("gardeners", actor_id(KEY, "slack", "T1", "U9/x"), "staff", None, date(2024, 2, 1)),
    ]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("gardener,ada,facilitator,,", "community"),
        ("gardeners,eve,facilitator,,", "person"),
        ("gardeners,ada,Facilitator,,", "role"),
        ("gardeners,ada,facilitator,1.5.2024,", "from"),
        ("gardeners,ada,facilitator,2024-05-01,2024-05-01", "to"),
    ],
)
def test_a_wrong_line_of_roles_is_named(tmp_path, row, column):
    path = tmp_path / "roles.csv"
    path.write_text(ROLES + row + "\n")
    with pytest.raises(GuildhallError, match=f"roles.csv, line 2, column `{column}`"):
        read_roles(path, KEY, {"gardeners"}, {"person:ada"})


def test_a_store_that_is_no_database_is_refused_in_three_parts(tmp_path):
    path = tmp_path / "identity.db"
    path.write_bytes(b"nonsense" * 1000)
    path.chmod(0o600)
    with pytest.raises(GuildhallError, match="cannot be opened"):
        IdentityStore(path)


def test_another_process_may_link_while_the_store_is_open(store):
    with IdentityStore(store.path) as beside:
        beside.link(["a", "b"], by="x", at=AT, why="y")
    assert store.members() == {"a": "person:a", "b": "person:a"}
    assert isinstance(store._db, sqlite3.Connection)


def test_one_person_in_two_communities_has_two_pseudonyms():
    assert published_pseudonym(KEY, "gardeners", "person:ada") != published_pseudonym(KEY, "bakers", "person:ada")
