/*
summary: Who helped whom in which week. Somebody contributed in another's thread, edited a page another made, or acted towards another in a meeting.
grain: [community, member, helped, week]
reads: [core.conversations, core.interactions, core.pages, core.threads, core.ties]
columns:
  community: the community
  member: who helped
  helped: whose thread, page or question it was; never oneself, never a bot
  week: Monday of the week in which it happened
  in_thread: whether they contributed in the other's thread
  on_page: whether they edited a page that the other made
  in_meeting: whether they acted towards the other in a meeting
checks:
  - name: oneself
    rule: Nobody helps themselves.
    sql: select member from {table} where member = helped
*/
with acts as (
    select
        conversations.community,
        conversations.member,
        threads.starter as helped,
        conversations.week,
        'thread' as how
    from core.conversations
    join core.threads using (community, thread_id)
    where conversations.actor_kind = 'human' and threads.starter_kind = 'human'
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
    union all
    select community, member, to_member, week, 'meeting'
    from core.ties
    where in_meeting
)
select
    community,
    member,
    helped,
    week,
    bool_or(how = 'thread') as in_thread,
    bool_or(how = 'page') as on_page,
    bool_or(how = 'meeting') as in_meeting
from acts
where member <> helped
group by community, member, helped, week
