/*
summary: Of each inferred thread, the first message in its space that names or answers who opened it, also after the conversation closed.
grain: [community, thread_id]
materialized: temporary
reads: [core.conversations, core.interactions, core.openings, core.parameters]
columns:
  community: the community
  thread_id: the thread, as in core.threads
  event_id: the message
  member: who wrote it, another person
  occurred_at: when, naive UTC; at most the promised days after the opening (core.parameters.answer_days)
*/
with mentions as (
    select community, event_id, unnest(mentions) as to_member
    from core.interactions
    where len(mentions) > 0
), messages as (
    select community, event_id, space, member, occurred_at, object_id, reply_to_id
    from core.conversations
    where actor_kind = 'human' and member is not null and medium = 'chat'
), addressed as (
    select messages.* exclude (object_id, reply_to_id), mentions.to_member
    from messages
    join mentions using (community, event_id)
    union all
    select messages.* exclude (object_id, reply_to_id), answered.member
    from messages
    join messages as answered on answered.community = messages.community and answered.object_id = messages.reply_to_id
), asked as (
    select openings.community, openings.thread_id, openings.space, openings.member, openings.opened_at, parameters.answer_days
    from core.openings
    join core.parameters using (community)
    where openings.inferred and openings.is_opening and openings.member is not null
)
select asked.community, asked.thread_id, addressed.event_id, addressed.member, addressed.occurred_at
from asked
asof join (from addressed where member <> to_member) as addressed
    on addressed.community = asked.community
    and addressed.space = asked.space
    and addressed.to_member = asked.member
    and addressed.occurred_at > asked.opened_at
where addressed.occurred_at <= asked.opened_at + to_days(asked.answer_days)
