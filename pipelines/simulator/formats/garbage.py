"""Garbage: what no platform should send, signed all the same. Every piece must be rejected, and none may stop anything."""

from pipelines.simulator.actions import Deed

_SHAPES = {
    "slack": (
        b'{"type":"event_callback","team_id":"T1","event":{"type":"message","channel":"C1","ts":"yesterday","n":%d}}',
        b'["event_callback",%d]',
        b'{"type":"event_callback","event":%d',
    ),
    "zoom": (
        b'{"event":"meeting.participant_joined","payload":{"account_id":"A","object":{"id":"1","uuid":"u"}},"n":%d}',
        b"<html><body>502 Bad Gateway %d</body></html>",
        b'{"event":"meeting.started","payload":[%d]}',
    ),
    "mediawiki": (
        b'{"type":"edit","wiki":"w","namespace":0,"n":%d}',
        b"\xff\xfe\x00 %d",
        b'"an edit %d"',
    ),
}


def payload(deed: Deed) -> bytes:
    """Bytes of its own for every deed: not JSON, cut off, or of a shape that the platform never has."""
    shapes = _SHAPES[deed.platform]
    return shapes[deed.number % len(shapes)] % deed.number


def event_id(deed: Deed) -> str:
    """An id for what comes as a CloudEvent."""
    return f"garbage-{deed.number}"
