"""Chance: how many ties each rule finds in a window, and how many it would find if the same acts were by other people.

What a platform names (an answer, a thread, somebody by name) is not by chance. Of every other rule, who did what is drawn again
among the same acts: within a channel and day, within a meeting, within a week of edits, among the meetings of the window. The
seed is fixed, so that every run prints the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from warehouse.build.catalog import catalog

DRAWS = 20
SEED = 20190107
MOST_BY_CHANCE = 1 / 4
"""In chat without threads, the share of the ties that may be by chance."""

# `slots` holds one row per act: who (`member`), in what order (`place`), and `part`, within which the people are drawn again.
_ALTERNATING = """
with runs as (
    select * from slots qualify member is distinct from lag(member) over (partition by conversation order by place)
), story as (
    select member, lag(member) over talk as between_member, lag(member, 2) over talk = member as comes_back
    from runs
    window talk as (partition by conversation order by place)
), pairs as (
    select least(member, between_member) as one, greatest(member, between_member) as two, count(*) as times
    from story
    where comes_back and member <> '' and between_member <> ''
    group by all
)
"""
_CHAT_AGAIN = f"""{_ALTERNATING}, days as (
    select part, member, count(*) as own, sum(count(*)) over (partition by part) as total from slots group by part, member
), expected as (
    select pairs.one, pairs.two, pairs.times, sum(expected_turns(a.own, b.own, a.total)) as by_chance
    from pairs
    join days as a on a.member = pairs.one
    join days as b on b.member = pairs.two and b.part = a.part
    where pairs.times >= $chat_turns
    group by all
)
select count(*) from expected where times >= $chance_times * by_chance
"""
_MEETINGS_AGAIN = f"{_ALTERNATING} select count(*) from pairs where times >= $meeting_turns"
_TURNS = """
select member, {part} as part, conversation, row_number() over (order by occurred_at, event_id) as place
from ({turns})
where community = $community and medium = '{medium}' and week >= $since and week < $until
order by place
"""
_TAKEN = """
select count(*) from (
    select member, other from core.turn_taking
    where community = $community and medium = '{medium}' and week >= $since and week < $until
    group by all having {having}
)
"""
_TOGETHER = """
select attendance.member, 1 as part, occurrence as conversation,
    row_number() over (order by attendance.first_at, attendance.member) as place,
    attendance.first_at, attendance.last_at, minutes,
    $together_share * (epoch(ended_at) - epoch(started_at)) as enough
from core.attendance
join core.meetings using (community, occurrence)
where community = $community and attendance.week >= $since and attendance.week < $until and attendees <= $together_people
    and occurrence not in (select conversation from ({turns}) where community = $community and medium = 'meeting')
order by place
"""
_TOGETHER_AGAIN = """
with there as (select * from slots where minutes is null or enough is null or minutes * 60 >= enough), pairs as (
    select one.member, other.member as other, count(distinct one.conversation) as meetings
    from there as one
    join there as other on other.conversation = one.conversation and other.member > one.member
    where one.minutes is null or other.minutes is null or one.enough is null
        or epoch(least(one.last_at, other.last_at)) - epoch(greatest(one.first_at, other.first_at)) >= one.enough
    group by all
)
select count(*) from pairs where meetings >= $together_meetings
"""
_WAS_TOGETHER = """
select count(*) from (
    select member, other from core.together where community = $community and week >= $since and week < $until
    group by all having sum(meetings) >= $together_meetings
)
"""
_PAGES = """
select member, week as part, object_id as conversation, row_number() over (order by occurred_at, event_id) as place,
    cast(occurred_at as date) as day, week >= $since as within
from core.interactions
where community = $community and medium = 'wiki' and object_kind = 'page' and verb in ('create', 'edit', 'upload')
    and actor_kind = 'human' and member is not null and not reverted and week >= $since - $page_days and week < $until
order by place
"""
_PAGES_AGAIN = """
with acts as (
    select distinct later.member, earlier.member as other
    from slots as later
    join slots as earlier on earlier.conversation = later.conversation and earlier.place < later.place
    where later.within and earlier.member <> later.member and later.day - earlier.day <= $page_days
)
select count(*) from acts as one
join acts as two on two.member = one.other and two.other = one.member where one.member < one.other
"""
_BOTH_WAYS = """
with acts as (
    select distinct member, to_member from core.ties where community = $community and week >= $since and week < $until and {how}
)
select count(*) from acts as one
join acts as two on two.member = one.to_member and two.to_member = one.member where one.member < one.to_member
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a medium: the ties that it found, and the mean number that chance gives; None where chance has no part."""

    medium: str
    rule: str
    ties: int
    by_chance: float | None

    @property
    def unthreaded(self) -> bool:
        """Whether the rule is that of chat without threads."""
        return self.medium == "chat"

    @property
    def share(self) -> float | None:
        """The share of the ties that chance would give; None where there are none."""
        return self.by_chance / self.ties if self.by_chance is not None and self.ties else None


def ties_by_chance(con: duckdb.DuckDBPyConnection, community: str, at: datetime, *, draws: int = DRAWS) -> tuple[Rule, ...]:
    """The rules at an evaluation (naive UTC), over its window; without draws only the ties.

    The macros of the warehouse have to be in use.
    """
    turns = next(model.code for model in catalog() if model.table == "core.turns")
    names = "chat_turns, chance_times, meeting_turns, together_meetings, together_people, together_share, page_days"
    row = con.execute(
        f"""
        select cast(window_start as date) as since, cast(window_end as date) as until, {names}
        from core.windows join core.parameters using (community) where community = ? and window_end = ?
        """,
        [community, at],
    )
    columns = [column[0] for column in row.description or ()]
    given = dict(zip(columns, row.fetchone() or (), strict=True)) | {"community": community}
    found = [
        Rule(medium, rule, _number(con, _BOTH_WAYS.format(how=how), given), None)
        for medium, rule, how in (
            ("every", "answers that the platform names, reactions and thanks", "by_answer"),
            ("every", "named", "by_name"),
            ("chat and wiki", "next in a thread", "by_thread"),
        )
    ]
    chat = "sum(times) >= $chat_turns and 1e6 * sum(times) >= $chance_times * sum(expected_millionths)"
    for medium, rule, taken, slots, again in (
        ("chat", "taking turns without threads", _TAKEN.format(medium="chat", having=chat),
         _TURNS.format(turns=turns, medium="chat", part="concat(space, ' ', day)"), _CHAT_AGAIN),
        ("meeting", "taking turns", _TAKEN.format(medium="meeting", having="sum(times) >= $meeting_turns"),
         _TURNS.format(turns=turns, medium="meeting", part="conversation"), _MEETINGS_AGAIN),
        ("meeting", "together, where only attendance is seen", _WAS_TOGETHER, _TOGETHER.format(turns=turns), _TOGETHER_AGAIN),
        ("wiki", "a page after one another", _BOTH_WAYS.format(how="by_page"), _PAGES, _PAGES_AGAIN),
    ):  # fmt: skip
        found.append(Rule(medium, rule, _number(con, taken, given), _by_chance(con, slots, again, given, draws)))
    return tuple(found)


def _by_chance(con: duckdb.DuckDBPyConnection, slots: str, again: str, given: Mapping[str, object], draws: int) -> float | None:
    """The mean number of ties where the people of each part are drawn again; None without draws."""
    if not draws:
        return None
    table = con.execute(slots, _used(slots, given)).to_arrow_table()
    who = np.array(table["member"].to_pylist(), dtype=object)
    part = np.unique(np.array([str(value) for value in table["part"].to_pylist()]), return_inverse=True)[1]
    random, counts = np.random.default_rng(SEED), []
    in_parts = np.argsort(part, kind="stable")
    for _ in range(draws if len(who) else 0):
        drawn = np.empty_like(who)
        drawn[in_parts] = who[np.lexsort((random.random(len(who)), part))]
        members = pa.array(drawn.tolist(), pa.string())
        con.register("slots", table.set_column(table.column_names.index("member"), "member", members))
        counts.append(_number(con, again, given))
        con.unregister("slots")
    return float(np.mean(counts)) if counts else 0.0


def _number(con: duckdb.DuckDBPyConnection, query: str, given: Mapping[str, object]) -> int:
    row = con.execute(query, _used(query, given)).fetchone()
    return int(row[0]) if row else 0


def _used(query: str, given: Mapping[str, object]) -> dict[str, object]:
    """Only the values that a query names: DuckDB refuses others."""
    return {name: value for name, value in given.items() if f"${name}" in query}
