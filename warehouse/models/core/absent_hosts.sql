/*
summary: Hosts who were not seen in a meeting where others were. To be a meeting's host is a right; it is not presence.
grain: [community, object_id, member]
reads: [core.connections, landing.interactions, landing.people]
refresh: now
materialized: temporary
columns:
  community: the community
  object_id: the meeting, as the platform numbers it
  member: published pseudonym of the host
*/
with seen as (
    select
        interactions.community,
        interactions.object_id,
        people.member,
        bool_or(interactions.verb <> 'host') as came
    from landing.interactions
    join building using (community)
    left join core.connections using (community, object_id, connection)
    join landing.people
        on people.community = interactions.community and people.actor = coalesce(connections.actor, interactions.actor)
    where interactions.occurred_at < monday(week_of(as_of)) and interactions.medium = 'meeting' and interactions.object_kind = 'meeting'
    group by all
)
select community, object_id, member
from seen
qualify not came and bool_or(came) over (partition by community, object_id)
