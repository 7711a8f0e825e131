/*
summary: Who edited a page within 28 days after whom. Making and editing that stands; people only.
grain: [community, member, to_member, week]
materialized: view
reads: [core.interactions, core.parameters]
columns:
  community: the community
  member: who edited
  to_member: who had edited the same page on the same day before, or in the core.parameters.page_days before
  week: Monday of the later edit
caveats:
  - A page that more than core.parameters.together_people people edited within the same four weeks tells of nobody's contact in these.
*/
with edits as (
    select
        interactions.community,
        object_id as page,
        member,
        cast(occurred_at as date) as day,
        week,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from core.interactions
    join building using (community)
    where week < week_of(building.as_of)
        and medium = 'wiki'
        and object_kind = 'page'
        and verb in ('create', 'edit', 'upload')
        and actor_kind = 'human'
        and member is not null
        and not reverted
    group by all
), small as (
    select community, page, week // 4 as month
    from edits
    join core.parameters using (community)
    group by all
    having count(distinct member) between 1 and any_value(together_people)
), counted as (
    select edits.*
    from edits
    semi join small on small.community = edits.community and small.page = edits.page and small.month = edits.week // 4
)
select distinct later.community, later.member, earlier.member as to_member, later.week
from counted as later
join core.parameters on parameters.community = later.community
join counted as earlier on earlier.community = later.community and earlier.page = later.page
where earlier.member <> later.member
    and later.day - earlier.day between 0 and parameters.page_days
    and earlier.first_at < later.last_at
