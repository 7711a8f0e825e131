"""Meetings: who attends the meetings of a community, and what happens in one of them."""

from pipelines.simulator.actions import Kind, Meeting
from pipelines.simulator.calendar import DAY_MS, HOUR_MS, MINUTE_MS
from pipelines.simulator.population import Pattern, Person
from pipelines.simulator.week import Week

FACILITATOR_SEATS = 2
"""The members of the core in seats 0 and 1 facilitate."""
MEETING_SEATS = 12
"""Members of the core per meeting."""
ATTENDANCE = {
    Pattern.CORE: 0.85,
    Pattern.ACTIVE: 0.7,
    Pattern.EASING: 0.5,
    Pattern.OCCASIONAL: 0.3,
    Pattern.NEWCOMER: 0.25,
    Pattern.PERIPHERAL: 0.8,
}
_LEAVES_EARLY_CHANCE = 0.3
_WAITING_CHANCE = 0.08
_DROPPED_CHANCE = 0.12
_RECORDED_CHANCE = 0.3


def hold_meetings(week: Week, core: list[Person], present: dict[Pattern, list[Person]]) -> None:
    """Add the week's meetings: one, or several at the same time in a large community."""
    rng = week.rng
    hosts = [p for p in core if p.seat < FACILITATOR_SEATS] or core[:1]
    if not hosts:
        return
    groups = max(1, round(len(core) / MEETING_SEATS))
    for group in range(groups):
        host = hosts[group % len(hosts)] if groups == 1 else core[group % len(core)]
        invited = ((core if pattern is Pattern.CORE else present[pattern], chance) for pattern, chance in ATTENDANCE.items())
        guests = [p for people, chance in invited for p in people[group::groups] if p is not host and rng.random() < chance]
        known = [p for p in guests if p.first_ms or p.pattern(week.number) is not Pattern.NEWCOMER]
        _hold(week, host, known, [p for p in guests if p in core])


def _hold(week: Week, host: Person, guests: list[Person], core: list[Person]) -> None:
    rng = week.rng
    begins = week.monday + 3 * DAY_MS + 15 * HOUR_MS + week.community * HOUR_MS - rng.randrange(4 * MINUTE_MS)
    meeting = week.meeting(begins, host)
    meeting.ends = begins + 52 * MINUTE_MS + rng.randrange(20 * MINUTE_MS)
    _add(week, meeting, begins, Kind.STARTED, host)
    _add(week, meeting, begins + 3_000, Kind.JOINED, host)
    _add(week, meeting, meeting.ends - 2_000, Kind.LEFT, host)
    for guest in guests:
        _attend(week, meeting, guest)
    for presenter in core[:1]:
        shares = begins + 11 * MINUTE_MS + rng.randrange(5 * MINUTE_MS)
        _add(week, meeting, shares, Kind.SHARE, presenter)
        _add(week, meeting, shares + 12 * MINUTE_MS, Kind.UNSHARE, presenter)
    speakers = [host, *core]
    for _ in range(rng.randint(3, 9)):
        at = begins + 10 * MINUTE_MS + rng.randrange(40 * MINUTE_MS)
        _add(week, meeting, at, Kind.MEETING_CHAT, rng.choice(speakers))
    _add(week, meeting, meeting.ends, Kind.ENDED, host)
    if rng.random() < _RECORDED_CHANCE:
        _add(week, meeting, meeting.ends + 14 * MINUTE_MS, Kind.RECORDED, host)


def _attend(week: Week, meeting: Meeting, guest: Person) -> None:
    rng = week.rng
    joined = meeting.starts + 20_000 + rng.randrange(9 * MINUTE_MS)
    left = meeting.ends - 5_000 - (rng.randrange(20 * MINUTE_MS) if rng.random() < _LEAVES_EARLY_CHANCE else 0)
    if rng.random() < _WAITING_CHANCE:
        _add(week, meeting, joined - 9_000, Kind.WAITING, guest)
    _add(week, meeting, joined, Kind.JOINED, guest)
    if rng.random() < _DROPPED_CHANCE:  # the connection drops and comes back
        dropped = joined + rng.randrange(5 * MINUTE_MS, 20 * MINUTE_MS)
        _add(week, meeting, dropped, Kind.LEFT, guest)
        _add(week, meeting, dropped + 15_000 + rng.randrange(2 * MINUTE_MS), Kind.JOINED, guest)
    _add(week, meeting, left, Kind.LEFT, guest)


def _add(week: Week, meeting: Meeting, at: int, kind: Kind, who: Person) -> None:
    # Zoom's times have whole seconds.
    week.add(at // 1000 * 1000, kind, who, platform="zoom").ref = meeting
