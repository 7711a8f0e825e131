/*
summary: Meetings that took place, by series, with when they began and ended and how many came. Closed weeks.
grain: [community, occurrence]
reads: [core.attendance, core.interactions, core.meeting_pieces]
columns:
  community: the community
  series: the meeting series
  occurrence: the one meeting
  pieces: how many pieces the platform made of it
  started_at: when it began, by the platform or its host, else by the first sign of anybody, naive UTC
  ended_at: when it ended, by the platform or its host, else by the last sign where everybody's minutes are known, naive UTC; absent where it is unknown
  week: Monday of the week in which it began, in the community's time zone
  attendees: people who were there, anonymous ones among them
  anonymous: attendees without an account or a name of their own, such as telephones; each connection is one
  unknown_minutes: people whose minutes are unknown
  speakers: people who spoke, presented or hosted
  hosts: people who hosted it
checks:
  - name: order
    rule: No meeting ends before it begins.
    sql: select occurrence from {table} where ended_at < started_at
*/
with held as (
    select
        community,
        series,
        occurrence,
        any_value(week) as week,
        count(*) as pieces,
        min(started_at) as started_at,
        arg_max(ended_at, (started_at, piece)) as ended_at,
        max(last_at) as last_at
    from core.meeting_pieces
    group by all
), came as (
    select
        community,
        occurrence,
        count(*) as attendees,
        count(*) filter (edges > 0 and minutes is null) as unknown_minutes,
        count(*) filter (spoke or hosted) as speakers,
        count(*) filter (hosted) as hosts
    from core.attendance
    group by all
), nameless as (
    select pieces.community, pieces.occurrence, count(distinct interactions.member) as anonymous
    from core.interactions
    join core.meeting_pieces as pieces
        on pieces.community = interactions.community and pieces.piece = interactions.object_id
    where interactions.actor_kind = 'anonymous'
        and not interactions.reverted
        and (interactions.is_contribution or is_attendance(interactions.verb))
    group by all
)
select
    held.community,
    held.series,
    held.occurrence,
    held.pieces,
    held.started_at,
    case
        when held.ended_at is not null then greatest(held.started_at, held.ended_at)
        when coalesce(came.unknown_minutes, 0) = 0 then greatest(held.started_at, held.last_at)
    end as ended_at,
    held.week,
    coalesce(came.attendees, 0) + coalesce(nameless.anonymous, 0) as attendees,
    coalesce(nameless.anonymous, 0) as anonymous,
    coalesce(came.unknown_minutes, 0) as unknown_minutes,
    coalesce(came.speakers, 0) as speakers,
    coalesce(came.hosts, 0) as hosts
from held
left join came using (community, occurrence)
left join nameless using (community, occurrence)
