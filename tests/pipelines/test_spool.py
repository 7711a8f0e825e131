"""The spool: what it accepted is not lost through kill -9, torn tails and full disks."""

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.raw import RawEvent
from events.sdk.journal import FRAME, Journal, JournalFullError, JournalInUseError
from pipelines.ingest.spool import Spool, SpoolFullError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def event(number: int, payload: bytes = b'{"n": "\xc3\xa9"}\n\x00') -> RawEvent:
    return RawEvent(
        id=f"e{number}",
        sender="/t",
        type="quill.note",
        source="webhook/quill/main",
        received_at=NOW,
        payload=payload,
        tenant="T1",
        time=NOW,
    )


def ids(spool: Spool) -> list[str]:
    found = []
    while drained := spool.drain(2):
        found += [e.id for e in drained.events]
        spool.acknowledge(drained)
    return found


@pytest.fixture
def spool(tmp_path: Path):
    made = Spool(tmp_path, free_bytes=0)
    yield made
    made.close()


def test_an_event_comes_back_byte_for_byte(spool):
    spool.append([event(1)])
    drained = spool.drain()
    assert drained is not None
    assert drained.events == (event(1),)


def test_events_come_back_in_the_order_in_which_they_were_appended(spool):
    spool.append([event(1), event(2)])
    spool.append([event(3)])
    assert spool.count() == 3
    assert ids(spool) == ["e1", "e2", "e3"]
    assert spool.count() == 0


def test_what_is_not_acknowledged_is_drained_again(spool):
    spool.append([event(1)])
    assert spool.drain() == spool.drain()


def test_an_empty_spool_leaves_no_segment_behind(spool, tmp_path):
    spool.append([event(1)])
    ids(spool)
    assert not list(tmp_path.glob("*.journal"))


def test_a_later_process_finds_what_an_earlier_one_left_and_not_what_it_acknowledged(tmp_path):
    first = Spool(tmp_path, free_bytes=0)
    first.append([event(n) for n in range(5)])
    drained = first.drain(2)
    assert drained is not None
    first.acknowledge(drained)
    first.close()
    second = Spool(tmp_path, free_bytes=0)
    assert second.count() == 3
    second.append([event(9)])
    assert ids(second) == ["e2", "e3", "e4", "e9"]
    second.close()


def test_segments_are_deleted_one_by_one_while_the_spool_drains(tmp_path):
    spool = Spool(tmp_path, free_bytes=0, segment_bytes=100)
    for n in range(4):
        spool.append([event(n)])
    assert len(list(tmp_path.glob("*.journal"))) == 4
    drained = spool.drain(1)
    assert drained is not None
    spool.acknowledge(drained)
    assert len(list(tmp_path.glob("*.journal"))) == 3
    assert ids(spool) == ["e1", "e2", "e3"]
    spool.close()


@pytest.mark.parametrize("torn", [1, FRAME.size - 1, FRAME.size, FRAME.size + 3])
def test_a_torn_tail_is_left_out_and_what_comes_after_it_is_kept(tmp_path, torn):
    first = Spool(tmp_path, free_bytes=0)
    first.append([event(1)])
    first.close()
    segment = next(tmp_path.glob("*.journal"))
    segment.write_bytes(segment.read_bytes() + segment.read_bytes()[:torn])
    second = Spool(tmp_path, free_bytes=0)
    second.append([event(2)])
    assert second.count() == 2
    assert ids(second) == ["e1", "e2"]
    second.close()


def test_a_damaged_record_does_not_hide_the_records_behind_it(tmp_path):
    first = Spool(tmp_path, free_bytes=0)
    first.append([event(1), event(2)])
    first.close()
    segment = next(tmp_path.glob("*.journal"))
    data = bytearray(segment.read_bytes())
    data[FRAME.size + 4] ^= 0xFF
    segment.write_bytes(data)
    second = Spool(tmp_path, free_bytes=0)
    assert ids(second) == ["e2"]
    assert second.count() == 0
    second.close()


def test_a_spool_without_room_refuses_and_stores_nothing_of_it(tmp_path):
    spool = Spool(tmp_path, free_bytes=1 << 60)
    assert not spool.has_room()
    with pytest.raises(SpoolFullError):
        spool.append([event(1)])
    assert spool.count() == 0
    spool.close()


def test_a_write_that_fails_half_way_leaves_no_half_record(tmp_path, monkeypatch):
    journal = Journal(tmp_path, fsync=True)
    journal.append([b"one"])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(JournalFullError):
            journal.append([b"two"])
    journal.append([b"three"])
    taken = journal.take(10)
    assert taken is not None
    assert taken.records == (b"one", b"three")
    journal.close()


def test_two_processes_cannot_hold_one_folder(tmp_path, spool):
    with pytest.raises(JournalInUseError, match="in use"):
        Spool(tmp_path)


def test_everything_whose_append_returned_survives_kill_9(tmp_path):
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from events.sdk.journal import Journal
        journal = Journal(Path(sys.argv[1]), fsync=True, segment_bytes=4000)
        n = 0
        while True:
            journal.append([b"%d" % n + b"." * 100])
            print(n, flush=True)
            n += 1
    """)
    appended = -1
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / str(_))], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                appended = int(line)
                if appended >= 60:
                    break
            child.send_signal(signal.SIGKILL)
            appended = max([appended, *map(int, child.stdout.read().split())])
        journal = Journal(tmp_path / str(_), fsync=True)
        found = []
        while taken := journal.take(50):
            found += [int(record.rstrip(b".")) for record in taken.records]
            journal.acknowledge(taken)
        journal.close()
        assert found[: appended + 1] == list(range(appended + 1))
        assert len(found) <= appended + 2
