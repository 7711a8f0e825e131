/*
summary: Who was at which meeting, and for how long. The time present is the union of a person's connections; whoever spoke, presented or hosted was there. People only, closed weeks.
grain: [community, occurrence, member]
reads: [core.interactions, core.meeting_pieces]
columns:
  community: the community
  series: the meeting series
  occurrence: the one meeting
  member: published pseudonym of who was there
  first_at: first sign of them, naive UTC
  last_at: last sign of them, naive UTC
  week: Monday of the week in which the meeting began, in the community's time zone
  minutes: minutes present; absent where they are unknown, because nothing states when somebody came or went
  edges: joins and leaves seen, from which the minutes are made
  spoke: whether they spoke or presented
  hosted: whether they hosted it
caveats:
  - Joins and leaves are paired by the platform's connection. On one connection somebody was away only between a leave and a join.
  - A leave without its join counts from the stated beginning. A join without its leave counts until the last leave of a connection that the same person opened later, else until the stated end. Without these the minutes are unknown.
  - Where the platform numbers no connections, as in a log, all signs of a person are one connection, and the last sign of anybody stands for an end that nobody states.
checks:
  - name: minutes
    rule: Nobody is there for less than no time.
    sql: select member from {table} where minutes < 0
*/
with signs as (
    select
        interactions.* exclude (week),
        pieces.* exclude (community, started_at, ended_at, last_at),
        -- Numbers of connections begin again in each piece.
        coalesce(concat(pieces.piece, chr(31), interactions.connection), '') as line,
        if(interactions.connection is null, min(pieces.started_at) over meeting, if(start_stated, pieces.started_at, null)) as opened_at,
        if(interactions.connection is null, max(coalesce(pieces.ended_at, pieces.last_at)) over meeting, pieces.ended_at) as closed_at
    from core.interactions
    join core.meeting_pieces as pieces
        on pieces.community = interactions.community and pieces.piece = interactions.object_id
    join building on building.community = interactions.community
    where interactions.actor_kind = 'human'
        and interactions.week < week_of(building.as_of)
        and interactions.member is not null
        and not interactions.reverted
        and (interactions.is_contribution or is_attendance(interactions.verb))
    window meeting as (partition by pieces.community, pieces.occurrence)
), present as (
    select
        community,
        any_value(series) as series,
        occurrence,
        member,
        any_value(week) as week,
        min(least(occurred_at, started_at, ended_at)) as first_at,
        max(greatest(occurred_at, if(verb = 'host', null, started_at), if(verb = 'host', null, ended_at))) as last_at,
        bool_or(verb in ('speak', 'present')) as spoke,
        bool_or(verb = 'host') as hosted
    from signs
    group by all
), edges as (
    select
        community, occurrence, member, line, opened_at, closed_at,
        coalesce(started_at, ended_at) as moment,
        started_at is not null as joins
    from signs
    where verb = 'attend' and (started_at is null) <> (ended_at is null)
), ordered as (
    select
        *,
        lead(moment) over in_order as next_moment,
        lead(joins) over in_order as next_joins,
        lag(moment) over in_order is null as is_first,
        min(moment) over (partition by community, occurrence, member, line) as line_from
    from edges
    -- Of the same moment: on one connection a join precedes its leave; where none is numbered it is a reconnection.
    window in_order as (partition by community, occurrence, member, line order by moment, if(line = '', joins, not joins))
), followed as (
    select
        *,
        max(if(next_moment is null and not joins, moment, null)) over (
            partition by community, occurrence, member order by line_from range between current row and unbounded following
        ) as left_later
    from ordered
), stretches as (
    select community, occurrence, member, started_at as from_at, ended_at as to_at, 2 as edges
    from signs
    where verb = 'attend' and started_at is not null and ended_at is not null
    union all
    select
        community, occurrence, member, moment,
        case
            when next_moment is null then if(joins, coalesce(left_later, closed_at), moment)
            when joins or not next_joins then next_moment
            else moment
        end,
        1
    from followed
    union all
    select community, occurrence, member, opened_at, moment, 0 from followed where is_first and not joins
), reached as (
    select
        *,
        max(to_at) over (
            partition by community, occurrence, member order by from_at, to_at rows between unbounded preceding and 1 preceding
        ) as reached_at
    from stretches
), times as (
    select
        community,
        occurrence,
        member,
        sum(edges) as edges,
        -- What a stretch adds to those before it.
        if(
            count(*) = count(from_at) and count(*) = count(to_at),
            sum(greatest(0, epoch(to_at) - epoch(greatest(from_at, coalesce(reached_at, from_at))))),
            null
        ) as seconds
    from reached
    group by all
)
select
    present.community,
    present.series,
    present.occurrence,
    present.member,
    present.first_at,
    present.last_at,
    present.week,
    times.seconds / 60 as minutes,
    cast(coalesce(times.edges, 0) as bigint) as edges,
    present.spoke,
    present.hosted
from present
left join times using (community, occurrence, member)
