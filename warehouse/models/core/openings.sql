/*
summary: How each thread began. Its opening message, who wrote it, and whether it opens something that anybody may answer.
grain: [community, thread_id]
materialized: temporary
reads: [core.conversations, core.interactions, core.parameters]
columns:
  community: the community
  thread_id: the thread, as in core.threads
  inferred: whether it was inferred from silence, because the platform gives none
  lost: whether the thread hangs on a message that was never seen or was deleted
  is_opening: whether the first message is known and, in chat, addresses nobody; a topic that the platform names is opened all the same
  event_id: the opening message; where it is lost, the first that was seen
  member: who wrote it; absent where nobody may be shown
  actor_kind: human, bot or system
  medium: chat or wiki
  space: channel or namespace
  opened_at: when, naive UTC
  is_question: whether the message asks
  people: people who wrote in the thread
  messages: messages in the thread
  last_at: latest message, naive UTC
  watched_until: until when an answer is looked for, naive UTC; absent where that has no end
*/
with firsts as (
    select
        community,
        thread_id,
        bool_and(inferred) as inferred,
        bool_or(is_rooted) as is_rooted,
        bool_or(is_rooted) and not bool_or(is_root) as lost,
        -- The root where there is one, else the first message; a struct, because arg_min leaves out rows whose value is absent.
        arg_min(
            struct_pack(event_id, member, actor_kind, medium, space, occurred_at, is_question, is_root),
            (not is_root, occurred_at, event_id)
        ) as opening,
        count(distinct member) filter (actor_kind = 'human') as people,
        count(*) as messages,
        max(occurred_at) as last_at
    from core.conversations
    group by all
), addressing as (
    select community, event_id
    from core.interactions
    where reply_to_id is not null or len(list_filter(mentions, lambda one: one is distinct from member)) > 0
)
select
    firsts.community,
    firsts.thread_id,
    firsts.inferred,
    firsts.lost,
    not firsts.lost
        and not (opening.medium = 'chat' and (firsts.inferred or opening.is_root) and addressing.event_id is not null) as is_opening,
    opening.event_id as event_id,
    opening.member as member,
    opening.actor_kind as actor_kind,
    opening.medium as medium,
    opening.space as space,
    opening.occurred_at as opened_at,
    coalesce(opening.is_question, false) as is_question,
    firsts.people,
    firsts.messages,
    firsts.last_at,
    case
        when firsts.inferred then greatest(opening.occurred_at + to_days(parameters.answer_days), firsts.last_at)
        when not firsts.is_rooted then firsts.last_at + to_days(parameters.topic_days)
    end as watched_until
from firsts
join core.parameters using (community)
left join addressing on addressing.community = firsts.community and addressing.event_id = opening.event_id
