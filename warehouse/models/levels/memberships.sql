/*
summary: When each member was a declared member, or had left, by the joins and leaves of each week.
grain: [person, week]
materialized: temporary
reads: [core.interactions, levels.calendar, levels.people]
columns:
  person: number of the member
  week: number of the Monday of the week in which the member joined or left; it holds from the next week on
  joined: whether the last act of the week is a join
  until_week: the week up to which it holds, inclusive; that in which the member next joined or left, or the last that is evaluated
*/
select
    people.person,
    acts.week,
    acts.joined,
    -- Never absent: a join on `until_week is null or ...` compares every pair of rows.
    coalesce(lead(acts.week) over (partition by people.person order by acts.week), last_weeks.week) as until_week
from (
    select community, member, week, arg_max(verb, (occurred_at, event_id)) = 'join' as joined
    from core.interactions
    where is_membership(verb) and actor_kind = 'human'
    group by all
) as acts
join levels.people using (community, member)
join (select community, max(week) as week from levels.calendar group by all) as last_weeks using (community)
