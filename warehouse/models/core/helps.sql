/*
summary: Who helped whom in which week, where it is seen. In another's thread, on a page another made, or by answering somebody by name. People only.
grain: [community, member, helped, week]
reads: [core.conversations, core.interactions, core.pages, core.replies, core.threads, core.turns]
columns:
  community: the community
  member: who helped
  helped: whom; never oneself, never a bot
  week: Monday of the week in which it happened
  in_thread: whether they contributed in a thread, or on a talk page, that the other began
  on_page: whether they edited a page that the other made
  by_answer: whether they answered the other in chat without threads, by a reply that the platform names or by naming them after they spoke
  in_meeting: whether the other named them in a meeting, and they spoke after that
caveats:
  - In chat without threads, speaking in a conversation that somebody began helps nobody. Taking turns with them does, in core.turn_taking.
  - Hosting helps everybody at once; levels count it apart. Other help in meetings is not visible.
checks:
  - name: oneself
    rule: Nobody helps themselves.
    sql: select member from {table} where member = helped
*/
with named as (
    select interactions.community, interactions.event_id, interactions.member, unnest(interactions.mentions) as other
    from core.interactions
    where interactions.actor_kind = 'human' and interactions.member is not null and len(interactions.mentions) > 0
), spoke as (
    select community, medium, conversation, member, min((occurred_at, event_id)) as first_turn, max((occurred_at, event_id)) as last_turn
    from core.turns
    group by all
), naming as (
    select
        turns.community,
        turns.medium,
        named.member,
        named.other,
        turns.week,
        (turns.occurred_at, turns.event_id) as turn,
        named_person.first_turn as other_first,
        named_person.last_turn as other_last
    from named
    join core.turns using (community, event_id)
    join spoke as named_person
        on named_person.community = turns.community
        and named_person.medium = turns.medium
        and named_person.conversation = turns.conversation
        and named_person.member = named.other
), acts as (
    select
        conversations.community,
        conversations.member,
        threads.starter as helped,
        conversations.week,
        'thread' as how
    from core.conversations
    join core.threads using (community, thread_id)
    where conversations.actor_kind = 'human'
        and threads.starter_kind = 'human'
        and (not threads.inferred or threads.medium = 'wiki')
    union all
    select replies.community, replies.member, replies.to_member, replies.week, 'answer'
    from core.replies
    join core.turns using (community, event_id)
    where replies.explicit and turns.medium = 'chat'
    union all
    select community, member, other, week, 'answer' from naming where medium = 'chat' and other_first < turn
    union all
    select community, other, member, week, 'meeting' from naming where medium = 'meeting' and other_last > turn
    union all
    select interactions.community, interactions.member, pages.creator, interactions.week, 'page'
    from core.interactions
    join building using (community)
    join core.pages on pages.community = interactions.community and pages.page = interactions.object_id
    where interactions.week < week_of(building.as_of)
        and interactions.actor_kind = 'human'
        and interactions.verb = 'edit'
        and interactions.medium = 'wiki'
        and not interactions.reverted
        and pages.creator_kind = 'human'
)
select
    acts.community,
    acts.member,
    acts.helped,
    acts.week,
    bool_or(how = 'thread') as in_thread,
    bool_or(how = 'page') as on_page,
    bool_or(how = 'answer') as by_answer,
    bool_or(how = 'meeting') as in_meeting
from acts
where acts.member <> acts.helped and acts.member is not null and acts.helped is not null
group by acts.community, acts.member, acts.helped, acts.week
