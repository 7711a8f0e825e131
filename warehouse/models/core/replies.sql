/*
summary: Who answered whom. A message's target is the author of what it explicitly answers, else the last different person who spoke in the thread within 14 days. Chat without threads has only the former.
grain: [community, event_id]
reads: [core.conversations, core.first_seen, core.interactions]
columns:
  community: the community
  event_id: the act that answers
  member: who answered
  to_member: who was answered; never oneself, never a bot
  occurred_at: when, naive UTC
  week: Monday of its week
  thread_id: the thread, where it is in one
  medium: wiki, chat or meeting
  explicit: whether the platform says whom it answers; else it is the last different speaker of a thread
caveats:
  - In chat without threads, who speaks next after somebody does so by chance as often as not, so it is no answer; see core.turn_taking.
  - Naming the message that opened a thread is how a platform names the thread, not whom it answers; there the last different speaker is taken.
  - Who explicitly answers themselves, a bot or somebody who may not be shown answers nobody. What answers something never seen goes to the last different speaker.
  - Reactions and thanks are answers too; curation is not, nor is a contribution that was undone.
*/
with params as (
    select interval 14 day as silence
), acts as (
    select
        community,
        event_id,
        member,
        actor_kind,
        medium,
        occurred_at,
        week,
        verb,
        is_contribution,
        object_id,
        object_kind,
        thread_id,
        reply_to_id
    from core.interactions
    join building using (community)
    where interactions.week < week_of(building.as_of)
        and not interactions.reverted
        and (interactions.is_contribution or is_acknowledgement(interactions.verb))
), answered as (
    select distinct community, reply_to_id as target_id from acts where reply_to_id is not null
), targets as (
    -- What is answered: a message or file by its first author, a page by its maker, anything else by the event itself.
    select
        community,
        target_id,
        arg_min(struct_pack(member, actor_kind), (occurred_at, event_id)) as author
    from (
        select community, event_id, event_id as target_id, member, actor_kind, occurred_at from acts where is_contribution
        union all
        select community, event_id, object_id, member, actor_kind, occurred_at
        from acts
        where is_contribution
            and object_id <> event_id
            and (object_kind in ('message', 'file') or (object_kind = 'page' and verb = 'create'))
    )
    semi join answered using (community, target_id)
    group by all
), turns as (
    -- Bots' messages are no turns: who speaks after one answers the person before it.
    select
        community,
        event_id,
        thread_id,
        is_rooted,
        occurred_at,
        coalesce(member, '') as speaker,
        lag(coalesce(member, '')) over in_order as previous,
        lag(occurred_at) over in_order as previous_at,
        row_number() over in_order as place
    from core.conversations
    where actor_kind = 'human' and (not inferred or medium = 'wiki')
    window in_order as (partition by community, thread_id order by occurred_at, event_id)
), speakers as (
    -- Who spoke before the latest change of speaker is the last different speaker, for all messages of a run. The moment by a running
    -- maximum, because turns only get later.
    select
        community,
        event_id,
        thread_id,
        is_rooted,
        arg_max(previous, if(previous <> speaker, place, null)) over so_far as other,
        max(if(previous <> speaker, previous_at, null)) over so_far as other_at
    from turns
    window so_far as (partition by community, thread_id order by place rows unbounded preceding)
), addressed as (
    select
        acts.community,
        acts.event_id,
        acts.member,
        acts.occurred_at,
        acts.week,
        acts.medium,
        speakers.thread_id,
        targets.author is not null
            and not coalesce(acts.is_contribution and speakers.is_rooted and acts.reply_to_id = acts.thread_id, false) as explicit,
        targets.author,
        if(speakers.other_at >= acts.occurred_at - params.silence, speakers.other, null) as last_other
    from acts
    cross join params
    left join speakers using (community, event_id)
    left join targets on targets.community = acts.community and targets.target_id = acts.reply_to_id
    where acts.actor_kind = 'human' and acts.member is not null
), resolved as (
    select * exclude (author, last_other), if(explicit, author.member, nullif(last_other, '')) as to_member
    from addressed
)
select resolved.community, event_id, resolved.member, to_member, occurred_at, week, thread_id, medium, explicit
from resolved
join core.first_seen on first_seen.community = resolved.community and first_seen.member = resolved.to_member
where first_seen.actor_kind = 'human' and resolved.to_member <> resolved.member
