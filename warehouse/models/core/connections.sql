/*
summary: Connections to a meeting under which several accounts were seen, such as a guest who changes the name, with the one account that they count for.
grain: [community, object_id, connection]
reads: [landing.interactions, landing.kinds]
refresh: now
materialized: temporary
columns:
  community: the community
  object_id: the meeting, as the platform numbers it
  connection: the platform's id of the connection
  actor: the account of the first sign; one that is marked as a bot comes before all, an anonymous one after all
*/
with signs as (
    select
        interactions.community,
        interactions.object_id,
        interactions.connection,
        interactions.actor,
        interactions.occurred_at,
        interactions.event_id,
        case coalesce(kinds.kind, interactions.actor_kind) when 'bot' then 0 when 'anonymous' then 2 else 1 end as place
    from landing.interactions
    join building using (community)
    left join landing.kinds using (actor)
    where interactions.occurred_at < monday(week_of(as_of)) and interactions.connection is not null
)
select community, object_id, connection, arg_min(actor, (place, occurred_at, event_id)) as actor
from signs
group by all
having count(distinct actor) > 1
