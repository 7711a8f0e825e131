"""Damage: bytes of a file that a disk changed are never published, and the warehouse is built again from the landing file."""

import random
from datetime import UTC, datetime

import duckdb
import pytest

from tests.warehouse.test_warehouse import tables
from tests.warehouse.wire import interaction, put, warehouse
from warehouse.publish import PublishError, current, differing, open_published
from warehouse.warehouse import WarehouseError

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
ROWS = 5_000
PLACES = 8


def filled(home):
    """A home folder whose tables have several blocks."""
    with warehouse(home) as kept:
        put(kept, [interaction(n, space=f"C{n * 7919}") for n in range(ROWS)])
        kept.sync_settings([], NOW)
        kept.build(NOW)
        kept.con.execute("checkpoint warehouse")
        kept.con.execute("checkpoint landing")
        found = tables(kept)
        kept.publish(NOW)
    return found


def refreshed(home):
    """What the tables hold after a refresh in a new process, however often it reports damage first."""
    reported: list[str] = []
    for _ in range(4):
        try:
            with warehouse(home) as kept:
                kept.sync_settings([], NOW)
                kept.build(NOW)
                path = kept.publish(NOW)
                with open_published(path) as con:
                    assert differing(con) == []
                return tables(kept), reported
        except WarehouseError as error:
            reported.append(error.what)
    raise AssertionError(reported)


def test_a_changed_byte_of_the_warehouse_is_never_published_and_the_tables_come_back(tmp_path):
    sound = filled(tmp_path)
    path, rng, reports = tmp_path / "warehouse.duckdb", random.Random(7), 0
    for _ in range(PLACES):
        data = bytearray(path.read_bytes())
        at = rng.randrange(len(data))
        data[at : at + 8] = bytes(byte ^ 0xFF for byte in data[at : at + 8])
        path.write_bytes(data)
        found, reported = refreshed(tmp_path)
        assert found == sound
        reports += len(reported)
    assert reports > 0, "some of the places are read"


@pytest.mark.parametrize("keep", [0.1, 0.5])
def test_a_truncated_warehouse_comes_back(tmp_path, keep):
    sound = filled(tmp_path)
    path = tmp_path / "warehouse.duckdb"
    with path.open("rb+") as file:
        file.truncate(int(path.stat().st_size * keep))
    found, reported = refreshed(tmp_path)
    assert (found, len(reported)) == (sound, 1)


def test_a_copy_that_was_damaged_is_not_published(tmp_path, monkeypatch):
    filled(tmp_path)
    before = current(tmp_path / "published")

    def damaging(source, target):
        data = bytearray(source.read_bytes())
        for at in range(3 * 4096, len(data), 64 << 10):
            data[at] ^= 0xFF
        target.write_bytes(data)

    monkeypatch.setattr("warehouse.publish._copy", damaging)
    with warehouse(tmp_path) as kept:
        kept.sync_settings([], NOW)
        with pytest.raises((PublishError, duckdb.Error)):
            kept.publish(NOW)
        assert current(tmp_path / "published") == before
        monkeypatch.undo()
        assert kept.publish(NOW) != before


def test_rows_that_differ_in_content_alone_are_noticed(tmp_path):
    filled(tmp_path)
    path = current(tmp_path / "published")
    path.chmod(0o600)
    with duckdb.connect(str(path)) as con:
        con.execute("update core.sums set messages = messages + 1")
    with open_published(path) as con:
        assert differing(con) == ["core.sums"]


def test_a_damaged_landing_file_stays_and_the_error_names_the_remedy(tmp_path):
    filled(tmp_path)
    path = tmp_path / "landing.duckdb"
    data = bytearray(path.read_bytes())
    for at in range(3 * 4096 + 100, len(data), 4096):
        data[at] ^= 0xFF
    path.write_bytes(data)
    # Opening may find it, or the first step that reads the place.
    with pytest.raises(WarehouseError) as raised, warehouse(tmp_path) as kept:  # noqa: PT012
        kept.sync_settings([], NOW)
        kept.build(NOW, full=True)
    assert "backup" in raised.value.todo
    assert [each.read_bytes() == data for each in (path, *tmp_path.glob("quarantine/landing*")) if each.exists()] == [True]
