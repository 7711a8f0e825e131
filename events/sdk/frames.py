"""Frames: how a journal stores its records, so that damaged bytes hide no record behind them.

A frame is the segment's mark, the record's length, a checksum and the record. The checksum covers the mark and the length too.
The mark is random for each segment and part of its file's name: whoever sends a record cannot write a frame into it, and blocks
that a file system returns from another file are no frames of this one.
"""

import secrets
import struct
import zlib
from collections.abc import Iterator

MARK_BYTES = 8
_HEAD = struct.Struct("<II")
"""Follows the mark: the length of the record in bytes, and the CRC-32."""
HEAD_BYTES = MARK_BYTES + _HEAD.size


def new_mark() -> bytes:
    """A mark for a new segment."""
    return secrets.token_bytes(MARK_BYTES)


def framed(mark: bytes, record: bytes) -> bytes:
    """The record as a frame. Raises ValueError for an empty record: zeros on the disk must never look like one."""
    if not record:
        raise ValueError("a record has at least one byte")
    return mark + _HEAD.pack(len(record), _checksum(mark, record)) + record


def unframed(mark: bytes, data: bytes) -> Iterator[tuple[int, bytes | None]]:
    """(position after it, record) for each sound frame; (position after them, None) for bytes that are none."""
    at = 0
    while at < len(data):
        start = at
        while start >= 0 and (record := _record_at(mark, data, start)) is None:
            start = data.find(mark, start + 1)
        if start < 0:
            yield len(data), None
            return
        if start > at:
            yield start, None
        assert record is not None
        at = start + HEAD_BYTES + len(record)
        yield at, record


def _record_at(mark: bytes, data: bytes, at: int) -> bytes | None:
    begin = at + HEAD_BYTES
    if begin > len(data) or data[at : at + MARK_BYTES] != mark:
        return None
    length, checksum = _HEAD.unpack_from(data, at + MARK_BYTES)
    if not length or begin + length > len(data):
        return None
    record = data[begin : begin + length]
    return record if _checksum(mark, record) == checksum else None


def _checksum(mark: bytes, record: bytes) -> int:
    return zlib.crc32(record, zlib.crc32(mark + len(record).to_bytes(4, "little")))
