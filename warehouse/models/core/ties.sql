/*
summary: Who acted towards whom in which week, by answering, addressing, reacting or thanking. People only, on both sides.
grain: [community, member, to_member, week]
reads: [core.first_seen, core.interactions, core.replies]
columns:
  community: the community
  member: who acted
  to_member: towards whom; never oneself
  week: Monday of the week in which it happened
  in_meeting: whether any of it happened in a meeting
caveats:
  - Whoever was addressed but never seen doing anything is not known to be a person, and is left out.
checks:
  - name: oneself
    rule: Nobody is tied to themselves.
    sql: select member from {table} where member = to_member
*/
with mentions as (
    select interactions.community, interactions.member, unnest(interactions.mentions) as to_member, interactions.week, interactions.medium
    from core.interactions
    join building using (community)
    where interactions.week < week_of(building.as_of)
        and interactions.actor_kind = 'human'
        and interactions.member is not null
        and (interactions.is_contribution or is_acknowledgement(interactions.verb))
        and not interactions.reverted
        and len(interactions.mentions) > 0
), acts as (
    select community, member, to_member, week, medium from core.replies
    union all
    select mentions.community, mentions.member, mentions.to_member, mentions.week, mentions.medium
    from mentions
    join core.first_seen on first_seen.community = mentions.community and first_seen.member = mentions.to_member
    where first_seen.actor_kind = 'human' and mentions.to_member <> mentions.member
)
select community, member, to_member, week, bool_or(medium = 'meeting') as in_meeting
from acts
group by community, member, to_member, week
