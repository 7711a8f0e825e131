"""Jitsi's own: the token, visits of one meeting over several hours, lost posts, breakout rooms that report a leaving twice."""

import json
from datetime import UTC, datetime

from pipelines.connector import Accept, ImportOptions, Refuse, Request
from pipelines.platforms.jitsi.export import read_posts
from pipelines.platforms.jitsi.webhook import sign, verify
from tests.cases.installation import SETTINGS, Installation

T = 1_788_771_600
NOW = datetime(2026, 9, 20, tzinfo=UTC)


def post(name: str, breakout: str | None = None, **more) -> dict:
    room = {
        "event_name": name,
        "room_name": "beds",
        "room_jid": "beds@conference.meet.example.org",
        "is_breakout": bool(breakout),
    }
    return room | ({"breakout_room_id": breakout} if breakout else {}) | more


def occupant(who: str, joined: int, left: int | None = None, line: str = "") -> dict:
    found = {
        "id": f"u-{who}",
        "name": who.title(),
        "occupant_jid": f"x@meet.example.org/{line or who}",
        "joined_at": T + joined * 60,
    }
    return found | ({"left_at": T + left * 60} if left is not None else {})


def posted(tmp_path, *posts: dict) -> Installation:
    made = Installation(tmp_path, SETTINGS.format(platform="jitsi"))
    for one in posts:
        assert made.post("jitsi", json.dumps(one).encode(), now=NOW) == 200
    made.refresh(NOW)
    return made


def test_the_token_is_needed():
    good = sign(b"{}", "secret", 0)
    assert verify(Request("POST", "/hooks/jitsi/main/events/room/created", good, b"{}"), ("other", "secret"), 0) == Accept(
        "jitsi.event"
    )
    for headers, secrets in ((good, ("other",)), (good, ()), ({}, ("secret",)), ({"authorization": "Bearer "}, ("",))):
        assert isinstance(verify(Request("POST", "/hooks/jitsi/main", headers, b"{}"), secrets, 0), Refuse)


def test_a_meeting_over_hours_is_one_and_breakout_rooms_are_part_of_it(tmp_path):
    made = posted(
        tmp_path,
        post("muc-room-created", created_at=T),
        post("muc-occupant-joined", occupant=occupant("rosa", 0)),
        post("muc-occupant-joined", occupant=occupant("abel", 55)),
        post("muc-occupant-left", occupant=occupant("abel", 55, 70)),
        post("muc-occupant-joined", breakout="b-1", occupant=occupant("abel", 70)),
        post("muc-occupant-left", breakout="b-1", occupant=occupant("abel", 70, 80)),
        post("muc-occupant-left", breakout="b-1", occupant=occupant("abel", 70, 80)),
        post("muc-occupant-left", occupant=occupant("rosa", 0, 90)),
        post("muc-room-destroyed", created_at=T, destroyed_at=T + 5400, all_occupants=[occupant("rosa", 0, 90)]),
    )
    assert made.rows("select count(*), any_value(attendees) from core.meetings") == [(1, 2)]
    assert made.rows("select minutes from core.attendance order by 1") == [(25,), (90,)]
    assert made.one("select count(*) from core.interactions where has_conflict") == 0
    made.close()


def test_what_was_lost_is_in_the_last_post_and_counts_once(tmp_path):
    everybody = [occupant("rosa", 0, 60), occupant("abel", 10, 30), occupant("ghost", 20)]
    made = posted(
        tmp_path,
        post("muc-occupant-joined", occupant=occupant("rosa", 0)),
        post("muc-room-destroyed", created_at=T, destroyed_at=T + 3600, all_occupants=everybody),
    )
    assert made.rows("select minutes from core.attendance order by 1") == [(20,), (40,), (60,)]
    assert made.one("select count(*) from core.interactions where verb = 'attend'") == 6
    made.close()


def test_two_meetings_of_one_day_are_two(tmp_path):
    made = posted(
        tmp_path,
        *(post("muc-occupant-joined", occupant=occupant("rosa", start, line=f"l{start}")) for start in (0, 180)),
        *(post("muc-occupant-left", occupant=occupant("rosa", start, start + 30, line=f"l{start}")) for start in (0, 180)),
    )
    assert made.one("select count(*) from core.meetings") == 2
    made.close()


def test_stored_posts_are_read_and_noise_is_rejected(tmp_path):
    lines = [
        json.dumps(post("muc-room-created", created_at=T)),
        "2026-09-07 INFO " + json.dumps(post("muc-other")),
        "noise",
        '{"a": 1}',
    ]
    (tmp_path / "posts.log").write_text("\n".join(lines))
    found = list(read_posts(tmp_path / "posts.log", ImportOptions()))
    assert [one.fault is None for one in found] == [True, True, False, False]
    assert found[0].tenant == "meet.example.org"
