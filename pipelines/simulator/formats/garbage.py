"""Garbage: signed payloads that no platform sends. Every one must be rejected, and none may stop the stream."""

from pipelines.simulator.actions import Action

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


def payload(action: Action) -> bytes:
    """Return the body for an action: not JSON, cut off, or of a shape that the platform never sends."""
    shapes = _SHAPES[action.platform]
    return shapes[action.number % len(shapes)] % action.number


def event_id(action: Action) -> str:
    """Return the id of garbage that comes as a CloudEvent."""
    return f"garbage-{action.number}"
