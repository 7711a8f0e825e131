"""Warehouse: one process holds both files; landing, building and publishing continue wherever they were killed."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.broker.admin import ensure_topics
from tests.warehouse import wire
from tests.warehouse.wire import GARDENERS, account, interaction, outcome, put, refresh_and_die, run, send, warehouse
from warehouse.identity.mapping import Source
from warehouse.landing import consumer
from warehouse.landing.consumer import ConsumeError
from warehouse.landing.land import accept_gap
from warehouse.publish import current, open_published
from warehouse.warehouse import WarehouseError

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def topics(kafka):
    suffix, topics = wire.fresh()
    ensure_topics(kafka, tuple(topics.values()))
    yield {name: topic.name for name, topic in topics.items()} | {"suffix": suffix}
    wire.restore()


def test_a_home_folder_is_open_in_one_process_at_a_time(tmp_path):
    with warehouse(tmp_path), pytest.raises(WarehouseError, match=f"Process {os.getpid()} has its files open"):
        warehouse(tmp_path)
    warehouse(tmp_path).close()


@pytest.mark.kafka
def test_from_kafka_to_a_published_file(kafka, topics, tmp_path):
    send(kafka, topics["raw"], [b"x"] * 4)
    send(kafka, topics["interactions"], [interaction(1), interaction(2), interaction(1), interaction(3, community="bakers")])
    send(kafka, topics["accounts"], [account("actor-1", display_name="Ada Canary")])
    outcomes = [
        outcome(0),
        outcome(1),
        outcome(2),
        outcome(3, verdict="ignored", reason="unmapped_space", platform="slack", tenant="T1", space="C9"),
    ]
    send(kafka, topics["outcomes"], [{"partition": 0, "records": outcomes}])
    with warehouse(tmp_path, kafka) as kept:
        done = kept.refresh([Source("webhook/slack/main", "slack", 72)], lambda: NOW)
        assert (done.landed.rows, done.landed.duplicates, done.mapped.fresh) == (3, 1, 3)
        assert kept.accounting({"webhook/slack/main": 4}).holds
        assert kept.identity.account("actor-1").display_name == "Ada Canary"
        assert done.published == current(tmp_path / "published")
        again = kept.refresh([Source("webhook/slack/main", "slack", 72, last_seen_at=NOW.replace(tzinfo=None))], lambda: NOW)
        assert (again.landed.records, again.built, again.published) == (0, (), None)
    with open_published(tmp_path / "published") as con:
        assert con.execute("select count(*), count(distinct member) from core.interactions").fetchone() == (3, 3)
        assert con.execute("select * from meta.unmapped").fetchall() == [("slack", "T1", "C9", 1)]
        assert con.execute("select bool_and(holds) from meta.accounting").fetchone() == (True,)


PLACES = (  # noqa: SIM905 - a list to read
    "landing-read landing-staged landing-inserted landing-moved landing-committed accounts-recorded kinds-changed homes-changed "
    "people-mapped warehouse-built warehouse-remembered publish-checkpointed publish-copied publish-verified publish-renamed publish-pointed"
).split()


def test_every_failpoint_is_killed_in_this_file():
    sources = "\n".join(path.read_text() for path in (REPOSITORY / "warehouse").rglob("*.py"))
    assert set(re.findall(r'failpoint\("([a-z-]+)"\)', sources)) == set(PLACES)


@pytest.mark.kafka
def test_killed_anywhere_it_continues_with_nothing_lost_and_nothing_twice(kafka, topics, tmp_path):
    home, sent, total = tmp_path / "var", [], 10 * len(PLACES)
    for round_, place in enumerate(PLACES):
        fresh = [interaction(round_ * 10 + number) for number in range(10)]
        send(kafka, topics["raw"], [b"x"] * 10)
        send(kafka, topics["interactions"], sent[-5:] + fresh, partition=round_ % 16)
        send(kafka, topics["outcomes"], [{"partition": 0, "records": [outcome(round_ * 10 + number) for number in range(10)]}])
        send(kafka, topics["accounts"], [account(f"actor-{round_}", display_name="Ada")])
        sent += fresh
        assert run(refresh_and_die, home, kafka, topics["suffix"], place) == -9, place
    with warehouse(home, kafka) as kept:
        kept.refresh([], lambda: NOW)
        assert kept.con.execute("select count(*), count(distinct event_id) from landing.interactions").fetchone() == (
            total,
            total,
        )
        assert kept.accounting().holds
        assert len(kept.identity.members()) == 0
    with open_published(home / "published") as con:
        assert con.execute("select count(*), count(distinct event_id) from core.interactions").fetchone() == (total, total)
        assert dict(con.execute('select "table", rows from meta.manifest').fetchall())["core.interactions"] == total
    assert not list((home / "published").glob("*.tmp"))


@pytest.mark.kafka
def test_a_topic_that_was_created_again_is_an_error_and_not_a_loss(kafka, topics, tmp_path):
    send(kafka, topics["interactions"], [interaction(1)])
    with warehouse(tmp_path, kafka) as kept:
        kept.land(NOW)
        kept.con.execute("update landing.offsets set topic_id = 'another' where next_offset > 0")
        with pytest.raises(ConsumeError, match="not the topic that was read before"):
            kept.land(NOW)


@pytest.mark.kafka
def test_records_that_kafka_has_deleted_are_an_error_until_the_gap_is_accepted(kafka, topics, tmp_path):
    send(kafka, topics["interactions"], [interaction(number) for number in range(5)])
    with warehouse(tmp_path, kafka) as kept:
        kept.land(NOW)
        send(kafka, topics["interactions"], [interaction(number) for number in range(5, 9)])
        admin = AdminClient({"bootstrap.servers": kafka})
        admin.delete_records([TopicPartition(topics["interactions"], 0, 7)])[TopicPartition(topics["interactions"], 0)].result()
        with pytest.raises(ConsumeError, match="has lost 2 records"):
            kept.land(NOW)
        assert accept_gap(kept.con, kafka) == {topics["interactions"]: 2}
        assert kept.land(NOW).rows == 2


@pytest.mark.kafka
def test_a_kafka_that_does_not_answer_is_an_error_in_three_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(consumer, "ANSWER_SECONDS", 1.0)
    with warehouse(tmp_path, "127.0.0.1:1") as kept, pytest.raises(ConsumeError, match="does not answer"):
        kept.land(NOW)


@pytest.fixture
def kept(tmp_path):
    with warehouse(tmp_path) as kept:
        kept.sync_settings([], NOW)
        put(kept, [interaction(1), interaction(2, community="bakers")])
        kept.sync_settings([], NOW)
        kept.build(NOW)
        yield kept


def found_stale(kept, at=NOW) -> tuple:
    kept.sync_settings([], at)
    found = kept.stale(at)
    return found.whole, found.open_week


def test_without_new_records_nothing_is_stale(kept):
    assert found_stale(kept) == ((), ())


def test_an_event_of_the_open_week_invalidates_only_the_open_week(kept):
    put(kept, [interaction(9)])
    assert found_stale(kept) == ((), ("gardeners",))


def test_a_late_event_invalidates_the_whole_community(kept):
    put(kept, [interaction(9, occurred_at="2024-04-20T10:00:00Z")])
    assert found_stale(kept) == (("gardeners",), ())


def test_a_closed_week_invalidates_everybody(kept):
    assert found_stale(kept, NOW + timedelta(days=7)) == (("bakers", "gardeners"), ())


def test_an_edit_now_of_something_old_invalidates_the_whole_community(kept):
    old = interaction(20, occurred_at="2024-04-20T10:00:00Z")
    put(kept, [old])
    kept.sync_settings([], NOW)
    kept.build(NOW)
    put(kept, [interaction(21, revises=old["event_id"], change="edit", revision=1)])
    assert found_stale(kept) == (("gardeners",), ())


def test_a_revert_can_undo_an_edit_of_the_week_before(kept):
    put(kept, [interaction(30, verb="revert", medium="wiki")])
    assert found_stale(kept) == (("gardeners",), ())


def test_the_tables_about_now_are_renewed_every_hour(kept):
    assert found_stale(kept, NOW + timedelta(minutes=59)) == ((), ())
    assert found_stale(kept, NOW + timedelta(hours=1)) == ((), ("bakers", "gardeners"))


def test_a_link_invalidates_the_communities_of_its_accounts(kept):
    kept.identity.link(["actor-1", "actor-9"], by="facilitator", at=NOW, why="asked for")
    assert found_stale(kept) == (("gardeners",), ())


def test_a_changed_setting_or_model_invalidates_the_communities_it_concerns(kept):
    bakers = GARDENERS["bakers"].model_copy(update={"beat_days": 14})
    kept.communities = {**GARDENERS, "bakers": bakers}
    assert found_stale(kept) == (("bakers",), ())
    kept.models = (replace(kept.models[0], code=kept.models[0].code + " -- changed"), kept.models[1])
    assert found_stale(kept) == (("bakers", "gardeners"), ())


def test_a_community_that_is_no_longer_in_the_settings_leaves_the_tables(kept):
    kept.communities = {"bakers": GARDENERS["bakers"]}
    kept.sync_settings([], NOW)
    kept.build(NOW)
    assert kept.con.execute("select distinct community from warehouse.core.interactions").fetchall() == [("bakers",)]
    assert kept.con.execute("select community from warehouse.meta.built").fetchall() == [("bakers",)]


EVENTS = st.tuples(
    st.integers(1, 40), st.sampled_from(["gardeners", "bakers"]), st.integers(-20, 2), st.sampled_from(["post", "revert"])
)
STEPS = st.one_of(
    st.lists(EVENTS, min_size=1, max_size=6),
    st.just("link"), st.just("unlink"), st.integers(0, 9),
)  # fmt: skip


@given(st.lists(STEPS, min_size=1, max_size=6))
@hypothesis_settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_built_step_by_step_is_what_is_built_at_once(tmp_path_factory, steps):
    at = NOW
    with warehouse(tmp_path_factory.mktemp("home")) as kept:
        for step in steps:
            match step:
                case "link":
                    kept.identity.link(["actor-1", "actor-2"], by="x", at=at, why="y")
                case "unlink":
                    kept.identity.unlink("actor-2", by="x", at=at, why="y")
                case int():
                    at += timedelta(days=step)
                case _:
                    put(
                        kept,
                        [
                            interaction(
                                n,
                                community=c,
                                verb=v,
                                event_id=f"e{n}{c}{d}{v}",
                                occurred_at=(at + timedelta(days=d)).isoformat(),
                            )
                            for n, c, d, v in step
                        ],
                    )
            kept.sync_settings([], at)
            kept.build(at)
        seen = tables(kept)
        kept.build(at, full=True)
        assert tables(kept) == seen


def tables(kept) -> list:
    return [kept.con.execute(f"select * from warehouse.{model.table} order by all").fetchall() for model in kept.models]


def test_a_damaged_warehouse_is_moved_aside_and_built_again(tmp_path):
    with warehouse(tmp_path) as kept:
        kept.sync_settings([], NOW)
        put(kept, [interaction(1)])
    (tmp_path / "warehouse.duckdb").write_bytes(b"nonsense" * 10_000)
    with pytest.raises(WarehouseError, match="moved to"):
        warehouse(tmp_path)
    assert len(list((tmp_path / "quarantine").iterdir())) == 1
    with warehouse(tmp_path) as kept:
        kept.sync_settings([], NOW)
        assert len(kept.build(NOW)) == 1


def test_a_full_disk_lands_nothing_and_landing_continues_when_there_is_room(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", small], capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with warehouse(small) as kept:
            kept.sync_settings([], NOW)
            put(kept, [interaction(1)])
            # the file system's own files are counted too: leave almost nothing
            filler = small / "filler"
            filler.write_bytes(b"x" * (shutil.disk_usage(small).free - 50_000))
            with pytest.raises(duckdb.Error):  # noqa: PT012 - one of them fills the disk
                for start in range(0, 200_000, 20_000):
                    put(kept, [interaction(number, space=f"C{number * 7919}") for number in range(start, start + 20_000)])
            before = kept.con.execute("select count(*) from landing.interactions").fetchone()[0]
            reached = kept.con.execute("select max(next_offset) from landing.offsets").fetchone()[0]
            filler.unlink()
        with warehouse(small) as kept:
            assert kept.con.execute("select count(*) from landing.interactions").fetchone()[0] == before
            assert kept.con.execute("select max(next_offset) from landing.offsets").fetchone()[0] == reached
            put(kept, [interaction(300_000)])
            assert kept.con.execute("select count(*) from landing.interactions").fetchone()[0] == before + 1
    finally:
        subprocess.run(["umount", small], check=False)


def test_a_file_that_cannot_be_opened_stays_where_it_is(tmp_path):
    with warehouse(tmp_path):
        pass
    (tmp_path / "landing.duckdb").rename(tmp_path / "kept")
    (tmp_path / "landing.duckdb").mkdir()  # as a file without rights: root may read everything
    with pytest.raises(WarehouseError, match="cannot be opened") as refused:
        warehouse(tmp_path)
    assert "nothing was moved" in refused.value.todo
    assert not (tmp_path / "quarantine").exists()
