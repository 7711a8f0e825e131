/*
summary: Which thread each message belongs to. An explicit thread where the platform gives one, else a conversation inferred from silence.
grain: [community, event_id]
reads: [core.parameters, core.placed_messages, core.usual_gaps]
columns:
  community: the community
  event_id: the message
  thread_id: the thread it belongs to, as in core.threads
  inferred: whether the thread was inferred, because the platform gives none
  is_rooted: whether the thread hangs on one message that it is named after, as in Slack; a topic does not
  is_root: whether this is that message
  member: who wrote it; absent where nobody may be shown
  actor_kind: human, bot or system
  medium: chat or wiki
  space: channel or namespace
  occurred_at: when, naive UTC
  week: Monday of its week
  object_id: the message as an object that can be answered
  reply_to_id: what it answers, where the platform says so
  is_question: whether it asks
caveats:
  - Messages are contributions that stand, of closed weeks, in chat and on talk pages. Wiki edits and turns in meetings are in no thread.
  - A conversation ends with a silence longer than the 90th percentile of the space's own gaps in the 13 weeks before, between 10 minutes and 24 hours, and one hour where those weeks hold none.
  - A topic starts again after 14 silent days; a thread that hangs on a message never does, because who answers late still answers it.
*/
with params as (
    -- in milliseconds: one hour
    select 3_600_000 as unknown_gap
), topics as (
    select
        community,
        event_id,
        named_thread,
        occurred_at,
        occurred_at > lag(occurred_at) over in_order + to_days(parameters.topic_days) as starts_again
    from core.placed_messages
    join core.parameters using (community)
    where named_thread is not null and not is_rooted
    window in_order as (partition by community, named_thread order by occurred_at, event_id)
), begun as (
    select
        community,
        event_id,
        -- The latest beginning so far; a running maximum, because looking back over absent values takes the square of the time.
        max(if(starts_again, occurred_at, null)) over (
            partition by community, named_thread order by occurred_at, event_id rows unbounded preceding
        ) as started_again_at
    from topics
    qualify started_again_at is not null
), cut as (
    select
        community,
        space,
        event_id,
        occurred_at,
        gap is null or gap > coalesce(usual_gap, params.unknown_gap) as opens
    from core.placed_messages
    cross join params
    left join core.usual_gaps using (community, space, week)
    where named_thread is null
), numbered as (
    select *, sum(opens::integer) over (
        partition by community, space order by occurred_at, event_id rows unbounded preceding
    ) as number
    from cut
), conversations as (
    select
        community,
        event_id,
        first_value(event_id) over (partition by community, space, number order by occurred_at, event_id) as opening
    from numbered
)
select
    placed_messages.community,
    placed_messages.event_id,
    case
        when named_thread is null then concat('conversation:', conversations.opening)
        when begun.started_again_at is null then named_thread
        else concat(named_thread, '@', strftime(begun.started_again_at, '%Y-%m-%d'))
    end as thread_id,
    placed_messages.unnamed as inferred,
    placed_messages.is_rooted,
    placed_messages.is_root,
    placed_messages.member,
    placed_messages.actor_kind,
    placed_messages.medium,
    placed_messages.space,
    placed_messages.occurred_at,
    placed_messages.week,
    placed_messages.object_id,
    placed_messages.reply_to_id,
    placed_messages.is_question
from core.placed_messages
left join conversations using (community, event_id)
left join begun using (community, event_id)
