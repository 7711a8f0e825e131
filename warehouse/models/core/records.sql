/*
summary: One record for each event, of those that have landed; in a build of the open week only of the events that this week touches.
grain: [community, event_id]
materialized: temporary
reads: [core.beginnings, core.page_names, landing.homes, landing.interactions]
refresh: now
columns:
  community: the community
  event_id: the event, the same through every source
  platform: as in landing.interactions
  tenant: workspace, site or account; of a space that workspaces share, its home
  medium: as in landing.interactions
  space: as in landing.interactions
  visibility: as in landing.interactions
  occurred_at: as in landing.interactions
  verb: as in landing.interactions
  actor: as in landing.interactions
  actor_kind: as in landing.interactions
  object_id: what it was done to; of a wiki's page, after moves
  object_kind: as in landing.interactions
  thread_id: the explicit thread; of a wiki's page, after moves
  reply_to_id: as in landing.interactions
  mentions: as in landing.interactions
  refs: as in landing.interactions
  revises: as in landing.interactions
  change: as in landing.interactions
  revision: as in landing.interactions
  size: as in landing.interactions
  size_unit: as in landing.interactions
  started_at: as in landing.interactions
  ended_at: as in landing.interactions
  connection: as in landing.interactions
  meeting_started_at: as in landing.interactions
  features: as in landing.interactions
  captured_at: as in landing.interactions
  raw: as in landing.interactions
  schema_version: as in landing.interactions
  normaliser_version: as in landing.interactions
  content_hash: as in landing.interactions
  landed_at: as in landing.interactions
  batch: as in landing.interactions
  is_original: whether the record is an action of its own; else it changes another one
  has_conflict: whether records of the same event and the same capture differ in content
*/
with at_home as (
    -- A space that workspaces share has the ids of its home, whoever reported a record.
    select interactions.* replace (
        coalesce(home, tenant) as tenant,
        at_home(event_id, platform, tenant, home) as event_id,
        at_home(object_id, platform, tenant, home) as object_id,
        at_home(thread_id, platform, tenant, home) as thread_id,
        at_home(reply_to_id, platform, tenant, home) as reply_to_id,
        at_home(revises, platform, tenant, home) as revises,
        if(home is null, refs, list_transform(refs, lambda ref: at_home(ref, platform, tenant, home))) as refs
    )
    from landing.interactions
    left join landing.homes using (platform, tenant, space)
), open_week as (
    -- In the open week only what its own records touch is looked at; without `since` this is empty and everything is.
    select community, unnest([event_id, revises]) as event_id
    from at_home
    join building using (community)
    where occurred_at >= since and occurred_at < as_of
), touched as (
    select distinct community, event_id from open_week where event_id is not null
), landed as (
    select at_home.*
    from at_home
    join building using (community)
    left join core.beginnings using (community)
    where occurred_at < as_of
        and (begins_at is null or occurred_at >= begins_at)
        and (
            since is null
            or (community, event_id) in (select (community, event_id) from touched)
            or (community, revises) in (select (community, event_id) from touched)
        )
), repeated as (
    select community, event_id
    from landed
    group by all
    having count(*) > 1
), latest as (
    -- Of the records of one event: the higher normaliser version, then the newer capture (a live record shows its own moment),
    -- then the later import, then the smaller content hash. So an export replaces all that an older one shows.
    select *, min(content_hash) over records <> max(content_hash) over records as has_conflict
    from landed
    semi join repeated using (community, event_id)
    window records as (partition by community, event_id, captured_at)
    qualify row_number() over (
        partition by community, event_id
        order by
            normaliser_version desc,
            coalesce(captured_at, occurred_at) desc,
            if(captured_at is null, -1, raw."offset") desc,
            content_hash
    ) = 1
), chosen as (
    -- Nearly all events have one record; only the others are sorted.
    select *, false as has_conflict
    from landed
    anti join repeated using (community, event_id)
    union all by name
    from latest
), renamed as (
    -- Few pages are ever moved; only their records are compared with the moves.
    select chosen.community, chosen.event_id, chosen.object_id, arg_max(page_names.page, page_names.number) as page
    from chosen
    join core.page_names
        on page_names.community = chosen.community
        and page_names.name = chosen.object_id
        and page_names.since <= chosen.occurred_at
        and page_names.event_id is distinct from chosen.event_id
    where chosen.medium = 'wiki'
    group by all
)
select
    chosen.* replace (
        coalesce(page, chosen.object_id) as object_id,
        -- A section of a talk page begins with the page's own id.
        if(page is not null and starts_with(thread_id, chosen.object_id), concat(page, substr(thread_id, length(chosen.object_id) + 1)), thread_id)
            as thread_id
    ),
    -- A wiki's edit is a contribution of its own, also where it names the edit before it.
    revises is null or (medium = 'wiki' and change = 'edit') as is_original
from chosen
left join renamed using (community, event_id)
