/*
summary: When each member was first and last seen, over closed weeks; also those who are bots.
grain: [community, member]
reads: [core.interactions]
columns:
  community: the community
  member: published pseudonym
  actor_kind: human where any of the member's accounts is a person's, else bot, anonymous or system
  first_at: first contribution, also when it was undone since; absent where there was none
  first_event_at: first sign of any kind
  joined_at: first explicit join; absent where there was none
  left_at: latest explicit leave; absent where there was none
  last_at: latest sign of any kind
checks:
  - name: order
    says: Nobody contributed before being seen, or was seen last before being seen first.
    sql: select member from {table} where first_at < first_event_at or last_at < first_event_at
*/
select
    interactions.community,
    interactions.member,
    case
        when bool_or(interactions.actor_kind = 'human') then 'human'
        when bool_or(interactions.actor_kind = 'bot') then 'bot'
        when bool_or(interactions.actor_kind = 'anonymous') then 'anonymous'
        else 'system'
    end as actor_kind,
    min(interactions.occurred_at) filter (interactions.is_contribution) as first_at,
    min(interactions.occurred_at) as first_event_at,
    min(interactions.occurred_at) filter (interactions.verb = 'join') as joined_at,
    max(interactions.occurred_at) filter (interactions.verb = 'leave') as left_at,
    max(interactions.occurred_at) as last_at
from core.interactions
join building using (community)
where interactions.member is not null and interactions.week < week_of(building.as_of)
group by all
