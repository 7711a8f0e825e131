/*
summary: Threads, explicit or inferred, with who opened them and who first answered.
grain: [community, thread_id]
reads: [core.conversations, core.late_answers, core.openings]
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
  is_opening: whether the opening is known and, in chat, addresses nobody; a message that addresses somebody opens nothing that anybody may answer
  is_question: whether the opening asks, or what its author adds before another person writes
  first_reply_at: first message after the opening by another person, naive UTC; absent where nobody answered. Of an inferred thread also the first message in the space that names or answers the opener within seven days, when the conversation has closed
  first_replier: who wrote it
  people: people who wrote in it
  messages: messages in it
  last_at: latest message, naive UTC
  watched_until: until when an answer is looked for, naive UTC; absent where that has no end. Of an inferred thread seven days, of a topic until it may start again
checks:
  - name: order
    rule: No answer comes before the opening.
    sql: select thread_id from {table} where first_reply_at < opened_at or last_at < opened_at
  - name: other
    rule: Nobody answers themselves.
    sql: select thread_id from {table} where first_replier = starter
*/
with counted as (
    select
        openings.community,
        openings.thread_id,
        arg_min(
            struct_pack(conversations.member, conversations.occurred_at),
            (conversations.occurred_at, conversations.event_id)
        ) filter (
            conversations.actor_kind = 'human'
            and conversations.member is not null
            and conversations.member is distinct from openings.member
        ) as reply,
        min(conversations.occurred_at) filter (conversations.is_question and conversations.member = openings.member) as asked_at
    from core.openings
    join core.conversations using (community, thread_id)
    where not openings.lost
        and (conversations.occurred_at, conversations.event_id) > (openings.opened_at, openings.event_id)
    group by all
)
select
    openings.community,
    openings.thread_id,
    openings.space,
    openings.medium,
    openings.inferred,
    if(openings.lost, null, openings.member) as starter,
    if(openings.lost, 'unknown', openings.actor_kind) as starter_kind,
    openings.opened_at,
    week_of(openings.opened_at) as week,
    openings.is_opening,
    not openings.lost
        and (openings.is_question or coalesce(counted.asked_at < coalesce(counted.reply.occurred_at, 'infinity'), false)) as is_question,
    least(counted.reply.occurred_at, late_answers.occurred_at) as first_reply_at,
    if(late_answers.occurred_at < counted.reply.occurred_at, late_answers.member, coalesce(counted.reply.member, late_answers.member))
        as first_replier,
    openings.people,
    openings.messages,
    openings.last_at,
    openings.watched_until
from core.openings
left join counted using (community, thread_id)
left join core.late_answers using (community, thread_id)
