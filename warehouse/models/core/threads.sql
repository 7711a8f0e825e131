/*
summary: Threads, explicit or inferred, with who opened them and who first answered.
grain: [community, thread_id]
reads: [core.conversations]
columns:
  community: the community
  thread_id: the explicit thread, or "conversation:" and the event that opened it; "@" and a date where a topic started again
  space: channel or namespace of the opening
  medium: chat or wiki
  inferred: whether it was inferred from silence, because the platform gives none
  starter: who wrote the opening message; absent where nobody may be shown, or where the opening was never seen
  starter_kind: human, bot or system; "unknown" where the opening was never seen or was deleted
  opened_at: when it was opened, naive UTC; where the opening is unknown, the first message seen
  week: that Monday
  is_question: whether the opening asks
  first_reply_at: first message after the opening by another person, naive UTC; absent where nobody answered
  first_replier: who wrote it
  people: people who wrote in it
  messages: messages in it
  last_at: latest message, naive UTC
checks:
  - name: order
    rule: No answer comes before the opening.
    sql: select thread_id from {table} where first_reply_at < opened_at or last_at < opened_at
  - name: other
    rule: Nobody answers themselves.
    sql: select thread_id from {table} where first_replier = starter
*/
with openings as (
    select
        community,
        thread_id,
        bool_and(inferred) as inferred,
        bool_or(is_rooted) and not bool_or(is_root) as lost_opening,
        -- The root where there is one, else the first message; a struct, because arg_min leaves out rows whose value is absent.
        arg_min(
            struct_pack(event_id, member, actor_kind, occurred_at, space, medium, is_question),
            (not is_root, occurred_at, event_id)
        ) as opening,
        count(distinct member) filter (actor_kind = 'human') as people,
        count(*) as messages,
        max(occurred_at) as last_at
    from core.conversations
    group by all
), replies as (
    select
        openings.community,
        openings.thread_id,
        arg_min(
            struct_pack(member := conversations.member, occurred_at := conversations.occurred_at),
            (conversations.occurred_at, conversations.event_id)
        ) as reply
    from openings
    join core.conversations using (community, thread_id)
    where not openings.lost_opening
        and conversations.actor_kind = 'human'
        and conversations.member is not null
        and conversations.member is distinct from openings.opening.member
        and (conversations.occurred_at, conversations.event_id) > (openings.opening.occurred_at, openings.opening.event_id)
    group by all
)
select
    openings.community,
    openings.thread_id,
    opening.space as space,
    opening.medium as medium,
    openings.inferred,
    if(lost_opening, null, opening.member) as starter,
    if(lost_opening, 'unknown', opening.actor_kind) as starter_kind,
    opening.occurred_at as opened_at,
    week_of(opening.occurred_at) as week,
    coalesce(opening.is_question, false) and not lost_opening as is_question,
    reply.occurred_at as first_reply_at,
    reply.member as first_replier,
    openings.people,
    openings.messages,
    openings.last_at
from openings
left join replies using (community, thread_id)
