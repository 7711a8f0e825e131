"""Coarse publishing: who can read the chat, or both communities, finds nobody by ids, moments or sizes; levels stay exact."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from events.communities import Community, SpaceRule
from tests.warehouse.wire import interaction, put, warehouse
from warehouse.build.build import check_published
from warehouse.build.catalog import catalog
from warehouse.publish import differing, open_published

START = datetime(2024, 1, 1, 8, tzinfo=UTC)
NOW = START + timedelta(weeks=16)
PEOPLE = 12
LINK = "link:5f2c:example.org"
COMMUNITIES = {
    slug: Community(slug=slug, title=slug, space=(SpaceRule(platform="slack", workspace="T1", spaces=(space,)),))
    for slug, space in (("gardeners", "C1"), ("bakers", "C2"))
}


def chat() -> list[dict]:
    """Sixteen weeks of two communities with the same people: what each of them can see in the chat, to the millisecond."""
    rng, found = random.Random(4), []
    for community, space in (("gardeners", "C1"), ("bakers", "C2")):
        roots: list[str] = []
        for number in range(500):
            at = START + timedelta(seconds=rng.uniform(0, 15 * 7 * 86_400))
            native = f"slack:T1:{space}:{at.timestamp():.6f}"
            answers = bool(roots) and rng.random() < 0.6
            thread = rng.choice(roots) if answers else native
            roots = roots if answers else [*roots[-5:], native]
            found.append(
                interaction(
                    number,
                    event_id=native,
                    object_id=native,
                    community=community,
                    space=space,
                    occurred_at=at.isoformat(),
                    verb="reply" if answers else "post",
                    actor=f"actor-{rng.randrange(PEOPLE)}",
                    thread_id=thread,
                    reply_to_id=thread if answers else None,
                    refs=[LINK],
                    size=rng.randrange(1, 900),
                    size_unit="characters",
                )
            )
        for week in range(15):
            meeting = START + timedelta(weeks=week, hours=9, minutes=2)
            for person in range(6):
                joined = meeting + timedelta(seconds=rng.randrange(300))
                found.append(
                    interaction(
                        person,
                        event_id=f"zoom:A1:{community}-{week}:{person}:in",
                        platform="zoom",
                        tenant="A1",
                        medium="meeting",
                        community=community,
                        space=f"{community}-weekly",
                        occurred_at=joined.isoformat(),
                        verb="attend",
                        actor=f"actor-{person}",
                        object_id=f"zoom:A1:{community}-{week}",
                        object_kind="meeting",
                        started_at=joined.isoformat(),
                        ended_at=(joined + timedelta(minutes=50, seconds=rng.randrange(600))).isoformat(),
                    )
                )
    return found


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The chat, and the file that is published from it in each detail."""
    said, files = chat(), {}
    for detail in ("full", "coarse"):
        home = tmp_path_factory.mktemp(detail)
        with warehouse(home, models=catalog(), communities=COMMUNITIES, coarse=detail == "coarse") as kept:
            put(kept, said)
            kept.sync_settings([], NOW)
            kept.build(NOW)
            files[detail] = open_published(kept.publish(NOW))
    yield said, files
    for con in files.values():
        con.close()


def values(con, kind: str) -> list[tuple[str, str, str | None, object]]:
    """(table, column, community, value) of every value of a type in the tables about people."""
    found = []
    columns = con.execute(
        "select schema_name, table_name, column_name from duckdb_columns() "
        "where schema_name in ('core', 'levels') and data_type = ? and not internal",
        [kind],
    ).fetchall()
    for schema, table, column in columns:
        rows = con.execute(f'select distinct community, "{column}" from {schema}."{table}"').fetchall()
        found += [(f"{schema}.{table}", column, community, value) for community, value in rows if value is not None]
    return found


def moments(said) -> set[datetime]:
    """To the second, as a chat shows them."""
    keys = ("occurred_at", "started_at", "ended_at")
    found = [datetime.fromisoformat(one[key]) for one in said for key in keys if one.get(key)]
    return {at.astimezone(UTC).replace(tzinfo=None, microsecond=0) for at in found}


def resolved(said, con) -> set[str]:
    """Whom somebody finds who knows the chat: people with a row that shows the id, the moment or the size of their message."""
    rows = con.execute(
        "select event_id, space, occurred_at, size, member from core.interactions where verb <> 'attend'"
    ).fetchall()
    by_id = {event_id for event_id, *_ in rows}
    by_time = {(space, at.replace(microsecond=0)) for _, space, at, *_ in rows}
    by_size = {(space, at.date(), size) for _, space, at, size, _ in rows if size and size & (size - 1)}
    found = set()
    for one in said:
        at = datetime.fromisoformat(one["occurred_at"]).replace(tzinfo=None)
        keys = (one["space"], at.replace(microsecond=0)), (one["space"], at.date(), one.get("size"))
        if one["event_id"] in by_id or keys[0] in by_time or keys[1] in by_size:
            found.add(one["actor"])
    return found


def test_the_attack_finds_everybody_in_the_full_file_and_nobody_in_the_coarse_one(published):
    said, files = published
    assert len(resolved(said, files["full"])) == PEOPLE
    assert resolved(said, files["coarse"]) == set()


def test_no_value_of_the_coarse_file_is_an_id_or_a_moment_of_the_chat(published):
    said, files = published
    natives = {part for one in said for part in (one["event_id"], one["object_id"], one["object_id"].rpartition(":")[2])} | {
        LINK
    }
    texts = values(files["coarse"], "VARCHAR")
    assert [found for found in texts if any(native in str(found[3]) for native in natives)] == []
    shown = moments(said)
    assert [
        f for f in values(files["coarse"], "TIMESTAMP") if f[3] in shown and f[3].minute and f[0] not in TABLES_OF_COMMUNITIES
    ] == []
    exact = [f for f in values(files["coarse"], "TIMESTAMP") if (f[3].minute or f[3].second)]
    assert [found for found in exact if found[0] not in TABLES_OF_COMMUNITIES] == []


TABLES_OF_COMMUNITIES = {"core.beginnings", "core.communities"}
"""Tables with one row per community."""


def test_attendance_shows_the_day_only(published):
    _, files = published
    rows = files["coarse"].execute(
        "select occurred_at, started_at, ended_at from core.interactions where verb = 'attend' "
        "union all select first_at, last_at, null from core.attendance"
    )
    assert {at.hour for row in rows.fetchall() for at in row if at is not None} == {0}


def test_nothing_joins_a_person_or_an_action_over_two_communities(published):
    _, files = published
    ids: dict[str, set[object]] = {"gardeners": set(), "bakers": set()}
    for table, column, community, value in values(files["coarse"], "VARCHAR"):
        if ":" in str(value) and " " not in str(value):
            ids[community].add(value)
        if column in {"member", "starter", "to_member"}:
            ids[community].add((table, value))
    for community, value in [
        (v[2], x) for v in values(files["coarse"], "VARCHAR[]") for x in v[3] if v[1] in {"refs", "mentions"}
    ]:
        ids[community].add(value)
    assert min(map(len, ids.values())) > 100
    assert ids["gardeners"] & ids["bakers"] == set()


def test_levels_metrics_and_reports_are_the_same_in_both_and_every_check_passes(published):
    _, files = published
    for model in catalog():
        if model.layer in {"metrics", "scorecard", "reports"} or model.table in {"levels.evaluations", "levels.current"}:
            if not model.header.published:
                continue
            full, coarse = (con.execute(f"from {model.table} order by all").fetchall() for con in files.values())
            assert full == coarse, model.table
    for con in files.values():
        failed = [(c.table, c.name) for c in check_published(con, catalog()) if c.failures and c.severity == "error"]
        assert failed == []


def test_ids_still_join_within_a_community(published):
    _, files = published
    query = "select count(*) from core.replies join core.interactions using (community, event_id)"
    threads = "select count(*) from core.conversations join core.threads using (community, thread_id)"
    for asked in (query, threads):
        full, coarse = (con.execute(asked).fetchone() for con in files.values())
        assert full == coarse


def test_the_file_states_its_detail_and_is_complete(published):
    _, files = published
    for detail, con in files.items():
        assert con.execute("select detail from meta.builds order by build desc limit 1").fetchone() == (detail,)
        assert differing(con) == []
