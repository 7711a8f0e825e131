"""Oracle: levels as the prose defines them, one date at a time, straight from the interactions. Slow, plain, and written differently on purpose.

The SQL looks at one evaluation only and counts with `count(distinct …)` over interactions; the fold is a Python function about
one member. Nothing here is shared with warehouse/models/levels or warehouse/models/levels/evaluations.py.
"""

from dataclasses import dataclass

ORDER = ["not seen", "insufficient", "departed", "dormant", "transactional", "peripheral", "occasional", "active", "core"]
RANK = {level: rank for rank, level in enumerate(ORDER)}

AT_ONE_DATE = """
with w as (
    select *, window_weeks * 7 as days, greatest(364, 14 * window_weeks) as lookback_days
    from core.windows where window_end = $at
), ev as (
    select i.community, i.member, i.event_id, coalesce(p.week, i.week) as week, i.occurred_at, i.verb, i.object_id, i.mentions, i.medium,
           i.is_contribution and not i.reverted as c, i.verb in ('react', 'thank', 'view', 'download') as present
    from core.interactions i join w using (community)
    left join core.meeting_pieces p on p.community = i.community and p.piece = if(i.medium = 'meeting', i.object_id, null)
    where (i.is_contribution or i.verb <> 'host') and i.occurred_at < w.window_end and i.actor_kind = 'human' and i.member is not null and i.verb not in ('revert', 'moderate')
      and i.verb <> 'attend'
    union all
    select a.community, a.member, null, a.week, a.first_at, 'attend', a.occurrence, [], 'meeting', false, true
    from core.attendance a join w using (community) where a.week < w.week
), inside as (
    select ev.*, (w.week - 1 - ev.week) // w.beat_weeks as beat
    from ev join w using (community) where ev.week >= w.week - w.window_weeks
), live as (
    select community, beat from inside where c or verb = 'attend' group by all having count(distinct member) >= 3
    intersect
    select community, beat from core.beats join w using (community, window_end) where counted
), alive as (select community, count(*) as alive from live group by all),
held as (
    select b.community, bool_or(b.beat = 0 and paused) or 2 * count(*) filter (paused) > any_value(w.n_beats) as held
    from (select *, not counted and from_week >= (select min(week) from core.interactions i where i.community = beats.community) as paused
          from core.beats) b join w using (community, window_end) group by all
), size as (
    select i.community, count(distinct i.member) filter (i.c or i.verb = 'attend') as a,
           2 * count(distinct i.member) filter (i.c or (i.verb = 'attend' and m.attendees <= 25)) >= a as ties_seen,
           2 * count(distinct i.member) filter (i.c and i.medium in ('chat', 'wiki')) >= a as help_seen
    from inside i left join core.meetings m on m.community = i.community and m.occurrence = i.object_id group by all
),
acts as (
    select r.community, r.member, r.to_member from core.replies r join w using (community)
    where r.week >= w.week - w.window_weeks and r.week < w.week
      and (r.explicit or not exists (
          select 1 from core.unanswered u
          where u.community = r.community and u.week = r.week and u.member in (r.member, r.to_member)
      ))
    union
    select m.community, m.member, m.to_member
    from (select community, member, unnest(mentions) as to_member from inside where c) m
    join core.first_seen f on f.community = m.community and f.member = m.to_member and f.actor_kind = 'human'
    where m.member <> m.to_member
    union
    select p.community, p.member, p.to_member from core.page_turns p join w using (community)
    where p.week >= w.week - w.window_weeks and p.week < w.week
), turns as (
    select t.community, t.medium, t.member, t.other, sum(times) as n, sum(expected_millionths) / 1e6 as chance,
           sum(member_between) as one, sum(other_between) as two
    from core.turn_taking t join w using (community) where t.week >= w.week - w.window_weeks and t.week < w.week group by all
), took as (
    select * from turns where (medium = 'chat' and n >= 3 and n >= 2 * chance) or (medium = 'meeting' and n >= 1)
), met as (
    select t.community, t.member, t.other from core.together t join w using (community)
    where t.week >= w.week - w.window_weeks and t.week < w.week group by all having sum(meetings) >= 3
), touch as (
    select x.community, x.member, x.to_member as other
    from acts x join acts y on x.community = y.community and x.member = y.to_member and x.to_member = y.member
    union select community, member, other from took union select community, other, member from took
    union select community, member, other from met union select community, other, member from met
), mutual as (select community, member, count(distinct other) as t from touch group by all), helped as (
    select community, member, count(distinct other) as h from (
        select c.community, c.member, t.starter as other
        from core.conversations c join core.threads t using (community, thread_id) join w using (community)
        where c.week >= w.week - w.window_weeks and c.week < w.week and c.actor_kind = 'human' and t.starter_kind = 'human'
          and (t.medium = 'wiki' or not t.inferred)
        union all
        select e.community, e.member, p.creator
        from inside e join core.pages p on p.community = e.community and p.page = e.object_id
        where e.verb = 'edit' and e.medium = 'wiki' and e.c and p.creator_kind = 'human'
        union all
        select h.community, h.member, h.helped from core.helps h join w using (community)
        where h.week >= w.week - w.window_weeks and h.week < w.week and (h.by_answer or h.in_meeting)
        union all
        select community, member, other from took where medium = 'chat' and one > 0
        union all
        select community, other, member from took where medium = 'chat' and two > 0
    ) where member <> other group by all
), member_of as (
    select community, member, arg_max(verb, (occurred_at, event_id)) = 'join' as member_now, max(week) filter (verb = 'leave') as left_week
    from ev where verb in ('join', 'leave') group by all
), person as (
    select ev.community, ev.member,
           max(ev.week) as last_week,
           max(ev.week) filter (ev.verb <> 'leave') as last_event_week,
           coalesce(bool_or(ev.week >= w.week - w.window_weeks) filter (ev.verb <> 'leave'), false) as in_window,
           count(*) filter (c and ev.week >= w.week - w.window_weeks) as contributions,
           count(distinct (w.week - 1 - ev.week) // w.beat_weeks) filter (c and ev.week >= w.week - 52) as year_beats,
           min(ev.week) filter (c and ev.week >= w.week - w.window_weeks) as c_first,
           max(ev.week) filter (c and ev.week < w.week - w.window_weeks) as c_before,
           count(distinct (w.week - 1 - ev.week) // w.beat_weeks) filter ((c or present or ev.verb = 'attend') and ev.week >= w.week - w.window_weeks) as came_beats,
           max(ev.week) filter ((c or present or ev.verb = 'attend') and ev.week < w.week - w.window_weeks) as came_before,
           count(distinct ev.object_id) filter (ev.verb = 'host' and ev.week >= w.week - w.window_weeks) as meetings,
           count(*) filter (ev.verb = 'join' and ev.week >= w.week - w.window_weeks) as joins,
           w.week, w.lookback_days, w.n_beats, w.beat_days, w.window_end, w.days
    from ev join w using (community) group by all
), beats as (
    select i.community, i.member,
           count(distinct i.beat) filter ((i.c or i.verb = 'attend') and live.beat is not null) as r,
           count(distinct i.beat) filter (i.present) as p,
           count(distinct i.beat) filter (i.verb = 'host' and live.beat is not null) as h
    from inside i left join live using (community, beat) group by all
)
select p.*, coalesce(b.r, 0) as r, coalesce(b.p, 0) as present_beats, coalesce(b.h, 0) as hosted_beats,
       coalesce(alive.alive, 0) as alive, coalesce(m.t, 0) as t, coalesce(h.h, 0) as helped, coalesce(size.a, 0) as a, coalesce(size.ties_seen, true) as ties_seen, coalesce(size.help_seen, true) as help_seen,
       coalesce(mo.member_now, false) as explicit,
       coalesce(not mo.member_now and coalesce(p.last_event_week, -1) <= mo.left_week, false) as gone,
       f.first_at, f.joined_at, f.first_event_at, f.may_be_veteran, held.held
from person p
left join beats b using (community, member) left join alive using (community) left join size using (community)
left join mutual m using (community, member) left join helped h using (community, member)
left join member_of mo using (community, member) left join core.first_seen f using (community, member)
left join held using (community)
"""


def signals(con, at):
    """{(community, member): what one evaluation finds}, computed from the events before it."""
    result = con.execute(AT_ONE_DATE, {"at": at})
    names = [column[0] for column in result.description]
    return {
        (row["community"], row["member"]): judged(row) for row in (dict(zip(names, r, strict=True)) for r in result.fetchall())
    }


def judged(x):
    """The rules of metrics.md §3.2 for one member at one date."""
    star = max(2, min(5, -(-(x["a"] - 1) // 4)))
    since = next(
        (
            moment
            for moment in (x["first_at"], x["joined_at"], x["first_event_at"])
            if moment is not None and moment < x["window_end"]
        ),
        None,
    )
    tenured = since is not None and (x["window_end"] - since).total_seconds() >= max(x["days"], 28) * 86400
    r = x["r"] / x["alive"] if x["alive"] else 0
    hosts = x["hosted_beats"] > 0 and x["hosted_beats"] >= x["alive"] / 3
    near = 1e-9
    ties_for = lambda bar: not x["ties_seen"] or x["t"] >= bar - near  # noqa: E731
    helps_for = lambda bar: not x["help_seen"] or x["helped"] >= bar - near or hosts  # noqa: E731
    again = x["came_beats"] >= 2 or (x["came_beats"] and x["came_before"] is not None and x["week"] - x["came_before"] <= 52)
    lapsed = 7 * (x["week"] - x["last_week"]) > x["lookback_days"]
    if x["gone"]:
        target = "gone"
    elif lapsed:
        target = "silent"
    elif x["alive"] < 3:
        target = "insufficient"
    elif not x["in_window"]:
        target = "silent"
    elif r >= 2 / 3 - near and ties_for(star) and helps_for(star) and tenured:
        target = "core"
    elif r >= 1 / 3 - near and ties_for(min(2, x["a"] - 1)):
        target = "active"
    elif x["contributions"] and (x["year_beats"] >= 2 or x["explicit"]):
        target = "occasional"
    elif not tenured or x["explicit"] or again:
        target = "peripheral"
    else:
        target = "transactional"
    judges = x["alive"] >= 3 and x["in_window"] and not x["gone"]
    return {
        "target": target,
        "stay_core": judges and r >= 1 / 2 and ties_for(0.6 * star) and helps_for(0.6 * star),
        "stay_active": judges and r >= 1 / 4 and ties_for(1),
        "explicit": x["explicit"],
        "lapsed": lapsed,
        "lately": 7 * (x["week"] - x["last_week"]) <= 2 * x["days"],
        "comes_back": bool(x["explicit"] or again),
        "held": x["held"],
        "long": x["beat_days"] >= 28,
        "week": x["week"],
        "lookback": x["lookback_days"] // 7,
        "seen": not lapsed,
        "shown": {
            "contributions": x["contributions"],
            "beats_active": x["r"],
            "beats_alive": x["alive"],
            "ties": x["t"] if x["in_window"] else 0,
            "helped": x["helped"] if x["in_window"] else 0,
            "bar_core_people": star,
            "explicit": x["explicit"],
            "newcomer": not tenured and not x["may_be_veteran"],
            "returning": x["c_first"] is not None
            and x["c_before"] is not None
            and 7 * (x["c_first"] - x["c_before"] - 1) >= x["days"],
            "facilitator": x["meetings"] >= 2,
        },
    }


@dataclass(frozen=True)
class Memory:
    """What is remembered of one member."""

    level: str = "not seen"
    misses: int = 0
    last_target: str = "not seen"
    engaged: int | None = None


def step(memory, now):  # noqa: C901 - a state machine, written in one piece
    """One evaluation more of one member: the state machine of §3.2 with the corrections of §11. Returns (memory, target)."""
    level, target = memory.level, now["target"]
    needed_up, needed_down = (1, 2) if now["long"] else (2, 4)
    if target == "gone":
        target = "departed"
    elif target == "silent":
        lately = memory.engaged is not None and now["week"] - memory.engaged <= now["lookback"]
        if now["lapsed"]:
            target = "departed" if now["explicit"] or memory.engaged is not None else "not seen"
        else:
            target = "dormant" if now["explicit"] or lately else "transactional" if now["lately"] else "not seen"

    def becomes(new, misses=0):
        known = RANK[new] >= RANK["occasional"] or (new == "peripheral" and now["comes_back"])
        engaged = now["week"] if known else memory.engaged
        return Memory(new, misses, target, engaged), target

    wanted = target
    if level == "core" and now["stay_core"]:
        wanted = "core"
    elif level in ("core", "active") and now["stay_active"] and RANK[target] < RANK["active"]:
        wanted = "active"

    if wanted == level:
        return becomes(level)
    if RANK[wanted] > RANK[level]:
        if RANK[wanted] <= RANK["occasional"]:
            return becomes(wanted)
        sure = wanted if needed_up == 1 else min(wanted, memory.last_target, key=RANK.get)
        return becomes(max(level, "occasional", sure, key=RANK.get))
    if now["target"] == "gone":
        return becomes("departed")
    if now["held"]:
        return becomes(level, memory.misses)
    if wanted == "insufficient" or RANK[level] <= RANK["occasional"]:
        return becomes(wanted)
    misses = memory.misses + 1
    return becomes(wanted) if misses >= needed_down else becomes(level, misses)


def evaluations(con, dates):
    """{(community, window_end, member): (level, target, misses, shown)} by a loop over dates and members."""
    memories, had, levels = {}, {}, {}
    at_once = {at: signals(con, at) for at in {at for _, at in dates}}
    for community, at in dates:
        now = {who: found for who, found in at_once[at].items() if who[0] == community}
        present = {}
        for who, found in now.items():
            before = had.get(community, {}).get(who)
            if not (found["seen"] or found["explicit"] or before == "seen"):
                continue
            memory = memories[who] if before is not None else Memory()
            memories[who], target = step(memory, found)
            levels[community, at, who[1]] = (memories[who].level, target, memories[who].misses, found["shown"])
            present[who] = "seen" if found["seen"] else "kept"
        had[community] = present
    return levels
