"""The spool: what it accepted is not lost through kill -9, torn tails and full disks."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.raw import RawEvent
from events.sdk.frames import HEAD_BYTES
from events.sdk.journal import DAMAGED_DAYS, Journal, JournalFullError, JournalInUseError
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


def left_behind(folder: Path, records: list[bytes]) -> Path:
    """The one segment that a process left in a folder."""
    journal = Journal(folder, fsync=False)
    journal.append(records)
    journal.close()
    return next(folder.glob("*.journal"))


def read_all(folder: Path) -> tuple[list[bytes], int]:
    """The records that the next process reads, and how many damaged places it passes."""
    journal = Journal(folder, fsync=False)
    journal.append([b"later"])
    found = []
    while taken := journal.take(2):
        found += taken.records
        journal.acknowledge(taken)
    assert len(journal) == 0
    damaged = journal.damaged
    journal.close()
    return found, damaged


def frames_of(records: list[bytes]) -> list[tuple[int, int]]:
    """Where each record's frame begins and ends."""
    found, at = [], 0
    for record in records:
        found.append((at, at + HEAD_BYTES + len(record)))
        at = found[-1][1]
    return found


RECORDS = [b"first", b"the second record", b"3", b"the fourth"]
LENGTH = frames_of(RECORDS)[-1][1]


@pytest.mark.parametrize("change", [lambda byte: byte ^ 1, lambda byte: byte ^ 0x80, lambda byte: 0, lambda byte: 0xFF])
def test_a_damaged_byte_hides_one_record_wherever_it_is(tmp_path, change):
    for place in range(LENGTH):
        folder = tmp_path / str(place)
        segment = left_behind(folder, RECORDS)
        data = bytearray(segment.read_bytes())
        was, data[place] = data[place], change(data[place])
        if data[place] == was:
            continue
        segment.write_bytes(data)
        found, places = read_all(folder)
        hit = [record for record, (start, end) in zip(RECORDS, frames_of(RECORDS), strict=True) if start <= place < end]
        assert found == [record for record in RECORDS if record not in hit] + [b"later"], place
        assert places == 1
        assert [path.read_bytes() for path in (folder / "damaged").iterdir()] == [bytes(data)]
        assert not list(folder.glob("*.journal"))


def test_a_segment_may_end_anywhere(tmp_path):
    ends = [end for _, end in frames_of(RECORDS)]
    for length in range(LENGTH):
        folder = tmp_path / str(length)
        segment = left_behind(folder, RECORDS)
        segment.write_bytes(segment.read_bytes()[:length])
        found, places = read_all(folder)
        assert found == [record for record, end in zip(RECORDS, ends, strict=True) if end <= length] + [b"later"]
        assert places == (0 if length in {0, *ends} else 1)


@pytest.mark.parametrize("more", [b"\0" * 8, b"\0" * 5000, b"\xff" * 33, b"noise"])
def test_bytes_that_no_append_wrote_are_passed_at_every_place_between_and_in_frames(tmp_path, more):
    for place in range(0, LENGTH + 1, 3):
        folder = tmp_path / str(place)
        segment = left_behind(folder, RECORDS)
        data = segment.read_bytes()
        segment.write_bytes(data[:place] + more + data[place:])
        found, places = read_all(folder)
        hit = [record for record, (start, end) in zip(RECORDS, frames_of(RECORDS), strict=True) if start < place < end]
        assert found == [record for record in RECORDS if record not in hit] + [b"later"], place
        assert places == 1


def test_damage_while_the_process_runs_hides_one_record_too(tmp_path):
    journal = Journal(tmp_path, fsync=False)
    journal.append(RECORDS)
    segment = next(tmp_path.glob("*.journal"))
    data = bytearray(segment.read_bytes())
    data[HEAD_BYTES] ^= 1
    segment.write_bytes(data[:-3])
    taken = journal.take(10)
    assert taken is not None
    assert (taken.records, taken.damaged) == ((RECORDS[1], RECORDS[2]), 2)
    journal.acknowledge(taken)
    assert journal.take(10) is None
    journal.close()
    assert len(list((tmp_path / "damaged").iterdir())) == 1


def test_a_record_that_contains_a_frame_brings_in_no_forged_record(tmp_path):
    forged = left_behind(tmp_path / "other", [b"forged"]).read_bytes()
    segment = left_behind(tmp_path / "own", [b"x" + forged, b"behind"])
    data = bytearray(segment.read_bytes())
    data[HEAD_BYTES] ^= 1
    segment.write_bytes(data)
    assert read_all(tmp_path / "own") == ([b"behind", b"later"], 1)


@pytest.mark.parametrize("content", ["0 9999 1\n", "1 20 1 7\n", "x", "", "99 0 99 1"])
def test_a_damaged_position_repeats_records_and_skips_none(tmp_path, content):
    left_behind(tmp_path, RECORDS)
    (tmp_path / "place").write_text(content)
    assert read_all(tmp_path) == ([*RECORDS, b"later"], 0)


def test_files_of_others_in_the_folder_are_left_alone(tmp_path):
    left_behind(tmp_path, RECORDS)
    others = [tmp_path / name for name in ("notes.txt", "copy of 1.journal", "000000000009.journal", ".DS_Store")]
    for path in others:
        path.write_bytes(b"not ours")
    (tmp_path / "lost+found").mkdir()
    assert read_all(tmp_path) == ([*RECORDS, b"later"], 0)
    assert all(path.read_bytes() == b"not ours" for path in others)


def test_a_sound_record_that_is_no_event_stops_nothing_behind_it(tmp_path):
    left_behind(tmp_path, [b"no event", event(1).packed(), b"[]\n", b"5\n{}", b"\xff\n", event(2).packed()])
    spool = Spool(tmp_path, free_bytes=0)
    assert spool.count() == 6
    assert ids(spool) == ["e1", "e2"]
    assert (spool.count(), spool.damaged(), spool.set_aside()) == (0, 4, 1)
    spool.close()


def test_a_damaged_segment_is_deleted_after_its_time(tmp_path):
    segment = left_behind(tmp_path, RECORDS)
    segment.write_bytes(segment.read_bytes()[:-1])
    read_all(tmp_path)
    aside = next((tmp_path / "damaged").iterdir())
    read_all(tmp_path)
    assert aside.exists()
    old = time.time() - (DAMAGED_DAYS + 1) * 86_400
    os.utime(aside, (old, old))
    read_all(tmp_path)
    assert not aside.exists()


def test_an_empty_record_is_refused(tmp_path):
    journal = Journal(tmp_path, fsync=False)
    with pytest.raises(ValueError, match="at least one byte"):
        journal.append([b"one", b""])
    assert len(journal) == 0
    journal.close()


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
