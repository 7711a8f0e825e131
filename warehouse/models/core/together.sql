/*
summary: Who was together with whom in how many small meetings of a week, where a meeting shows only who was there.
grain: [community, member, other, week]
reads: [core.attendance, core.meetings, core.parameters, core.turns]
columns:
  community: the community
  member: one of the pair, whose pseudonym comes first
  other: the other one
  week: Monday of the week in which the meetings began
  meetings: meetings of which both were there for half, at the same time
caveats:
  - Only meetings of at most core.parameters.together_people people, in which no turn of anybody is seen; where turns are seen, they tell who was in touch.
  - Whose minutes are unknown was there for all of it.
checks:
  - name: order
    rule: Nobody is together with themselves, and each pair is named in one order.
    sql: select member from {table} where member >= other
*/
with small as (
    select
        meetings.community,
        meetings.occurrence,
        meetings.week,
        together_share * (epoch(ended_at) - epoch(started_at)) as enough
    from core.meetings
    join core.parameters using (community)
    where attendees <= together_people
        and (community, occurrence) not in (select (community, conversation) from core.turns where medium = 'meeting')
), there as (
    select
        small.*,
        attendance.member,
        minutes is null or enough is null as always,
        epoch(first_at) as from_at,
        epoch(last_at) as to_at
    from core.attendance
    join small using (community, occurrence)
    where minutes is null or enough is null or minutes * 60 >= enough
)
select one.community, one.member, other.member as other, one.week, cast(count(*) as integer) as meetings
from there as one
join there as other
    on other.community = one.community and other.occurrence = one.occurrence and other.member > one.member
where one.always or other.always or least(one.to_at, other.to_at) - greatest(one.from_at, other.from_at) >= one.enough
group by all
