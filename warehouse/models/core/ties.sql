/*
summary: Who acted towards whom in which week, where the direction is seen. By answering, addressing, reacting, thanking or editing after them. People only, on both sides.
grain: [community, member, to_member, week]
reads: [core.first_seen, core.interactions, core.page_turns, core.replies, core.unanswered]
columns:
  community: the community
  member: who acted
  to_member: towards whom; never oneself
  week: Monday of the week in which it happened
  by_answer: whether any of it was an answer to something of theirs that the platform names, a reaction or thanks
  by_thread: whether any of it was speaking next after them in a thread
  by_name: whether any of it was naming them
  by_page: whether any of it was editing a page within 28 days after them
  in_meeting: whether any of it happened in a meeting
caveats:
  - Chat without threads and meetings seldom say who acts towards whom. There core.turn_taking and core.together tell who is in touch.
  - Speaking next in a thread is no act of, or towards, somebody to whom nobody comes back there, see core.unanswered.
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
    select replies.community, replies.member, to_member, replies.week, medium, if(explicit, 'answer', 'thread') as how
    from core.replies
    left join core.unanswered as lone
        on lone.community = replies.community and lone.member = replies.member and lone.week = replies.week
    left join core.unanswered as lone_other
        on lone_other.community = replies.community and lone_other.member = replies.to_member and lone_other.week = replies.week
    where explicit or (lone.member is null and lone_other.member is null)
    union all
    select mentions.community, mentions.member, mentions.to_member, mentions.week, mentions.medium, 'name'
    from mentions
    join core.first_seen on first_seen.community = mentions.community and first_seen.member = mentions.to_member
    where first_seen.actor_kind = 'human' and mentions.to_member <> mentions.member
    union all
    select community, member, to_member, week, 'wiki', 'page' from core.page_turns
)
select
    community,
    member,
    to_member,
    week,
    bool_or(how = 'answer') as by_answer,
    bool_or(how = 'thread') as by_thread,
    bool_or(how = 'name') as by_name,
    bool_or(how = 'page') as by_page,
    bool_or(medium = 'meeting') as in_meeting
from acts
group by community, member, to_member, week
