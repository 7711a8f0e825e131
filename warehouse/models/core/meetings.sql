/*
summary: Meetings that took place, by series, with when they began and ended and how many came. Closed weeks.
grain: [community, occurrence]
reads: [core.attendance, core.interactions]
columns:
  community: the community
  series: the meeting series
  occurrence: the one meeting
  started_at: when it began, by its host's word, else by the first sign of anybody, naive UTC
  ended_at: when it ended, by its host's word, else by the last sign of anybody, naive UTC
  week: number of the Monday of the week in which it began
  attendees: people who were there
  speakers: people who spoke, presented or hosted
  hosts: people who hosted it
checks:
  - name: order
    says: No meeting ends before it begins.
    sql: select occurrence from {table} where ended_at < started_at
*/
with signs as (
    select interactions.*
    from core.interactions
    join building using (community)
    where interactions.week < week_of(building.as_of)
        and interactions.medium = 'meeting'
        and interactions.object_kind = 'meeting'
        and not interactions.reverted
        and (interactions.is_contribution or is_attendance(interactions.verb))
), held as (
    select
        community,
        object_id as occurrence,
        arg_min(space, (occurred_at, event_id)) as series,
        coalesce(
            min(started_at) filter (verb = 'host'), min(least(occurred_at, started_at, ended_at))
        ) as started_at,
        max(ended_at) filter (verb = 'host') as host_ended_at,
        max(greatest(occurred_at, started_at, ended_at)) as last_sign_at
    from signs
    group by all
), came as (
    select
        community,
        occurrence,
        count(*) as attendees,
        count(*) filter (spoke or hosted) as speakers,
        count(*) filter (hosted) as hosts
    from core.attendance
    group by all
)
select
    held.community,
    held.series,
    held.occurrence,
    held.started_at,
    greatest(held.started_at, coalesce(held.host_ended_at, held.last_sign_at)) as ended_at,
    week_of(held.started_at) as week,
    coalesce(came.attendees, 0) as attendees,
    coalesce(came.speakers, 0) as speakers,
    coalesce(came.hosts, 0) as hosts
from held
left join came using (community, occurrence)
