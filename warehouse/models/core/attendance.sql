/*
summary: Who was at which meeting, and for how long. Fragments, reconnects and edges without their other half are merged; whoever spoke, presented or hosted was there. People only, closed weeks.
grain: [community, occurrence, member]
reads: [core.interactions]
columns:
  community: the community
  series: the meeting series
  occurrence: the one meeting
  member: published pseudonym of who was there
  first_at: first sign of them, naive UTC
  last_at: last sign of them, naive UTC
  week: number of the Monday of the week of the first sign
  minutes: minutes present; absent where nothing tells when they came or went
  edges: joins and leaves seen, from which the minutes are made
  spoke: whether they spoke or presented
  hosted: whether they hosted it
caveats:
  - Between two edges somebody was away only if the first is a leave and the second a join; so two devices, or a join or leave that was lost, take nothing away.
  - A leave without its join counts from the meeting's beginning; a join without its leave until the meeting's end, or its last sign where nobody tells the end.
checks:
  - name: minutes
    says: Nobody is there for less than no time.
    sql: select member from {table} where minutes < 0
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
        coalesce(
            max(ended_at) filter (verb = 'host'), max(greatest(occurred_at, started_at, ended_at))
        ) as ended_at
    from signs
    group by all
), present as (
    select
        community,
        object_id as occurrence,
        member,
        min(least(occurred_at, started_at, ended_at)) as first_at,
        max(greatest(occurred_at, if(verb = 'host', null, started_at), if(verb = 'host', null, ended_at))) as last_at,
        bool_or(verb in ('speak', 'present')) as spoke,
        bool_or(verb = 'host') as hosted
    from signs
    where actor_kind = 'human' and member is not null
    group by all
), edges as (
    -- `covers`: how many stretches known at both ends begin (1) or end (-1) here.
    select community, object_id as occurrence, member, unnest([
        struct_pack(moment := started_at, joins := true, covers := if(ended_at is null, 0, 1)),
        struct_pack(moment := ended_at, joins := false, covers := if(started_at is null, 0, -1))
    ], recursive := true)
    from signs
    where verb = 'attend' and actor_kind = 'human' and member is not null
), ordered as (
    select
        community,
        occurrence,
        member,
        moment,
        joins,
        lead(moment) over in_order as next_moment,
        lead(joins) over in_order as next_joins,
        lag(moment) over in_order is null as is_first,
        sum(covers) over (in_order rows unbounded preceding) as covering
    from edges
    where moment is not null
    -- A leave before a join of the same moment: a reconnection.
    window in_order as (partition by community, occurrence, member order by moment, joins, covers)
), stretches as (
    select
        ordered.community,
        ordered.occurrence,
        ordered.member,
        count(*) as edges,
        sum(
            case
                when next_moment is null then if(joins, greatest(0, epoch(held.ended_at) - epoch(moment)), 0)
                when joins or not next_joins or covering > 0 then epoch(next_moment) - epoch(moment)
                else 0
            end
            + if(is_first and not joins, greatest(0, epoch(moment) - epoch(held.started_at)), 0)
        ) as seconds
    from ordered
    join held using (community, occurrence)
    group by all
)
select
    present.community,
    held.series,
    present.occurrence,
    present.member,
    present.first_at,
    present.last_at,
    week_of(present.first_at) as week,
    stretches.seconds / 60 as minutes,
    coalesce(stretches.edges, 0) as edges,
    present.spoke,
    present.hosted
from present
join held using (community, occurrence)
left join stretches using (community, occurrence, member)
