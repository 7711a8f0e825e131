/*
summary: The pieces of each meeting. A series holds meetings, and a meeting is one piece or several, as when the host's line drops and the platform begins again. Closed weeks.
grain: [community, piece]
reads: [core.interactions, landing.communities]
columns:
  community: the community
  series: the meeting series
  occurrence: the one meeting, named by its first piece
  piece: what the platform takes for a meeting
  started_at: when the piece began, by the platform or its host, else by the first sign of anybody, naive UTC
  start_stated: whether the platform or its host states the beginning
  ended_at: when it ended, by the platform or its host, naive UTC; absent where nobody states it
  last_at: last sign of anybody in it, naive UTC
  week: Monday of the week in which the meeting began, in the community's time zone
caveats:
  - Pieces of one series are one meeting where less than 30 minutes lie between them.
  - Of a meeting that runs into the open week, what happens in that week is in the tables when it closes.
*/
with params as (
    select interval 30 minute as same_meeting_within
), pieces as (
    select
        community,
        object_id as piece,
        arg_min(space, (occurred_at, event_id)) as series,
        coalesce(min(started_at) filter (verb = 'host'), min(meeting_started_at)) as stated_at,
        min(least(occurred_at, started_at, ended_at)) as first_at,
        max(ended_at) filter (verb = 'host') as ended_at,
        max(greatest(occurred_at, started_at, ended_at)) as last_at
    from core.interactions
    join building using (community)
    where medium = 'meeting'
        and object_kind = 'meeting'
        and not reverted
        and interactions.week < week_of(as_of)
        and (is_contribution(verb) or is_attendance(verb))
    group by all
), timed as (
    select
        * exclude (stated_at, first_at),
        coalesce(stated_at, first_at) as started_at,
        stated_at is not null as start_stated,
        greatest(ended_at, last_at) as quiet_from
    from pieces
), cut as (
    select
        *,
        coalesce(started_at >= params.same_meeting_within + max(quiet_from) over (
            partition by community, series order by started_at, piece rows between unbounded preceding and 1 preceding
        ), true) as begins
    from timed
    cross join params
), counted as (
    select *, sum(cast(begins as integer)) over (partition by community, series order by started_at, piece) as number
    from cut
), named as (
    select
        *,
        first_value(piece) over meeting as occurrence,
        first_value(started_at) over meeting as meeting_at
    from counted
    window meeting as (partition by community, series, number order by started_at, piece)
)
select
    named.community,
    named.series,
    named.occurrence,
    named.piece,
    named.started_at,
    named.start_stated,
    named.ended_at,
    named.last_at,
    week_of(timezone(coalesce(communities.time_zone, 'UTC'), timezone('UTC', named.meeting_at))) as week
from named
join building using (community)
left join landing.communities using (community)
where week_of(timezone(coalesce(communities.time_zone, 'UTC'), timezone('UTC', named.meeting_at))) < week_of(building.as_of)
