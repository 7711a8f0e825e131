"""End to end without Kafka: the simulator's actions, understood, landed and built, show what was planted."""

from datetime import date, datetime, time, timedelta
from types import SimpleNamespace

import pyarrow as pa
import pytest

from events.identity import actor_id, published_pseudonym
from events.topics import INTERACTIONS
from pipelines.simulator.ground_truth import Cold, people_rows, truth_of
from pipelines.simulator.scoring import CoreFound, Welcome, compare_cold, compare_core
from warehouse.build.build import build
from warehouse.build.catalog import catalog
from warehouse.db import open_memory
from warehouse.landing import land
from warehouse.landing.consumer import Chunk, Log

from .conftest import KEY, simulate

WEEKS, LIVE_WEEKS, MEMBERS = 60, 8, 130
END = date(2026, 3, 30)
AT = datetime.combine(END, time())


def _landed(done):
    con = open_memory()
    values = [one.model_dump_json().encode() for one in done.interactions]
    count = len(values)
    log = Log(INTERACTIONS.name, "test", {0: 0}, {0: count})
    offsets = land.begin_at(con, log)
    chunk = Chunk.of(values, 0, 0)
    batch = land.land_chunk(con, log, chunk, offsets, AT, land.TOPICS[0])
    assert batch.duplicates == done.expected.duplicates
    assert batch.malformed == 0
    people = _people(done)
    con.register(
        "found", pa.table({name: [row[i] for row in people] for i, name in enumerate(("community", "actor", "member"))})
    )
    con.execute("insert into landing.main.people by name from found")
    settings = done.context.communities.by_slug.values()
    con.executemany(
        "insert into landing.main.communities values (?, ?, ?, ?, ?, null)",
        [(c.slug, c.title, c.origin, c.time_zone, c.beat_days) for c in settings],
    )
    for c in settings:
        for pause in c.breaks:
            con.execute("insert into landing.main.breaks values (?, ?, ?, ?)", [c.slug, pause.since, pause.until, pause.kind])
    return con


def _people(done):
    persons = {
        actor_id(KEY, platform, tenant, account): person
        for person, platform, tenant, account in people_rows(done.scenario, done.world)
    }
    seen = {(one.community, actor) for one in done.interactions for actor in (one.actor, *one.mentions)}
    return [
        (community, actor, published_pseudonym(KEY, community, persons.get(actor, actor))) for community, actor in sorted(seen)
    ]


def _found(done, con):
    truth = truth_of(done.scenario)
    named = {
        published_pseudonym(KEY, slug, person.key): person.key
        for slug, people in zip(truth.people, done.scenario.people, strict=True)
        for person in people
    }
    rows = con.execute(
        "select community, member from warehouse.levels.evaluations where level = 'core' qualify window_end = max(window_end) over (partition by community)"
    ).fetchall()
    core = {}
    for community, member in rows:
        core.setdefault(community, set()).add(named.get(member, member))
    welcome = [
        Welcome(community, window_end.date(), share, threads)
        for community, window_end, share, threads in con.execute(
            "select community, window_end, newcomer_welcome_share, newcomer_threads from warehouse.metrics.newcomer_welcome"
        ).fetchall()
    ]
    return truth, core, welcome


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_planted_core_and_the_cold_shoulder_are_found(tmp_path, seed):
    done = simulate(tmp_path, seed=seed, weeks=WEEKS, live_weeks=LIVE_WEEKS, members=MEMBERS, end=END)
    assert done.found == done.expected.events
    con = _landed(done)
    built = build(con, catalog(), [c.slug for c in done.context.communities.by_slug.values()], AT)
    assert [one for one in built.checks if one.failures and one.severity == "error"] == []
    truth, core, welcome = _found(done, con)
    con.close()
    scores = compare_core(truth, core)
    assert all(score.good for score in scores.values()), scores
    found = compare_cold(truth.cold, welcome)
    assert found.good, found


def test_people_who_arrived_or_left_recently_count_on_neither_side():
    truth = truth_of_two(required=("a", "b"), optional=("c",))
    assert compare_core(truth, {"x": {"a", "c"}})["x"] == CoreFound(planted=2, found=1, strangers=0)
    assert compare_core(truth, {"x": {"a", "b", "d"}})["x"] == CoreFound(planted=2, found=2, strangers=1)


def truth_of_two(required, optional):
    return SimpleNamespace(core={"x": SimpleNamespace(required=required, optional=optional)})


def _cold(weeks_to_see=24):
    since = date(2025, 9, 1)
    return Cold("x", since, since + timedelta(weeks=10), since + timedelta(weeks=weeks_to_see), since + timedelta(weeks=23))


def _welcome(week, share=0.3, threads=30, community="x"):
    return Welcome(community, date(2025, 9, 1) + timedelta(weeks=week), share, threads)


def test_a_cold_shoulder_seen_too_late_or_elsewhere_is_not_found():
    assert compare_cold(_cold(), [_welcome(5), _welcome(9)]).seen == date(2025, 9, 1) + timedelta(weeks=5)
    assert compare_cold(_cold(), [_welcome(5)]).good
    assert not compare_cold(_cold(weeks_to_see=4), [_welcome(5)]).good
    assert not compare_cold(_cold(), []).good
    assert not compare_cold(_cold(), [_welcome(5), _welcome(-3)]).good
    assert not compare_cold(_cold(), [_welcome(5), _welcome(5, community="y")]).good
    assert not compare_cold(None, [_welcome(5)]).good
    assert compare_cold(None, []).good


def test_few_threads_show_nothing():
    assert compare_cold(None, [_welcome(5, threads=19)]).good
    assert compare_cold(None, [_welcome(5, share=None, threads=0)]).good
