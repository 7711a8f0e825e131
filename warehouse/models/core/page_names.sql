/*
summary: Moves of wiki pages, as which page a title names from when on, so that a moved page stays one page.
grain: [community, name, number]
reads: [landing.interactions]
refresh: now
materialized: temporary
columns:
  community: the community
  name: the title, as an object
  event_id: the move
  since: when the page was moved here or away, naive UTC
  number: place among all moves
  page: the page that the title names from then on, by its first title
*/
with recursive moves as (
    select
        community,
        event_id,
        object_id as from_name,
        refs[1] as to_name,
        min(occurred_at) as moved_at,
        -- Of one second, the number in the log decides: pages that change places move three times.
        row_number() over (
            partition by community
            order by min(occurred_at), try_cast(regexp_extract(event_id, '[0-9]+$') as bigint), event_id
        ) as number
    from landing.interactions
    join building using (community)
    where medium = 'wiki' and verb = 'moderate' and object_kind = 'page' and len(refs) = 1 and not starts_with(refs[1], 'link:')
        and occurred_at < as_of
    group by community, event_id, object_id, refs[1]
), changes as (
    -- A move gives two titles a new page: the new one by the page, the old one by whatever comes there afterwards.
    select community, to_name as name, number, event_id, true as arrives from moves
    union all
    select community, from_name, number, event_id, false from moves
), before as (
    -- What the moved page was called by before.
    select
        moves.*,
        arg_max(struct_pack(number := changes.number, arrives, event_id := changes.event_id), changes.number) as last_change
    from moves
    left join changes on changes.community = moves.community and changes.name = moves.from_name and changes.number < moves.number
    group by all
), followed as (
    select
        community,
        number,
        event_id,
        from_name,
        to_name,
        moved_at,
        if(last_change is null, from_name, page_after(from_name, last_change.event_id)) as page
    from before
    where last_change is null or not last_change.arrives
    union all
    select before.community, before.number, before.event_id, before.from_name, before.to_name, before.moved_at, followed.page
    from before
    join followed on followed.community = before.community and followed.number = before.last_change.number
    where before.last_change.arrives
)
select community, to_name as name, event_id, moved_at as since, number, page from followed
union all
select community, from_name, event_id, moved_at, number, page_after(from_name, event_id) from followed
