/*
summary: Messages with the thread that the platform names, directly or by a reply, and the silence before those without one.
grain: [community, event_id]
materialized: temporary
reads: [core.interactions]
columns:
  community: the community
  event_id: the message
  member: who wrote it; absent where nobody may be shown
  actor_kind: human, bot or system
  medium: chat or wiki
  space: channel or namespace
  occurred_at: when, naive UTC
  week: number of its Monday
  object_id: the message as an object that can be answered
  reply_to_id: what it answers, where the platform names it
  is_question: whether it asks
  named_thread: the thread that the platform names; absent where there is none
  unnamed: whether neither the message nor a reply to it names a thread
  is_root: whether the thread hangs on this message
  is_rooted: whether the thread hangs on one message that it is named after
  gap: milliseconds since the message before in the space, of messages without a thread
*/
with messages as (
    select
        community,
        event_id,
        member,
        actor_kind,
        medium,
        space,
        occurred_at,
        week,
        object_id,
        thread_id,
        reply_to_id,
        is_question,
        -- The thread that hangs on this message, if one does. A column, because an `or` in a join's condition makes it a nested loop.
        if(object_kind = 'message' and coalesce(thread_id = object_id, true), object_id, null) as may_root
    from core.interactions
    join building using (community)
    where interactions.week < week_of(building.as_of)
        and interactions.is_contribution
        and not interactions.reverted
        and (interactions.medium = 'chat' or (interactions.medium = 'wiki' and interactions.verb in ('post', 'reply')))
), named as (
    -- A thread that a reply names by its opening message, which itself carries no thread.
    select community, thread_id, bool_or(medium = 'chat' and reply_to_id = thread_id) as answers_root
    from messages
    where thread_id is not null
    group by all
), explicit as (
    select
        messages.*,
        -- A talk page is a topic of its own.
        coalesce(messages.thread_id, roots.thread_id, if(messages.medium = 'wiki', messages.object_id, null)) as named_thread,
        messages.thread_id is null and roots.thread_id is null as unnamed,
        roots.thread_id is not null as is_root,
        coalesce(named.answers_root, false) or roots.thread_id is not null as answers_root
    from messages
    left join named on named.community = messages.community and named.thread_id = messages.thread_id
    left join named as roots
        on roots.community = messages.community
        and roots.thread_id = messages.may_root
), rooted as (
    select distinct community, named_thread
    from explicit
    where answers_root and named_thread is not null
)
select
    explicit.* exclude (may_root, answers_root, thread_id),
    rooted.named_thread is not null as is_rooted,
    if(
        explicit.named_thread is null,
        epoch_ms(occurred_at) - epoch_ms(lag(occurred_at) over (
            partition by community, space, explicit.named_thread is null order by occurred_at, event_id
        )),
        null
    ) as gap
from explicit
left join rooted using (community, named_thread)
