"""Writing files: whole or not at all."""

import os
import threading
from pathlib import Path

import pytest

from events.files import replacing, write_atomic


def test_the_content_is_replaced_and_nothing_is_left_beside(tmp_path: Path):
    path = tmp_path / "status.json"
    write_atomic(path, "old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]


def test_a_disk_that_refuses_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "status.json"
    write_atomic(path, "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]


def test_a_block_that_fails_leaves_the_old_content(tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="half"), replacing(path) as fresh:  # noqa: PT012 - the block is what fails
        fresh.write_text("new, ha")
        raise ValueError("half of it")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_several_threads_write_one_file_and_every_reader_sees_one_of_the_contents_whole(tmp_path: Path):
    path = tmp_path / "status.json"
    contents = [str(n) * 50_000 for n in range(4)]
    write_atomic(path, contents[0])
    writers = [
        threading.Thread(target=lambda c=content: [write_atomic(path, c, durable=False) for _ in range(50)])
        for content in contents
    ]
    for writer in writers:
        writer.start()
    seen = [path.read_text() for _ in range(100)]
    for writer in writers:
        writer.join()
    assert set(seen) <= set(contents)


def test_the_permissions_are_those_of_any_new_file(tmp_path: Path):
    write_atomic(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
