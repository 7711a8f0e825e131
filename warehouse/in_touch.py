"""In touch: how it was seen that a member is in touch with others, for one window. Numbers of people, never who they are."""

import duckdb

_HOW = """
with span as (
    select community, cast(window_start as date) as since, cast(window_end as date) as until,
        chat_turns, chance_times, meeting_turns, together_meetings
    from core.windows
    join core.parameters using (community)
    where community = $community and window_end = $window_end
), acts as (
    select if(ties.member = $member, to_member, ties.member) as other, ties.member = $member as own,
        by_answer, by_thread, by_name, by_page
    from core.ties
    join span using (community)
    where $member in (ties.member, to_member) and week >= since and week < until
), turns as (
    select if(member = $member, other, member) as other, medium, times, expected_millionths, span.*
    from core.turn_taking
    join span using (community)
    where $member in (member, other) and week >= since and week < until
), seen as (
    select other, unnest([
        if(bool_or(by_answer), 'answers that the platform names, reactions and thanks', null),
        if(bool_or(by_thread), 'speaking next in a thread', null),
        if(bool_or(by_name), 'naming one another', null),
        if(bool_or(by_page), 'editing the same pages', null)
    ]) as how
    from acts
    group by other
    having bool_or(own) and not bool_and(own)
    union all
    select other, if(medium = 'chat', 'taking turns in chat', 'taking turns in meetings')
    from turns
    group by other, medium
    having if(
        medium = 'chat',
        sum(times) >= any_value(chat_turns) and 1e6 * sum(times) >= any_value(chance_times) * sum(expected_millionths),
        sum(times) >= any_value(meeting_turns)
    )
    union all
    select if(member = $member, other, member), 'being at small meetings together'
    from core.together
    join span using (community)
    where $member in (member, other) and week >= since and week < until
    group by all
    having sum(meetings) >= any_value(together_meetings)
)
select how, count(*) as people from seen where how is not null group by how order by people desc, how
"""


def how_seen(con: duckdb.DuckDBPyConnection, community: str, member: str, window_end: object) -> tuple[tuple[str, int], ...]:
    """Return (how, with how many people), the most first. One person may be counted for several ways."""
    given = {"community": community, "member": member, "window_end": window_end}
    return tuple((str(how), int(people)) for how, people in con.execute(_HOW, given).fetchall())
