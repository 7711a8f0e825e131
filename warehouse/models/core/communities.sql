/*
summary: The communities, as the settings name them, and what of them has landed, as of now.
grain: [community]
reads: [core.beginnings, landing.communities, landing.interactions]
refresh: now
columns:
  community: the community
  title: its name for people
  origin: where it comes from, as the settings say
  time_zone: the time zone that its reports show
  charter_beat_days: the beat that its charter names, in days; absent where it names none
  first_at: when the oldest record happened, naive UTC
  last_at: when the newest record happened, naive UTC
  records: records landed, revisions and conflicts among them
  as_of: the moment all this is about
*/
with landed as (
    select community, min(occurred_at) as first_at, max(occurred_at) as last_at, count(*) as records
    from landing.interactions
    join building using (community)
    left join core.beginnings using (community)
    where occurred_at < as_of and (begins_at is null or occurred_at >= begins_at)
    group by all
)
select
    building.community,
    coalesce(communities.title, building.community) as title,
    communities.origin,
    communities.time_zone,
    communities.charter_beat_days,
    landed.first_at,
    landed.last_at,
    coalesce(landed.records, 0) as records,
    building.as_of
from building
left join landing.communities using (community)
left join landed using (community)
