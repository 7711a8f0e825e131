/*
summary: Wiki pages, who made them and how many worked on them. Making and editing that stands, of closed weeks; talk is in threads.
grain: [community, page]
reads: [core.interactions]
columns:
  community: the community
  page: the page, as an object
  space: its namespace, where it was last touched
  creator: who made it; absent where that was never seen, or nobody may be shown
  creator_kind: human, bot or system; absent where the making was never seen
  created_at: when it was made, naive UTC; absent where that was never seen
  edits: times people made or changed it
  editors: people who made or changed it
  last_at: when it was last made or changed, naive UTC
caveats:
  - Whoever is the first to edit a page older than the archive did not make it; its maker is not known.
*/
with touches as (
    select interactions.*
    from core.interactions
    join building using (community)
    where interactions.week < week_of(building.as_of)
        and interactions.medium = 'wiki'
        and interactions.object_kind = 'page'
        and interactions.verb in ('create', 'edit', 'upload')
        and not interactions.reverted
)
select
    community,
    object_id as page,
    arg_max(space, (occurred_at, event_id)) as space,
    arg_min(struct_pack(member), (occurred_at, event_id)) filter (verb = 'create').member as creator,
    arg_min(actor_kind, (occurred_at, event_id)) filter (verb = 'create') as creator_kind,
    min(occurred_at) filter (verb = 'create') as created_at,
    count(*) filter (actor_kind = 'human') as edits,
    count(distinct member) filter (actor_kind = 'human') as editors,
    max(occurred_at) as last_at
from touches
group by all
