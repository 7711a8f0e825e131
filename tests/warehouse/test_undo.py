"""An import that was undone: the landing file and the tables are as if it had never been sent."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse.test_landing import INTERACTIONS, OUTCOMES, chunk_of, log
from tests.warehouse.wire import MONDAY, interaction, outcome, warehouse
from warehouse.db import open_memory
from warehouse.landing import land, undo
from warehouse.landing.reconciliation import accounting

NOW = MONDAY + timedelta(days=2)
WRONG, OTHER = "wrong", "other"


def put(con, topic, values: list) -> None:
    offsets = land.begin_at(con, log(topic))
    land.land_chunk(con, log(topic), chunk_of(values, first=offsets[0]), offsets, NOW, topic)


def send(con, deliveries: list[tuple[int, dict]]) -> None:
    """Land deliveries: (offset of the raw record, what differs)."""
    put(con, INTERACTIONS, [made(offset, given) for offset, given in deliveries])
    records = [outcome(offset, import_id=given["came_by"], source="import/slack/slack-export") for offset, given in deliveries]
    put(con, OUTCOMES, [{"partition": 0, "records": records}])


def made(offset: int, given: dict) -> dict:
    fields = {name: value for name, value in given.items() if name not in {"came_by", "number"}}
    return interaction(given["number"], raw={"partition": 0, "offset": offset}, **fields)


def content(con) -> list:
    """What tables can depend on. Of a live record that was repeated any may stay, and nothing depends on its place."""
    return con.execute(
        """
        select * exclude (landed_at, batch) replace (if(captured_at is null, null, raw) as raw)
        from landing.interactions order by event_id, content_hash
        """
    ).fetchall()


delivery = st.fixed_dictionaries(
    {
        "came_by": st.sampled_from([None, WRONG, WRONG, OTHER]),
        "number": st.integers(1, 3),
        "community": st.sampled_from(["gardeners", "bakers"]),
        "size": st.sampled_from([None, 5]),
        "normaliser_version": st.integers(1, 2),
        "captured_at": st.sampled_from([None, "2024-05-01T00:00:00Z", "2024-06-01T00:00:00Z"]),
    }
)
batches = st.lists(st.lists(delivery, max_size=5), max_size=4)


@settings(max_examples=40)
@given(batches, batches, st.booleans())
def test_what_stays_is_what_would_be_there_without_the_import(before, after, replayed):
    """Before the undo, after it (the import may be made again), and with the undone records understood again."""
    with open_memory() as con, open_memory() as never:
        offset, again = 0, []
        for is_after, batch in [*((False, b) for b in before), *((True, b) for b in after)]:
            numbered = [(offset + number, given) for number, given in enumerate(batch)]
            if is_after and not con.execute("select count(*) from landing.undone").fetchone()[0]:
                undo.undo(con, WRONG, {0: offset}, NOW)
            kept = [each for each in numbered if is_after or each[1]["came_by"] != WRONG]
            again += [each for each in numbered if not is_after]
            offset += len(batch)
            send(con, numbered)
            send(never, kept)
        if not after:
            undo.undo(con, WRONG, {0: offset}, NOW)
        if replayed:
            send(con, again)
        undo.apply(con, NOW)
        assert content(con) == content(never)
        assert accounting(con, {0: 0}, {0: offset}).holds


def test_what_came_another_way_too_stays_and_the_report_counts_both():
    with open_memory() as con:
        both, alone = {"number": 1, "came_by": WRONG}, {"number": 2, "came_by": WRONG}
        send(con, [(0, both), (1, alone)])
        send(con, [(2, both | {"came_by": None})])
        done = undo.undo(con, WRONG, {0: 3}, NOW)
        assert (done.records, done.left, done.stayed, done.communities) == (2, 1, 1, ("gardeners",))
        assert con.execute("select raw from landing.interactions").fetchall() == [({"partition": 0, "offset": 2},)]


def test_an_undone_record_keeps_an_outcome_and_no_unmapped_space():
    with open_memory() as con:
        record = outcome(0, import_id=WRONG, verdict="ignored", reason="unmapped_space", space="C9", interactions=0)
        put(con, OUTCOMES, [{"partition": 0, "records": [record]}])
        undo.undo(con, WRONG, {0: 1}, NOW)
        assert con.execute("select verdict, reason, space from landing.outcomes").fetchall() == [("ignored", "undone", None)]


def test_the_tables_are_built_as_if_the_import_had_never_been(tmp_path):
    def tables(home: str, deliveries: list, *, undone: bool) -> list:
        with warehouse(tmp_path / home) as kept:
            send(kept.con, deliveries)
            kept.sync_settings([], NOW)
            kept.build(datetime(2024, 5, 10))  # noqa: DTZ001 - as the warehouse stores it
            if undone:
                undo.undo(kept.con, WRONG, {0: 100}, NOW)
                assert kept.stale(datetime(2024, 5, 10)).whole == ("bakers", "gardeners")  # noqa: DTZ001
                kept.build(datetime(2024, 5, 10))  # noqa: DTZ001
            rows = kept.con.execute("from warehouse.core.interactions order by all").fetchall()
            return rows + kept.con.execute("from warehouse.core.sums where messages > 0 order by all").fetchall()

    live = [(number, {"number": number, "came_by": None}) for number in range(1, 6)]
    wrong = [
        (10 + number, {"number": number, "came_by": WRONG, "community": community})
        for number in range(4, 9)
        for community in ("bakers", "gardeners")
    ]
    assert tables("undone", live + wrong, undone=True) == tables("never", live, undone=False)
