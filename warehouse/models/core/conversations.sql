/*
summary: Which thread each message belongs to. An explicit thread where the platform gives one, else a conversation inferred from silence.
grain: [community, event_id]
reads: [core.interactions]
columns:
  community: the community
  event_id: the message
  thread_id: the thread it belongs to, as in core.threads
  inferred: whether the thread was inferred, because the platform gives none
  is_rooted: whether the thread hangs on one message that it is named after, as in Slack; a topic does not
  is_root: whether this is that message
  member: who said it; absent where nobody may be shown
  actor_kind: human, bot or system
  medium: chat or wiki
  space: channel or namespace
  occurred_at: when, naive UTC
  week: number of its Monday
  object_id: the message as an object that can be answered
  reply_to_id: what it answers, where the platform says so
  is_question: whether it asks
caveats:
  - Messages are contributions that stand, of closed weeks, in chat and on talk pages. Wiki edits and turns in meetings are in no thread.
  - A conversation ends with a silence longer than the 90th percentile of the space's own gaps in the 13 weeks before, between 10 minutes and 24 hours, and one hour where those weeks hold none.
  - A topic starts again after 14 silent days; a thread that hangs on a message never does, because who answers late still answers it.
*/
with params as (
    select
        interval 14 day as topic_silence,
        -- milliseconds: 10 minutes, 24 hours, one hour
        600_000 as shortest_gap,
        86_400_000 as longest_gap,
        3_600_000 as unknown_gap,
        13 as remembered_weeks
), messages as (
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
), placed as (
    select explicit.*, rooted.named_thread is not null as is_rooted
    from explicit
    left join rooted using (community, named_thread)
), topics as (
    select
        community,
        event_id,
        named_thread,
        occurred_at,
        occurred_at > lag(occurred_at) over in_order + params.topic_silence as starts_again
    from placed
    cross join params
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
), gaps as (
    select
        community,
        space,
        event_id,
        occurred_at,
        week,
        epoch_ms(occurred_at) - epoch_ms(lag(occurred_at) over in_order) as gap
    from placed
    where named_thread is null
    window in_order as (partition by community, space order by occurred_at, event_id)
), weekly as (
    -- Cut to the bounds first: that changes no percentile between them, and leaves few different gaps to count.
    select community, space, week, greatest(shortest_gap, least(longest_gap, gap)) as gap, count(*) as times
    from gaps
    cross join params
    where gap is not null
    group by all
), spread as (
    select community, space, unnest(generate_series(week + 1, week + params.remembered_weeks)) as week, gap, times
    from weekly
    cross join params
), remembered as (
    select community, space, week, gap, sum(times) as times
    from spread
    semi join gaps using (community, space, week)
    group by all
), ranked as (
    select
        community,
        space,
        week,
        gap,
        sum(times) over (partition by community, space, week order by gap) as up_to,
        sum(times) over (partition by community, space, week) as total
    from remembered
), usual as (
    select community, space, week, min(gap) filter (up_to >= 0.9 * total) as usual_gap
    from ranked
    group by all
), cut as (
    select
        gaps.community,
        gaps.space,
        gaps.event_id,
        gaps.occurred_at,
        gaps.gap is null or gaps.gap > coalesce(usual.usual_gap, params.unknown_gap) as opens
    from gaps
    cross join params
    left join usual using (community, space, week)
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
    placed.community,
    placed.event_id,
    case
        when named_thread is null then concat('conversation:', conversations.opening)
        when begun.started_again_at is null then named_thread
        else concat(named_thread, '@', strftime(begun.started_again_at, '%Y-%m-%d'))
    end as thread_id,
    placed.unnamed as inferred,
    placed.is_rooted,
    placed.is_root,
    placed.member,
    placed.actor_kind,
    placed.medium,
    placed.space,
    placed.occurred_at,
    placed.week,
    placed.object_id,
    placed.reply_to_id,
    placed.is_question
from placed
left join conversations using (community, event_id)
left join begun using (community, event_id)
