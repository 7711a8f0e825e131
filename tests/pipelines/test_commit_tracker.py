"""The stream worker's commit tracker: an offset is committed only when every record before it is done."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.communities import Communities
from events.outcome import OutcomeChunk, Verdict
from events.topics import OUTCOMES
from pipelines.platforms import PLATFORMS
from pipelines.understand import writer
from pipelines.understand.chunks import Chunk, runs
from pipelines.understand.understand import Context
from pipelines.understand.writer import Written, messages
from pipelines.worker.commit_tracker import CommitTracker
from pipelines.worker.stall import Stall

CONTEXT = Context(key=b"k", communities=Communities({}), platforms=PLATFORMS)


class Rec:
    def __init__(self, offset: int, value: bytes | None = b"?", headers: tuple[tuple[str, bytes], ...] = ()) -> None:
        self.offset, self.value, self.headers = offset, value, headers


def chunk(*offsets: int) -> Chunk:
    return Chunk(0, [Rec(offset) for offset in offsets])


def done(one: Chunk) -> Chunk:
    one.done = True
    return one


def test_nothing_is_committed_past_a_chunk_that_is_not_done() -> None:
    tracker: CommitTracker[int] = CommitTracker()
    first, second = chunk(0, 1, 2), chunk(3, 4)
    tracker.add(0, first)
    tracker.add(0, done(second))
    assert tracker.next_commit(0) is None
    done(first)
    assert tracker.next_commit(0) == 5
    assert tracker.next_commit(0) is None
    assert tracker.open_partitions() == []


def test_missing_offsets_between_chunks_do_not_hold_up_the_commit() -> None:
    tracker: CommitTracker[int] = CommitTracker()
    tracker.add(0, done(chunk(0, 1, 2)))
    tracker.add(0, done(chunk(700, 705)))
    assert tracker.next_commit(0) == 706


def test_a_chunk_delivered_before_a_seek_does_not_count_for_the_one_read_again() -> None:
    tracker: CommitTracker[int] = CommitTracker()
    old, again = chunk(10, 11), chunk(5, 11)
    tracker.add(0, old)
    tracker.reset(0)
    tracker.add(0, again)
    done(old)
    assert tracker.next_commit(0) is None


def test_records_below_the_offset_that_was_read_are_left_out() -> None:
    assert [c.last for c in runs(0, [Rec(o) for o in range(10)], after=7, most=2)] == [8, 9]
    assert list(runs(0, [Rec(1)], after=5)) == []
    assert list(runs(0, [], after=None)) == []


@given(st.data())
def test_whatever_happens_a_restart_reads_everything_that_is_not_done(data: st.DataObject) -> None:
    """A log with holes; chunks are read, done in any order, committed, and read again after seeks; the model is a set."""
    log = sorted(data.draw(st.sets(st.integers(0, 60), max_size=40)))
    tracker: CommitTracker[str] = CommitTracker()
    position, committed = 0, 0
    open_chunks: list[Chunk] = []
    finished: set[int] = set()
    for action in data.draw(st.lists(st.sampled_from(["read", "done", "commit", "seek"]), max_size=60)):
        if action == "read":
            rest = [Rec(o) for o in log if o >= position]
            for one in list(runs(0, rest, after=position, most=data.draw(st.integers(1, 9))))[:2]:
                tracker.add("p", one)
                open_chunks.append(one)
                position = one.last + 1
        elif action == "done" and open_chunks:
            one = open_chunks.pop(data.draw(st.integers(0, len(open_chunks) - 1)))
            done(one)
            finished |= {r.offset for r in one.records}
        elif action == "commit":
            offset = tracker.next_commit("p")
            if offset is not None and offset > committed:
                committed = offset
        elif action == "seek":
            tracker.reset("p")
            position = committed
        assert all(o in finished for o in log if o < committed)
    # and when all that is open gets done, the commit reaches the end of what was read
    tracker.reset("p")
    for one in runs(0, [Rec(o) for o in log if o >= committed], after=committed):
        tracker.add("p", done(one))
    assert (tracker.next_commit("p") or committed) == (log[-1] + 1 if log and log[-1] >= committed else committed)


def test_a_stall_is_work_that_waits_while_nothing_moves() -> None:
    stall = Stall(60)
    assert not stall.is_stalled(waiting=5, marks=1, now=0)
    assert not stall.is_stalled(waiting=5, marks=1, now=59)
    assert stall.is_stalled(waiting=5, marks=1, now=60)
    assert not stall.is_stalled(waiting=5, marks=2, now=61)
    assert not stall.is_stalled(waiting=0, marks=2, now=500)
    assert not stall.is_stalled(waiting=3, marks=2, now=501)


# --- what is written of a chunk


def outcomes(made: Iterator[tuple[str, str, bytes]]) -> list[OutcomeChunk]:
    return [OutcomeChunk.model_validate_json(value) for topic, _, value in made if topic == OUTCOMES.name]


@given(st.lists(st.tuples(st.none() | st.binary(max_size=40), st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=9))))))
def test_every_record_has_exactly_one_outcome_whatever_its_bytes(
    records: list[tuple[bytes | None, list[tuple[str, bytes]]]],
) -> None:
    made = outcomes(messages(3, [Rec(i, v, tuple(h)) for i, (v, h) in enumerate(records)], CONTEXT, Written()))
    assert [r.offset for c in made for r in c.records] == list(range(len(records)))
    assert all(c.partition == 3 for c in made)


def test_outcomes_that_do_not_fit_one_record_become_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_CHUNK_BYTES", 2_000)
    made = outcomes(messages(1, [Rec(o) for o in range(100)], CONTEXT, Written()))
    assert len(made) > 5
    assert [r.offset for c in made for r in c.records] == list(range(100))


def test_an_interaction_that_the_topic_cannot_take_is_rejected_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(_: object) -> list[object]:
        raise ValueError("larger than the topic takes")

    monkeypatch.setattr(writer, "_encoded", too_large)
    written = Written()
    made = outcomes(messages(1, [Rec(0)], CONTEXT, written))
    assert [r.verdict for r in made[0].records] == [Verdict.REJECTED]
    assert written.records == 1
