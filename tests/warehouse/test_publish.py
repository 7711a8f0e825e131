"""Publishing: the file is complete and new, no reader is disturbed, and nobody is named."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from tests.warehouse.wire import KEY, MODELS, interaction, model, put, warehouse
from warehouse.build.meta_tables import META
from warehouse.publish import PublishError, current, open_published
from warehouse.warehouse import WarehouseError

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path):
    with warehouse(tmp_path, keep_published=3) as kept:
        more(kept, 1)
        yield kept


def more(kept, number: int):
    """Land one more interaction and build; the caller publishes."""
    put(kept, [interaction(number)])
    kept.sync_settings([], NOW)
    kept.build(NOW)
    return kept


def test_a_published_file_is_read_only_and_the_pointer_names_it(kept):
    path = kept.publish(NOW)
    assert path.name == "guildhall-000001.duckdb"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert current(kept.published) == path


def test_the_newest_files_stay_and_older_ones_are_deleted(kept):
    for _ in range(5):
        kept.publish(NOW)
    assert sorted(path.name for path in kept.published.glob("*.duckdb")) == [f"guildhall-{n:06}.duckdb" for n in (3, 4, 5)]


def test_a_reader_keeps_an_old_file_that_it_has_open_and_opens_the_new_one_next(kept):
    kept.publish(NOW)
    with open_published(kept.published) as old:
        for number in range(2, 7):
            more(kept, number).publish(NOW)
        with open_published(kept.published) as new:
            assert new.execute("select count(*) from core.interactions").fetchone() == (6,)
        assert old.execute("select count(*) from core.interactions").fetchone() == (1,)


def test_a_reader_can_only_read(kept, tmp_path):
    kept.publish(NOW)
    with open_published(kept.published) as con:
        for wrong in (
            "create table core.x (a int)", f"copy (select 1) to '{tmp_path}/out.csv'", "select * from read_csv('/etc/passwd')",
            "set enable_external_access = true", "install httpfs", f"attach '{tmp_path}/landing.duckdb' as landing",
        ):  # fmt: skip
            with pytest.raises(duckdb.Error):
                con.execute(wrong)


def test_without_a_published_file_the_error_names_the_remedy(tmp_path):
    with pytest.raises(PublishError, match="Nothing has been built yet"):
        open_published(tmp_path)


def test_every_table_and_column_is_explained(kept):
    kept.publish(NOW)
    with open_published(kept.published) as con:
        assert con.execute("select table_name from duckdb_tables() where comment is null").fetchall() == []
        assert (
            con.execute(
                "select table_name, column_name from duckdb_columns() where comment is null and not internal"
            ).fetchall()
            == []
        )
        assert con.execute('select layer, "table", "column" from meta.dictionary where meaning is null').fetchall() == []
        assert (
            con.execute("select count(*) from meta.dictionary").fetchone()
            == con.execute("select count(*) from duckdb_columns() where not internal").fetchone()
        )
        assert {
            row[0] for row in con.execute("select table_name from duckdb_tables() where schema_name = 'meta'").fetchall()
        } == set(META)
        assert con.execute("select build, as_of, interactions, communities from meta.builds").fetchall() == [
            (1, NOW.replace(tzinfo=None), 1, 2)
        ]


def test_a_changed_meaning_reaches_the_comments(kept):
    kept.publish(NOW)
    changed = MODELS[1].header.model_copy(update={"summary": "It's another."})
    kept.models = (
        MODELS[0],
        model("core", "sums", "community messages", MODELS[1].code, grain=("community",), reads=MODELS[1].header.reads),
    )
    object.__setattr__(kept.models[1], "header", changed)
    kept.publish(NOW)
    with open_published(kept.published) as con:
        assert con.execute("select comment from duckdb_tables() where table_name = 'sums'").fetchone() == ("It's another.",)


CANARIES = ["canary-actor-1f", "canary-mention-2e", "Canary Display-Name", "canary@example.org", "U-canary-native"]


def test_nothing_in_the_published_file_names_anybody(kept):
    kept.identity.link([CANARIES[0], "b"], by="x", at=NOW, why="y", person="person:Canary Display-Name")
    put(kept, [interaction(7, actor=CANARIES[0], mentions=[CANARIES[1]])])
    kept.sync_settings([], NOW)
    kept.build(NOW)
    written = kept.publish(NOW).read_bytes()
    assert [word for word in CANARIES if word.encode() in written] == []
    assert b"slack:T1:C1:7" in written, "the search finds what is there"
    landed = kept.home / "landing.duckdb"
    kept.con.execute("checkpoint landing")
    kept.close()
    assert CANARIES[0].encode() in landed.read_bytes(), "where it may be, it is"


@pytest.mark.parametrize(
    ("columns", "sql", "column"),
    [
        ("community actor", "select community, 'x' as actor from landing.interactions", "actor"),
        ("community who", "select community, actor as who from landing.interactions", "who"),
        ("community whom", "select community, list(actor) as whom from landing.interactions group by all", "whom"),
    ],
)
def test_a_table_that_names_accounts_is_not_published(kept, columns, sql, column):
    kept.models = (*MODELS, model("core", "leak", columns, sql, grain=("community",), reads=("landing.interactions",)))
    kept.build(NOW)
    with pytest.raises(PublishError, match=rf"core\.leak\.{column} identifies people"):
        kept.publish(NOW)
    assert not kept.published.exists() or not list(kept.published.iterdir())


def test_a_table_that_fails_its_check_is_not_published(kept):
    kept.models = (
        *MODELS,
        model("core", "twice", "community", "select unnest(['a', 'a']) as community", grain=("community",), reads=()),
    )
    kept.build(NOW)
    with pytest.raises(WarehouseError, match=r"1 checks failed, the first is `grain` of core\.twice"):
        kept.publish(NOW)
    assert kept.publish(NOW, even_if_failed=True).exists()


def test_a_check_that_failed_for_one_community_stays_failed_when_another_is_built(kept):
    faulty = "select community from building, range(if(community = 'bakers', 2, 1))"
    kept.models = (*MODELS, model("core", "twice", "community", faulty, grain=("community",), reads=(), refresh="now"))
    kept.build(NOW)
    more(kept, 2)  # gardeners, whose rows are in order
    with pytest.raises(WarehouseError, match=r"1 checks failed, the first is `grain` of core\.twice"):
        kept.publish(NOW)
    kept.communities = {"gardeners": kept.communities["gardeners"]}
    kept.sync_settings([], NOW)
    kept.build(NOW)
    assert kept.publish(NOW).exists(), "a community that is gone fails nothing"


def test_records_that_were_not_understood_are_listed_by_place_without_content(kept):
    kept.con.executemany(
        """
        insert into landing.main.outcomes by name
        select ? as raw_partition, ? as raw_offset, ? as verdict, ? as reason, ? as detail, 'slack' as platform, ? as space
        """,
        [
            (0, 5, "rejected", "unreadable_payload", "event.user: missing", None),
            (1, 6, "ignored", "unmapped_space", None, "C9"),
            (1, 7, "ignored", "not_participation", None, None),
            (1, 8, "understood", None, None, None),
        ],
    )
    kept.publish(NOW)
    with open_published(kept.published) as con:
        assert con.execute("select raw_partition, raw_offset, reason, detail from meta.replayable").fetchall() == [
            (0, 5, "unreadable_payload", "event.user: missing"),
            (1, 6, "unmapped_space", None),
        ]
        assert con.execute("select space, records from meta.unmapped").fetchall() == [("C9", 1)]


def test_a_warehouse_with_a_write_ahead_log_is_not_copied(kept):
    wal = kept.home / "warehouse.duckdb.wal"
    wal.unlink(missing_ok=True)
    wal.mkdir()  # a log that no checkpoint takes away
    (wal / "x").touch()
    with pytest.raises(PublishError, match="a copy would be stale"):
        kept.publish(NOW)


def test_publishing_keeps_the_lock_on_the_working_file(kept):
    kept.publish(NOW)
    opened = subprocess.run(
        [sys.executable, "-c", f"import duckdb; duckdb.connect({str(kept.home / 'warehouse.duckdb')!r})"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "lock" in opened.stderr


READER = """
import sys
from pathlib import Path
from warehouse.publish import open_published
folder, last, opened = Path(sys.argv[1]), 0, 0
while last < int(sys.argv[2]):
    with open_published(folder) as con:
        build, = con.execute("select max(build) from meta.builds").fetchone()
        rows, = con.execute("select count(*) from core.interactions").fetchone()
        listed, = con.execute("select rows from meta.manifest where \\"table\\" = 'core.interactions'").fetchone()
    assert build >= last and rows == listed, (build, last, rows, listed)
    last, opened = build, opened + 1
print(opened)
"""


def test_readers_are_never_disturbed(kept):
    kept.publish(NOW)
    times = 12
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, kept.published, str(times)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": "."},
        )
        for _ in range(2)
    ]
    for number in range(2, times + 1):
        more(kept, number).publish(NOW + timedelta(seconds=number))
    for reader in readers:
        out, wrong = reader.communicate(timeout=120)
        assert reader.returncode == 0, wrong
        assert int(out) > 0


def test_the_key_is_nowhere_in_the_files(kept):
    kept.publish(NOW)
    kept.con.execute("checkpoint landing")
    home = kept.home
    kept.close()
    for path in (*home.glob("*.d*b*"), *home.glob("published/*.duckdb")):
        assert KEY not in path.read_bytes()
        assert KEY.hex().encode() not in path.read_bytes()


def test_a_file_of_which_a_third_is_free_is_published_without_the_free_blocks(kept):
    kept.publish(NOW)
    for table, rows in (("filler", 3_000_000), ("sums", 1_000_000)):
        columns = "(hash(range) // 2)::varchar as community, range::bigint as messages"
        kept.con.execute(f"create or replace table warehouse.core.{table} as select {columns} from range({rows})")
        kept.con.execute("checkpoint warehouse")
    kept.con.execute("drop table warehouse.core.filler")
    path = kept.publish(NOW)
    assert path.stat().st_size < 0.67 * (kept.home / "warehouse.duckdb").stat().st_size
    with open_published(path) as con:
        assert con.execute("select count(*), sum(messages) from core.sums").fetchone() == (1_000_000, 499_999_500_000)
        assert con.execute("select max(build) from meta.builds").fetchone() == (2,)
        assert con.execute("select column_name from duckdb_columns() where comment is null and not internal").fetchall() == []
